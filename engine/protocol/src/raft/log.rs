//! What a server knows of its own log without asking the disk.
//!
//! That is: where the log begins and ends, the term of every entry (as runs of equal terms, of which there are few), how much of it is
//! durable, and the newest entries themselves, as many as the settings allow. What is older is on disk, and is loaded when a follower
//! needs it.

use std::collections::VecDeque;

use quorate_core::ids::{Height, View};
use quorate_core::mark::Mark;

use super::entry::Entry;

/// The log, seen from memory.
#[derive(Debug)]
pub(super) struct Log {
    floor: Mark,
    /// Where each term begins, above the floor; both rise.
    runs: Vec<(Height, View)>,
    last: Height,
    stable: Height,
    tail: VecDeque<Entry>,
    tail_bytes: usize,
    tail_limit: usize,
}

/// What an entry takes in memory beside what it says.
const OVERHEAD: usize = 64;

fn size(entry: &Entry) -> usize {
    entry.data.len() + OVERHEAD
}

impl Log {
    pub(super) fn new(floor: Mark, tail_limit: usize) -> Self {
        Self { floor, runs: Vec::new(), last: floor.index, stable: floor.index, tail: VecDeque::new(), tail_bytes: 0, tail_limit }
    }

    pub(super) fn floor(&self) -> Mark {
        self.floor
    }

    pub(super) fn last(&self) -> Mark {
        Mark { index: self.last, term: self.runs.last().map_or(self.floor.term, |run| run.1) }
    }

    /// Up to where this log is on disk.
    pub(super) fn stable(&self) -> Height {
        self.stable
    }

    pub(super) fn term_at(&self, index: Height) -> Option<View> {
        if index == self.floor.index {
            return Some(self.floor.term);
        }
        if index < self.floor.index || index > self.last {
            return None;
        }
        let run = self.runs.partition_point(|run| run.0 <= index);
        Some(self.runs[run - 1].1)
    }

    pub(super) fn has(&self, mark: Mark) -> bool {
        self.term_at(mark.index) == Some(mark.term)
    }

    /// Whether a log that ends there has at least what this one has (section 5.4.1).
    pub(super) fn is_behind(&self, other: Mark) -> bool {
        let own = self.last();
        (other.term, other.index) >= (own.term, own.index)
    }

    /// The last place at or before `index` whose term is not above `term`: where two logs may still be the same.
    pub(super) fn meeting(&self, index: Height, term: View) -> Mark {
        let index = index.min(self.last);
        if index <= self.floor.index {
            return self.floor;
        }
        let above = self.runs.partition_point(|run| run.1 <= term);
        let index = match self.runs.get(above) {
            Some(run) => index.min(Height(run.0.0 - 1)),
            None => index,
        };
        Mark { index, term: self.term_at(index).unwrap_or(self.floor.term) }
    }

    pub(super) fn append(&mut self, entry: Entry) {
        assert_eq!(entry.mark.index.0, self.last.0 + 1, "entries come one behind the other");
        let own = self.last().term;
        assert!(entry.mark.term >= own, "terms never fall along a log");
        if entry.mark.term > own || self.runs.is_empty() {
            self.runs.push((entry.mark.index, entry.mark.term));
        }
        self.last = entry.mark.index;
        self.tail_bytes += size(&entry);
        self.tail.push_back(entry);
        while self.tail_bytes > self.tail_limit
            && let Some(old) = self.tail.pop_front()
        {
            self.tail_bytes -= size(&old);
        }
    }

    /// Takes away the entries from `from` on, which is above the floor.
    pub(super) fn cut(&mut self, from: Height) {
        assert!(from > self.floor.index && from <= self.last, "only what is there is cut");
        while self.tail.back().is_some_and(|entry| entry.mark.index >= from)
            && let Some(gone) = self.tail.pop_back()
        {
            self.tail_bytes -= size(&gone);
        }
        self.runs.retain(|run| run.0 < from);
        self.last = Height(from.0 - 1);
        self.stable = self.stable.min(self.last);
    }

    /// Gives up what a snapshot holds; all, if the log has another entry there or none. Returns whether anything is left as it was.
    pub(super) fn give_up(&mut self, mark: Mark) -> bool {
        if mark.index <= self.floor.index {
            return true;
        }
        let kept = self.has(mark);
        if kept {
            while self.tail.front().is_some_and(|entry| entry.mark.index <= mark.index)
                && let Some(gone) = self.tail.pop_front()
            {
                self.tail_bytes -= size(&gone);
            }
            let within = self.runs.partition_point(|run| run.0.0 <= mark.index.0 + 1);
            if within > 0 {
                let current = self.runs[within - 1].1;
                self.runs.drain(..within - 1);
                if mark.index < self.last {
                    self.runs[0] = (Height(mark.index.0 + 1), current);
                } else {
                    self.runs.clear();
                }
            }
            self.floor = mark;
            self.stable = self.stable.max(mark.index);
        } else {
            *self = Self::new(mark, self.tail_limit);
        }
        kept
    }

