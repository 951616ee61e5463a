//! What must hold of every decoder, and the inputs from which the fuzzer starts.
#![forbid(unsafe_code)]

mod cluster;
mod frames;
pub mod properties;
pub mod seeds;
mod segments;
mod traces;
