//! Log matching: entries of one index and term say the same and follow the same entry, in whichever log (figure 3 of the paper).
//!
//! From this it follows, entry by entry, that logs which agree at a place agree in everything before it. A witness keeps no contents, so
//! of its entries only the places are compared. A log is also a row: an entry comes right behind the last, and terms do not fall.

use std::collections::BTreeMap;

use quorate_core::ids::{Height, MemberId, View};

use super::by_index::ByIndex;
use super::{Invariant, Observed, place};
use crate::fact::{Fact, Print};

#[derive(Clone, Copy, Debug)]
struct Known {
    term: View,
    follows: View,
    print: Option<Print>,
    by: MemberId,
}

/// See the module.
#[derive(Debug, Default)]
pub struct LogMatching {
    /// The first entry that was seen at each index, which mostly stays the only one.
    first: ByIndex<Known>,
    others: BTreeMap<(Height, View), Known>,
}

impl LogMatching {
    /// What is known of an index and a term; if nothing is, `new` from now on.
    fn known(&mut self, index: Height, new: Known) -> Known {
        let known = match self.first.get(index) {
            None => None,
            Some(first) if first.term == new.term => Some(*first),
            Some(_) => {
                return *self.others.entry((index, new.term)).and_modify(|known| known.print = known.print.or(new.print)).or_insert(new);
            }
        };
        let known = known.unwrap_or(new);
        if known.print.is_none() || self.first.get(index).is_none() {
            self.first.insert(index, Known { print: known.print.or(new.print), ..known });
        }
        known
    }
}

impl Invariant for LogMatching {
    fn name(&self) -> &'static str {
        "log_matching"
    }

    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String> {
        let Fact::Appended { node, mark, print } = fact else { return Ok(()) };
        let Some(server) = before.server(*node) else { return Ok(()) };
        let last = server.log.last();
        if mark.index.0 != last.index.0 + 1 || mark.term < last.term {
            return Err(format!("member {node} put {} behind {}; expected the next index and no lower term", place(*mark), place(last)));
        }
        let new = Known { term: mark.term, follows: last.term, print: *print, by: *node };
        let known = self.known(mark.index, new);
        if known.follows != new.follows {
            return Err(format!(
                "in the log of member {node}, {} follows an entry of term {}; in that of member {} it follows one of term {}",
                place(*mark),
                new.follows,
                known.by,
                known.follows
            ));
        }
        match (known.print, new.print) {
            (Some(known_print), Some(print)) if known_print != print => Err(format!(
                "in the log of member {node}, {} says {print:016x}; in that of member {} it says {known_print:016x}",
                place(*mark),
                known.by
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;

    fn found(facts: &[Fact]) -> String {
        verdict(LogMatching::default(), facts).unwrap_err()
    }

    #[test]
    fn logs_that_differ_in_terms_may_differ_in_contents() {
        let facts = [
            started(1),
            started(2),
            started(3),
            says(1, 1, 1, Some(10)),
            says(1, 2, 1, Some(11)),
            says(2, 1, 1, Some(10)),
            says(2, 2, 2, Some(20)),
            says(3, 1, 1, None),
            says(3, 2, 2, None),
            cut(1, 2),
            says(1, 2, 2, Some(20)),
            floor(3, 2, 2),
            says(3, 3, 2, None),
            says(1, 3, 2, Some(30)),
        ];
        assert_eq!(verdict(LogMatching::default(), &facts), Ok(()));
    }

    #[test]
    fn two_contents_of_one_place_are_found_even_where_a_witness_had_it_first() {
        assert!(found(&[started(1), started(2), says(1, 1, 1, Some(10)), says(2, 1, 1, Some(11))]).contains("in that of member 1 it says"));
        let facts = [started(1), started(2), started(3), says(1, 1, 1, None), says(2, 1, 1, Some(10)), says(3, 1, 1, Some(11))];
        assert!(found(&facts).contains("index 1 of term 1"));
        let others = [started(1), started(2), started(3), says(1, 1, 1, Some(9)), says(2, 1, 2, Some(10)), says(3, 1, 2, Some(11))];
        assert!(found(&others).contains("index 1 of term 2"));
    }

    #[test]
    fn one_place_behind_two_different_ones_is_found() {
        let facts = [started(1), started(2), appended(1, 1, 1), appended(2, 1, 2), says(1, 2, 3, Some(5)), says(2, 2, 3, Some(5))];
        assert!(found(&facts).contains("follows an entry of term 2; in that of member 1 it follows one of term 1"));
    }

    #[test]
    fn a_gap_a_repetition_and_a_falling_term_are_found() {
        assert!(found(&[started(1), appended(1, 2, 1)]).contains("expected the next index"));
        assert!(found(&[started(1), appended(1, 1, 1), appended(1, 1, 1)]).contains("expected the next index"));
        assert!(found(&[started(1), appended(1, 1, 2), appended(1, 2, 1)]).contains("no lower term"));
    }
}
