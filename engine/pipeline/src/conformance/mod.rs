//! What every backend must pass: its results compared with the reference's, bit for bit, on random and adversarial rounds.
//!
//! Whoever brings a backend of their own runs these on it. A comparison that cannot fail proves nothing, so [`planted_fault`] runs the
//! same comparison on backends that are wrong in a known way, and fails if one of them passes.

mod differential;
mod faults;
mod order;
mod script;

pub use differential::differential;
pub use faults::{Fault, Faulty, planted_fault};
pub use order::order_independence;
pub use quorate_core::verdict::Verdict;
pub use quorate_env::rng::Seeded;
pub use script::{Cast, Script};

use crate::Backend;

/// Makes a fresh backend to be examined.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Backend>;
