//! Frames: what goes over a connection, piece by piece.
//!
//! A frame is a header of twenty bytes, little-endian, and a body:
//!
//! | bytes | field | meaning |
//! |---|---|---|
//! | 0–3 | magic | `QRTF` |
//! | 4 | version u8 | what both ends agreed on; 0 until they have |
//! | 5 | kind u8 | [`Kind`] |
//! | 6–7 | flags u16 | bit 0: the body is compressed with zstd; the others are 0 |
//! | 8–11 | partition u32 | whose frame it is; 0 where it is nobody's |
//! | 12–15 | length u32 | of the body, as it is sent |
//! | 16–19 | CRC32C u32 | of the sixteen bytes before, then salt u64 and number u64, then the body |
//!
//! Salt and number are not sent. The number counts the frames of one direction of one connection from 0. The salt is 0 until the
//! connection is agreed on, then a random number that the one who was dialled chose, with all bits turned over for what *it* sends.
//! So a frame that is repeated, left out, out of order, sent back, or taken from another connection does not check out. That tells
//! mistakes from messages; what keeps liars out is TLS.
//!
//! A length is held against the limit of its kind and connection before anything else is done about it, and a buffer grows with what
//! arrives, never with what is announced.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use crc_fast::{CrcAlgorithm, Digest};
use quorate_core::ids::PartitionId;
use thiserror::Error;

use crate::compression::{Compressor, Decompressor};

/// The first bytes of every frame.
pub const MAGIC: [u8; 4] = *b"QRTF";
/// How long a header is.
pub const HEADER_BYTES: usize = 20;
/// The oldest version that this build speaks.
pub const VERSION_OLDEST: u8 = 1;
/// The newest.
pub const VERSION_NEWEST: u8 = 1;
/// What stands in the place of the version until one is agreed on.
const VERSION_UNAGREED: u8 = 0;
const COMPRESSED: u16 = 1;
/// The longest body of a greeting or a refusal.
pub const GREETING_BYTES_MAX: usize = 4 << 10;
const CHECKED_BYTES: usize = 16;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The first on a connection, from the one who dialled.
    Hello = 1,
    /// The answer that lets the other in.
    Welcome = 2,
    /// The reason why the connection ends.
    Refusal = 3,
    /// What Raft servers say to each other.
    Raft = 16,
    /// What clients ask.
    Requests = 32,
    /// What they are answered.
    Responses = 33,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Hello, Self::Welcome, Self::Refusal, Self::Raft, Self::Requests, Self::Responses];

    /// The kind with this number on the wire.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hello => "hello",
            Self::Welcome => "welcome",
            Self::Refusal => "refusal",
            Self::Raft => "raft",
            Self::Requests => "requests",
            Self::Responses => "responses",
        })
    }
}

/// What came in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is for.
    pub kind: Kind,
    /// Whose it is.
    pub partition: PartitionId,
    /// What it says.
    pub body: Bytes,
}

/// The longest body of each kind of connection, before compression and after. Greetings have a limit of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLimits {
    /// Elections, heartbeats, reads.
    pub control: usize,
    /// Entries of the log.
    pub log: usize,
    /// Pieces of snapshots.
    pub snapshot: usize,
    /// What clients ask.
    pub requests: usize,
    /// What they are answered.
    pub responses: usize,
}

impl Default for FrameLimits {
    fn default() -> Self {
        // What a body holds beside its entries, or beside a chunk of a snapshot and the description of the whole.
        const SLACK: usize = 64 << 10;
        let entries = (4 << 20) + SLACK;
        Self { control: 64 << 10, log: entries, snapshot: (8 << 20) + SLACK, requests: entries, responses: entries }
    }
}

