//! The running node: drives protocols, log and state machines, and serves clients.
#![forbid(unsafe_code)]

pub mod config;
