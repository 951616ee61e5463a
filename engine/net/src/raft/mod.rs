//! Raft's messages as bytes: `proto/raft.proto`, field by field.
//!
//! What goes out is written straight into the frame: entries and pieces of snapshots are copied once, and nothing is built on the way.
//! What is written by hand (appends and pieces) has the bytes that prost would give it, which a test proves. What comes in is strict: what
//! a server never says is refused with what was expected, before anything counts on it.

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;

use quorate_protocol::raft::Body;

use crate::class::Class;

/// On which connection a message goes.
#[must_use]
pub fn class_of(body: &Body) -> Class {
    match body {
        Body::PreVote { .. }
        | Body::PreVoteReply { .. }
        | Body::Vote { .. }
        | Body::VoteReply { .. }
        | Body::Heartbeat { .. }
        | Body::HeartbeatReply { .. }
        | Body::StandNow
        | Body::Read { .. }
        | Body::ReadReply { .. } => Class::Control,
        Body::Append { .. } | Body::Appended { .. } | Body::Refused { .. } | Body::SnapshotWanted { .. } => Class::Log,
        Body::Snapshot(_) => Class::Snapshot,
    }
}
