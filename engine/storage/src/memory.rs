//! A log in memory: for tests, and for nodes that are told to forget everything. It passes the same suite as the one on disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_core::ids::{Height, PartitionId, View};

use crate::log::ledger::Ledger;
use crate::store::{Entry, LogError, LogStore, Record, Sequence, Span};

#[derive(Debug, Default)]
struct Kept {
    ledger: Ledger,
    entries: BTreeMap<(PartitionId, u64), Entry>,
    last: Sequence,
    durable: Sequence,
    closed: bool,
}

/// A log that is gone with its process.
#[derive(Debug, Default)]
pub struct MemoryLog {
    kept: Mutex<Kept>,
}

impl MemoryLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStore for MemoryLog {
    fn append(&self, records: &[Record<'_>]) -> Result<Sequence, LogError> {
        let mut kept = self.kept();
        if kept.closed {
            return Err(LogError::Fatal(Arc::new(std::io::Error::other("it was closed"))));
        }
        kept.ledger.check(records)?;
        for record in records {
            kept.ledger.take(std::slice::from_ref(record), 0);
            let partition = record.partition();
            if let Record::Entry { mark, payload, .. } = *record {
                kept.entries.insert((partition, mark.index.0), Entry { mark, payload: payload.to_vec() });
            } else {
                let Span { floor, last, .. } = kept.ledger.span(partition);
                kept.entries.retain(|(whose, index), _| *whose != partition || (*index > floor.index.0 && *index <= last.index.0));
            }
        }
        kept.last.0 += records.len() as u64;
        Ok(kept.last)
    }

    fn sync(&self, until: Sequence) -> Result<(), LogError> {
        let mut kept = self.kept();
        if until > kept.last {
            let problem = format!("record {} was to be synced, and {} is the last that was appended", until.0, kept.last.0);
            return Err(LogError::Refused { partition: PartitionId(0), problem });
        }
        kept.durable = kept.last;
        Ok(())
    }

    fn durable(&self) -> Sequence {
        self.kept().durable
    }

    fn span(&self, partition: PartitionId) -> Span {
        self.kept().ledger.span(partition)
    }

    fn term(&self, partition: PartitionId, index: Height) -> Result<View, LogError> {
        self.kept().ledger.term(partition, index)
    }

    fn read(&self, partition: PartitionId, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        let kept = self.kept();
        if range.is_empty() {
            return Ok(Vec::new());
        }
        kept.ledger.place(partition, Height(range.start))?;
        let mut bytes = 0;
        let among = kept.entries.range((partition, range.start)..(partition, range.end)).map(|(_, entry)| entry);
        let fits = |(nth, entry): &(usize, &Entry)| {
            bytes += entry.payload.len();
            *nth == 0 || bytes <= bytes_max
        };
        Ok(among.enumerate().take_while(fits).map(|(_, entry)| entry.clone()).collect())
    }

    fn state(&self, partition: PartitionId, slot: u8) -> Option<Arc<[u8]>> {
        self.kept().ledger.state(partition, slot)
    }

    fn partitions(&self) -> Vec<PartitionId> {
        self.kept().ledger.partitions()
    }

    fn release(&self) -> Result<u64, LogError> {
        Ok(0)
    }

    fn close(&self) -> Result<(), LogError> {
        let mut kept = self.kept();
        kept.durable = kept.last;
        kept.closed = true;
        Ok(())
    }
}
