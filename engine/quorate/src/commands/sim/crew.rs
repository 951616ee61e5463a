//! Many runs at once, with results in the order of their seeds.
//!
//! Threads live here and not in the simulator: a run is one thread's work from beginning to end, so that how many there are changes
//! nothing but the time it takes.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

/// How far a thread may run ahead of the oldest that is still at work, in items for each thread.
const AHEAD: u64 = 64;

struct Queue<I> {
    items: I,
    handed_out: u64,
    taken: u64,
}

/// Works on items with `jobs` threads, and hands results over in the order of the items. No item is begun once `stop` is true; those
/// that were begun are finished and handed over.
pub(super) fn in_order<T, R: Send>(
    jobs: usize,
    items: impl Iterator<Item = T> + Send,
    stop: impl Fn() -> bool + Sync,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R),
) {
    let queue = Mutex::new(Queue { items, handed_out: 0, taken: 0 });
    let (moved, ahead) = (Condvar::new(), AHEAD * jobs as u64);
    let next = || {
        let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
        while queue.handed_out >= queue.taken + ahead {
            queue = moved.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if stop() {
            return None;
        }
        let item = queue.items.next()?;
        queue.handed_out += 1;
        Some((queue.handed_out - 1, item))
    };
    let (results, finished) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            let (results, next, work) = (results.clone(), &next, &work);
            scope.spawn(move || {
                while let Some((nth, item)) = next() {
                    // Whoever takes the results is there until the last of them.
                    let _ = results.send((nth, work(item)));
                }
            });
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (nth, result) in finished {
            early.insert(nth, result);
            while let Some(result) = early.remove(&due) {
                take(result);
                due += 1;
            }
            queue.lock().unwrap_or_else(PoisonError::into_inner).taken = due;
            moved.notify_all();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    #[test]
    fn results_come_in_the_order_of_the_items_however_long_each_takes() {
        for jobs in [1, 2, 7] {
            let mut got = Vec::new();
            let work = |item: u64| {
                thread::sleep(Duration::from_micros(item * 7919 % 500));
                item * 2
            };
            in_order(jobs, 0..300, || false, work, |result| got.push(result));
            assert_eq!(got, (0..300).map(|item| item * 2).collect::<Vec<_>>(), "{jobs} jobs");
        }
    }

    #[test]
    fn what_was_begun_is_handed_over_without_a_gap_when_it_is_stopped() {
        let begun = AtomicU64::new(0);
        let mut got = Vec::new();
        let work = |item: u64| {
            begun.fetch_add(1, Ordering::Relaxed);
            item
        };
        in_order(3, 0..1_000_000, || begun.load(Ordering::Relaxed) >= 50, work, |result| got.push(result));
        let all = begun.into_inner();
        assert!((50..53).contains(&all), "{all}");
        assert_eq!(got, (0..all).collect::<Vec<_>>());
    }
}
