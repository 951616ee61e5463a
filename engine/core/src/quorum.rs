//! When is a weight enough? Thresholds are computed once, on the host, exactly; devices only compare.
//!
//! A rule speaks of a total weight `W`; its threshold is the least weight that meets it. Two thirds means `3w > 2W`, in integers
//! wide enough that nothing is lost. A rule that a total can never meet is refused where the electorate is built.

use std::fmt;

use thiserror::Error;

use crate::codec::{DecodeError, Reader};
use crate::ids::Weight;

/// How much weight decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// More than half of the weight: crash faults.
    Majority,
    /// More than two thirds of the weight: Byzantine faults.
    TwoThirds,
    /// At least this much weight: the α of a Snow poll, the f + 1 of a client.
    AtLeast(Weight),
    /// More than this fraction of the weight.
    MoreThan {
        /// Numerator.
        num: u32,
        /// Denominator, above the numerator.
        den: u32,
    },
}

/// Why a rule cannot be used with a total weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RuleError {
    /// The fraction is not one.
    #[error("more than {num}/{den} is no quorum rule; expected a fraction below 1")]
    Fraction {
        /// Numerator.
        num: u32,
        /// Denominator.
        den: u32,
    },
    /// The weight is zero, or more than there is.
    #[error("at least {weight} of {total} is no quorum rule; expected 1 to {total}")]
    OutOfReach {
        /// What the rule asks for.
        weight: Weight,
        /// What there is.
        total: Weight,
    },
}

impl Rule {
    /// The length of an encoded rule.
    pub const BYTES: usize = 9;

    /// The least weight that meets the rule among `total`, which is not zero.
    pub fn threshold(self, total: Weight) -> Result<Weight, RuleError> {
        let share = |num: u32, den: u32| {
            let floor = u128::from(total.0) * u128::from(num) / u128::from(den);
            // num < den, so floor < total and the sum fits.
            Weight(floor as u64 + 1)
        };
        match self {
            Rule::Majority => Ok(Weight(total.0 / 2 + 1)),
            Rule::TwoThirds => Ok(share(2, 3)),
            Rule::AtLeast(weight) if weight.0 >= 1 && weight <= total => Ok(weight),
            Rule::AtLeast(weight) => Err(RuleError::OutOfReach { weight, total }),
            Rule::MoreThan { num, den } if num < den => Ok(share(num, den)),
            Rule::MoreThan { num, den } => Err(RuleError::Fraction { num, den }),
        }
    }

    /// Appends the canonical bytes: a code and two numbers.
    pub fn encode(self, out: &mut Vec<u8>) {
        let (code, number) = match self {
            Rule::Majority => (0, 0),
            Rule::TwoThirds => (1, 0),
            Rule::AtLeast(weight) => (2, weight.0),
            Rule::MoreThan { num, den } => (3, u64::from(num) | u64::from(den) << 32),
        };
        out.push(code);
        out.extend(u64::to_le_bytes(number));
    }

    /// Reads canonical bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let (code, number) = (reader.u8("rule")?, reader.u64("rule's number")?);
        match (code, number) {
            (0, 0) => Ok(Rule::Majority),
            (1, 0) => Ok(Rule::TwoThirds),
            (2, weight) if weight > 0 => Ok(Rule::AtLeast(Weight(weight))),
            (3, number) if (number as u32) < (number >> 32) as u32 => Ok(Rule::MoreThan { num: number as u32, den: (number >> 32) as u32 }),
            _ => Err(reader.unexpected_at(
                at,
                "rule",
                format!("code {code} with {number}"),
                "majority (0, 0), two thirds (1, 0), at least a weight (2, weight) or more than a fraction below 1 (3, fraction)".into(),
            )),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::Majority => write!(f, "a majority"),
            Rule::TwoThirds => write!(f, "more than two thirds"),
            Rule::AtLeast(weight) => write!(f, "at least {weight}"),
            Rule::MoreThan { num, den } => write!(f, "more than {num}/{den}"),
        }
    }
}

