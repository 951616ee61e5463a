//! How long a sync waits for others to join it: not at all, unless the last one served several callers who may come right back.
//!
//! Callers that were served together tend to return together, one a little after the other. The first of them would sync for itself
//! alone, and all others would wait for two syncs. So it gives them an eighth of the time that the last sync took, and goes as
//! soon as as many are there as last time. A caller that is alone never waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use quorate_env::clock::Clock;

/// However slowly the clock goes, it is not looked at more often than this.
const LOOKS_MAX: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Window {
    waiting: AtomicUsize,
    served: AtomicUsize,
    sync_ns: AtomicU64,
}

impl Window {
    /// A caller came.
    pub(super) fn arrive(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// A caller has the turn, or found its work done.
    pub(super) fn leave(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Waits for those who are expected.
    pub(super) fn gather(&self, clock: &dyn Clock) {
        let expected = self.served.load(Ordering::Relaxed);
        if expected <= 1 {
            return;
        }
        let until = clock.now() + Duration::from_nanos(self.sync_ns.load(Ordering::Relaxed) / 8);
        for _ in 0..LOOKS_MAX {
            if self.waiting.load(Ordering::Relaxed) + 1 >= expected || clock.now() >= until {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// How many the sync that begins now serves.
    pub(super) fn serving(&self) -> usize {
        self.waiting.load(Ordering::Relaxed) + 1
    }

    /// A sync served so many and took so long.
    pub(super) fn served(&self, callers: usize, took: Duration) {
        self.served.store(callers, Ordering::Relaxed);
        self.sync_ns.store(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
