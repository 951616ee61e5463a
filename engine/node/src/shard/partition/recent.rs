//! Entries that were put into the log lately and are not applied yet, so that applying them does not read them again.

use std::collections::VecDeque;

use quorate_core::ids::Height;
use quorate_protocol::raft::Entry;

/// How many bytes are kept. What comes beyond is read from the log when its turn comes.
const BYTES_MAX: usize = 16 << 20;
/// What an entry takes beside its bytes.
const HEAD: usize = 64;

/// A run of entries without a gap.
#[derive(Default)]
pub(super) struct Recent {
    entries: VecDeque<Entry>,
    bytes: usize,
}

impl Recent {
    /// Puts an entry behind the others, if it fits there.
    pub(super) fn push(&mut self, entry: Entry) {
        let follows = self.entries.back().is_none_or(|last| last.mark.index.0 + 1 == entry.mark.index.0);
        let bytes = entry.data.len() + HEAD;
        if follows && self.bytes + bytes <= BYTES_MAX {
            self.bytes += bytes;
            self.entries.push_back(entry);
        }
    }

    /// Forgets the entries from this one on.
    pub(super) fn cut(&mut self, from: Height) {
        while let Some(entry) = self.entries.pop_back_if(|entry| entry.mark.index >= from) {
            self.bytes -= entry.data.len() + HEAD;
        }
    }

    /// Forgets the entries up to this one.
    pub(super) fn forget(&mut self, upto: Height) {
        while let Some(entry) = self.entries.pop_front_if(|entry| entry.mark.index <= upto) {
            self.bytes -= entry.data.len() + HEAD;
        }
    }

    /// The first entry that is here.
    pub(super) fn first(&self) -> Option<Height> {
        self.entries.front().map(|entry| entry.mark.index)
    }

    /// Entries from the first on.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::ids::View;
    use quorate_core::mark::Mark;

    use super::*;

    fn entry(index: u64, bytes: usize) -> Entry {
        Entry::command(Mark { index: Height(index), term: View(1) }, &vec![0; bytes])
    }

    #[test]
    fn entries_stay_a_run_without_gaps_whatever_is_cut_and_forgotten() {
        let mut recent = Recent::default();
        (3..9).for_each(|index| recent.push(entry(index, 1)));
        recent.push(entry(11, 1));
        recent.cut(Height(7));
        recent.forget(Height(3));
        let there: Vec<u64> = recent.iter().map(|entry| entry.mark.index.0).collect();
        assert_eq!((there, recent.first()), (vec![4, 5, 6], Some(Height(4))));
        recent.push(entry(7, 1));
        assert_eq!(recent.iter().count(), 4);
        recent.forget(Height(20));
        assert_eq!((recent.bytes, recent.first()), (0, None));
        recent.push(entry(30, 1));
        assert_eq!(recent.first(), Some(Height(30)));
    }

    #[test]
    fn what_would_be_too_much_is_left_to_the_log() {
        let mut recent = Recent::default();
        for index in 1..40 {
            recent.push(entry(index, 1 << 20));
        }
        assert!(recent.bytes <= BYTES_MAX && recent.iter().count() == 15);
    }
}
