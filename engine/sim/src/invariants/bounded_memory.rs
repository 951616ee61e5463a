//! What a server holds in memory stays below its bounds, whatever comes in.

use super::{Invariant, Observed};
use crate::fact::Fact;

/// See the module.
#[derive(Debug)]
pub struct BoundedMemory;

impl Invariant for BoundedMemory {
    fn name(&self) -> &'static str {
        "bounded_memory"
    }

    fn see(&mut self, fact: &Fact, _: &Observed) -> Result<(), String> {
        let Fact::Memory { node, bytes, bytes_max, waiting, waiting_max } = fact else { return Ok(()) };
        for (what, is, most) in [("bytes", bytes, bytes_max), ("waiting messages and requests", waiting, waiting_max)] {
            if is > most {
                return Err(format!("member {node} holds {is} {what}; expected at most {most}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::*;
    use super::*;
    use quorate_core::ids::MemberId;

    #[test]
    fn a_bound_may_be_reached_and_not_exceeded() {
        let memory = |bytes, waiting| Fact::Memory { node: MemberId(1), bytes, bytes_max: 100, waiting, waiting_max: 10 };
        assert_eq!(verdict(BoundedMemory, &[memory(100, 10)]), Ok(()));
        assert!(verdict(BoundedMemory, &[memory(101, 0)]).unwrap_err().contains("101 bytes; expected at most 100"));
        assert!(verdict(BoundedMemory, &[memory(0, 11)]).unwrap_err().contains("11 waiting"));
    }
}
