//! What a log should hold, kept in the most obvious way; and random calls that fit to it.

use std::collections::BTreeMap;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::rng::Seeded;

use crate::store::{Entry, LogStore, Mark, Record};

/// One partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) floor: Mark,
    pub(super) entries: Vec<Entry>,
    pub(super) states: BTreeMap<u8, Vec<u8>>,
}

impl Part {
    fn last(&self) -> Mark {
        self.entries.last().map_or(self.floor, |entry| entry.mark)
    }
}

/// A record that owns what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owned {
    Entry(PartitionId, Mark, Vec<u8>),
    Cut(PartitionId, Height),
    Floor(PartitionId, Mark),
    State(PartitionId, u8, Vec<u8>),
}

impl Owned {
    pub(super) fn borrowed(&self) -> Record<'_> {
        match self {
            Self::Entry(partition, mark, payload) => Record::Entry { partition: *partition, mark: *mark, payload },
            Self::Cut(partition, from) => Record::Cut { partition: *partition, from: *from },
            Self::Floor(partition, mark) => Record::Floor { partition: *partition, mark: *mark },
            Self::State(partition, slot, value) => Record::State { partition: *partition, slot: *slot, value },
        }
    }
}

/// All partitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    pub(super) parts: BTreeMap<PartitionId, Part>,
}

impl Model {
    pub(super) fn take(&mut self, record: &Owned) {
        match record {
            Owned::Entry(partition, mark, payload) => {
                self.parts.entry(*partition).or_default().entries.push(Entry { mark: *mark, payload: payload.clone() });
            }
            Owned::Cut(partition, from) => {
                self.parts.entry(*partition).or_default().entries.retain(|entry| entry.mark.index < *from);
            }
            Owned::Floor(partition, mark) => {
                let part = self.parts.entry(*partition).or_default();
                let same = part.entries.iter().any(|entry| entry.mark == *mark);
                if *mark != part.floor {
                    part.entries.retain(|entry| same && entry.mark.index > mark.index);
                }
                part.floor = *mark;
            }
            Owned::State(partition, slot, value) => {
                drop(self.parts.entry(*partition).or_default().states.insert(*slot, value.clone()));
            }
        }
    }

    /// Some records that fit, at most one cut or floor a partition, and that before its entries.
    pub(super) fn propose(&self, rng: &mut Seeded, partitions: u64, payload_max: u64) -> Vec<Owned> {
        let mut records = Vec::new();
        let partition = PartitionId(rng.below(partitions) as u32);
        let empty = Part::default();
        let part = self.parts.get(&partition).unwrap_or(&empty);
        let (mut last, floor) = (part.last(), part.floor);
        match rng.below(16) {
            0 if last.index > floor.index => {
                let from = floor.index.0 + 1 + rng.below(last.index.0 - floor.index.0);
                records.push(Owned::Cut(partition, Height(from)));
                last = part.entries.iter().rev().find(|entry| entry.mark.index.0 < from).map_or(floor, |entry| entry.mark);
            }
            1 if !part.entries.is_empty() => {
                let mark = part.entries[rng.below(part.entries.len() as u64) as usize].mark;
                records.push(Owned::Floor(partition, mark));
            }
            2 if rng.one_in(4) => {
                // A snapshot from elsewhere, which is ahead of the log or contradicts it.
                let ahead = Height(floor.index.0 + 1 + rng.below(last.index.0 - floor.index.0 + 3));
                let mark = Mark { index: ahead, term: View(last.term.0 + 1) };
                records.push(Owned::Floor(partition, mark));
                last = mark;
            }
            3 => {
                let value = (0..rng.below(payload_max)).map(|_| rng.next_u64() as u8).collect();
                records.push(Owned::State(partition, rng.below(3) as u8, value));
            }
            _ => {}
        }
        let mut term = last.term.0 + u64::from(rng.one_in(5));
        for nth in 1..=rng.below(4) {
            // Payloads of zeros are the ones that could be taken for room that was never written to.
            let fill = if rng.one_in(3) { 0 } else { rng.next_u64() as u8 };
            let payload = vec![fill; rng.below(payload_max) as usize];
            term = term.max(1);
            records.push(Owned::Entry(partition, Mark { index: Height(last.index.0 + nth), term: View(term) }, payload));
        }
        records
    }

    /// Compares everything that can be asked for.
    pub(super) fn compare(&self, log: &dyn LogStore) -> Result<(), String> {
        for (partition, part) in &self.parts {
            let span = log.span(*partition);
            if (span.floor, span.last) != (part.floor, part.last()) {
                return Err(format!("partition {partition}: the log says {span:?}; expected {:?} to {:?}", part.floor, part.last()));
            }
            let entries = part.entries.as_slice();
            let (first, end) = (span.floor.index.0 + 1, span.last.index.0 + 1);
            let read = if first < end { log.read(*partition, first..end, usize::MAX) } else { Ok(Vec::new()) };
            let read = read.map_err(|error| format!("partition {partition}: reading {first}..{end}: {error}"))?;
            if read != entries {
                let wrong = read.iter().zip(entries).position(|(found, expected)| found != expected).unwrap_or(read.len());
                let all = (read.len(), entries.len());
                return Err(format!(
                    "partition {partition}: entry {} differs, of {} read and {} expected",
                    wrong as u64 + first,
                    all.0,
                    all.1
                ));
            }
            for entry in entries {
                match log.term(*partition, entry.mark.index) {
                    Ok(term) if term == entry.mark.term => {}
                    other => return Err(format!("partition {partition}: the term of {:?} is {other:?}", entry.mark)),
                }
            }
            for slot in 0..4 {
                let (found, expected) = (log.state(*partition, slot), part.states.get(&slot));
                if found.as_deref() != expected.map(Vec::as_slice) {
                    return Err(format!("partition {partition}: state {slot} is {found:?}; expected {expected:?}"));
                }
            }
        }
        match log.partitions().iter().find(|partition| !self.parts.contains_key(partition)) {
            Some(stranger) => Err(format!("partition {stranger} is in the log, and nobody wrote to it")),
            None => Ok(()),
        }
    }
}
