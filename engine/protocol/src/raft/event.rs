//! What can happen to a server, and what it wants done about it.

use std::sync::Arc;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::counting::{Ask, Told};
use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;

use super::configuration::{Configuration, ConfigurationError, Peer};
use super::entry::Entry;
use super::message::{Letter, Message, Piece};
use thiserror::Error;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The time that [`super::Raft::wake`] named has come. Early or superfluous ones do no harm.
    Tick,
    /// A message came.
    Message {
        /// From whom. The transport vouches for it.
        from: MemberId,
        /// What it says.
        message: Message,
    },
    /// The connection to a member was reset: what is under way to it may be lost. With [`super::Settings::reset_hint`] that is also a
    /// sign that the member may be gone.
    Reset {
        /// Which member.
        peer: MemberId,
    },
    /// Somebody wants commands in the log, in this order, all or none of them.
    Propose {
        /// The driver's number for the first; the others follow.
        ticket: u64,
        /// The commands.
        commands: Vec<Arc<[u8]>>,
    },
    /// Somebody wants other members.
    Reconfigure {
        /// The driver's number for the request.
        ticket: u64,
        /// Who shall be in the group.
        peers: Vec<Peer>,
    },
    /// Somebody wants another leader.
    Transfer {
        /// The driver's number for the request.
        ticket: u64,
        /// Who.
        to: MemberId,
    },
    /// Somebody wants to read.
    Read {
        /// The driver's number for the question.
        ticket: u64,
        /// How sure it must be.
        way: ReadWay,
    },
    /// Votes were counted.
    Told(Told),
    /// What [`Effect::Persist`] asked for, up to this number, is durable.
    Persisted {
        /// The number.
        number: u64,
    },
    /// What [`Effect::Load`] asked for.
    Loaded {
        /// For whom it was.
        to: MemberId,
        /// The entries, as many as there was room for; none if they are gone.
        entries: Vec<Entry>,
    },
    /// The state machine has everything up to here. Only for the account of memory and for snapshots.
    Applied {
        /// The index.
        index: Height,
    },
    /// A snapshot is durable and the log was given up to its mark.
    Compacted {
        /// The mark.
        mark: Mark,
    },
    /// What [`Effect::ReadPiece`] asked for.
    PieceRead {
        /// For whom it was.
        to: MemberId,
        /// The piece; none if there is no such snapshot any more, or none at all.
        piece: Option<Piece>,
    },
    /// What [`Effect::WritePiece`] asked for: the piece is there, and another is wanted.
    PieceWritten {
        /// Who sent it.
        from: MemberId,
        /// Of which snapshot.
        mark: Mark,
        /// The next that is wanted.
        wanted: u64,
    },
    /// What [`Effect::WritePiece`] asked for: with that piece the snapshot was whole, and it is in the place of state and log, durably.
    Installed {
        /// Who sent it.
        from: MemberId,
        /// Its mark.
        mark: Mark,
        /// The members as of it.
        configuration: Configuration,
    },
    /// The disk does not answer, or does again.
    Disk {
        /// Whether it stands still.
        stalled: bool,
    },
}

/// How sure a read must be of being current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadWay {
    /// A majority confirms that the leader leads, after the question.
    Index,
    /// The leader trusts that no clock drifts by more than [`super::Settings::drift_ppm`] says. As [`Self::Index`] when there is no
    /// lease, and always where resets are hints ([`super::Settings::reset_hint`]).
    Lease,
}

