//! Who syncs, and for whom. One caller leads; the others wait until it is done, and are then woken all at once: if each had to be
//! handed a lock by the one before, waking them would take several times as long as the sync.
//!
//! How long a sync waits for others to join it: not at all, unless the last one served several callers who may come right back.
//!
//! Callers that were served together tend to return together, one a little after the other. The first of them would sync for itself
//! alone, and all others would wait for two syncs. So it gives them an eighth of the time that the last sync took, and goes as
//! soon as as many are there as last time. A caller that is alone never waits.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use quorate_env::clock::Clock;

use super::locked;
use crate::store::Sequence;

/// However slowly the clock goes, it is not looked at more often than this.
const LOOKS_MAX: usize = 4096;

#[derive(Debug, Default)]
struct Queue {
    led: bool,
    /// Up to where those who wait want everything durable.
    wanted: Vec<Sequence>,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    queue: Mutex<Queue>,
    done: Condvar,
    waiting: AtomicUsize,
    served: AtomicUsize,
    sync_ns: AtomicU64,
}

/// The right to sync for all who wait. They go on when it is dropped.
pub(super) struct Lead<'a> {
    window: &'a Window,
    durable: &'a AtomicU64,
}

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut queue = locked(&self.window.queue);
        queue.led = false;
        // Who was served is out of the count now, not when it wakes: the next sync must not take it for one that came back.
        let durable = self.durable.load(Ordering::Acquire);
        queue.wanted.retain(|until| until.0 > durable);
        self.window.waiting.store(queue.wanted.len(), Ordering::Relaxed);
        drop(queue);
        self.window.done.notify_all();
    }
}

impl Window {
    /// Waits until everything up to `until` is durable, or it is this caller's turn to see to that.
    pub(super) fn lead<'a>(&'a self, until: Sequence, durable: &'a AtomicU64) -> Option<Lead<'a>> {
        let is_durable = || durable.load(Ordering::Acquire) >= until.0;
        let mut queue = locked(&self.queue);
        if queue.led && !is_durable() {
            queue.wanted.push(until);
            self.waiting.store(queue.wanted.len(), Ordering::Relaxed);
            while queue.led && !is_durable() {
                queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            // Whoever was served was taken out already; it may have woken by chance before, and then it will be.
            if !is_durable()
                && let Some(own) = queue.wanted.iter().position(|wanted| *wanted == until)
            {
                queue.wanted.swap_remove(own);
                self.waiting.store(queue.wanted.len(), Ordering::Relaxed);
            }
        }
        if is_durable() {
            return None;
        }
        queue.led = true;
        Some(Lead { window: self, durable })
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
