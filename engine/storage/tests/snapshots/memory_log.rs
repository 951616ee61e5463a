//! A log in memory, as small as these tests allow. Where a disk is given, a floor that was synced is noted between the disk's steps.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::disk::MemoryDisk;
use quorate_storage::{Entry, LogError, LogStore, Mark, Record, Sequence, Span};

#[derive(Clone, Debug, Default)]
struct Part {
    floor: Mark,
    entries: Vec<Entry>,
}

#[derive(Default)]
pub(crate) struct MemoryLog {
    parts: Mutex<BTreeMap<PartitionId, Part>>,
    disk: Option<MemoryDisk>,
}

impl MemoryLog {
    pub(crate) fn noting_on(disk: &MemoryDisk) -> Self {
        Self { disk: Some(disk.clone()), ..Self::default() }
    }

    fn part(&self, partition: PartitionId) -> Part {
        self.parts.lock().unwrap().get(&partition).cloned().unwrap_or_default()
    }
}

impl LogStore for MemoryLog {
    fn append(&self, records: &[Record<'_>]) -> Result<Sequence, LogError> {
        let mut parts = self.parts.lock().unwrap();
        for record in records {
            let part = parts.entry(record.partition()).or_default();
            match *record {
                Record::Entry { mark, payload, partition } => {
                    let last = part.entries.last().map_or(part.floor, |entry| entry.mark);
                    if mark.index.0 != last.index.0 + 1 {
                        return Err(LogError::Refused { partition, problem: format!("{mark:?} behind {last:?}") });
                    }
                    part.entries.push(Entry { mark, payload: payload.to_vec() });
                }
                Record::Floor { mark, .. } => {
                    let same = part.entries.iter().any(|entry| entry.mark == mark);
                    part.entries.retain(|entry| same && entry.mark.index > mark.index);
                    part.floor = mark;
                }
                Record::Cut { from, .. } => part.entries.retain(|entry| entry.mark.index < from),
                Record::State { .. } => {}
            }
        }
        Ok(Sequence(0))
    }

    fn sync(&self, _until: Sequence) -> Result<(), LogError> {
        if let Some(disk) = &self.disk {
            self.parts.lock().unwrap().values().for_each(|part| disk.remark(part.floor.index.0));
        }
        Ok(())
    }

    fn durable(&self) -> Sequence {
        Sequence(0)
    }

    fn span(&self, partition: PartitionId) -> Span {
        let part = self.part(partition);
        let bytes = part.entries.iter().map(|entry| entry.payload.len() as u64).sum();
        Span { floor: part.floor, last: part.entries.last().map_or(part.floor, |entry| entry.mark), bytes }
    }

    fn term(&self, partition: PartitionId, index: Height) -> Result<View, LogError> {
        let part = self.part(partition);
        let mut marks = part.entries.iter().map(|entry| entry.mark).chain([part.floor]);
        let last = part.entries.last().map_or(part.floor, |entry| entry.mark).index;
        let found = marks.find(|mark| mark.index == index).map(|mark| mark.term);
        found.ok_or(LogError::Missing { partition, index, floor: part.floor.index, last })
    }

    fn read(&self, partition: PartitionId, range: Range<u64>, _bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        self.term(partition, Height(range.start))?;
        // A few at a time, so that whoever reads has to come again.
        Ok(self.part(partition).entries.into_iter().filter(|entry| range.contains(&entry.mark.index.0)).take(3).collect())
    }

    fn state(&self, _partition: PartitionId, _slot: u8) -> Option<Arc<[u8]>> {
        None
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.parts.lock().unwrap().keys().copied().collect()
    }

    fn release(&self) -> Result<u64, LogError> {
        Ok(0)
    }

    fn close(&self) -> Result<(), LogError> {
        Ok(())
    }
}
