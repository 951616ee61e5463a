//! What a protocol asks of whoever counts its votes, and what it hears back.
//!
//! Protocols never count, and the pipeline knows no protocol. Between them stand these two types: a protocol asks ([`Ask`]) for
//! rounds and hands votes over; some time later it is told ([`Told`]) what they decided. When that is, and which votes were run
//! together, is the driver's choice; the answers do not depend on it.

use std::sync::Arc;

use crate::electorate::Electorate;
use crate::hash::Digest;
use crate::round::RoundSpec;
use crate::vote::{Kind, Vote};

/// A protocol's own name for a round that it opened. It is never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoundKey(pub u64);

/// A request to whoever counts. Requests of one protocol are carried out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Open a round.
    Open(Box<Opening>),
    /// Allow votes up to this index in a cumulative round.
    Extend {
        /// Which.
        key: RoundKey,
        /// The last index.
        last: u64,
    },
    /// Count this vote.
    Vote {
        /// In which round.
        key: RoundKey,
        /// The vote.
        vote: Vote,
    },
    /// Nothing more is expected of this round. What is on its way may still be told, and must be ignored.
    Close {
        /// Which.
        key: RoundKey,
    },
}

/// A round to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// What it will be called.
    pub key: RoundKey,
    /// Who may vote in it.
    pub electorate: Arc<Electorate>,
    /// What is voted on, and what decides.
    pub spec: RoundSpec,
    /// The first rows of the candidate table; none in a cumulative round.
    pub candidates: Vec<Digest>,
}

/// What was found out about a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Which round.
    pub key: RoundKey,
    /// Of which kind of vote.
    pub kind: Kind,
    /// What.
    pub what: Finding,
}

/// What can be found out of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The candidate in this row is decided.
    Decided {
        /// Its row.
        row: u8,
    },
    /// In a cumulative round, a quorum has reached this index.
    Reached {
        /// The index.
        index: u64,
    },
    /// Two candidates are decided, which proves more faults than the protocol tolerates.
    Conflict,
}
