//! A disk that is full: entries are refused with a reason, what was acknowledged can be read, state can still be written, and
//! everything goes on when there is room.

use quorate_core::ids::{Height, PartitionId, View};
use quorate_core::verdict::Verdict;
use quorate_env::disk::MemoryDisk;
use quorate_env::rng::Seeded;

use super::{SMALL, open};
use crate::log::{Alarm, Alarms, Log};
use crate::store::{LogError, LogStore as _, Mark, Record, Sequence};

const PARTITION: PartitionId = PartitionId(1);

/// Fills disks of many sizes.
#[must_use]
pub fn enospc(seed: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    for pages in 6..40 {
        verdict.case(fill(pages * 4096 + rng.below(4096), &mut rng).map_err(|what| format!("{pages} pages: {what}")));
    }
    verdict
}

fn append(log: &Log, index: u64, bytes: usize) -> Result<Sequence, LogError> {
    let payload = vec![index as u8; bytes];
    let last =
        log.append(&[Record::Entry { partition: PARTITION, mark: Mark { index: Height(index), term: View(1) }, payload: &payload }])?;
    log.sync(last)?;
    Ok(last)
}

fn fill(capacity: u64, rng: &mut Seeded) -> Result<(), String> {
    let said = |error: LogError| error.to_string();
    let disk = MemoryDisk::new();
    let (log, _) = open(&disk, rng.next_u64()).map_err(said)?;
    log.prepare().map_err(said)?;
    disk.set_capacity(Some(capacity.max(disk.used())));
    let (mut alarms, mut last) = (Alarms::default(), 0);
    // Until it is full.
    loop {
        match append(&log, last + 1, 1 + rng.below(600) as usize) {
            Ok(_) => last += 1,
            Err(LogError::Full { needed }) if needed == SMALL.segment_bytes => break,
            other => return Err(format!("expected that the disk is full, found {other:?}")),
        }
        if last > 10_000 {
            return Err("a disk that never gets full".into());
        }
    }
    if alarms.look(&log.health()) != [Alarm::DiskFull] {
        return Err("there was no alarm".into());
    }
    // Everything is there, and the reserve takes state.
    for index in 1..=last {
        let read = log.read(PARTITION, index..index + 1, usize::MAX).map_err(said)?;
        if read.len() != 1 || read[0].payload.iter().any(|byte| *byte != index as u8) {
            return Err(format!("entry {index} cannot be read"));
        }
    }
    for vote in 0..20_u64 {
        let state = Record::State { partition: PARTITION, slot: 0, value: &vote.to_le_bytes() };
        let number = log.append(&[state]).map_err(|error| format!("vote {vote}: {error}"))?;
        log.sync(number).map_err(said)?;
    }
    // What the reserve has taken is not for entries, though they would fit.
    if !matches!(append(&log, last + 1, 1), Err(LogError::Full { .. })) {
        return Err("an entry took room in the reserve".into());
    }
    if rng.one_in(2) {
        // Room comes from outside,
        disk.set_capacity(Some(capacity + 3 * SMALL.segment_bytes));
    } else {
        // or from a snapshot.
        let number =
            log.append(&[Record::Floor { partition: PARTITION, mark: Mark { index: Height(last), term: View(1) } }]).map_err(said)?;
        log.sync(number).map_err(said)?;
        if log.release().map_err(said)? == 0 {
            disk.set_capacity(Some(capacity + 3 * SMALL.segment_bytes));
        }
    }
    for _ in 0..3 {
        append(&log, last + 1, 100).map_err(|error| format!("with room again: {error}"))?;
        last += 1;
    }
    log.prepare().map_err(said)?;
    if !alarms.look(&log.health()).contains(&Alarm::DiskHasRoom) {
        return Err("nobody said that there is room again".into());
    }
    drop(log);
    let (log, _) = open(&disk, rng.next_u64()).map_err(said)?;
    if log.span(PARTITION).last.index != Height(last) || log.state(PARTITION, 0).as_deref() != Some(&19_u64.to_le_bytes()[..]) {
        return Err("something was lost".into());
    }
    Ok(())
}
