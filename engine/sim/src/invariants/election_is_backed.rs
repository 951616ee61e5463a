//! Whoever leads has the votes: of a majority of the members under which it acts, and of a majority of the former ones while they change.
//!
//! Votes are those that were seen to leave their servers. A server's own vote counts when it is on disk, since a server that is alone
//! asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use quorate_core::ids::{MemberId, View};
use quorate_protocol::raft::Role;

use super::observed::majority;
use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct ElectionIsBacked {
    votes: BTreeMap<(View, MemberId), BTreeSet<MemberId>>,
}

impl Invariant for ElectionIsBacked {
    fn name(&self) -> &'static str {
        "election_is_backed"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Granted { node, term, to } => {
                self.votes.entry((*term, *to)).or_default().insert(*node);
            }
            Fact::Became { node, role: Role::Leader, term, .. } => {
                let Some(server) = before.server(*node) else { return Ok(()) };
                let Some(configuration) = &server.configurations[0] else { return Ok(()) };
                if server.role == Role::Leader && server.term == *term {
                    return Ok(());
                }
                let votes = self.votes.get(&(*term, *node));
                let own = server.durable_term == *term && server.durable_vote == Some(*node);
                let has = |id| (id == *node && own) || votes.is_some_and(|votes| votes.contains(&id));
                majority(configuration, has).map_err(|short| format!("member {node} leads in term {term} with the votes of {short}"))?;
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;
    use quorate_protocol::raft::{Configuration, Peer};

    #[test]
    fn a_majority_elects_and_a_server_alone_elects_itself() {
        let facts = [started(1), granted(1, 1, 1), granted(2, 1, 1), leads(1, 1), leads(1, 1)];
        assert_eq!(verdict(ElectionIsBacked::default(), &facts), Ok(()));
        let alone = Configuration::new(1.into(), [Peer::voter(1)]).unwrap();
        let facts = [started(1), members(1, alone), durable(1, 1, Some(1), 0), leads(1, 1)];
        assert_eq!(verdict(ElectionIsBacked::default(), &facts), Ok(()));
    }

    #[test]
    fn votes_of_another_term_for_another_or_of_too_few_elect_nobody() {
        for votes in [[granted(1, 1, 1), granted(2, 2, 1)], [granted(1, 1, 1), granted(2, 1, 3)], [granted(1, 1, 1), granted(1, 1, 1)]] {
            let facts = [&[started(1)], &votes[..], &[leads(1, 1)]].concat();
            let found = verdict(ElectionIsBacked::default(), &facts).unwrap_err();
            assert!(found.contains("member 1 leads in term 1 with the votes of 1 of 3"), "{found}");
        }
    }

    #[test]
    fn one_half_of_a_change_elects_nobody() {
        let joint = three().towards([3, 4, 5].map(Peer::voter)).unwrap();
        let facts = [started(3), members(3, joint), granted(3, 2, 3), granted(4, 2, 3), granted(5, 2, 3), leads(3, 2)];
        assert!(verdict(ElectionIsBacked::default(), &facts).unwrap_err().contains("former members"));
    }
}
