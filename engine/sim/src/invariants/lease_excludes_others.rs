//! While a leader would answer reads by its lease, no majority has voted for anybody else in a later term (dissertation, 6.4.1).
//!
//! Otherwise it could answer without what the other one, once it leads, has committed. That a client asks in just that moment is rare; that
//! it could is seen whenever somebody votes. Who votes has not heard of a leader for an election timeout by its own clock, and a lease is
//! shorter than that by what clocks may differ. A pre-vote promises nothing: it may arrive when its giver hears of a leader again.

use std::collections::{BTreeMap, BTreeSet};

use quorate_core::ids::{MemberId, View};

use super::observed::majority;
use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug, Default)]
pub struct LeaseExcludesOthers {
    /// Who was voted for in a term, and by whom.
    votes: BTreeMap<(View, MemberId), BTreeSet<MemberId>>,
}

impl Invariant for LeaseExcludesOthers {
    fn name(&self) -> &'static str {
        "lease_excludes_others"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        match fact {
            Fact::Granted { node, term, to } => {
                self.votes.entry((*term, *to)).or_default().insert(*node);
            }
            Fact::Leased { node, term } => {
                let later = self.votes.range((View(term.0 + 1), MemberId(0))..);
                for ((now, other), votes) in later.filter(|((_, other), _)| other != node) {
                    let Some(configuration) = before.server(*other).and_then(|server| server.configurations[0].as_ref()) else { continue };
                    if majority(configuration, |id| votes.contains(&id)).is_ok() {
                        return Err(format!(
                            "member {node} would answer reads by its lease of term {term}, and a majority has voted for member {other} \
                             in term {now}"
                        ));
                    }
                }
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

    #[test]
    fn a_lease_excludes_votes_for_others_in_later_terms_and_no_others() {
        let begun = [started(1), started(2), started(3), leads(1, 1), hard(2, 2, Some(2)), granted(2, 2, 2)];
        let with = |more: &[Fact]| verdict(LeaseExcludesOthers::default(), &[&begun[..], more].concat());
        assert_eq!(with(&[leased(1, 1)]), Ok(()), "it has only its own vote");
        let found = with(&[granted(3, 2, 2), leased(1, 1)]).unwrap_err();
        let expected = "member 1 would answer reads by its lease of term 1, and a majority has voted for member 2 in term 2";
        assert!(found.contains(expected), "{found}");
        assert_eq!(with(&[granted(3, 2, 2), leased(2, 2)]), Ok(()));
        assert_eq!(with(&[granted(3, 2, 1), leased(1, 1)]), Ok(()));
    }
}
