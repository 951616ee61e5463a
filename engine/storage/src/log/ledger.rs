//! What the log knows of each partition without reading: its span, its terms, its state, and in which segments its entries are.
//!
//! The same code takes a record that is appended, which must fit, and one that is found when the log is opened, which fitted once.
//! The difference is at the front: where old segments are gone, a partition's entries begin somewhere, and the floor that explains
//! it comes later.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate_core::ids::{Height, PartitionId, View};

use crate::store::{LogError, Mark, Record, Span};

/// No entry has this index, and no floor: there must be one behind the last.
const INDEX_LIMIT: u64 = u64::MAX;

/// A partition's entries in one segment: from this index up to the next piece's.
#[derive(Clone, Copy, Debug)]
struct Piece {
    segment: u64,
    first: u64,
    bytes: u64,
}

#[derive(Debug)]
struct State {
    value: Arc<[u8]>,
    segment: u64,
}

#[derive(Debug, Default)]
struct Partition {
    span: Span,
    /// Where the floor was last written down.
    floor_segment: Option<u64>,
    /// The index before the first entry that was found, if that was not the floor.
    open_front: Option<u64>,
    /// From which index on which term.
    terms: Vec<(u64, View)>,
    pieces: VecDeque<Piece>,
    state: BTreeMap<u8, State>,
}

impl Partition {
    fn term(&self, index: Height) -> Option<View> {
        if index == self.span.floor.index {
            return Some(self.span.floor.term);
        }
        if index <= self.span.floor.index || index > self.span.last.index {
            return None;
        }
        let at = self.terms.partition_point(|(first, _)| *first <= index.0);
        at.checked_sub(1).map(|at| self.terms[at].1)
    }

    /// The last index in a piece.
    fn end(&self, nth: usize) -> u64 {
        self.pieces.get(nth + 1).map_or(self.span.last.index.0, |next| next.first - 1)
    }

    fn push(&mut self, mark: Mark, bytes: u64, segment: u64) {
        if self.terms.last().is_none_or(|(_, term)| *term != mark.term) {
            self.terms.push((mark.index.0, mark.term));
        }
        match self.pieces.back_mut() {
            Some(piece) if piece.segment == segment => piece.bytes += bytes,
            _ => self.pieces.push_back(Piece { segment, first: mark.index.0, bytes }),
        }
        self.span.last = mark;
        self.span.bytes += bytes;
    }

    fn cut(&mut self, from: u64) {
        while self.pieces.back().is_some_and(|piece| piece.first >= from) {
            self.pieces.pop_back();
        }
        if let Some(nth) = self.pieces.len().checked_sub(1) {
            let (end, piece) = (self.end(nth), self.pieces[nth]);
            let (all, kept) = (end + 1 - piece.first, from - piece.first);
            self.pieces[nth].bytes = share(piece.bytes, kept, all);
        }
        while self.terms.last().is_some_and(|(first, _)| *first >= from) {
            self.terms.pop();
        }
        let index = Height(from - 1);
        let term = match self.terms.last() {
            Some((_, term)) if index > self.span.floor.index => *term,
            _ => self.span.floor.term,
        };
        self.span.last = Mark { index, term };
        self.recount();
    }

    /// Whether a floor gives up all entries: there is another entry where it is, or none.
    fn resets(&self, mark: Mark) -> bool {
        mark.index > self.span.floor.index && self.term(mark.index) != Some(mark.term)
    }

