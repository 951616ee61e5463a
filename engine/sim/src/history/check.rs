//! The verdict on a history: its parts, one key each, one after another.
//!
//! Short parts come first, so that what is cheaply known is known before the budget is spent on what is not.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use thiserror::Error;

use super::search::{Found, Stuck, search};
use super::{History, Model, OpId, Outcome};

/// Whether a history is linearizable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// One machine could have given these answers.
    Linearizable,
    /// No machine could have.
    NotLinearizable(Explanation),
    /// The budget was spent before either was known.
    Undecided(Progress),
}

/// Where a history that is not linearizable breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The key, if the model has keys.
    pub key: Option<String>,
    /// How many operations there are on it, failed ones left out.
    pub operations: usize,
    /// The longest linearization that was found: operations in the order in which they took effect.
    pub linearized: Vec<OpId>,
    /// The state that they leave, in words.
    pub state: String,
    /// Where it gets stuck: the operation that must take effect now and cannot, and then those that had returned, are open at this point,
    /// and do not help.
    pub stuck: Vec<OpId>,
    /// Operations of unknown outcome that are open at this point and do not help.
    pub unknown: Vec<OpId>,
}

/// How far an undecided check came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Steps that were made, which is the budget.
    pub steps: u64,
    /// Keys that were found linearizable.
    pub keys_done: usize,
    /// All keys.
    pub keys: usize,
    /// The key at which the budget ended.
    pub key: Option<String>,
    /// How many operations on it could be linearized at least.
    pub linearized: usize,
    /// How many there are that returned.
    pub operations: usize,
}

impl Display for Progress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { steps, keys_done, keys, linearized, operations, .. } = self;
        write!(f, "after {steps} steps {keys_done} of {keys} keys are linearizable; ")?;
        match &self.key {
            Some(key) => write!(f, "on key {key:?} {linearized} of {operations} operations are")?,
            None => write!(f, "{linearized} of {operations} operations are")?,
        }
        f.write_str(" so far")
    }
}

/// The history is not one that the model can judge.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("operation {} is not one that a {model} has, or its answer is not; expected a history of a {model}", operation.0)]
pub struct Misfit {
    /// The operation.
    pub operation: OpId,
    /// The model's name.
    pub model: &'static str,
}

/// The operations of each key that may have taken effect.
fn parts<'a, M: Model>(history: &'a History<M::Call, M::Reply>, model: &M) -> Result<BTreeMap<Option<&'a str>, Vec<OpId>>, Misfit> {
    let mut parts = BTreeMap::<_, Vec<OpId>>::new();
    for (number, operation) in (0..).zip(history.operations()) {
        if !model.knows(&operation.call, operation.reply()) {
            return Err(Misfit { operation: OpId(number), model: model.name() });
        }
        let part = parts.entry(model.key(&operation.call)).or_default();
        if !matches!(operation.outcome, Outcome::Failed(_)) {
            part.push(OpId(number));
        }
    }
    Ok(parts)
}

/// Decides whether a history is linearizable, in at most `budget` steps: a step looks at one operation in one state. Time and memory are
/// both proportional to it.
///
/// # Errors
/// If the model does not have these operations.
pub fn check<M: Model>(history: &History<M::Call, M::Reply>, model: &M, budget: u64) -> Result<Verdict, Misfit> {
    let parts = parts(history, model)?;
    let keys = parts.len();
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, part)| part.len());
    let mut left = budget;
    for (keys_done, (key, part)) in parts.into_iter().enumerate() {
        let key = key.map(str::to_owned);
        match search(model, history, &part, &mut left) {
            Found::Linearizable => {}
            Found::Stuck(Stuck { order, state, next, unknown }) => {
                let operations = part.len();
                let explanation = Explanation { key, operations, linearized: order, state, stuck: next, unknown };
                return Ok(Verdict::NotLinearizable(explanation));
            }
            Found::Spent(linearized) => {
                let operations = part.iter().filter(|id| history.get(**id).is_some_and(|operation| operation.reply().is_some())).count();
                return Ok(Verdict::Undecided(Progress { steps: budget - left, keys_done, keys, key, linearized, operations }));
            }
        }
    }
    Ok(Verdict::Linearizable)
}
