//! The vote: eight bytes, little-endian, the same on the wire, in memory and on a device.
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0 | engine | which protocol, see [`Engine`] |
//! | 1 | kind | what is said, see [`Kind`] |
//! | 2–3 | voter | index into the round's electorate |
//! | 4–7 | candidate | index into the round's candidate table; in cumulative rounds, an offset from the round's base |
//!
//! Any eight bytes are a vote. Whether they are a vote *of this round* is for the decode stage to say.

use bytemuck::{Pod, Zeroable};

use crate::codec::{DecodeError, Reader};
use crate::ids::Voter;

/// One vote, as it travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct Vote {
    engine: u8,
    kind: u8,
    voter_le: u16,
    candidate_le: u32,
}

const _: () = assert!(size_of::<Vote>() == Vote::BYTES && align_of::<Vote>() == 4);

impl Vote {
    /// The length of a vote.
    pub const BYTES: usize = 8;

    /// A vote of `kind`, by `voter`, for row `candidate`.
    #[must_use]
    pub const fn new(kind: Kind, voter: Voter, candidate: u32) -> Self {
        Self::from_raw(kind.engine() as u8, kind.code(), voter.0, candidate)
    }

    /// A vote with whatever bytes are wanted, which the decode stage may reject.
    #[must_use]
    pub const fn from_raw(engine: u8, kind: u8, voter: u16, candidate: u32) -> Self {
        Self { engine, kind, voter_le: voter.to_le(), candidate_le: candidate.to_le() }
    }

    /// The protocol's code.
    #[must_use]
    pub const fn engine(self) -> u8 {
        self.engine
    }

    /// The kind's code, whose meaning depends on the protocol.
    #[must_use]
    pub const fn kind(self) -> u8 {
        self.kind
    }

    /// Who votes.
    #[must_use]
    pub const fn voter(self) -> Voter {
        Voter(u16::from_le(self.voter_le))
    }

    /// For which row of the candidate table, or up to which offset.
    #[must_use]
    pub const fn candidate(self) -> u32 {
        u32::from_le(self.candidate_le)
    }

    /// The eight bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        bytemuck::cast(self)
    }

    /// The vote that eight bytes are.
    #[must_use]
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        bytemuck::cast(bytes)
    }

    /// Reads a batch: nothing but votes, one after the other.
    pub fn decode_batch(bytes: &[u8], into: &mut Vec<Vote>) -> Result<(), DecodeError> {
        let whole = bytes.len() - bytes.len() % Self::BYTES;
        if whole != bytes.len() {
            let reader = Reader::new("vote batch", bytes);
            return Err(reader.unexpected_at(whole, "length", bytes.len(), format!("a multiple of {}", Self::BYTES)));
        }
        into.reserve(bytes.len() / Self::BYTES);
        into.extend(bytes.chunks_exact(Self::BYTES).map(bytemuck::pod_read_unaligned::<Vote>));
        Ok(())
    }
}

impl std::fmt::Debug for Vote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Kind::from_codes(self.engine, self.kind) {
            Some(kind) => write!(f, "{kind:?} by {} for {}", self.voter(), self.candidate()),
            None => write!(f, "engine {} kind {} by {} for {}", self.engine, self.kind, self.voter(), self.candidate()),
        }
    }
}

/// The protocols, by the code that their votes carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Engine {
    /// Snowball: a colour, a confidence per colour.
    Snowball = 0,
    /// Avalanche: a DAG of conflict sets.
    Avalanche = 1,
    /// Snowflake: a colour and one counter.
    Snowflake = 2,
    /// A DAG without conflict sets.
    Dag = 3,
    /// Snowman: a chain.
    Chain = 4,
    /// Kept for post-quantum signatures.
    PostQuantum = 5,
    /// Slush: no memory at all.
    Slush = 6,
    /// Raft.
    Raft = 16,
    /// Practical Byzantine fault tolerance.
    Pbft = 17,
    /// Multi-Paxos.
    Paxos = 18,
}

impl Engine {
    /// Every engine, by rising code.
    pub const ALL: [Engine; 10] = [
        Engine::Snowball,
        Engine::Avalanche,
        Engine::Snowflake,
        Engine::Dag,
        Engine::Chain,
        Engine::PostQuantum,
        Engine::Slush,
        Engine::Raft,
        Engine::Pbft,
        Engine::Paxos,
    ];

    /// The engine of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|engine| *engine as u8 == code)
    }

    /// Its name, as in traces and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Snowball => "snowball",
            Engine::Avalanche => "avalanche",
            Engine::Snowflake => "snowflake",
            Engine::Dag => "dag",
            Engine::Chain => "chain",
            Engine::PostQuantum => "post-quantum",
            Engine::Slush => "slush",
            Engine::Raft => "raft",
            Engine::Pbft => "pbft",
            Engine::Paxos => "paxos",
        }
    }

    /// Whether its votes are answers to a sampled poll.
    #[must_use]
    pub const fn is_snow(self) -> bool {
        (self as u8) < 16
    }

    /// Reads an engine's code.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let code = reader.u8("engine")?;
        Self::from_code(code).ok_or_else(|| reader.unexpected_at(at, "engine", code, "0 to 6, 16, 17 or 18".into()))
    }
}

