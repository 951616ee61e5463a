//! What was on a server's disk is there when it starts again: its term, the vote of that term, and its log.
//!
//! A disk that breaks its word is found out by the log's checks, and then the server does not start. The one thing that may take entries
//! that were on disk is a snapshot whose last entry is not the log's: what it takes was never committed.

use std::collections::BTreeMap;

use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;

use super::{Invariant, Observed, Server, place, who};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct DurableIsKept {
    /// Servers that start in this event, as they were before.
    before: BTreeMap<MemberId, Server>,
}

impl Invariant for DurableIsKept {
    fn name(&self) -> &'static str {
        "durable_is_kept"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Started { node, term, vote, .. } = fact else { return Ok(()) };
        let Some(server) = before.server(*node) else { return Ok(()) };
        if *term < server.durable_term {
            let had = server.durable_term;
            return Err(format!("member {node} started with term {term} on its disk, which had term {had}"));
        }
        if *term == server.durable_term && server.durable_vote.is_some() && server.durable_vote != *vote {
            let (had, has) = (who(server.durable_vote), who(*vote));
            return Err(format!("member {node} started with a vote for {has} in term {term} on its disk, which had one for {had}"));
        }
        self.before.insert(*node, server.clone());
        Ok(())
    }

    fn started(&mut self, node: MemberId, after: &Observed) -> Result<(), String> {
        let (Some(before), Some(after)) = (self.before.remove(&node), after.server(node)) else { return Ok(()) };
        let floor = after.log.floor();
        let replaced = floor.index > before.log.floor().index && !before.log.has(floor);
        if replaced {
            return Ok(());
        }
        let first = floor.index.0.max(before.log.floor().index.0) + 1;
        for index in first..=before.durable.0 {
            let Some(term) = before.log.term_at(Height(index)) else { continue };
            if after.log.term_at(Height(index)) != Some(term) {
                let (was, last) = (place(Mark { index: Height(index), term }), place(after.log.last()));
                return Err(format!("member {node} started without {was}, which was on its disk; its log ends at {last}"));
            }
        }
        if after.log.last().index < before.durable {
            let last = place(after.log.last());
            return Err(format!("member {node} started with a log that ends at {last}, and had index {} on disk", before.durable));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn verdict_of_restart(restart: &[Fact]) -> Result<(), String> {
        let life = [started(1), appended(1, 1, 1), appended(1, 2, 1), appended(1, 3, 1), durable(1, 2, Some(3), 2), crashed(1)];
        verdict_of_events(DurableIsKept::default(), &[&life[..1], &life[1..], restart])
    }

    #[test]
    fn a_restart_with_what_was_on_disk_or_with_more_is_as_it_should_be() {
        let with = |term, vote| restarted(1, term, vote, mark(0, 0));
        assert_eq!(verdict_of_restart(&[with(2, Some(3)), appended(1, 1, 1), appended(1, 2, 1)]), Ok(()));
        assert_eq!(verdict_of_restart(&[with(3, None), appended(1, 1, 1), appended(1, 2, 1), appended(1, 3, 1)]), Ok(()));
        assert_eq!(verdict_of_restart(&[restarted(1, 2, Some(3), mark(1, 1)), appended(1, 2, 1)]), Ok(()));
        assert_eq!(verdict_of_restart(&[restarted(1, 2, Some(3), mark(9, 4))]), Ok(()));
        // A snapshot of other entries took the log's place.
        assert_eq!(verdict_of_restart(&[restarted(1, 2, Some(3), mark(1, 2))]), Ok(()));
    }

    #[test]
    fn a_lost_term_vote_or_entry_is_found() {
        let log = [appended(1, 1, 1), appended(1, 2, 1)];
        let with = |term, vote, log: &[Fact]| verdict_of_restart(&[&[restarted(1, term, vote, mark(0, 0))], log].concat()).unwrap_err();
        assert!(with(1, None, &log).contains("which had term 2"));
        assert!(with(2, None, &log).contains("which had one for member 3"));
        assert!(with(2, Some(1), &log).contains("a vote for member 1"));
        assert!(with(2, Some(3), &log[..1]).contains("without index 2 of term 1"));
        assert!(with(2, Some(3), &[appended(1, 1, 1), appended(1, 2, 2)]).contains("without index 2 of term 1"));
        assert!(verdict_of_restart(&[restarted(1, 2, Some(3), mark(1, 1))]).unwrap_err().contains("without index 2"));
    }

    #[test]
    fn a_log_that_a_snapshot_had_taken_over_may_not_come_back_shorter() {
        let life = [started(1), appended(1, 1, 1), appended(1, 2, 1), durable(1, 0, None, 2), floor(1, 2, 1), crashed(1)];
        let found = verdict_of_events(DurableIsKept::default(), &[&life[..1], &life[1..], &[started(1), appended(1, 1, 1)]]).unwrap_err();
        assert!(found.contains("had index 2 on disk"), "{found}");
    }
}
