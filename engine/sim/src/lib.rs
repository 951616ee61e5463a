//! A seeded world that tries to break protocols.
//!
//! One seed replays everything, byte for byte: there is no clock, thread or randomness in here that does not follow from it.
//! [`history`] says afterwards whether what the clients saw could have been the work of one machine.
#![forbid(unsafe_code)]

pub mod fact;
pub mod history;
pub mod lab;
