//! Where in its segment an entry is: a table for each segment, made while records are written or scanned, and again if it was dropped.
//!
//! A table does not name every entry, only one in each [`STRIDE`] bytes of a partition's own; from there one walks. Tables of old
//! segments are dropped when all of them take more than they may.

use std::collections::{BTreeMap, HashMap};

use quorate_core::ids::PartitionId;

use crate::store::Record;

/// Entries closer to the last one that is named are not named.
const STRIDE: u32 = 4096;

/// What a name takes in memory.
const NAME_BYTES: u64 = 16;

#[derive(Clone, Debug, Default)]
struct Table {
    names: Vec<(u64, u32)>,
    /// The next entry is named wherever it is: what lies between was cut.
    broken: bool,
}

/// The way to some entries of a partition in one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Indices, and where those entries begin.
    pub(super) names: Vec<(u64, u32)>,
    /// The last entry that one gets to.
    pub(super) until: u64,
}

/// The table of one segment.
#[derive(Clone, Debug, Default)]
pub(super) struct SegmentTable {
    partitions: HashMap<PartitionId, Table>,
    names: u64,
}

impl SegmentTable {
    /// Notes a record, whether it gave up all entries, and where it begins. Of an entry, says up to where those of the same partition
    /// that follow it need not be noted.
    pub(super) fn note(&mut self, record: &Record<'_>, resets: bool, at: u32) -> Option<u32> {
        let (partition, from) = match *record {
            Record::Entry { partition, mark, .. } => {
                let table = self.partitions.entry(partition).or_default();
                if table.broken || table.names.last().is_none_or(|(_, last)| at - last >= STRIDE) {
                    table.names.push((mark.index.0, at));
                    table.broken = false;
                    self.names += 1;
                }
                return table.names.last().map(|(_, named)| named.saturating_add(STRIDE));
            }
            Record::Cut { partition, from } => (partition, from.0),
            Record::Floor { partition, .. } if resets => (partition, 0),
            Record::Floor { .. } | Record::State { .. } => return None,
        };
        if let Some(table) = self.partitions.get_mut(&partition) {
            let kept = table.names.partition_point(|(index, _)| *index < from);
            self.names -= (table.names.len() - kept) as u64;
            table.names.truncate(kept);
            table.broken = true;
        }
        None
    }

    /// The last name at or before an entry, and those behind it up to `end`; and up to which entry they lead, if there are very many.
    fn route(&self, partition: PartitionId, index: u64, end: u64) -> Option<Route> {
        const NAMES_MAX: usize = 4096;
        let names = &self.partitions.get(&partition)?.names;
        let first = names.partition_point(|(named, _)| *named <= index).checked_sub(1)?;
        let leads = names[first..].get(NAMES_MAX).map_or(end, |(omitted, _)| end.min(omitted - 1));
        let names = names[first..].iter().take(NAMES_MAX).take_while(|(named, _)| *named <= end).copied().collect();
        Some(Route { names, until: leads })
    }

    fn bytes(&self) -> u64 {
        self.names * NAME_BYTES + self.partitions.len() as u64 * 64
    }
}

/// The tables of all segments.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    tables: BTreeMap<u64, SegmentTable>,
    bytes_max: u64,
}

impl Offsets {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { tables: BTreeMap::new(), bytes_max }
    }

    pub(super) fn note(&mut self, segment: u64, record: &Record<'_>, resets: bool, at: u32) -> Option<u32> {
        self.tables.entry(segment).or_default().note(record, resets, at)
    }

    /// Puts a table in its place.
    pub(super) fn insert(&mut self, segment: u64, table: SegmentTable) {
        self.tables.insert(segment, table);
    }

    /// Drops the oldest tables until they fit, but not this one. Those from `unwritten` on cannot be made again from the disk.
    pub(super) fn trim(&mut self, but: u64, unwritten: u64) {
        while self.bytes() > self.bytes_max {
            let Some(oldest) = self.tables.keys().copied().find(|segment| *segment != but) else { return };
            if oldest >= unwritten {
                return;
            }
            self.tables.remove(&oldest);
        }
    }

    /// Forgets the segments before this one, which are gone.
    pub(super) fn forget(&mut self, before: u64) {
        self.tables = self.tables.split_off(&before);
    }

    /// How to get to the entries from `index` to `end`; nothing if the segment's table was dropped.
    pub(super) fn route(&self, segment: u64, partition: PartitionId, index: u64, end: u64) -> Option<Route> {
        let table = self.tables.get(&segment)?;
        Some(table.route(partition, index, end).unwrap_or(Route { names: Vec::new(), until: end }))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.tables.values().map(SegmentTable::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::ids::{Height, View};

    use super::*;
    use crate::store::Mark;

    fn entry(index: u64) -> Record<'static> {
        Record::Entry { partition: PartitionId(1), mark: Mark { index: Height(index), term: View(1) }, payload: b"" }
    }

    #[test]
    fn one_walks_from_the_last_name_before() {
        let mut table = SegmentTable::default();
        for index in 1..=100 {
            table.note(&entry(index), false, index as u32 * 1000);
        }
        let route = table.route(PartitionId(1), 50, 60).unwrap().names;
        assert!(route[0].0 <= 50 && route[0].0 > 45 && route.len() <= 4, "{route:?}");
        table.note(&Record::Cut { partition: PartitionId(1), from: Height(51) }, false, 100_500);
        table.note(&entry(51), false, 101_000);
        assert_eq!(table.route(PartitionId(1), 51, 51).unwrap().names, [(51, 101_000)]);
    }

    #[test]
    fn tables_that_do_not_fit_are_dropped_from_the_oldest_on() {
        let mut offsets = Offsets::new(5 * 80);
        (0..20).for_each(|segment| {
            offsets.note(segment, &entry(segment + 1), false, 4096);
            offsets.trim(segment, segment);
        });
        assert!(offsets.bytes() <= 5 * 80);
        assert!(offsets.route(0, PartitionId(1), 1, 1).is_none() && offsets.route(19, PartitionId(1), 20, 20).is_some());
    }
}
