//! What one server holds for committed, no server holds otherwise, and nobody who holds it so gives it up.
//!
//! Exactly: at an index that anybody ever held for committed, whoever holds it for committed, too, has the entry of the same term, be it in
//! the log or in a snapshot. And within a life, a server cuts nothing that it holds for committed. Across a crash it may lose the end of
//! its log, even what it held for committed, as long as that was not on its disk ([`super::durable_is_kept`]); that a majority still has
//! it is for [`super::commit_is_backed`] to see, and that the next leader does, for [`super::leader_completeness`].

use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;

use super::{Invariant, Observed, place};
use crate::fact::Fact;

/// See the module.
#[derive(Debug)]
pub struct CommittedStays;

/// A snapshot's mark must be a committed place.
fn snapshot(node: MemberId, mark: Mark, before: &Observed) -> Result<(), String> {
    if mark.index == Height(0) || before.highest_commit() == Height(0) {
        return Ok(());
    }
    match before.commit_at(mark.index) {
        Some(commit) if commit.term == mark.term => Ok(()),
        Some(commit) => Err(format!(
            "member {node} has a snapshot up to {}; at that index an entry of term {} was committed, by member {}",
            place(mark),
            commit.term,
            commit.by
        )),
        None => Err(format!("member {node} has a snapshot up to {}, which nobody has committed", place(mark))),
    }
}

impl Invariant for CommittedStays {
    fn name(&self) -> &'static str {
        "committed_stays"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Cut { node, from } => match before.server(*node) {
                Some(server) if *from <= server.commit => Err(format!(
                    "member {node} cut its log from index {from} on, and held everything up to index {} for committed",
                    server.commit
                )),
                _ => Ok(()),
            },
            Fact::Floor { node, mark } => {
                snapshot(*node, *mark, before)?;
                let Some(server) = before.server(*node) else { return Ok(()) };
                let keeps = server.log.term_at(mark.index) == Some(mark.term);
                if !keeps && mark.index < server.commit {
                    return Err(format!(
                        "member {node} gave its log up for a snapshot to {}, and held everything up to index {} for committed",
                        place(*mark),
                        server.commit
                    ));
                }
                Ok(())
            }
            Fact::Started { node, floor, .. } => snapshot(*node, *floor, before),
            Fact::Restored { node, mark, .. } => snapshot(*node, *mark, before),
            Fact::Committed { node, index, .. } => {
                let Some(server) = before.server(*node) else { return Ok(()) };
                for index in server.commit.0 + 1..=index.0.min(server.log.last().index.0) {
                    let (Some(commit), Some(of)) = (before.commit_at(Height(index)), server.log.term_at(Height(index))) else { continue };
                    if commit.term != of {
                        return Err(format!(
                            "member {node} holds {} for committed; an entry of term {} was committed there, by member {} in term {}",
                            place(Mark { index: Height(index), term: of }),
                            commit.term,
                            commit.by,
                            commit.during
                        ));
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn verdict_after(more: &[Fact]) -> Result<(), String> {
        let logs = [started(1), appended(1, 1, 1), appended(1, 2, 1), appended(1, 3, 1), started(2), appended(2, 1, 1), committed(1, 2, 1)];
        verdict(CommittedStays, &[&logs[..], more].concat())
    }

    #[test]
    fn what_is_not_committed_may_go_and_what_is_may_be_behind_a_snapshot() {
        let facts = [cut(1, 3), committed(2, 1, 1), floor(1, 1, 1), floor(2, 2, 1), restored(2, 2, 1, 5), committed(2, 2, 2)];
        assert_eq!(verdict_after(&facts), Ok(()));
    }

    #[test]
    fn a_crash_may_take_what_was_not_on_disk() {
        assert_eq!(verdict_after(&[crashed(1), started(1), appended(1, 1, 1), appended(1, 2, 1), committed(1, 2, 1)]), Ok(()));
    }

    #[test]
    fn a_cut_into_what_is_committed_is_found() {
        assert!(verdict_after(&[cut(1, 2)]).unwrap_err().contains("from index 2 on, and held everything up to index 2"));
    }

    #[test]
    fn another_entry_held_for_committed_is_found() {
        let found = verdict_after(&[appended(2, 2, 2), committed(2, 2, 2)]).unwrap_err();
        assert!(found.contains("member 2 holds index 2 of term 2") && found.contains("by member 1 in term 1"), "{found}");
    }

    #[test]
    fn a_snapshot_of_something_else_of_nothing_or_in_the_place_of_more_is_found() {
        assert!(verdict_after(&[floor(2, 2, 2)]).unwrap_err().contains("of term 1 was committed"));
        assert!(verdict_after(&[restored(2, 3, 1, 5)]).unwrap_err().contains("which nobody has committed"));
        assert!(verdict_after(&[restarted(2, 1, None, mark(3, 1))]).unwrap_err().contains("which nobody has committed"));
        let other = [restarted(1, 1, None, mark(0, 0)), appended(1, 1, 2), appended(1, 2, 2), appended(1, 3, 2)];
        let mut observed = Observed::default();
        [&[started(2), appended(2, 1, 1), appended(2, 2, 1), committed(2, 2, 1)], &other[..]]
            .concat()
            .iter()
            .for_each(|fact| observed.take_in(fact));
        observed.take_in(&committed(1, 2, 2));
        assert!(CommittedStays.see(&floor(1, 1, 1), &observed).unwrap_err().contains("gave its log up"));
    }
}
