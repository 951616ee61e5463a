//! Topic `alerts`: what must never happen, and did.

use super::field::Text;
use super::record::record;

record! {
    /// An invariant does not hold.
    pub struct InvariantViolated {
        /// The invariant's name.
        pub invariant: Text,
        /// What was seen instead.
        pub detail: Text,
    }
}
