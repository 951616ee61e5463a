//! A seeded world that tries to break protocols.
//!
//! One seed replays everything, byte for byte: there is no clock, thread or randomness in here that does not follow from it.
#![forbid(unsafe_code)]

pub mod fact;
pub mod lab;
