//! While a leader would answer reads by its lease, no majority lets anybody else stand for election (section 6.4.1 of the dissertation).
//!
//! Otherwise it could answer without what the other one, once elected, has committed. That a client asks in just that moment is rare; that
//! it could is seen whenever somebody stands. A majority that says that it would elect somebody has not heard of a leader for an election
//! timeout, each by its own clock; a lease is shorter than that by what clocks may differ.

use quorate_protocol::raft::Role;

use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug)]
pub struct LeaseExcludesOthers;

impl Invariant for LeaseExcludesOthers {
    fn name(&self) -> &'static str {
        "lease_excludes_others"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Leased { node, term } = fact else { return Ok(()) };
        let stands = |role| matches!(role, Role::Candidate | Role::Leader);
        let mut later = before.servers().filter(|(id, server)| id != node && stands(server.role) && server.term > *term);
        later.next().map_or(Ok(()), |(other, server)| {
            let now = server.term;
            Err(format!("member {node} would answer reads by its lease of term {term}, and member {other} was let stand for term {now}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    #[test]
    fn a_lease_excludes_leaders_of_later_terms_and_no_others() {
        let elected = [started(1), started(2), leads(1, 1), hard(2, 2, Some(2)), leads(2, 2)];
        let with = |more: &[Fact]| verdict(LeaseExcludesOthers, &[&elected[..], more].concat());
        let found = with(&[leased(1, 1)]).unwrap_err();
        assert!(found.contains("member 1 would answer reads by its lease of term 1, and member 2 was let stand for term 2"), "{found}");
        assert_eq!(with(&[leased(2, 2)]), Ok(()));
        assert_eq!(with(&[crashed(2), leased(1, 1)]), Ok(()));
    }
}