    fn raise(&mut self, mark: Mark, segment: u64, resets: bool) {
        self.floor_segment = Some(segment);
        if mark.index <= self.span.floor.index {
            return;
        }
        // Of entries that begin somewhere, it explains the front or leaves it to a later one.
        let before_the_front = !resets && self.open_front.is_some_and(|front| mark.index.0 < front);
        if !before_the_front {
            self.open_front = None;
        }
        self.span.floor = mark;
        if before_the_front {
            return;
        }
        if resets || mark.index >= self.span.last.index {
            self.pieces.clear();
            self.terms.clear();
            self.span.last = mark;
        } else {
            while self.pieces.len() > 1 && self.pieces[1].first <= mark.index.0 + 1 {
                self.pieces.pop_front();
            }
            let end = self.end(0);
            if let Some(piece) = self.pieces.front_mut().filter(|piece| piece.first <= mark.index.0) {
                let (all, kept) = (end + 1 - piece.first, end.saturating_sub(mark.index.0));
                piece.bytes = share(piece.bytes, kept, all);
                piece.first = mark.index.0 + 1;
            }
            let live = self.terms.partition_point(|(first, _)| *first <= mark.index.0 + 1);
            self.terms.drain(..live.saturating_sub(1));
        }
        self.recount();
    }

    fn put(&mut self, record: &Record<'_>, resets: bool, segment: u64) {
        match *record {
            Record::Entry { mark, payload, .. } => self.push(mark, payload.len() as u64, segment),
            Record::Cut { from, .. } => self.cut(from.0),
            Record::Floor { mark, .. } => self.raise(mark, segment, resets),
            Record::State { slot, value, .. } => drop(self.state.insert(slot, State { value: value.into(), segment })),
        }
    }

    fn recount(&mut self) {
        self.span.bytes = self.pieces.iter().map(|piece| piece.bytes).sum();
    }
}

/// Something that a partition would lose with its oldest segments, though it is still true.
pub(crate) enum Stale {
    Floor(Mark),
    State(u8, Arc<[u8]>),
}

/// What so many of all entries have of their bytes, if each has the same.
fn share(bytes: u64, kept: u64, all: u64) -> u64 {
    u64::try_from(u128::from(bytes) * u128::from(kept) / u128::from(all.max(1))).unwrap_or(bytes)
}

/// All partitions.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    partitions: BTreeMap<PartitionId, Partition>,
}

fn refused(partition: PartitionId, problem: String) -> LogError {
    LogError::Refused { partition, problem }
}