/// Why a frame is refused. The connection ends with it: what follows cannot be told apart any more.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("frame {number} of this connection: {problem}")]
pub struct FrameError {
    /// Which frame it is, counted from 0.
    pub number: u64,
    /// What is wrong with it.
    pub problem: FrameProblem,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameProblem {
    /// It is something else.
    #[error("it begins with {0:02x?}; expected {MAGIC:02x?}")]
    Magic([u8; 4]),
    /// It is of another version.
    #[error("its version is {found}; expected {expected}, as was agreed on")]
    Version {
        /// What stands there.
        found: u8,
        /// What was agreed on.
        expected: u8,
    },
    /// Nobody knows what it is for.
    #[error("its kind is {0}; expected a known one")]
    UnknownKind(u8),
    /// It has no business here.
    #[error("it is a {found} frame; expected {}", .expected.map_or("none but a refusal".to_owned(), |kind| format!("a {kind} frame")))]
    Unexpected {
        /// What it is.
        found: Kind,
        /// What may come here.
        expected: Option<Kind>,
    },
    /// It asks for something that was not agreed on.
    #[error("its flags are {found:#06x}; expected none but {allowed:#06x}")]
    Flags {
        /// What stands there.
        found: u16,
        /// What may stand there.
        allowed: u16,
    },
    /// It is too long.
    #[error("its body has {bytes} bytes; expected at most {limit} for a {kind} frame on this connection")]
    TooLong {
        /// Of which kind it is.
        kind: Kind,
        /// How long it says that it is.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// It does not check out.
    #[error("its checksum is {found:#010x}; expected {expected:#010x}: it was damaged, repeated, left out or sent on another connection")]
    Checksum {
        /// What stands there.
        found: u32,
        /// What it should be.
        expected: u32,
    },
    /// It cannot be decompressed.
    #[error("its body cannot be decompressed: {0}")]
    Compression(String),
}

/// A body that is too long to be sent. Nothing was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a {kind} frame with {bytes} bytes; expected at most {limit} on this connection")]
pub struct TooLong {
    /// Of which kind.
    pub kind: Kind,
    /// How many bytes.
    pub bytes: usize,
    /// How many there may be.
    pub limit: usize,
}

/// Two ends that have no version in common.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it speaks versions {theirs:?}; expected one of {ours:?}")]
pub struct NoCommonVersion {
    /// What the other speaks.
    pub theirs: RangeInclusive<u32>,
    /// What this end speaks.
    pub ours: RangeInclusive<u8>,
}

/// The newest version that both ends speak.
///
/// # Errors
/// If there is none.
pub fn negotiate(ours: RangeInclusive<u8>, theirs: RangeInclusive<u32>) -> Result<u8, NoCommonVersion> {
    let newest = u32::from(*ours.end()).min(*theirs.end());
    let oldest = u32::from(*ours.start()).max(*theirs.start());
    match u8::try_from(newest) {
        Ok(version) if oldest <= newest => Ok(version),
        _ => Err(NoCommonVersion { theirs, ours }),
    }
}

/// What both ends of a connection agreed on, for one of its directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The version.
    pub version: u8,
    /// What is mixed into the checksums of this direction.
    pub salt: u64,
    /// What is sent in this direction, besides a refusal.
    pub kind: Option<Kind>,
    /// How long its body may be.
    pub limit: usize,
    /// Whether it may be compressed.
    pub compression: bool,
}

impl Agreed {
    /// What holds until something is agreed on.
    const fn greeting(kind: Kind) -> Self {
        Self { version: VERSION_UNAGREED, salt: 0, kind: Some(kind), limit: GREETING_BYTES_MAX, compression: false }
    }

    fn limit_of(&self, kind: Kind) -> usize {
        if kind == Kind::Refusal { GREETING_BYTES_MAX } else { self.limit }
    }

    fn checksum(&self, number: u64, head: &[u8], body: &[u8]) -> u32 {
        let mut first = [0; CHECKED_BYTES + 16];
        first[..CHECKED_BYTES].copy_from_slice(&head[..CHECKED_BYTES]);
        first[CHECKED_BYTES..CHECKED_BYTES + 8].copy_from_slice(&self.salt.to_le_bytes());
        first[CHECKED_BYTES + 8..].copy_from_slice(&number.to_le_bytes());
        let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
        digest.update(&first);
        digest.update(body);
        digest.finalize() as u32
    }
}

/// Writes the frames of one direction of a connection.
pub struct FrameWriter {
    agreed: Agreed,
    number: u64,
    compressor: Option<Compressor>,
}

impl FrameWriter {
    /// Writes greetings of this kind, until something is agreed on.
    #[must_use]
    pub fn greeting(kind: Kind) -> Self {
        Self { agreed: Agreed::greeting(kind), number: 0, compressor: None }
    }

    /// From the next frame on, this holds.
    pub fn agree(&mut self, agreed: Agreed) {
        self.agreed = agreed;
        self.compressor = agreed.compression.then(Compressor::new);
    }

