//! A leader raises its commit index only to an entry of its own term; older ones are committed with it (section 5.4.2 of the paper).
//!
//! An entry of an older term can be on a majority of disks and still be overwritten, as figure 8 of the paper shows. That takes luck to
//! happen; that a leader counted one is seen at once.

use quorate_protocol::raft::Role;

use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug)]
pub struct OwnTermIsCounted;

impl Invariant for OwnTermIsCounted {
    fn name(&self) -> &'static str {
        "own_term_is_counted"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Committed { node, index, term } = fact else { return Ok(()) };
        let Some(server) = before.server(*node).filter(|server| server.role == Role::Leader && server.term == *term) else {
            return Ok(());
        };
        match server.log.term_at(*index) {
            Some(of) if of != *term => Err(format!(
                "member {node}, leader of term {term}, committed index {index}, an entry of term {of}; expected one of its own term"
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    #[test]
    fn old_entries_are_committed_with_one_of_the_leaders_term() {
        let log = [started(1), appended(1, 1, 1), hard(1, 2, None), leads(1, 2), appended(1, 2, 2)];
        assert_eq!(verdict(OwnTermIsCounted, &[&log[..], &[committed(1, 2, 2)]].concat()), Ok(()));
        let found = verdict(OwnTermIsCounted, &[&log[..], &[committed(1, 1, 2)]].concat()).unwrap_err();
        assert!(found.contains("committed index 1, an entry of term 1"), "{found}");
    }

    #[test]
    fn followers_commit_what_they_are_told() {
        let facts = [started(1), appended(1, 1, 1), hard(1, 2, None), committed(1, 1, 2)];
        assert_eq!(verdict(OwnTermIsCounted, &facts), Ok(()));
    }
}
