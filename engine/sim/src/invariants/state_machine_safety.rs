//! State-machine safety: what one machine applied at an index, none applies otherwise, and equal indices give equal states (figure 3 of
//! the paper).
//!
//! It holds over restarts and snapshots too: the state that a machine takes on with a snapshot up to an index is the one that another had
//! after applying that index. A machine applies only what its server holds for committed, and nothing twice in a life.

use quorate_core::ids::{MemberId, View};
use quorate_core::mark::Mark;

use super::by_index::ByIndex;
use super::{Invariant, Observed, place};
use crate::fact::{Fact, Print};

#[derive(Clone, Copy, Debug)]
struct Done {
    term: View,
    /// Not known if only snapshots up to here were seen.
    print: Option<Print>,
    state: Print,
    by: MemberId,
}

/// See the module.
#[derive(Debug, Default)]
pub struct StateMachineSafety {
    done: ByIndex<Done>,
}

impl StateMachineSafety {
    fn agrees(&mut self, mark: Mark, new: Done) -> Result<(), String> {
        let Some(done) = self.done.get(mark.index).copied() else {
            self.done.insert(mark.index, new);
            return Ok(());
        };
        let Done { by: node, .. } = new;
        if done.term != new.term {
            let (index, by) = (mark.index, done.by);
            return Err(format!("member {node} applied {}; member {by} had an entry of term {} at index {index}", place(mark), done.term));
        }
        match (done.print, new.print) {
            (Some(first), Some(print)) if first != print => {
                return Err(format!(
                    "member {node} applied {print:016x} at {}; member {} applied {first:016x} there",
                    place(mark),
                    done.by
                ));
            }
            (None, Some(_)) => self.done.insert(mark.index, Done { print: new.print, ..done }),
            _ => {}
        }
        if done.state != new.state {
            return Err(format!(
                "the machine of member {node} has state {:016x} at {}; that of member {} had {:016x} there",
                new.state,
                place(mark),
                done.by,
                done.state
            ));
        }
        Ok(())
    }
}

impl Invariant for StateMachineSafety {
    fn name(&self) -> &'static str {
        "state_machine_safety"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Applied { node, mark, print, state } => {
                if let Some(server) = before.server(*node) {
                    if mark.index > server.commit {
                        let commit = server.commit;
                        return Err(format!("member {node} applied {}, and holds only index {commit} for committed", place(*mark)));
                    }
                    if mark.index <= server.applied {
                        return Err(format!("member {node} applied {} behind index {}", place(*mark), server.applied));
                    }
                    if server.log.term_at(mark.index).is_some_and(|term| term != mark.term) {
                        return Err(format!("member {node} applied {}, and has another entry there", place(*mark)));
                    }
                }
                self.agrees(*mark, Done { term: mark.term, print: Some(*print), state: *state, by: *node })
            }
            Fact::Restored { node, mark, state } => self.agrees(*mark, Done { term: mark.term, print: None, state: *state, by: *node }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn ready() -> Vec<Fact> {
        let log = |node| vec![started(node), appended(node, 1, 1), appended(node, 2, 1), committed(node, 2, 1)];
        [log(1), log(2)].concat()
    }

    fn verdict_after(more: &[Fact]) -> Result<(), String> {
        verdict(StateMachineSafety::default(), &[&ready()[..], more].concat())
    }

    #[test]
    fn equal_entries_give_equal_states_through_restarts_and_snapshots() {
        let one = [applied(1, 1, 1, 10, 100), applied(1, 2, 1, 20, 200)];
        assert_eq!(verdict_after(&[&one[..], &[applied(2, 1, 1, 10, 100), applied(2, 2, 1, 20, 200)]].concat()), Ok(()));
        assert_eq!(verdict_after(&[&[restored(2, 2, 1, 200)], &one[..]].concat()), Ok(()));
        let again = [crashed(1), started(1), appended(1, 1, 1), committed(1, 1, 1), applied(1, 1, 1, 10, 100)];
        assert_eq!(verdict_after(&[&one[..], &again[..]].concat()), Ok(()));
    }

    #[test]
    fn another_entry_another_content_and_another_state_are_found() {
        let first = applied(1, 1, 1, 10, 100);
        assert!(verdict_after(&[first.clone(), applied(2, 1, 1, 11, 100)]).unwrap_err().contains("member 1 applied"));
        assert!(verdict_after(&[first.clone(), applied(2, 1, 1, 10, 101)]).unwrap_err().contains("has state"));
        assert!(verdict_after(&[first.clone(), restored(2, 1, 1, 101)]).unwrap_err().contains("has state"));
        assert!(verdict_after(&[first, restored(2, 1, 2, 100)]).unwrap_err().contains("an entry of term 1"));
        assert!(verdict_after(&[applied(1, 1, 2, 10, 100)]).unwrap_err().contains("has another entry there"));
    }

    #[test]
    fn a_content_first_seen_behind_a_snapshot_is_compared_too() {
        let facts = [restored(2, 1, 1, 100), applied(1, 1, 1, 10, 100), crashed(2), started(2), appended(2, 1, 1), committed(2, 1, 1)];
        let other = applied(2, 1, 1, 11, 100);
        assert!(verdict_after(&[&facts[..], &[other]].concat()).unwrap_err().contains("applied"));
    }

    #[test]
    fn what_is_not_committed_and_what_was_applied_before_is_not_applied() {
        assert!(verdict_after(&[appended(1, 3, 1), applied(1, 3, 1, 30, 300)]).unwrap_err().contains("holds only index 2 for committed"));
        assert!(verdict_after(&[applied(1, 2, 1, 20, 200), applied(1, 2, 1, 20, 200)]).unwrap_err().contains("behind index 2"));
    }
}
