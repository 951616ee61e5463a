//! A vote is given only to a candidate whose log has at least what the voter's has: its last term is higher, or the same and its last index
//! no lower (section 5.4.1 of the paper).
//!
//! The candidate's log is the one that it had when it asked, the voter's the one that it has when it decides.

use std::collections::BTreeMap;

use quorate_core::ids::{MemberId, View};
use quorate_core::mark::Mark;

use super::{Invariant, Observed, place};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct VoteIsForNewerLog {
    asked: BTreeMap<(View, MemberId), Mark>,
}

impl Invariant for VoteIsForNewerLog {
    fn name(&self) -> &'static str {
        "vote_is_for_newer_log"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Granted { node, term, to } if node == to => {
                if let Some(server) = before.server(*node) {
                    self.asked.insert((*term, *to), server.log.last());
                }
                Ok(())
            }
            Fact::Hard { node, term, vote: Some(vote) } if vote != node => {
                let (Some(server), Some(asked)) = (before.server(*node), self.asked.get(&(*term, *vote))) else { return Ok(()) };
                let own = server.log.last();
                if (asked.term, asked.index) >= (own.term, own.index) {
                    return Ok(());
                }
                let (has, own) = (place(*asked), place(own));
                Err(format!("member {node} votes in term {term} for member {vote}, whose log ends at {has}; its own ends at {own}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn verdict_of_vote(candidate: &[Fact], voter: &[Fact]) -> Result<(), String> {
        let facts = [&[started(1), started(2)], candidate, voter, &[granted(1, 9, 1), hard(2, 9, Some(1))]].concat();
        verdict(VoteIsForNewerLog::default(), &facts)
    }

    #[test]
    fn the_last_term_counts_first_and_then_the_length() {
        let longer = [appended(2, 1, 1), appended(2, 2, 1)];
        assert_eq!(verdict_of_vote(&[appended(1, 1, 2)], &longer), Ok(()));
        assert_eq!(verdict_of_vote(&[appended(1, 1, 1), appended(1, 2, 1)], &longer), Ok(()));
        let found = verdict_of_vote(&[appended(1, 1, 1)], &longer).unwrap_err();
        assert!(found.contains("whose log ends at index 1 of term 1; its own ends at index 2 of term 1"), "{found}");
        assert!(verdict_of_vote(&[appended(1, 1, 1), appended(1, 2, 1)], &[appended(2, 1, 2)]).is_err());
    }

    #[test]
    fn what_a_candidate_gets_or_loses_after_it_asked_does_not_count() {
        let facts = [started(1), started(2), appended(2, 1, 1), granted(1, 9, 1), appended(1, 1, 1), hard(2, 9, Some(1))];
        assert!(verdict(VoteIsForNewerLog::default(), &facts).is_err());
    }
}
