//! What a connection is for. Heartbeats never wait behind entries, nor entries behind snapshots.

use std::fmt;

use crate::frame::{FrameLimits, Kind};
use crate::wire::link;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Elections, heartbeats and their answers, reads. What is lost is not repeated.
    Control,
    /// Entries and their acknowledgements. What is lost is found out by the protocol and sent again.
    Log,
    /// Pieces of snapshots. Each is asked for.
    Snapshot,
    /// A client's requests. One that was not answered may or may not have been carried out.
    Client,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Control, Self::Log, Self::Snapshot, Self::Client];

    pub(crate) fn from_wire(code: i32) -> Option<Self> {
        match link::Class::try_from(code).ok()? {
            link::Class::Unknown => None,
            link::Class::Control => Some(Self::Control),
            link::Class::Log => Some(Self::Log),
            link::Class::Snapshot => Some(Self::Snapshot),
            link::Class::Client => Some(Self::Client),
        }
    }

    pub(crate) fn to_wire(self) -> link::Class {
        match self {
            Self::Control => link::Class::Control,
            Self::Log => link::Class::Log,
            Self::Snapshot => link::Class::Snapshot,
            Self::Client => link::Class::Client,
        }
    }

    /// What the one who dialled sends, and how long it may be.
    pub(crate) fn onward(self, limits: &FrameLimits) -> (Option<Kind>, usize) {
        match self {
            Self::Control => (Some(Kind::Raft), limits.control),
            Self::Log => (Some(Kind::Raft), limits.log),
            Self::Snapshot => (Some(Kind::Raft), limits.snapshot),
            Self::Client => (Some(Kind::Requests), limits.requests),
        }
    }

    /// What the one who was dialled sends, and how long it may be. A member answers on a connection of its own.
    pub(crate) fn back(self, limits: &FrameLimits) -> (Option<Kind>, usize) {
        match self {
            Self::Control | Self::Log | Self::Snapshot => (None, 0),
            Self::Client => (Some(Kind::Responses), limits.responses),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Control => "control",
            Self::Log => "log",
            Self::Snapshot => "snapshot",
            Self::Client => "client",
        })
    }
}