/// The weights that decide in an electorate: one threshold for each half of a joint one.
///
/// A half without weight has the threshold zero, which everything meets: it behaves like the other half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// For each half, the least weight that decides.
    pub least: [Weight; 2],
    /// For each half, all the weight there is.
    pub total: [Weight; 2],
}

impl Thresholds {
    /// The thresholds of `rule` over both halves.
    pub fn new(rule: Rule, total: [Weight; 2]) -> Result<Self, RuleError> {
        let least = |total: Weight| if total.0 == 0 { Ok(Weight(0)) } else { rule.threshold(total) };
        Ok(Self { least: [least(total[0])?, least(total[1])?], total })
    }

    /// Whether these weights decide.
    #[must_use]
    pub fn met_by(&self, weight: [Weight; 2]) -> bool {
        weight[0] >= self.least[0] && weight[1] >= self.least[1]
    }

    /// Whether any two deciding sets share a member, so that two decisions prove a fault.
    #[must_use]
    pub fn intersect(&self) -> bool {
        (0..2).any(|half| u128::from(self.least[half].0) * 2 > u128::from(self.total[half].0))
    }

    /// Whether these weights are more than the faulty members can have, so that an honest one is among them. What may be
    /// faulty is what a decision can do without.
    #[must_use]
    pub fn beyond_faulty(&self, weight: [Weight; 2]) -> bool {
        (0..2).any(|half| self.total[half].0 > 0 && weight[half].0 > self.total[half].0 - self.least[half].0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_the_least_weight_that_meets_the_rule() {
        for total in (1..200).chain(u64::MAX - 5..=u64::MAX) {
            let wide = u128::from(total);
            let least = |rule: Rule| u128::from(rule.threshold(Weight(total)).unwrap().0);
            let (half, thirds) = (least(Rule::Majority), least(Rule::TwoThirds));
            assert!(2 * half > wide && 2 * (half - 1) <= wide);
            assert!(3 * thirds > 2 * wide && 3 * (thirds - 1) <= 2 * wide);
            let (num, den) = (u32::MAX - 1, u32::MAX);
            let most = least(Rule::MoreThan { num, den });
            assert!(most * u128::from(den) > wide * u128::from(num) && (most - 1) * u128::from(den) <= wide * u128::from(num));
        }
    }

    #[test]
    fn a_rule_out_of_reach_is_refused() {
        assert!(Rule::AtLeast(Weight(0)).threshold(Weight(3)).is_err());
        assert!(Rule::AtLeast(Weight(4)).threshold(Weight(3)).is_err());
        assert!(Rule::MoreThan { num: 1, den: 1 }.threshold(Weight(3)).is_err());
        assert!(Rule::MoreThan { num: 0, den: 0 }.threshold(Weight(3)).is_err());
    }

    #[test]
    fn an_empty_half_behaves_like_the_other_half() {
        let thresholds = Thresholds::new(Rule::Majority, [Weight(3), Weight(0)]).unwrap();
        assert!(thresholds.met_by([Weight(2), Weight(0)]) && !thresholds.met_by([Weight(1), Weight(0)]));
        assert!(thresholds.intersect());
        assert!(!thresholds.beyond_faulty([Weight(1), Weight(0)]) && thresholds.beyond_faulty([Weight(2), Weight(0)]));
    }

    #[test]
    fn encoded_rules_come_back_and_nothing_else_is_a_rule() {
        for rule in [Rule::Majority, Rule::TwoThirds, Rule::AtLeast(Weight(7)), Rule::MoreThan { num: 5, den: 6 }] {
            let mut bytes = Vec::new();
            rule.encode(&mut bytes);
            assert_eq!(bytes.len(), Rule::BYTES);
            assert_eq!(Rule::decode(&mut Reader::new("rule", &bytes)).unwrap(), rule);
        }
        for bad in [[4, 0, 0, 0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0, 0, 0, 0], [3, 1, 0, 0, 0, 1, 0, 0, 0]] {
            assert!(Rule::decode(&mut Reader::new("rule", &bad)).is_err());
        }
    }
}
