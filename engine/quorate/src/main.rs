//! The `quorate` binary.
#![forbid(unsafe_code)]

fn main() {}