/// What the server wants done. The driver does it in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send this. It may be lost, doubled or late.
    Send(Letter),
    /// Count this.
    Count(Ask),
    /// Write this. When it is durable, say so with [`Event::Persisted`]. Writes are in order: what is durable is so up to a number.
    Persist(Persist),
    /// Read entries of the log from `from` on, no further than `upto` and no more than `bytes_max`, at least one.
    Load {
        /// For whom.
        to: MemberId,
        /// The first.
        from: Height,
        /// The last.
        upto: Height,
        /// How many bytes at most.
        bytes_max: usize,
    },
    /// Everything up to here is committed: apply it, then say [`Event::Applied`].
    Commit {
        /// The index.
        index: Height,
    },
    /// What became of a request.
    Answer {
        /// The driver's number for it.
        ticket: u64,
        /// What became of it.
        answer: Answer,
    },
    /// Read a piece of the newest snapshot, or of the one with this mark while there is one.
    ReadPiece {
        /// For whom.
        to: MemberId,
        /// Which snapshot; none if any will do.
        mark: Option<Mark>,
        /// Which piece.
        nth: u64,
    },
    /// Put a piece to what there is of its snapshot; if that makes it whole, put it in the place of state and log. A piece that is
    /// not the next is answered with the one that is. From the moment at which the log begins behind a new snapshot, nothing may
    /// happen to this server before [`Event::Installed`].
    WritePiece {
        /// Who sent it.
        from: MemberId,
        /// The piece.
        piece: Piece,
    },
    /// For whoever watches: the server is something else now.
    Became {
        /// What.
        role: Role,
        /// In which term.
        term: View,
        /// Who leads, if it is known.
        leader: Option<MemberId>,
    },
    /// For whoever watches: this configuration is in force.
    Members(Configuration),
}

/// Something to be written, in the order of its fields. What it overwrites is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persist {
    /// Its number. Each is one higher than the one before.
    pub number: u64,
    /// Term and vote, if they changed.
    pub hard: Option<HardState>,
    /// The first entry that conflicts with what was agreed on, if one does: it goes, with all behind it.
    pub cut: Option<Height>,
    /// Entries behind what is left.
    pub entries: Vec<Entry>,
}

/// What a server must not forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardState {
    /// The latest term that it knows.
    pub term: View,
    /// Whom it voted for in that term.
    pub vote: Option<MemberId>,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// It follows, or waits.
    Follower,
    /// It asks whether it would be elected.
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The proposal has this place in the leader's log; it is not committed yet.
    Accepted {
        /// The place.
        mark: Mark,
    },
    /// A read after this index was applied is current.
    ReadAt {
        /// The index.
        index: Height,
    },
    /// The transfer is under way.
    Transferring,
    /// Nothing was done.
    Rejected(Rejected),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// Somebody else leads, or nobody does.
    #[error("this server does not lead{}", .leader.map_or(String::new(), |id| format!("; member {id} does")))]
    NotLeader {
        /// Who does, if it is known.
        leader: Option<MemberId>,
    },
    /// Too much is not committed yet.
    #[error("{waiting} bytes are not committed yet, and {limit} may be; try again")]
    Busy {
        /// How much.
        waiting: u64,
        /// How much may be.
        limit: u64,
    },
    /// Leadership is being handed over.
    #[error("leadership is being handed over to member {to}; try again")]
    Transferring {
        /// To whom.
        to: MemberId,
    },
    /// The last change of members is not committed yet, or the leader has not committed anything in its term.
    #[error("the group is not ready for a change of members; try again")]
    ChangePending,
    /// These are no members.
    #[error(transparent)]
    Configuration(#[from] ConfigurationError),
    /// Leadership cannot go there.
    #[error("member {to} cannot lead")]
    CannotLead {
        /// Whom.
        to: MemberId,
    },
    /// One of the commands is too long.
    #[error("a command of {bytes} bytes; expected at most {limit}")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
}

impl HardState {
    /// How many bytes it has on disk.
    pub const BYTES: usize = 17;

    /// The bytes on disk.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&self.term.0.to_le_bytes());
        if let Some(id) = self.vote {
            out[8] = 1;
            out[9..].copy_from_slice(&id.0.to_le_bytes());
        }
        out
    }

    /// Reads the bytes on disk.
    ///
    /// # Errors
    /// If they are no hard state.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("raft hard state", bytes);
        let term = View(reader.u64("term")?);
        let voted = reader.bool("voted")?;
        let at = reader.at();
        let id = MemberId(reader.u64("vote")?);
        if !voted && id.0 != 0 {
            return Err(reader.unexpected_at(at, "vote", id, "0, since there is none".into()));
        }
        reader.finish().map(|()| Self { term, vote: voted.then_some(id) })
    }
}