impl Ledger {
    /// Checks that records fit to what is there and to each other, without taking them.
    pub(crate) fn check(&self, records: &[Record<'_>]) -> Result<(), LogError> {
        // The partition that the last record was about: records of one mostly come together.
        let mut known: BTreeMap<PartitionId, (Mark, Height, bool)> = BTreeMap::new();
        let mut current: Option<(PartitionId, (Mark, Height, bool))> = None;
        for record in records {
            let partition = record.partition();
            if current.is_none_or(|(id, _)| id != partition) {
                if let Some((id, ends)) = current.take() {
                    known.insert(id, ends);
                }
                let span = self.span(partition);
                current = Some((partition, known.get(&partition).copied().unwrap_or((span.floor, span.last.index, false))));
            }
            let Some((_, (floor, last, extended))) = &mut current else { continue };
            match *record {
                Record::Entry { mark, .. } | Record::Floor { mark, .. } if mark.index.0 == INDEX_LIMIT => {
                    return Err(refused(partition, format!("index {INDEX_LIMIT} was given; expected a lower one")));
                }
                Record::Entry { mark, .. } => {
                    if last.0.checked_add(1) != Some(mark.index.0) {
                        return Err(refused(
                            partition,
                            format!("entry {} was given; expected {} next", mark.index, last.0.wrapping_add(1)),
                        ));
                    }
                    (*last, *extended) = (mark.index, true);
                }
                Record::Cut { .. } | Record::Floor { .. } if *extended => {
                    return Err(refused(partition, "a cut or a floor comes before the entries and once in a call".into()));
                }
                Record::Cut { from, .. } => {
                    if from <= floor.index || from.0 > last.0.saturating_add(1) {
                        let (first, end) = (floor.index.0 + 1, last.0.saturating_add(1));
                        return Err(refused(partition, format!("a cut from {from} was given; expected one from {first} to {end}")));
                    }
                    (*last, *extended) = (Height(from.0 - 1), true);
                }
                Record::Floor { mark, .. } => {
                    if mark.index < floor.index || (mark.index == floor.index && mark.term != floor.term) {
                        return Err(refused(partition, format!("a floor at {mark:?} was given; it is at {floor:?} already")));
                    }
                    let known = self.partitions.get(&partition).and_then(|known| known.term(mark.index));
                    *last = if known == Some(mark.term) { (*last).max(mark.index) } else { mark.index };
                    (*floor, *extended) = (mark, true);
                }
                Record::State { .. } => {}
            }
        }
        Ok(())
    }

    /// Whether a record is a floor that gives up all entries.
    pub(crate) fn resets(&self, record: &Record<'_>) -> bool {
        match *record {
            Record::Floor { partition, mark } => self.partitions.get(&partition).map_or(mark.index.0 > 0, |known| known.resets(mark)),
            _ => false,
        }
    }

    /// Takes records that were checked: any one, or entries of one partition.
    pub(crate) fn take(&mut self, run: &[Record<'_>], segment: u64) {
        let Some(first) = run.first() else { return };
        let resets = self.resets(first);
        let known = self.partitions.entry(first.partition()).or_default();
        run.iter().for_each(|record| known.put(record, resets, segment));
    }

    /// Takes a record that was found, or says what does not fit.
    pub(crate) fn replay(&mut self, record: &Record<'_>, resets: bool, segment: u64, front_is_gone: bool) -> Result<(), String> {
        let known = self.partitions.entry(record.partition()).or_default();
        let (floor, last) = (known.span.floor, known.span.last.index.0);
        match *record {
            Record::Entry { mark, .. } | Record::Floor { mark, .. } if mark.index.0 == INDEX_LIMIT => {
                return Err(format!("index {INDEX_LIMIT} in partition {}", record.partition()));
            }
            // A floor is written down again as it is, and otherwise only rises.
            Record::Floor { mark, .. } if mark != floor && mark.index <= floor.index || resets && mark == floor => {
                return Err(format!("a floor of partition {} at {mark:?}, behind one at {floor:?}", record.partition()));
            }
            Record::Cut { from, .. } if from <= floor.index => {
                return Err(format!("a cut of partition {} from {from}, behind a floor at {}", record.partition(), floor.index));
            }
            Record::Entry { mark, .. } if last.checked_add(1) != Some(mark.index.0) => {
                let unknown = known.pieces.is_empty() && known.open_front.is_none() && front_is_gone && mark.index.0 > last;
                if !unknown {
                    return Err(format!("entry {} of partition {}, behind entry {last}", mark.index, record.partition()));
                }
                known.open_front = Some(mark.index.0 - 1);
            }
            Record::Cut { from, .. } if from.0 > last + 1 => {
                if !front_is_gone || !known.pieces.is_empty() {
                    return Err(format!("a cut of partition {} from {from}, behind entry {last}", record.partition()));
                }
                // All that it cut is gone with the front.
                known.open_front = Some(from.0 - 1);
            }
            Record::Cut { from, .. } if known.open_front.is_some_and(|front| from.0 <= front) => known.open_front = Some(from.0 - 1),
            _ => {}
        }
        known.put(record, resets, segment);
        Ok(())
    }

    /// The first partition whose entries do not begin at its floor.
    pub(crate) fn front_missing(&self) -> Option<(PartitionId, Span, u64)> {
        let gap = |known: &Partition| known.open_front.filter(|front| *front > known.span.floor.index.0);
        self.partitions.iter().find_map(|(id, known)| gap(known).map(|front| (*id, known.span, front + 1)))
    }

    pub(crate) fn span(&self, partition: PartitionId) -> Span {
        self.partitions.get(&partition).map(|known| known.span).unwrap_or_default()
    }

    pub(crate) fn term(&self, partition: PartitionId, index: Height) -> Result<View, LogError> {
        let term = match self.partitions.get(&partition) {
            Some(known) => known.term(index),
            None => (index == Height(0)).then_some(View(0)),
        };
        term.ok_or_else(|| self.missing(partition, index))
    }

    pub(crate) fn missing(&self, partition: PartitionId, index: Height) -> LogError {
        let span = self.span(partition);
        LogError::Missing { partition, index, floor: span.floor.index, last: span.last.index }
    }

    /// The segment that an entry is in, and the last index of the partition's piece there.
    pub(crate) fn place(&self, partition: PartitionId, index: Height) -> Result<(u64, u64), LogError> {
        let span = self.span(partition);
        let known = self.partitions.get(&partition).filter(|_| index > span.floor.index && index <= span.last.index);
        let nth = known.and_then(|known| known.pieces.partition_point(|piece| piece.first <= index.0).checked_sub(1).map(|at| (known, at)));
        let (known, nth) = nth.ok_or_else(|| self.missing(partition, index))?;
        Ok((known.pieces[nth].segment, known.end(nth)))
    }

    pub(crate) fn state(&self, partition: PartitionId, slot: u8) -> Option<Arc<[u8]>> {
        Some(Arc::clone(&self.partitions.get(&partition)?.state.get(&slot)?.value))
    }

    pub(crate) fn partitions(&self) -> Vec<PartitionId> {
        self.partitions.keys().copied().collect()
    }

    /// The oldest segment that has an entry which somebody may want.
    pub(crate) fn oldest_needed(&self) -> Option<u64> {
        self.partitions.values().filter_map(|known| known.pieces.front()).map(|piece| piece.segment).min()
    }

    /// Partitions with floors or states that were last written down before this segment.
    pub(crate) fn stale(&self, before: u64) -> Vec<PartitionId> {
        self.partitions.keys().copied().filter(|partition| self.stale_in(*partition, before).is_some()).collect()
    }

    /// One of them.
    pub(crate) fn stale_in(&self, partition: PartitionId, before: u64) -> Option<Stale> {
        let known = self.partitions.get(&partition)?;
        if known.floor_segment.is_some_and(|segment| segment < before) {
            return Some(Stale::Floor(known.span.floor));
        }
        let (slot, state) = known.state.iter().find(|(_, state)| state.segment < before)?;
        Some(Stale::State(*slot, Arc::clone(&state.value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PartitionId = PartitionId(1);

    fn floor(index: u64, term: u64) -> Record<'static> {
        Record::Floor { partition: P, mark: Mark { index: Height(index), term: View(term) } }
    }

    fn entry(index: u64) -> Record<'static> {
        Record::Entry { partition: P, mark: Mark { index: Height(index), term: View(1) }, payload: b"" }
    }

    #[test]
    fn there_is_always_an_index_behind_the_last() {
        let mut ledger = Ledger::default();
        for record in [floor(u64::MAX - 2, 1), entry(u64::MAX - 1)] {
            ledger.check(&[record]).unwrap();
            ledger.take(&[record], 1);
        }
        for record in [floor(u64::MAX, 1), entry(u64::MAX)] {
            assert!(ledger.check(&[record]).unwrap_err().to_string().contains("expected a lower one"));
            ledger.replay(&record, false, 1, false).unwrap_err();
        }
        let cut = Record::Cut { partition: P, from: Height(u64::MAX - 1) };
        ledger.check(&[cut]).unwrap();
        ledger.take(&[cut], 1);
        assert_eq!(ledger.span(P).last.index.0, u64::MAX - 2);
    }

    #[test]
    fn what_never_fitted_is_not_taken_when_it_is_found() {
        let cut = |from| Record::Cut { partition: P, from: Height(from) };
        for front_is_gone in [false, true] {
            let mut ledger = Ledger::default();
            for record in [floor(5, 1), entry(6), entry(7)] {
                ledger.replay(&record, record == floor(5, 1), 1, front_is_gone).unwrap();
            }
            for (record, resets) in [(floor(4, 1), false), (floor(5, 2), false), (floor(5, 1), true), (cut(5), false), (cut(0), false)] {
                ledger.replay(&record, resets, 1, front_is_gone).unwrap_err();
            }
            ledger.replay(&floor(5, 1), false, 1, front_is_gone).unwrap();
            assert_eq!((ledger.span(P).floor.index.0, ledger.span(P).last.index.0), (5, 7));
        }
    }
}
