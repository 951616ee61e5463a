//! How a request ends. Each ends in exactly one way, and each way says whether the request was carried out: yes, no, or nobody knows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quorate_core::ids::{Height, View};
use quorate_net::wire::client::Why;
use thiserror::Error;

/// A command that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its place in the log.
    pub index: Height,
    /// The term in which it got there.
    pub term: View,
    /// What the state machine answered, in its own language.
    pub answer: Bytes,
}

/// How a command ended.
pub type Outcome = Result<Written, RequestError>;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// It may have been carried out, or may be yet, or not at all.
    #[error("nobody can say whether this was carried out: {why}")]
    Unknown {
        /// How that came.
        why: Arc<str>,
    },
    /// Nothing was done: nobody could be asked in time.
    #[error("nothing was done: {why}")]
    NotDone {
        /// What was in the way at last.
        why: Arc<str>,
    },
    /// Nothing was done: the cluster has more to do than it can. Only those get this who want it instead of waiting.
    #[error("nothing was done: the cluster is busy, and asks to wait {retry_after:?}")]
    Busy {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// Nothing was done: the cluster will not.
    #[error("nothing was done: {text} ({why:?})")]
    Refused {
        /// What for.
        why: Why,
        /// The same for people.
        text: Arc<str>,
    },
    /// Nothing was done: the client has ended.
    #[error("nothing was done: the client was closed")]
    Closed,
}

impl RequestError {
    /// Whether the request may have been carried out.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// Whether asking again later, or elsewhere, may help.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unknown { .. } | Self::NotDone { .. } | Self::Busy { .. } => true,
            Self::Refused { why, .. } => *why == Why::ReadOnly,
            Self::Closed => false,
        }
    }
}

/// Why a command was not taken. It comes back to whoever wanted it done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// As much is in flight, or waits to be taken, as may be.
    #[error("the window is full")]
    Full(Bytes),
    /// It alone is more than may be in flight.
    #[error("a command of {len} bytes; expected at most {most}")]
    TooLarge {
        /// Its length.
        len: usize,
        /// How long it may be.
        most: usize,
    },
    /// The client has ended.
    #[error("the client was closed")]
    Closed,
}

/// What a client has counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that were sent, each time that they were.
    pub sent: u64,
    /// Frames that they were sent in.
    pub frames: u64,
    /// Requests that ended, in whichever way.
    pub ended: u64,
    /// Requests that were sent again.
    pub again: u64,
    /// Answers that said that too much is asked at once.
    pub busy: u64,
    /// Answers that said that somebody else leads.
    pub redirects: u64,
    /// Connections that were made.
    pub connections: u64,
    /// Sessions that the cluster had forgotten.
    pub expired: u64,
    /// Answers to nothing that was asked, or that had ended before.
    pub strays: u64,
}