    /// Appends a frame whose body is what `write` appends.
    ///
    /// # Errors
    /// If the body is too long. Then nothing was appended.
    pub fn push(
        &mut self,
        out: &mut BytesMut,
        kind: Kind,
        partition: PartitionId,
        write: impl FnOnce(&mut BytesMut),
    ) -> Result<(), TooLong> {
        let start = out.len();
        out.put_bytes(0, HEADER_BYTES);
        write(out);
        let bytes = out.len() - start - HEADER_BYTES;
        let limit = self.agreed.limit_of(kind);
        if bytes > limit {
            out.truncate(start);
            return Err(TooLong { kind, bytes, limit });
        }
        let compressed = self.compressor.as_mut().is_some_and(|compressor| compressor.replace(out, start + HEADER_BYTES));
        let (head, body) = out[start..].split_at_mut(HEADER_BYTES);
        head[..4].copy_from_slice(&MAGIC);
        head[4] = self.agreed.version;
        head[5] = kind as u8;
        head[6..8].copy_from_slice(&if compressed { COMPRESSED } else { 0 }.to_le_bytes());
        head[8..12].copy_from_slice(&partition.0.to_le_bytes());
        // A limit is far below 4 GiB, and so is what is left of it.
        head[12..16].copy_from_slice(&(body.len() as u32).to_le_bytes());
        let checksum = self.agreed.checksum(self.number, head, body);
        head[16..].copy_from_slice(&checksum.to_le_bytes());
        self.number += 1;
        Ok(())
    }
}

/// Reads the frames of one direction of a connection.
pub struct FrameReader {
    agreed: Agreed,
    number: u64,
    decompressor: Option<Decompressor>,
}

impl FrameReader {
    /// Reads greetings of this kind, until something is agreed on.
    #[must_use]
    pub fn greeting(kind: Kind) -> Self {
        Self { agreed: Agreed::greeting(kind), number: 0, decompressor: None }
    }

    /// From the next frame on, this holds.
    pub fn agree(&mut self, agreed: Agreed) {
        self.agreed = agreed;
        self.decompressor = agreed.compression.then(Decompressor::new);
    }

    /// Takes the next frame off the front of what has come; none if it is not all there. The body is not copied.
    ///
    /// # Errors
    /// If it is no frame that may come here. Then the connection is of no more use.
    pub fn next(&mut self, come: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
        self.take(come).map_err(|problem| FrameError { number: self.number, problem })
    }

    fn take(&mut self, come: &mut BytesMut) -> Result<Option<Frame>, FrameProblem> {
        let begun = come.len().min(MAGIC.len());
        if come[..begun] != MAGIC[..begun] {
            let mut found = [0; 4];
            found[..begun].copy_from_slice(&come[..begun]);
            return Err(FrameProblem::Magic(found));
        }
        let Some(head) = come.first_chunk::<HEADER_BYTES>() else { return Ok(None) };
        let field = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let kind = self.check(head[4], head[5])?;
        let (flags, found) = (u16::from_le_bytes([head[6], head[7]]), field(16));
        let allowed = if self.decompressor.is_some() { COMPRESSED } else { 0 };
        if flags & !allowed != 0 {
            return Err(FrameProblem::Flags { found: flags, allowed });
        }
        let (partition, bytes, limit) = (PartitionId(field(8)), field(12) as usize, self.agreed.limit_of(kind));
        if bytes > limit {
            return Err(FrameProblem::TooLong { kind, bytes, limit });
        }
        let Some(body) = come.get(HEADER_BYTES..HEADER_BYTES + bytes) else { return Ok(None) };
        let expected = self.agreed.checksum(self.number, head, body);
        if found != expected {
            return Err(FrameProblem::Checksum { found, expected });
        }
        let body = match &mut self.decompressor {
            Some(decompressor) if flags & COMPRESSED != 0 => {
                let body = decompressor.decompress(body, limit).map_err(FrameProblem::Compression)?;
                come.advance(HEADER_BYTES + bytes);
                body
            }
            _ => {
                come.advance(HEADER_BYTES);
                come.split_to(bytes).freeze()
            }
        };
        self.number += 1;
        Ok(Some(Frame { kind, partition, body }))
    }

    fn check(&self, version: u8, kind: u8) -> Result<Kind, FrameProblem> {
        let expected = self.agreed.version;
        if version != expected {
            return Err(FrameProblem::Version { found: version, expected });
        }
        let kind = Kind::from_code(kind).ok_or(FrameProblem::UnknownKind(kind))?;
        if kind != Kind::Refusal && Some(kind) != self.agreed.kind {
            return Err(FrameProblem::Unexpected { found: kind, expected: self.agreed.kind });
        }
        Ok(kind)
    }
}
