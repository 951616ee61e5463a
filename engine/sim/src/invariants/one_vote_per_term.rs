//! A server gives one vote in a term, and a term that it left is over for it.
//!
//! Within a life, its term never falls, and a vote once decided on is not taken back or given to another. A crash may take a vote that was
//! not on disk; the server may then give it anew, unless it had left: what left counts for ever, however often the server was started.

use std::collections::BTreeMap;

use quorate_core::ids::{MemberId, View};

use super::{Invariant, Observed, who};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct OneVotePerTerm {
    given: BTreeMap<(MemberId, View), MemberId>,
}

impl OneVotePerTerm {
    fn against_given(&self, node: MemberId, term: View, vote: Option<MemberId>) -> Result<(), String> {
        match (self.given.get(&(node, term)), vote) {
            (Some(given), Some(vote)) if *given != vote => {
                Err(format!("member {node} votes for member {vote} in term {term}, in which its vote for member {given} has left it"))
            }
            _ => Ok(()),
        }
    }
}

impl Invariant for OneVotePerTerm {
    fn name(&self) -> &'static str {
        "one_vote_per_term"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Hard { node, term, vote } => {
                if let Some(server) = before.server(*node) {
                    if *term < server.term {
                        return Err(format!("member {node} went back from term {} to term {term}", server.term));
                    }
                    if *term == server.term && server.vote.is_some() && server.vote != *vote {
                        let (had, has) = (who(server.vote), who(*vote));
                        return Err(format!(
                            "member {node} voted for {had} in term {term}, and now for {has}; expected one vote in a term"
                        ));
                    }
                }
                self.against_given(*node, *term, *vote)
            }
            Fact::Started { node, term, vote, .. } => self.against_given(*node, *term, *vote),
            Fact::Granted { node, term, to } => {
                self.against_given(*node, *term, Some(*to))?;
                self.given.insert((*node, *term), *to);
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

    fn found(facts: &[Fact]) -> String {
        verdict(OneVotePerTerm::default(), facts).unwrap_err()
    }

    #[test]
    fn one_vote_in_each_term_told_as_often_as_one_likes_is_as_it_should_be() {
        let facts = [started(1), hard(1, 1, None), hard(1, 1, Some(2)), granted(1, 1, 2), hard(1, 2, None), granted(1, 1, 2)];
        assert_eq!(verdict(OneVotePerTerm::default(), &facts), Ok(()));
    }

    #[test]
    fn a_vote_that_never_left_may_be_forgotten_by_a_crash() {
        let facts = [started(1), hard(1, 1, Some(2)), crashed(1), started(1), hard(1, 1, Some(3)), granted(1, 1, 3)];
        assert_eq!(verdict(OneVotePerTerm::default(), &facts), Ok(()));
    }

    #[test]
    fn a_vote_that_left_may_not_be_given_anew_after_any_number_of_restarts() {
        let left = [started(1), hard(1, 1, Some(2)), granted(1, 1, 2), hard(1, 2, None), crashed(1), started(1), crashed(1), started(1)];
        assert!(found(&[&left[..], &[hard(1, 1, Some(3))]].concat()).contains("its vote for member 2 has left it"));
        assert!(found(&[&left[..], &[granted(1, 1, 3)]].concat()).contains("member 3 in term 1"));
        assert!(found(&[&left[..], &[restarted(1, 1, Some(3), mark(0, 0))]].concat()).contains("member 3 in term 1"));
    }

    #[test]
    fn a_vote_that_is_changed_or_taken_back_is_found() {
        assert!(found(&[started(1), hard(1, 1, Some(2)), hard(1, 1, Some(3))]).contains("and now for member 3"));
        assert!(found(&[started(1), hard(1, 1, Some(2)), hard(1, 1, None)]).contains("and now for nobody"));
    }

    #[test]
    fn a_term_that_falls_is_found() {
        assert!(found(&[started(1), hard(1, 5, None), hard(1, 4, None)]).contains("from term 5 to term 4"));
    }
}
