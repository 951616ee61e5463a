//! Quorate's stages beside rivals: the same work, in one run. See README.md beside Cargo.toml.
#![forbid(unsafe_code)]

fn main() {}
