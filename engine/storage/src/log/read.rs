//! Reading entries: the newest from memory, the others from their segments, each checked again.

use std::ops::Range;
use std::sync::Arc;

use quorate_core::ids::{Height, PartitionId};

use super::offsets::SegmentTable;
use super::record::{self, Found, HEAD};
use super::segment::{self, PAGE, Segment};
use super::{Log, State, locked};
use crate::store::{Damage, Entry, LogError, Record};

/// How much is read at once where records are walked through.
const WINDOW: usize = 64 << 10;

impl Log {
    pub(super) fn entries(&self, partition: PartitionId, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let mut index = range.start;
        while index < range.end {
            let last = locked(&self.state).ledger.span(partition).last.index.0;
            if index > last && !entries.is_empty() {
                break;
            }
            let piece = self.piece(partition, index, range.end)?;
            let done = self.walk(&piece, partition, &mut index, bytes_max, &mut bytes, &mut entries)?;
            if done {
                break;
            }
        }
        Ok(entries)
    }

    /// Where to find an entry, and those behind it in the same segment.
    fn piece(&self, partition: PartitionId, index: u64, end: u64) -> Result<Piece, LogError> {
        loop {
            let (segment, until) = {
                let state = locked(&self.state);
                let (number, until) = state.ledger.place(partition, Height(index))?;
                let until = until.min(end - 1);
                let segment = find(&state, number).ok_or_else(|| state.ledger.missing(partition, Height(index)))?;
                if let Some(route) = state.offsets.route(number, partition, index, until) {
                    return Ok(Piece { segment, until: route.until, route: route.names });
                }
                (segment, until)
            };
            debug_assert!(until >= index);
            // Its table was dropped: make it again, without holding anybody up.
            let table = self.table(&segment)?;
            let state = &mut *locked(&self.state);
            let unwritten = state.unwritten(self.durable_now());
            state.offsets.insert(segment.number, table);
            state.offsets.trim(segment.number, unwritten);
        }
    }

    /// The table of a segment, from its records.
    fn table(&self, segment: &Segment) -> Result<SegmentTable, LogError> {
        let mut bytes = vec![0; segment.len as usize];
        segment.file.read_exact_at(&mut bytes, 0).map_err(|error| LogError::Io(error.into()))?;
        let (mut at, mut table) = (PAGE as usize, SegmentTable::default());
        while let Ok((found, size)) = record::decode(&bytes[at..], at as u64, segment.fill) {
            if let Found::Record(record) | Found::Reset(record) = found {
                table.note(&record, matches!(found, Found::Reset(_)), at as u32);
            }
            at += size;
        }
        Ok(table)
    }

    /// Takes entries from one segment. Returns whether there is enough.
    fn walk(
        &self,
        piece: &Piece,
        partition: PartitionId,
        index: &mut u64,
        bytes_max: usize,
        bytes: &mut usize,
        entries: &mut Vec<Entry>,
    ) -> Result<bool, LogError> {
        let segment = piece.segment.as_ref();
        let mut names = piece.route.iter().peekable();
        let mut at = names.next().map_or(PAGE, |(_, at)| u64::from(*at));
        let mut source = Source { log: self, segment, window: Vec::new(), from: 0 };
        while *index <= piece.until {
            while let Some((_, named)) = names.next_if(|(named, _)| named <= index) {
                at = at.max(u64::from(*named));
            }
            let (found, size) = source.record(at)?;
            if let Found::Record(Record::Entry { partition: whose, mark, payload }) = found
                && whose == partition
                && mark.index.0 == *index
            {
                if !entries.is_empty() && *bytes + payload.len() > bytes_max {
                    return Ok(true);
                }
                *bytes += payload.len();
                entries.push(Entry { mark, payload: payload.to_vec() });
                *index += 1;
            }
            at += size as u64;
        }
        Ok(false)
    }
}

struct Piece {
    segment: Arc<Segment>,
    route: Vec<(u64, u32)>,
    until: u64,
}

fn find(state: &State, number: u64) -> Option<Arc<Segment>> {
    let first = state.segments.front()?.number;
    state.segments.get(usize::try_from(number.checked_sub(first)?).ok()?).cloned()
}

/// Records of one segment, one after the other.
struct Source<'a> {
    log: &'a Log,
    segment: &'a Segment,
    window: Vec<u8>,
    from: u64,
}

impl Source<'_> {
    fn record(&mut self, at: u64) -> Result<(Found<'_>, usize), LogError> {
        self.need(at, HEAD)?;
        let mut head = [0; HEAD];
        head.copy_from_slice(&self.window[(at - self.from) as usize..][..HEAD]);
        let size = record::claimed_size(&head);
        let name = || segment::name(self.segment.number);
        if size as u64 > self.segment.len.saturating_sub(at) {
            return Err(damage(name(), at, "a length beyond the end"));
        }
        self.need(at, size)?;
        record::decode(&self.window[(at - self.from) as usize..], at, self.segment.fill).map_err(|found| damage(name(), at, found))
    }

    /// Brings so many bytes from a place into the window.
    fn need(&mut self, at: u64, len: usize) -> Result<(), LogError> {
        let end = at + len as u64;
        if at >= self.from && end <= self.from + self.window.len() as u64 {
            return Ok(());
        }
        self.from = at;
        let Some(until) = self.remembered(at, end) else { return Ok(()) };
        let len = len.max(WINDOW.min((until - at) as usize));
        self.window.resize(len, 0);
        self.segment.file.read_exact_at(&mut self.window, at).map_err(|error| LogError::Io(error.into()))
    }

    /// Takes the bytes from memory. If they are not there, says up to where they are in the file: behind that, what is in memory may
    /// not have been written yet.
    fn remembered(&mut self, at: u64, end: u64) -> Option<u64> {
        let state = locked(&self.log.state);
        let number = self.segment.number;
        let before = state.recent.partition_point(|group| (group.segment.number, group.at) <= (number, at));
        let recent = state.recent.range(before.saturating_sub(1)..).take(2).map(|group| (group.segment.number, group.at, &group.bytes));
        let waiting = state.waiting.iter().map(|group| (group.segment.number, group.at, &group.bytes));
        let mut here = recent.chain(waiting).filter(|(segment, ..)| *segment == number);
        let until = here.clone().map(|(_, from, _)| from).find(|from| *from > at).unwrap_or(self.segment.len);
        let Some((_, from, bytes)) = here.find(|(_, from, bytes)| *from <= at && end <= from + bytes.len() as u64) else {
            return Some(until);
        };
        let rest = &bytes[(at - from) as usize..];
        self.window.clear();
        self.window.extend_from_slice(&rest[..rest.len().min(WINDOW.max((end - at) as usize))]);
        None
    }
}

fn damage(segment: String, offset: u64, found: &str) -> LogError {
    let expected = "the record that was written here".to_owned();
    let repair = "Open the log again: `quorate doctor --repair-log DIR` says what is left of it".to_owned();
    LogError::Corrupt(Arc::new(Damage { segment, offset, found: found.to_owned(), expected, repair }))
}
