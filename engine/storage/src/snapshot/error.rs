//! What can be wrong with a snapshot. Damage names the file, the part of it, the offset, and what should be there.

use std::fmt;
use std::io;
use std::sync::Arc;

use quorate_core::codec::DecodeError;
use quorate_core::ids::{ClusterId, Height, PartitionId};
use thiserror::Error;

use crate::machine::HostError;
use crate::store::{LogError, Mark};

/// A part of a snapshot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The first bytes.
    Header,
    /// A piece of the state, counted from zero.
    Chunk(u64),
    /// What the snapshot is of, and the digests.
    Manifest,
    /// The last bytes.
    Footer,
    /// The file's name.
    Name,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Chunk(nth) => write!(f, "chunk {nth}"),
            Self::Manifest => f.write_str("the manifest"),
            Self::Footer => f.write_str("the footer"),
            Self::Name => f.write_str("the name"),
        }
    }
}

/// Where a snapshot file is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("snapshot {file}, {part} at offset {offset}: found {found}, expected {expected}")]
pub struct SnapshotDamage {
    /// The file, by its path on the node's disk.
    pub file: String,
    /// Which part of it.
    pub part: Part,
    /// Where that part, or the field in it, begins.
    pub offset: u64,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: String,
}

/// Why something with a snapshot did not work.
#[derive(Clone, Debug, Error)]
pub enum SnapshotError {
    /// The file is damaged.
    #[error(transparent)]
    Damaged(Box<SnapshotDamage>),
    /// The snapshot is another cluster's.
    #[error("snapshot {file} is of cluster {found}; this node is in cluster {expected}: was the wrong data directory copied?")]
    OtherCluster {
        /// Which.
        file: String,
        /// Whose it is.
        found: ClusterId,
        /// Whose it should be.
        expected: ClusterId,
    },
    /// The file was written by a later version.
    #[error("snapshot {file} has format {found}; this program reads {expected}: use the version that wrote it, or a later one")]
    Format {
        /// Which.
        file: String,
        /// Its format.
        found: u32,
        /// The format that can be read.
        expected: u32,
    },
    /// A manifest cannot be read, or does not make sense.
    #[error(transparent)]
    Manifest(#[from] DecodeError),
    /// A chunk that was received is not the one that is wanted.
    #[error("chunk {found} was received; the next one wanted is {wanted} of {count}")]
    OtherChunk {
        /// What came.
        found: u64,
        /// What should have come.
        wanted: u64,
        /// How many there are.
        count: u64,
    },
    /// A chunk that was received does not have its digest or its length.
    #[error("chunk {chunk} was received with {found}; expected {expected}")]
    WrongChunk {
        /// Which.
        chunk: u64,
        /// What it has.
        found: String,
        /// What it should have.
        expected: String,
    },
    /// A reception is not at its end.
    #[error("snapshot {file} cannot be finished: chunk {wanted} of {count} is still wanted")]
    Incomplete {
        /// The file that is being received.
        file: String,
        /// The next chunk.
        wanted: u64,
        /// How many there are.
        count: u64,
    },
    /// A chunk was asked for that the snapshot does not have.
    #[error("snapshot {file} has {count} chunks; chunk {chunk} was asked for")]
    NoChunk {
        /// Which snapshot.
        file: String,
        /// The chunk.
        chunk: u64,
        /// How many there are.
        count: u64,
    },
    /// There is no such snapshot.
    #[error("partition {partition} has no snapshot at entry {}", mark.index)]
    Missing {
        /// Whose.
        partition: PartitionId,
        /// At which entry.
        mark: Mark,
    },
    /// The log begins later than the state ends.
    #[error(
        "partition {partition}: the state ends at entry {state} and the log begins behind entry {floor}; \
         what lies between is gone here: take a snapshot from another member{because}"
    )]
    Gap {
        /// Whose.
        partition: PartitionId,
        /// Where the state ends.
        state: Height,
        /// Where the log begins.
        floor: Height,
        /// The newer snapshots that could not be used, in brackets, if there are any.
        because: String,
    },
    /// The state could not be written out.
    #[error("the state of partition {partition} could not be written out: {problem}")]
    Source {
        /// Whose.
        partition: PartitionId,
        /// What went wrong.
        problem: Arc<io::Error>,
    },
    /// The machine cannot go on.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The log fails.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The disk fails.
    #[error("while {doing} {file}: {problem}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or folder.
        file: String,
        /// What went wrong.
        problem: Arc<io::Error>,
    },
}

impl SnapshotError {
    /// Whether the disk is full, so that the same may succeed when there is room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io { problem, .. } | Self::Source { problem, .. } if quorate_env::disk::is_full(problem))
    }

    /// The damage, if that is what it is.
    #[must_use]
    pub fn damage(&self) -> Option<&SnapshotDamage> {
        if let Self::Damaged(damage) = self { Some(damage) } else { None }
    }
}

/// Turns what the disk said into an error that says what was being done.
pub(super) fn failed(doing: &'static str, file: &str) -> impl Fn(io::Error) -> SnapshotError {
    move |problem| SnapshotError::Io { doing, file: file.to_owned(), problem: Arc::new(problem) }
}
