//! Election safety: in a term, at most one server leads, and in one life only (figure 3 of the paper).
//!
//! A server that led, crashed, and leads in the same term again has forgotten that it stood in it: what it appends now may have the same
//! index and term as what it appended before.

use std::collections::BTreeMap;

use quorate_core::ids::{MemberId, View};
use quorate_protocol::raft::Role;

use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct OneLeaderPerTerm {
    leaders: BTreeMap<View, (MemberId, u32)>,
}

impl Invariant for OneLeaderPerTerm {
    fn name(&self) -> &'static str {
        "one_leader_per_term"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Became { node, role: Role::Leader, term, .. } = fact else { return Ok(()) };
        let life = before.server(*node).map_or(0, |server| server.life);
        match self.leaders.insert(*term, (*node, life)) {
            Some((other, _)) if other != *node => {
                Err(format!("member {node} leads in term {term}, in which member {other} led; expected one leader in a term"))
            }
            Some((_, earlier)) if earlier != life => Err(format!(
                "member {node} leads in term {term} again after a restart (in life {life}, and in life {earlier}); expected a later term"
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
    fn one_leader_after_the_other_is_as_it_should_be() {
        let facts = [started(1), started(2), leads(1, 1), leads(1, 1), follows(1, 2), leads(2, 2), leads(1, 3)];
        assert_eq!(verdict(OneLeaderPerTerm::default(), &facts), Ok(()));
    }

    #[test]
    fn two_leaders_of_one_term_are_found_however_late_the_second_comes() {
        let facts = [started(1), started(2), leads(1, 1), leads(2, 2), leads(2, 1)];
        assert!(verdict(OneLeaderPerTerm::default(), &facts).unwrap_err().contains("term 1, in which member 1 led"));
    }

    #[test]
    fn a_leader_that_leads_in_its_term_again_after_a_restart_is_found() {
        let facts = [started(1), leads(1, 4), crashed(1), started(1), leads(1, 4)];
        assert!(verdict(OneLeaderPerTerm::default(), &facts).unwrap_err().contains("again after a restart"));
    }
}
