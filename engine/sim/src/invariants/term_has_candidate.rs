//! A server reaches only terms in which somebody stood for election, that is, voted for itself. To ask whether one would be elected
//! raises nobody's term (section 9.6 of the thesis).

use std::collections::BTreeSet;

use quorate_core::ids::{MemberId, View};

use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct TermHasCandidate {
    stood: BTreeSet<View>,
}

impl TermHasCandidate {
    fn reaches(&mut self, node: MemberId, term: View, vote: Option<MemberId>) -> Result<(), String> {
        if vote == Some(node) {
            self.stood.insert(term);
        }
        if term == View(0) || self.stood.contains(&term) {
            return Ok(());
        }
        Err(format!("member {node} is in term {term}, in which nobody has stood for election"))
    }
}

impl Invariant for TermHasCandidate {
    fn name(&self) -> &'static str {
        "term_has_candidate"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Hard { node, term, vote } => {
                let known = before.server(*node).is_some_and(|server| server.term == *term && *vote != Some(*node));
                if known { Ok(()) } else { self.reaches(*node, *term, *vote) }
            }
            // A disk may have what no fact told of: a write that was under way when the process went.
            Fact::Started { node, term, vote, .. } => self.reaches(*node, *term, *vote),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    #[test]
    fn followers_reach_the_terms_of_candidates() {
        let facts = [started(1), started(2), hard(1, 3, Some(1)), hard(2, 3, None), hard(2, 3, Some(1)), restarted(2, 3, None, mark(0, 0))];
        assert_eq!(verdict(TermHasCandidate::default(), &facts), Ok(()));
    }

    #[test]
    fn a_term_that_nobody_stood_in_is_found() {
        let facts = [started(1), started(2), hard(1, 3, Some(1)), hard(2, 4, None)];
        assert!(verdict(TermHasCandidate::default(), &facts).unwrap_err().contains("member 2 is in term 4"));
        let facts = [started(1), started(2), hard(1, 3, Some(2))];
        assert!(verdict(TermHasCandidate::default(), &facts).is_err());
        assert!(verdict(TermHasCandidate::default(), &[restarted(1, 2, None, mark(0, 0))]).is_err());
    }
}
