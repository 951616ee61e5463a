//! Real clusters: processes of the binary, over TLS on loopback, that are killed, stopped, restarted, added, removed, lied to and
//! overloaded.
//!
//! | what | file |
//! |---|---|
//! | the processes, their configurations, their logs, their end | `crew.rs` |
//! | a connection to one of them, without the client's cleverness | `probe.rs` |
//! | clients that write down what they did and were told, and the verdict on it | `load.rs` |
//! | who led when, in everybody's eyes | `sights.rs` |
//! | kill -9, SIGSTOP, rolling restarts | `faults.rs` |
//! | members that come and go, snapshots over the wire | `members.rs` |
//! | how long it takes until another leads | `elections.rs` |
//! | who is refused, and that it says why | `doors.rs`, with `raw.rs` for those who know no rules |
//! | more work than can be done | `overload.rs` |
//!
//! The sizes are those of a check that runs often. `QUORATE_SOAK_S` makes the faults go on for so many seconds, `QUORATE_FAILOVERS` says
//! how often a leader is lost, and `QUORATE_OVERLOAD_S` how long there is too much work; the last two also hold the results against the
//! bounds that are promised, which a machine that does other things meanwhile cannot keep.

mod crew;
mod doors;
mod elections;
mod faults;
mod load;
mod members;
mod overload;
mod probe;
mod raw;
mod sights;

/// A number that the environment gives, if it does.
fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is {text:?}; expected a number")))
}
