//! The bodies of frames, as `proto/*.proto` describes them.
#![allow(missing_docs, clippy::all)]

/// How two ends of a connection get to know each other.
pub mod link {
    include!(concat!(env!("OUT_DIR"), "/quorate.link.rs"));
}
/// What Raft servers say to each other.
pub mod raft {
    include!(concat!(env!("OUT_DIR"), "/quorate.raft.rs"));
}
/// What clients ask, and what they are answered.
pub mod client {
    include!(concat!(env!("OUT_DIR"), "/quorate.client.rs"));
}
