//! The protocols, as state machines that do no input or output of their own.
//!
//! Every protocol has one shape: an event goes in with the time at which it happened, effects come out. There is no clock,
//! socket, thread or randomness in here, and nothing waits; who drives a protocol (a node, or the simulator) does all of
//! that. A protocol never counts votes: it opens rounds, hands ballots over, and hears what was decided as an event like any other.
#![forbid(unsafe_code)]

pub mod raft;
