//! Leader completeness: whoever leads in a term has every entry that was committed in an earlier one (figure 3 of the paper).
//!
//! Checked when a server becomes leader, against everything committed so far in earlier terms; and when something is committed, against
//! those who lead in later terms by then. Only the last such entry is looked for: with log matching, what comes before it follows.

use std::collections::BTreeMap;

use quorate_core::ids::{MemberId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::Role;

use super::{Invariant, Observed, Server, place};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct LeaderCompleteness {
    /// The last index that was committed by somebody in each term.
    committed: BTreeMap<View, Mark>,
}

fn lacks(node: MemberId, leader: &Server, term: View, mark: Mark, during: View) -> Result<(), String> {
    if leader.log.has(mark) {
        return Ok(());
    }
    let has = match leader.log.term_at(mark.index) {
        Some(other) => format!("it has an entry of term {other} there"),
        None => format!("its log ends at {}", place(leader.log.last())),
    };
    Err(format!("member {node} leads in term {term} without {}, which was committed in term {during}; {has}", place(mark)))
}

impl Invariant for LeaderCompleteness {
    fn name(&self) -> &'static str {
        "leader_completeness"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Became { node, role: Role::Leader, term, .. } => {
                let Some(server) = before.server(*node) else { return Ok(()) };
                let earlier = self.committed.range(..*term).max_by_key(|(_, mark)| mark.index);
                earlier.map_or(Ok(()), |(during, mark)| lacks(*node, server, *term, *mark, *during))
            }
            Fact::Committed { node, index, term } if *index > before.highest_commit() => {
                let Some(of) = before.server(*node).and_then(|server| server.log.term_at(*index)) else { return Ok(()) };
                let mark = Mark { index: *index, term: of };
                self.committed.insert(*term, mark);
                let mut later = before.servers().filter(|(_, server)| server.role == Role::Leader && server.term > *term);
                later.try_for_each(|(other, server)| lacks(other, server, server.term, mark, *term))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn found(facts: &[Fact]) -> Result<(), String> {
        let logs = [started(1), appended(1, 1, 1), started(2), appended(2, 1, 1), leads(1, 1), appended(1, 2, 1)];
        verdict(LeaderCompleteness::default(), &[&logs[..], facts].concat())
    }

    #[test]
    fn a_leader_that_has_everything_may_lead_with_more_or_behind_a_snapshot() {
        assert_eq!(found(&[committed(1, 1, 1), leads(2, 2), appended(2, 2, 2), committed(2, 2, 2), leads(2, 3)]), Ok(()));
        assert_eq!(found(&[committed(1, 2, 1), floor(2, 2, 1), leads(2, 2)]), Ok(()));
        assert_eq!(found(&[committed(1, 2, 1), floor(2, 5, 2), leads(2, 3)]), Ok(()));
    }

    #[test]
    fn a_leader_without_a_committed_entry_is_found() {
        assert!(
            found(&[committed(1, 2, 1), leads(2, 2)]).unwrap_err().contains("without index 2 of term 1, which was committed in term 1")
        );
        let other = [committed(1, 2, 1), appended(2, 2, 2), leads(2, 3)];
        assert!(found(&other).unwrap_err().contains("it has an entry of term 2 there"));
    }

    #[test]
    fn an_entry_committed_in_an_old_term_that_a_later_leader_lacks_is_found() {
        assert!(found(&[leads(2, 2), committed(1, 1, 1), committed(1, 2, 1)]).unwrap_err().contains("member 2 leads in term 2"));
        // What was committed in the same or a later term may be missing.
        assert_eq!(found(&[committed(1, 2, 3), leads(2, 2)]), Ok(()));
    }
}
