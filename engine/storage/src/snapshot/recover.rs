//! What a partition has after a restart: the machine's own state or the newest snapshot, whichever is further, and then the log.
//!
//! A crash can come between a durable snapshot and the log's new floor, and a machine on disk can be ahead of this node's log, since
//! other members made its entries sure. In both cases the log is told here what the state holds, so that it goes on where the state ends.

use quorate_core::ids::{Height, PartitionId};

use super::error::SnapshotError;
use super::store::{Latest, Snapshots};
use crate::machine::{Host, Response, StateMachine};
use crate::store::{LogStore, Mark, Record};

/// How many bytes of entries are read at once.
const BATCH_BYTES: usize = 1 << 20;

/// A partition after a restart.
pub struct Recovered {
    /// The machine, as far as it is.
    pub host: Host,
    /// The entry behind which the log has to be replayed.
    pub from: Mark,
    /// What went with the newest whole snapshot, and the entry that it is of.
    pub meta: Option<(Mark, Vec<u8>)>,
    /// Snapshots that are damaged, newer than the one that is whole. Somebody should be told.
    pub damaged: Vec<SnapshotError>,
}

/// Brings a partition's machine, which was just made or opened, as far as snapshots can.
///
/// # Errors
/// If what lies between the state and the log is gone, or the machine, the log or the disk fails.
pub fn recover(
    partition: PartitionId,
    machine: Box<dyn StateMachine>,
    log: &dyn LogStore,
    snapshots: &Snapshots,
) -> Result<Recovered, SnapshotError> {
    let Latest { reader, damaged } = snapshots.latest(partition)?;
    let mut host = Host::new(partition, machine);
    if let Some(reader) = &reader
        && reader.manifest().mark().index > host.applied().index
    {
        host.restore(reader.manifest().mark(), &mut reader.body())?;
    }
    let (from, floor) = (host.applied(), log.span(partition).floor);
    if from.index < floor.index {
        let because = damaged.iter().map(|error| format!(" ({error})")).collect();
        return Err(SnapshotError::Gap { partition, state: from.index, floor: floor.index, because });
    }
    let meta = reader.map(|reader| (reader.manifest().mark(), reader.manifest().meta().to_vec()));
    let held = meta.as_ref().map_or_else(Mark::default, |meta| meta.0);
    let joined = from.index.0 == 0 || log.term(partition, from.index).is_ok_and(|term| term == from.term);
    let mark = if joined { held } else { from };
    if mark.index > floor.index {
        // What a machine in memory holds is in the snapshot; what one on disk holds must be sure before the log forgets it.
        host.sync()?;
        let sequence = log.append(&[Record::Floor { partition, mark }])?;
        log.sync(sequence)?;
        log.release()?;
    }
    Ok(Recovered { host, from, meta, damaged })
}

/// Applies what the log has, up to and with `until`, which is known to be committed.
///
/// # Errors
/// If the log cannot be read, or the machine cannot go on.
pub fn replay(host: &mut Host, log: &dyn LogStore, until: Height, responses: &mut Vec<Response>) -> Result<(), SnapshotError> {
    while host.applied().index < until {
        let range = host.applied().index.0 + 1..until.0.saturating_add(1);
        let entries = log.read(host.partition(), range, BATCH_BYTES)?;
        host.apply(&entries, responses)?;
    }
    Ok(())
}
