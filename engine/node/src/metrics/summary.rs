//! The figures that a program asks for when it embeds a node. They are about the partition that clients write to, the key-value store's.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use quorate_core::ids::{Height, View};

use super::{Labels, Metrics};
use crate::KV;

/// The shortest time over which a rate is worth telling.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// How many there were when.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    count: u64,
}

/// Where the rates that are told begin: two earlier looks, at least [`WINDOW_MIN`] apart.
#[derive(Debug)]
pub(super) struct Window {
    marks: Mutex<[Mark; 2]>,
}

impl Default for Window {
    fn default() -> Self {
        let begin = Mark { at: Instant::now(), count: 0 };
        Self { marks: Mutex::new([begin; 2]) }
    }
}

impl Window {
    /// How many more there were in a second, since the last look that was long enough ago.
    fn rate(&self, now: Mark) -> f64 {
        let mut marks = self.marks.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if now.at.saturating_duration_since(marks[1].at) >= WINDOW_MIN {
            *marks = [marks[1], now];
        }
        let seconds = now.at.saturating_duration_since(marks[0].at).as_secs_f64();
        if seconds > 0.0 { now.count.saturating_sub(marks[0].count) as f64 / seconds } else { 0.0 }
    }
}

impl Metrics {
    const KV: Labels = Labels { partition: KV.0 };

    /// The latest term that this member knows.
    #[must_use]
    pub fn current_term(&self) -> View {
        View(self.term.get_or_create(&Self::KV).get())
    }

    /// The last entry that is known to be committed.
    #[must_use]
    pub fn last_committed_index(&self) -> Height {
        Height(self.committed.get_or_create(&Self::KV).get())
    }

    /// Commands that this member, as the leader, answered in a second. It is the rate since the last call that was at least a second ago,
    /// and that of a node's whole life at the first.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        let count = self.proposal_latency.get_or_create(&Self::KV).count();
        self.window.rate(Mark { at: Instant::now(), count })
    }

    /// From a command's arrival to its answer, on average over all that this member answered as the leader. `None` if there were none.
    #[must_use]
    pub fn average_latency(&self) -> Option<Duration> {
        self.proposal_latency.get_or_create(&Self::KV).mean()
    }

    /// How long a run of the vote pipeline took on average. `None` if there was none.
    #[must_use]
    pub fn vote_processing_time(&self) -> Option<Duration> {
        self.votes_processing.mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_partition_counts_is_what_is_told() {
        let metrics = Metrics::default();
        assert_eq!((metrics.average_latency(), metrics.vote_processing_time()), (None, None));
        let (kv, other) = (metrics.partition(KV), metrics.partition(crate::SYSTEM));
        kv.term.set(7);
        kv.committed.set(41);
        other.term.set(9);
        kv.proposal_latency.observe(0.002);
        other.proposal_latency.observe(1.0);
        metrics.votes_processing.observe(0.000_004);
        assert_eq!(metrics.current_term(), View(7));
        assert_eq!(metrics.last_committed_index(), Height(41));
        assert_eq!(metrics.average_latency(), Some(Duration::from_millis(2)));
        assert_eq!(metrics.vote_processing_time(), Some(Duration::from_micros(4)));
        assert!(metrics.throughput() > 0.0);
    }

    #[test]
    fn a_rate_is_told_over_at_least_a_second_once_there_was_one() {
        let window = Window::default();
        let begin = window.marks.lock().unwrap()[0].at;
        let rate = |millis, count| window.rate(Mark { at: begin + Duration::from_millis(millis), count });
        assert_eq!(rate(0, 0), 0.0);
        assert_eq!(rate(500, 100), 200.0);
        assert_eq!(rate(2000, 1000), 500.0);
        // A second look right after does not begin anew: it still counts from the beginning.
        assert_eq!(rate(2000, 1000), 500.0);
        assert_eq!(rate(4000, 2000), 500.0);
        assert_eq!(rate(5000, 5000), 3000.0);
        // Nothing happens for long.
        rate(10_000, 5000);
        assert_eq!(rate(20_000, 5000), 0.0);
    }
}