    /// What was written when the log ended there is durable now.
    pub(super) fn settle(&mut self, end: Mark) {
        if end.index > self.stable && self.has(end) {
            self.stable = end.index;
        }
    }

    /// The first entry that is in memory; behind the last, if none is.
    pub(super) fn first_kept(&self) -> Height {
        self.tail.front().map_or(Height(self.last.0 + 1), |entry| entry.mark.index)
    }

    /// Entries in memory from `from` on, at least one if there is one, and then as many as have no more than so many bytes.
    pub(super) fn kept(&self, from: Height, bytes_max: usize) -> impl Iterator<Item = &Entry> {
        let skip = from.0.saturating_sub(self.first_kept().0) as usize;
        let mut bytes = 0;
        self.tail.range(skip.min(self.tail.len())..).enumerate().map_while(move |(nth, entry)| {
            bytes += entry.data.len();
            (nth == 0 || bytes <= bytes_max).then_some(entry)
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.tail_bytes + self.runs.len() * size_of::<(Height, View)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(index: u64, term: u64) -> Mark {
        Mark { index: Height(index), term: View(term) }
    }

    fn log(terms: &[u64]) -> Log {
        let mut log = Log::new(Mark::default(), 1 << 20);
        for (at, &term) in terms.iter().enumerate() {
            log.append(Entry::begin(mark(at as u64 + 1, term)));
        }
        log
    }

    #[test]
    fn every_entry_has_its_term_and_nothing_beyond_has_one() {
        let log = log(&[1, 1, 4, 4, 6]);
        assert_eq!(
            (0..7).map(|index| log.term_at(Height(index)).map(|term| term.0)).collect::<Vec<_>>(),
            [Some(0), Some(1), Some(1), Some(4), Some(4), Some(6), None]
        );
    }

    #[test]
    fn a_cut_takes_terms_and_durability_back() {
        let mut log = log(&[1, 1, 4, 4, 6]);
        log.settle(mark(5, 6));
        log.cut(Height(3));
        assert_eq!((log.last(), log.stable()), (mark(2, 1), Height(2)));
        log.append(Entry::begin(mark(3, 7)));
        assert_eq!((log.term_at(Height(3)), log.stable()), (Some(View(7)), Height(2)));
        log.settle(mark(3, 4));
        assert_eq!(log.stable(), Height(2), "what was written is not what is there now");
    }

    #[test]
    fn what_is_given_up_leaves_the_rest_as_it_was() {
        for upto in 1..=5 {
            let whole = log(&[1, 1, 4, 4, 6]);
            let mut shorter = log(&[1, 1, 4, 4, 6]);
            let at = Mark { index: Height(upto), term: whole.term_at(Height(upto)).unwrap() };
            assert!(shorter.give_up(at));
            assert_eq!(shorter.last(), whole.last());
            for index in upto..=6 {
                assert_eq!(shorter.term_at(Height(index)), whole.term_at(Height(index)), "given up to {upto}, entry {index}");
            }
            assert_eq!(shorter.term_at(Height(upto - 1)), None);
            shorter.append(Entry::begin(mark(6, 6)));
            shorter.append(Entry::begin(mark(7, 8)));
            assert_eq!((shorter.term_at(Height(6)), shorter.term_at(Height(7))), (Some(View(6)), Some(View(8))));
        }
    }

    #[test]
    fn a_snapshot_of_another_history_replaces_everything() {
        let mut log = log(&[1, 1, 4]);
        assert!(!log.give_up(mark(3, 5)));
        assert_eq!((log.floor(), log.last(), log.stable()), (mark(3, 5), mark(3, 5), Height(3)));
        assert!(!log.give_up(mark(9, 5)));
        assert_eq!(log.last(), mark(9, 5));
    }

    #[test]
    fn two_logs_meet_at_or_before_where_their_terms_allow() {
        let log = log(&[1, 1, 4, 4, 6]);
        assert_eq!(log.meeting(Height(5), View(5)), mark(4, 4));
        assert_eq!(log.meeting(Height(9), View(9)), mark(5, 6));
        assert_eq!(log.meeting(Height(3), View(3)), mark(2, 1));
        assert_eq!(log.meeting(Height(3), View(0)), mark(0, 0));
    }

    #[test]
    fn memory_holds_the_newest_entries_and_no_more_than_it_may() {
        let mut log = Log::new(Mark::default(), 3 * (OVERHEAD + 1));
        for index in 1..=5 {
            log.append(Entry::begin(mark(index, 1)));
        }
        assert_eq!(log.first_kept(), Height(3));
        assert_eq!(log.kept(Height(4), 100).map(|entry| entry.mark.index.0).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(log.kept(Height(4), 0).count(), 1);
        assert_eq!(log.kept(Height(6), 100).count(), 0);
    }
}
