//! What every other crate speaks of: ids, votes, electorates, quorum rules, certificates. No I/O, no clock, no randomness.
#![forbid(unsafe_code)]

pub mod codec;
pub mod hash;
pub mod merkle;
pub mod zip215;
