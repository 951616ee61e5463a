//! What a server tells others of its vote and its log is on its disk before it tells it (section 5 of the paper: "updated on stable
//! storage before responding").
//!
//! A candidate's own vote is such a promise, too, from the moment at which it asks others: one that forgot it could stand in the same term
//! again, with a shorter log, and be elected by votes that were given to the longer one.

use super::{Invariant, Observed, who};
use crate::fact::Fact;

/// See the module.
#[derive(Debug)]
pub struct PromisedIsDurable;

impl Invariant for PromisedIsDurable {
    fn name(&self) -> &'static str {
        "promised_is_durable"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Granted { node, term, to } => {
                let Some(server) = before.server(*node) else { return Ok(()) };
                // If a later term is on disk, this one's vote cannot be given again.
                let kept = server.durable_term > *term || (server.durable_term == *term && server.durable_vote == Some(*to));
                if kept {
                    return Ok(());
                }
                let (has, of) = (who(server.durable_vote), server.durable_term);
                Err(format!("member {node} gave its vote of term {term} to member {to}, and has on disk a vote for {has} in term {of}"))
            }
            // One that waited for the disk while the term changed speaks of the log as it was in the older term, and a later leader may
            // have cut that since; nobody but the older leader hears it.
            Fact::Acked { node, term, upto } => match before.server(*node) {
                Some(server) if server.term == *term && server.durable < *upto => Err(format!(
                    "member {node} told the leader of term {term} that it has everything up to index {upto}, and has only index {} on disk",
                    server.durable
                )),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    #[test]
    fn what_is_on_disk_may_be_told() {
        let facts = [started(1), appended(1, 1, 1), durable(1, 2, Some(3), 1), granted(1, 2, 3), granted(1, 1, 2), acked(1, 2, 1)];
        assert_eq!(verdict(PromisedIsDurable, &facts), Ok(()));
        assert_eq!(verdict(PromisedIsDurable, &[started(1), floor(1, 9, 2), acked(1, 2, 9)]), Ok(()));
    }

    #[test]
    fn a_vote_that_is_not_on_disk_or_another_there_is_found() {
        assert!(verdict(PromisedIsDurable, &[started(1), hard(1, 1, Some(2)), granted(1, 1, 2)]).is_err());
        let found = verdict(PromisedIsDurable, &[started(1), durable(1, 1, Some(3), 0), granted(1, 1, 2)]).unwrap_err();
        assert!(found.contains("a vote for member 3 in term 1"), "{found}");
    }

    #[test]
    fn an_acknowledgement_of_more_than_is_on_disk_is_found() {
        let facts = [restarted(1, 1, None, mark(0, 0)), appended(1, 1, 1), appended(1, 2, 1), durable(1, 1, None, 1), acked(1, 1, 2)];
        assert!(verdict(PromisedIsDurable, &facts).unwrap_err().contains("up to index 2, and has only index 1"));
        let cut = [started(1), appended(1, 1, 1), durable(1, 1, None, 1), hard(1, 2, None), cut(1, 1), appended(1, 1, 2)];
        assert!(verdict(PromisedIsDurable, &[&cut[..], &[acked(1, 2, 1)]].concat()).is_err());
        // What the disk had in term 1 may be told to the leader of term 1.
        assert_eq!(verdict(PromisedIsDurable, &[&cut[..], &[acked(1, 1, 1)]].concat()), Ok(()));
    }
}
