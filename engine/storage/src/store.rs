//! The log as the rest of the engine sees it: a trait that anyone can implement.
//!
//! A log holds many partitions. Each has entries with consecutive indices above its *floor*, which is the last entry that a snapshot has
//! taken over, and named pieces of *state*: term and vote, a prepared certificate, the last signed record. What is appended in one
//! call is there wholly or not at all after a crash. Appending promises nothing; what [`LogStore::sync`] returned for is never lost.
//!
//! Implementations are held to this by [`crate::conformance::log`].

use std::io;
use std::ops::Range;
use std::sync::Arc;

use quorate_core::ids::{Height, PartitionId, View};
pub use quorate_core::mark::Mark;
use thiserror::Error;

/// Counts what was appended. What has a lower number is durable no later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

/// Something to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// The next entry of a partition.
    Entry {
        /// Whose.
        partition: PartitionId,
        /// Its place, directly behind the last.
        mark: Mark,
        /// What it says.
        payload: &'a [u8],
    },
    /// Takes away the entries from this index on, which conflict with what was agreed on.
    Cut {
        /// Whose.
        partition: PartitionId,
        /// The first that goes. It is above the floor.
        from: Height,
    },
    /// Gives up the entries up to this one, which a snapshot holds now. If the log has another entry there, or none, it gives up all.
    Floor {
        /// Whose.
        partition: PartitionId,
        /// The last entry in the snapshot. Never lower than before.
        mark: Mark,
    },
    /// Replaces a piece of state.
    State {
        /// Whose.
        partition: PartitionId,
        /// Which piece; what it means is the protocol's business.
        slot: u8,
        /// Its value.
        value: &'a [u8],
    },
}

impl Record<'_> {
    /// The partition that it is about.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        match *self {
            Self::Entry { partition, .. } | Self::Cut { partition, .. } | Self::Floor { partition, .. } | Self::State { partition, .. } => {
                partition
            }
        }
    }

    /// Whether this and the next are entries of one partition, so that what is known of it is looked up once for both.
    pub(crate) fn continues(&self, next: &Record<'_>) -> bool {
        matches!((self, next), (Self::Entry { partition, .. }, Record::Entry { partition: same, .. }) if partition == same)
    }
}

/// An entry, as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub mark: Mark,
    /// What it says.
    pub payload: Vec<u8>,
}

/// What a partition has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The last entry that was given up; zero if none was.
    pub floor: Mark,
    /// The last entry; the floor if there is none above it.
    pub last: Mark,
    /// How many bytes the payloads above the floor have.
    pub bytes: u64,
}

/// Why the log did not do something.
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// The record does not fit to what is there.
    #[error("partition {partition}: {problem}")]
    Refused {
        /// Whose record it was.
        partition: PartitionId,
        /// What does not fit, and what would.
        problem: String,
    },
    /// The entries asked for are not there any more, or not yet.
    #[error("partition {partition}: entry {index} was asked for, and the log has those above {floor} up to {last}")]
    Missing {
        /// Whose.
        partition: PartitionId,
        /// Which.
        index: Height,
        /// The floor.
        floor: Height,
        /// The last.
        last: Height,
    },
    /// Too much waits to be synced: call [`LogStore::sync`], then try again.
    #[error("{waiting} bytes wait to be synced, and {limit} may")]
    Busy {
        /// How much waits.
        waiting: u64,
        /// How much may.
        limit: u64,
    },
    /// The disk is full. Reading goes on, and so does writing state, cuts and floors, for which there is a reserve.
    #[error("the disk is full; the log takes no entries until there is room for another segment of {needed} bytes")]
    Full {
        /// How much room is wanted.
        needed: u64,
    },
    /// What is on disk is not what was written.
    #[error("{0}")]
    Corrupt(Arc<Damage>),
    /// A write or a sync failed. What was not acknowledged may be lost, and nothing can be written any more: the process must end.
    #[error("the log cannot go on: {0}")]
    Fatal(Arc<io::Error>),
    /// The files cannot be opened or read.
    #[error("the log: {0}")]
    Io(Arc<io::Error>),
}

/// Where the log is damaged, and what can be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("segment {segment}, offset {offset}: found {found}, expected {expected}. {repair}")]
pub struct Damage {
    /// The file, by its name in the log's folder.
    pub segment: String,
    /// The byte at which it does not check out.
    pub offset: u64,
    /// What is there.
    pub found: String,
    /// What should be there.
    pub expected: String,
    /// What to do about it.
    pub repair: String,
}

/// A log of many partitions. Calls may come from many threads.
pub trait LogStore: Send + Sync {
    /// Appends records, in order, all or none. They can be read at once, and are durable when [`Self::sync`] says so.
    ///
    /// # Errors
    /// If one of them does not fit; then nothing has changed.
    fn append(&self, records: &[Record<'_>]) -> Result<Sequence, LogError>;

    /// Returns when everything up to `until` is durable. Whoever waits at the same time shares one sync.
    ///
    /// # Errors
    /// [`LogError::Full`] may be tried again. Any other failure is final.
    fn sync(&self, until: Sequence) -> Result<(), LogError>;

    /// Up to where everything is durable.
    fn durable(&self) -> Sequence;

    /// What a partition has. One that was never written to has nothing.
    fn span(&self, partition: PartitionId) -> Span;

    /// The term of the entry at `index`, or of the floor.
    ///
    /// # Errors
    /// If it is below the floor or above the last.
    fn term(&self, partition: PartitionId, index: Height) -> Result<View, LogError>;

    /// Entries from the start of the range, at least one, then as many as are in it and have no more than `bytes_max` of payload.
    ///
    /// # Errors
    /// If the start is not there, or the disk does not give it back as it was.
    fn read(&self, partition: PartitionId, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, LogError>;

    /// A piece of state, if it was ever written.
    fn state(&self, partition: PartitionId, slot: u8) -> Option<Arc<[u8]>>;

    /// Every partition that was written to.
    fn partitions(&self) -> Vec<PartitionId>;

    /// Gives back the room of what lies below the floors. Returns how many bytes.
    ///
    /// # Errors
    /// If the disk fails.
    fn release(&self) -> Result<u64, LogError>;

    /// Syncs everything and marks the end as intended. Nothing can be appended after that.
    ///
    /// # Errors
    /// If the disk fails.
    fn close(&self) -> Result<(), LogError>;
}
