//! What servers say to each other.

use std::sync::Arc;

use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;

use super::configuration::Configuration;
use super::entry::Entry;

/// A message, which always carries its sender's term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The sender's term. In a pre-vote, and in the answer that grants it, the term that would come.
    pub term: View,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Would you vote for me?
    PreVote {
        /// The end of the sender's log.
        last: Mark,
    },
    /// The answer.
    PreVoteReply {
        /// Whether it would.
        granted: bool,
    },
    /// Vote for me.
    Vote {
        /// The end of the sender's log.
        last: Mark,
        /// Whether the leader itself asked the sender to stand, so that having heard from the leader is no reason to refuse.
        handed_over: bool,
    },
    /// The answer.
    VoteReply {
        /// Whether the vote is given.
        granted: bool,
    },
    /// Entries, or none.
    Append {
        /// The place before the first of them.
        prev: Mark,
        /// The entries.
        entries: Vec<Entry>,
        /// Up to where the sender knows that entries are committed.
        commit: Height,
    },
    /// The entries are on disk here.
    Appended {
        /// Up to here the receiver's log is the sender's, and durable.
        upto: Height,
    },
    /// The entries do not fit.
    Refused {
        /// The place before them that is not in this log.
        prev: Height,
        /// A place at or before it, where this log may still be the leader's.
        hint: Mark,
    },
    /// I lead.
    Heartbeat {
        /// Which heartbeat of this term.
        beat: u64,
        /// Up to where the receiver may commit: what is committed, and known to be in its log.
        commit: Height,
    },
    /// The answer.
    HeartbeatReply {
        /// Which heartbeat.
        beat: u64,
    },
    /// Stand for election now.
    StandNow,
    /// A piece of a snapshot.
    Snapshot(Piece),
    /// The next piece that is wanted of a snapshot.
    SnapshotWanted {
        /// Which snapshot.
        mark: Mark,
        /// Which piece.
        nth: u64,
    },
    /// From where may I read?
    Read {
        /// Which life of the sender asks: what was answered to an earlier one must not be taken for an answer to this.
        life: u64,
        /// The sender's number for the question.
        ticket: u64,
    },
    /// The answer: what is read after applying this index is current. None if the receiver does not lead.
    ReadReply {
        /// Which life asked.
        life: u64,
        /// The number.
        ticket: u64,
        /// The index.
        index: Option<Height>,
    },
}

/// A piece of a snapshot, with what one needs to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The last entry in the snapshot.
    pub mark: Mark,
    /// The members as of that entry.
    pub configuration: Configuration,
    /// The driver's description of the whole.
    pub manifest: Arc<[u8]>,
    /// Which piece this is.
    pub nth: u64,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

impl Body {
    /// The message's name, as in reports.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PreVote { .. } => "pre-vote",
            Self::PreVoteReply { .. } => "pre-vote-reply",
            Self::Vote { .. } => "vote",
            Self::VoteReply { .. } => "vote-reply",
            Self::Append { .. } => "append",
            Self::Appended { .. } => "appended",
            Self::Refused { .. } => "refused",
            Self::Heartbeat { .. } => "heartbeat",
            Self::HeartbeatReply { .. } => "heartbeat-reply",
            Self::StandNow => "stand-now",
            Self::Snapshot(_) => "snapshot",
            Self::SnapshotWanted { .. } => "snapshot-wanted",
            Self::Read { .. } => "read",
            Self::ReadReply { .. } => "read-reply",
        }
    }

    /// About how many bytes it has on the wire.
    #[must_use]
    pub fn bytes(&self) -> usize {
        const HEAD: usize = 40;
        match self {
            Self::Append { entries, .. } => HEAD + entries.iter().map(|entry| 20 + entry.data.len()).sum::<usize>(),
            Self::Snapshot(piece) => HEAD + piece.manifest.len() + piece.bytes.len(),
            _ => HEAD,
        }
    }
}

/// Whom to reach, and with what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Whom.
    pub to: MemberId,
    /// With what.
    pub message: Message,
}
