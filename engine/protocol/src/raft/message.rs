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
        /// Which question this is: what was answered to an earlier one says nothing about now.
        question: Question,
        /// The end of the sender's log.
        last: Mark,
    },
    /// The answer.
    PreVoteReply {
        /// Which question is answered.
        question: Question,
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

/// A question of one server, unlike any other that it ever asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Which life of the server asks.
    pub life: u64,
    /// Which of its questions it is.
    pub nth: u64,
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

/// Terms and indices are below this. Nobody counts so far; whoever says more lies, and is not answered.
const LIMIT: u64 = 1 << 62;

impl Message {
    /// Whether its numbers are such that one can count on from them.
    pub(super) fn is_in_bounds(&self) -> bool {
        let fits = |mark: Mark| mark.index.0 < LIMIT && mark.term.0 < LIMIT;
        let body = match &self.body {
            Body::PreVote { last, .. } | Body::Vote { last, .. } => fits(*last),
            Body::Append { prev, .. } => fits(*prev) && prev.term <= self.term,
            Body::Refused { prev, hint } => prev.0 < LIMIT && fits(*hint),
            Body::Snapshot(piece) => fits(piece.mark) && piece.mark.term <= self.term,
            Body::SnapshotWanted { mark, .. } => fits(*mark),
            Body::Appended { upto } => upto.0 < LIMIT,
            _ => true,
        };
        self.term.0 < LIMIT && body
    }
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
