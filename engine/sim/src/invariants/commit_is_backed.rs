//! What a leader commits first is on the disks of a majority: of its members, and of the former ones while they change. Nobody but a
//! leader is the first to hold an entry for committed, nobody holds more for committed than it has, and nobody takes it back.
//!
//! Followers learn of it later, perhaps before they have written their own copy. The members are those under which the leader acts, or
//! acted just before: a count that began under the former ones is as good, since whoever is elected under the newer ones needs a majority
//! of these, too. A server that is down still has what it wrote.

use quorate_protocol::raft::Role;

use super::observed::majority;
use super::{Invariant, Observed, place};
use crate::fact::Fact;
use quorate_core::mark::Mark;

/// See the module.
#[derive(Debug)]
pub struct CommitIsBacked;

impl Invariant for CommitIsBacked {
    fn name(&self) -> &'static str {
        "commit_is_backed"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Committed { node, index, term } = fact else { return Ok(()) };
        let Some(server) = before.server(*node) else { return Ok(()) };
        let last = server.log.last();
        if *index < server.commit {
            return Err(format!("member {node} took its commit index back from {} to {index}", server.commit));
        }
        let Some(of) = server.log.term_at(*index).filter(|_| *index <= last.index) else {
            return Err(format!("member {node} holds index {index} for committed, and its log ends at {}", place(last)));
        };
        if *index <= before.highest_commit() {
            return Ok(());
        }
        if server.role != Role::Leader {
            let highest = before.highest_commit();
            return Err(format!("member {node} follows, and holds index {index} for committed; no leader committed more than {highest}"));
        }
        let mark = Mark { index: *index, term: of };
        let on_disk = |id| before.server(id).is_some_and(|server| server.durable >= *index && server.log.has(mark));
        let mut short = None;
        for configuration in server.configurations.iter().flatten() {
            match majority(configuration, on_disk) {
                Ok(()) => return Ok(()),
                Err(words) => short = short.or(Some(words)),
            }
        }
        short.map_or(Ok(()), |words| {
            Err(format!("member {node}, leader of term {term}, committed {}, which is on the disks of {words}", place(mark)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;
    use quorate_protocol::raft::{Configuration, Peer};

    fn logs() -> Vec<Fact> {
        let mut facts = Vec::new();
        for node in 1..=5 {
            facts.extend([started(node), appended(node, 1, 1), appended(node, 2, 1)]);
        }
        facts.push(leads(1, 1));
        facts
    }

    fn verdict_after(more: &[Fact]) -> Result<(), String> {
        verdict(CommitIsBacked, &[&logs()[..], more].concat())
    }

    #[test]
    fn an_entry_on_a_majority_of_disks_may_be_committed_and_learned() {
        assert_eq!(verdict_after(&[durable(1, 1, None, 2), durable(3, 1, None, 2), committed(1, 2, 1), committed(2, 2, 1)]), Ok(()));
        assert_eq!(verdict_after(&[durable(2, 1, None, 1), durable(3, 1, None, 2), crashed(3), committed(1, 1, 1)]), Ok(()));
        assert_eq!(verdict_after(&[floor(3, 2, 1), durable(1, 1, None, 2), committed(1, 2, 1)]), Ok(()));
    }

    #[test]
    fn an_entry_that_is_not_on_disks_on_too_few_or_on_those_of_others_is_found() {
        for few in [vec![], vec![durable(1, 1, None, 2), durable(2, 1, None, 1)], vec![durable(1, 1, None, 2), durable(4, 1, None, 2)]] {
            let found = verdict_after(&[few, vec![committed(1, 2, 1)]].concat()).unwrap_err();
            assert!(found.contains("of 3 members that vote") && found.contains("expected at least 2"), "{found}");
        }
    }

    #[test]
    fn what_was_cut_again_is_on_no_disk() {
        let facts = [durable(1, 1, None, 2), durable(2, 1, None, 2), cut(2, 2), committed(1, 2, 1)];
        assert!(verdict_after(&facts).unwrap_err().contains("1 of 3"));
    }

    #[test]
    fn a_learner_and_one_half_of_a_change_commit_nothing() {
        let learner = Configuration::new(2.into(), [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4)]).unwrap();
        let durables = [1, 4, 5].map(|node| durable(node, 1, None, 2));
        let facts = [&[members(1, learner)], &durables[..], &[committed(1, 2, 1)]].concat();
        assert!(verdict_after(&facts).unwrap_err().contains("1 of 3 members"));
        let joint = three().towards([1, 4, 5].map(Peer::voter)).unwrap();
        let facts = [&[members(1, joint.clone())], &durables[..], &[committed(1, 2, 1)]].concat();
        assert!(verdict_after(&facts).unwrap_err().contains("former members"));
        let facts = [&[members(1, joint)], &durables[..], &[durable(2, 1, None, 2), committed(1, 2, 1)]].concat();
        assert_eq!(verdict_after(&facts), Ok(()));
    }

    #[test]
    fn a_follower_that_is_first_a_commit_beyond_the_log_and_one_taken_back_are_found() {
        assert!(verdict_after(&[committed(2, 1, 1)]).unwrap_err().contains("no leader committed more than 0"));
        assert!(verdict_after(&[committed(1, 3, 1)]).unwrap_err().contains("its log ends at index 2"));
        let facts = [durable(1, 1, None, 2), durable(2, 1, None, 2), committed(1, 2, 1), committed(1, 1, 1)];
        assert!(verdict_after(&facts).unwrap_err().contains("back from 2 to 1"));
    }
}
