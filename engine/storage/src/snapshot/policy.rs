//! When a snapshot is due, and how many are kept.

use crate::store::{Mark, Span};

/// When a snapshot is due, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// After so many entries.
    pub interval: u64,
    /// Or when the partition's log has so many bytes, and at least a sixteenth of the interval was applied. Without that, a log that is
    /// long because little of it can be applied yet would bring a snapshot for each entry.
    pub log_bytes: u64,
    /// How many are kept, at least one.
    pub keep: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { interval: 1000, log_bytes: 64 << 20, keep: 2 }
    }
}

impl Policy {
    /// Whether a snapshot is due, given what the log has, how far the machine is, and where the last snapshot was taken.
    #[must_use]
    pub fn due(&self, span: &Span, applied: Mark, last_snapshot: Mark) -> bool {
        let new = applied.index.0.saturating_sub(last_snapshot.index.0);
        let long = span.bytes >= self.log_bytes && new >= self.interval / 16;
        new > 0 && (new >= self.interval || long)
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::ids::Height;

    use super::*;

    #[test]
    fn a_snapshot_is_due_after_enough_entries_or_bytes() {
        let policy = Policy { interval: 160, log_bytes: 5000, keep: 1 };
        let due = |applied, last, bytes| {
            let mark = |index| Mark { index: Height(index), ..Mark::default() };
            policy.due(&Span { bytes, ..Span::default() }, mark(applied), mark(last))
        };
        assert!(due(160, 0, 0) && due(260, 100, 0) && due(110, 100, 5000));
        assert!(!due(159, 0, 0) && !due(259, 100, 4999) && !due(109, 100, 5000));
        assert!(!due(100, 100, 5000) && !due(100, 200, 5000), "nothing new was applied");
    }
}
