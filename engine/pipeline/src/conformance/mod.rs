//! What every backend must pass: its results compared with the reference's, bit for bit, on random and adversarial rounds.
//!
//! Whoever brings a backend of their own runs these on it. A comparison that cannot fail proves nothing, so [`planted_fault`] runs the
//! same comparison on backends that are wrong in a known way, and fails if one of them passes.

mod differential;
mod faults;
mod order;
mod rng;
mod script;

pub use differential::differential;
pub use faults::{Fault, Faulty, planted_fault};
pub use order::order_independence;
pub use rng::Seeded;
pub use script::{Cast, Script};

use crate::Backend;

/// Makes a fresh backend to be examined.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Backend>;

/// How a suite went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// How many cases were looked at.
    pub cases: u64,
    /// What was wrong, a sentence for each case that failed.
    pub failures: Vec<String>,
    /// What a reader should know although nothing is wrong.
    pub notes: Vec<String>,
}

impl Verdict {
    /// Whether nothing was wrong.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failures.is_empty()
    }

    /// Notes a case and what was wrong with it, if anything.
    pub fn case(&mut self, result: Result<(), String>) {
        self.cases += 1;
        if let Err(failure) = result {
            self.failures.push(failure);
        }
    }
}
