//! What a node keeps: the log of all its partitions, snapshots, and the state machines that the log is applied to.
//!
//! Everything here runs on [`quorate_env`]'s disk and clock, so that it can be crashed at any moment in a test. The rule of the
//! house: nothing acknowledged is lost, and what does not check out is reported with its place, never guessed.
#![forbid(unsafe_code)]

pub mod conformance;
pub mod log;
pub mod machine;
mod memory;
pub mod snapshot;
pub mod store;

pub use memory::MemoryLog;
pub use store::{Entry, LogError, LogStore, Mark, Record, Sequence, Span};