/// What a vote says. Codes are per family and less than [`Kind::LIMIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An answer of a Snow protocol: which protocol, which answer.
    Snow(Engine, Snow),
    /// A vote of Raft.
    Raft(Raft),
    /// A vote of PBFT.
    Pbft(Pbft),
    /// A vote of Paxos.
    Paxos(Paxos),
}

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $code:literal $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$inner])* $variant = $code),* }

        impl $name {
            /// Every kind, by rising code.
            pub const ALL: &[$name] = &[$($name::$variant),*];

            const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            fn from_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }
        }
    };
}

kinds! {
    /// What a respondent of a Snow poll answers.
    Snow {
        /// It prefers the candidate.
        Prefer = 0 "prefer",
        /// It has accepted the candidate.
        Accept = 1 "accept",
        /// It has rejected the candidate.
        Reject = 2 "reject",
    }
}
kinds! {
    /// What a Raft server says.
    Raft {
        /// It would vote for the candidate.
        PreGrant = 0 "pre-grant",
        /// It votes for the candidate.
        Grant = 1 "grant",
        /// It does not vote for the candidate.
        Deny = 2 "deny",
        /// Its log holds everything up to an index.
        Ack = 3 "ack",
        /// It heard the leader.
        HeartbeatAck = 4 "heartbeat-ack",
    }
}
kinds! {
    /// What a PBFT replica says.
    Pbft {
        /// It accepts the proposal in this view.
        Prepare = 0 "prepare",
        /// It saw a quorum of prepares.
        Commit = 1 "commit",
        /// Its state after a height.
        Checkpoint = 2 "checkpoint",
        /// It wants the next view.
        ViewChange = 3 "view-change",
        /// The result that it gives a client.
        Reply = 4 "reply",
    }
}
kinds! {
    /// What a Paxos acceptor says.
    Paxos {
        /// It will accept nothing older.
        Promise = 0 "promise",
        /// It accepted.
        Accepted = 1 "accepted",
        /// It promised someone newer.
        Nack = 2 "nack",
    }
}

impl Kind {
    /// Codes are below this, so that a round's kinds fit a small table.
    pub const LIMIT: u8 = 8;

    /// The protocol that this is said in.
    #[must_use]
    pub const fn engine(self) -> Engine {
        match self {
            Kind::Snow(engine, _) => engine,
            Kind::Raft(_) => Engine::Raft,
            Kind::Pbft(_) => Engine::Pbft,
            Kind::Paxos(_) => Engine::Paxos,
        }
    }

    /// The code in a vote's second byte.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Kind::Snow(_, kind) => kind as u8,
            Kind::Raft(kind) => kind as u8,
            Kind::Pbft(kind) => kind as u8,
            Kind::Paxos(kind) => kind as u8,
        }
    }

    /// What is said, in a word that only means something beside the protocol's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Snow(_, kind) => kind.name(),
            Kind::Raft(kind) => kind.name(),
            Kind::Pbft(kind) => kind.name(),
            Kind::Paxos(kind) => kind.name(),
        }
    }

    /// The kind that two codes name.
    #[must_use]
    pub fn from_codes(engine: u8, kind: u8) -> Option<Self> {
        match Engine::from_code(engine)? {
            Engine::Raft => Raft::from_code(kind).map(Kind::Raft),
            Engine::Pbft => Pbft::from_code(kind).map(Kind::Pbft),
            Engine::Paxos => Paxos::from_code(kind).map(Kind::Paxos),
            snow => Snow::from_code(kind).map(|kind| Kind::Snow(snow, kind)),
        }
    }

    /// Reads an engine's and a kind's code.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let engine = Engine::decode(reader)?;
        let at = reader.at();
        let code = reader.u8("kind")?;
        Self::from_codes(engine as u8, code).ok_or_else(|| reader.unexpected_at(at, "kind", code, format!("a kind of {engine:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vote_is_eight_little_endian_bytes() {
        let vote = Vote::new(Kind::Pbft(Pbft::Commit), Voter(0x0203), 0x0405_0607);
        assert_eq!(vote.to_bytes(), [17, 1, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04]);
        assert_eq!(Vote::from_bytes(vote.to_bytes()), vote);
    }

    #[test]
    fn every_pair_of_codes_names_one_kind_or_none() {
        let mut known = 0;
        for engine in 0..=u8::MAX {
            for code in 0..=u8::MAX {
                if let Some(kind) = Kind::from_codes(engine, code) {
                    assert_eq!((kind.engine() as u8, kind.code()), (engine, code));
                    assert!(code < Kind::LIMIT);
                    known += 1;
                }
            }
        }
        assert_eq!(known, 7 * 3 + 5 + 5 + 3);
    }

    #[test]
    fn a_batch_with_a_broken_last_vote_is_refused_whole() {
        let mut votes = Vec::new();
        let error = Vote::decode_batch(&[0; 17], &mut votes).unwrap_err();
        assert_eq!(error.to_string(), "vote batch, byte 16: length is 17; expected a multiple of 8");
        assert!(votes.is_empty());
        Vote::decode_batch(&[7; 16], &mut votes).unwrap();
        assert_eq!(votes.len(), 2);
    }
}
