//! The facade.
#![forbid(unsafe_code)]

pub mod benchmark;
