//! From a machine's state to a shorter log, in the one order that loses nothing.
//!
//! 1. The host freezes its state at its applied mark ([`begin`]); it goes on applying at once.
//! 2. The frozen state is written, on any thread, and is durable when [`Pending::write`] returns.
//! 3. [`settle`]: the machine syncs, if it is on disk; the log gets its new floor, which is synced; then the log releases what lies
//!    below, and older snapshots go. **The log is never cut before the snapshot that holds the entries is durable.**
//!
//! A crash between any two steps leaves entries in the log that a snapshot holds too, which costs room and nothing else.

use quorate_core::ids::PartitionId;

use super::error::SnapshotError;
use super::file::Reader;
use super::manifest::Manifest;
use super::policy::Policy;
use super::store::Snapshots;
use crate::machine::{Host, SnapshotSource};
use crate::store::{LogStore, Mark, Record};

/// A frozen state that waits to be written.
pub struct Pending {
    partition: PartitionId,
    mark: Mark,
    meta: Vec<u8>,
    source: Box<dyn SnapshotSource>,
}

impl Pending {
    /// The last entry that is in it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Writes it out.
    ///
    /// # Errors
    /// If the state cannot be written out, or the disk fails.
    pub fn write(mut self, snapshots: &Snapshots) -> Result<Manifest, SnapshotError> {
        snapshots.write(self.partition, self.mark, self.meta, self.source.as_mut())
    }
}

/// What a snapshot led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Up to where the log was given up.
    pub floor: Mark,
    /// How many bytes the log gave back.
    pub released: u64,
    /// The snapshots that are left, the oldest first.
    pub kept: Vec<Mark>,
}

/// Freezes a partition's state, to be written as a snapshot with `meta`.
///
/// # Errors
/// If the machine cannot go on.
pub fn begin(host: &mut Host, meta: Vec<u8>) -> Result<Pending, SnapshotError> {
    Ok(Pending { partition: host.partition(), mark: host.applied(), meta, source: host.snapshot()? })
}

/// Lets the log give up what a durable snapshot holds.
///
/// # Errors
/// If the machine, the log or the disk fails.
pub fn settle(
    host: &mut Host,
    log: &dyn LogStore,
    snapshots: &Snapshots,
    manifest: &Manifest,
    policy: &Policy,
) -> Result<Settled, SnapshotError> {
    // A machine on disk may have less than the snapshot. It must not need entries that the log is about to give up.
    host.sync()?;
    give_up(host.partition(), log, snapshots, manifest, policy)
}

/// Lets the log give up what a durable snapshot holds, for a machine that is in memory, or was synced since it had what is in the snapshot.
/// May be called on any thread.
///
/// # Errors
/// If the log or the disk fails.
pub fn give_up(
    partition: PartitionId,
    log: &dyn LogStore,
    snapshots: &Snapshots,
    manifest: &Manifest,
    policy: &Policy,
) -> Result<Settled, SnapshotError> {
    let mark = manifest.mark();
    if mark.index > log.span(partition).floor.index {
        let sequence = log.append(&[Record::Floor { partition, mark }])?;
        log.sync(sequence)?;
    }
    let released = log.release()?;
    let kept = snapshots.prune(partition, policy.keep)?;
    Ok(Settled { floor: log.span(partition).floor, released, kept })
}

/// Takes a snapshot if one is due, from beginning to end. `meta` is asked for only then.
///
/// # Errors
/// If the machine, the log or the disk fails.
pub fn take(
    host: &mut Host,
    log: &dyn LogStore,
    snapshots: &Snapshots,
    policy: &Policy,
    meta: impl FnOnce() -> Vec<u8>,
) -> Result<Option<Settled>, SnapshotError> {
    let partition = host.partition();
    if !policy.due(&log.span(partition), host.applied(), snapshots.newest(partition)) {
        return Ok(None);
    }
    let manifest = begin(host, meta())?.write(snapshots)?;
    settle(host, log, snapshots, &manifest, policy).map(Some)
}

/// Puts a received snapshot in the place of a partition's state, if it is further, and of the log up to there.
///
/// # Errors
/// If the machine, the log or the disk fails.
pub fn install(
    host: &mut Host,
    log: &dyn LogStore,
    snapshots: &Snapshots,
    snapshot: &Reader,
    policy: &Policy,
) -> Result<Settled, SnapshotError> {
    let mark = snapshot.manifest().mark();
    if mark.index > host.applied().index {
        host.restore(mark, &mut snapshot.body())?;
    }
    settle(host, log, snapshots, snapshot.manifest(), policy)
}
