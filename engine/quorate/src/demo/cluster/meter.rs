//! What clients are told, counted: by the workers as it comes, and collected now and then by whoever watches.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::ledger::{End, Op};
use super::model::Figures;

/// How often samples are taken, how many are kept, and over how many of them the figures of now are.
pub(crate) const SAMPLE_EVERY: Duration = Duration::from_millis(250);
const SAMPLES_MAX: usize = 1024;
const NOW: usize = 12;

/// What was counted in some time.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    /// Acknowledged writes: how long each took.
    pub(crate) writes: Latencies,
    /// Answered reads.
    pub(crate) reads: Latencies,
    /// Requests that were refused.
    pub(crate) rejected: u64,
    /// Requests of which nobody knows.
    pub(crate) unknown: u64,
    /// The longest time between two acknowledgements, if it ended in this time.
    pub(crate) longest_gap: Duration,
}

impl Tally {
    /// Counts an operation.
    pub(crate) fn count(&mut self, op: Op, end: &End, took: Duration) {
        match end {
            End::Written | End::Differs => self.writes.record(took),
            End::Found(_) => self.reads.record(took),
            End::NotDone => self.rejected += 1,
            End::Unknown if op.is_write() => self.unknown += 1,
            // A read that was not answered changes nothing.
            End::Unknown => self.rejected += 1,
        }
    }

    /// Adds all of another.
    pub(crate) fn add(&mut self, other: &Self) {
        self.writes.add(&other.writes);
        self.reads.add(&other.reads);
        self.rejected += other.rejected;
        self.unknown += other.unknown;
        self.longest_gap = self.longest_gap.max(other.longest_gap);
    }
}

/// Where workers count.
#[derive(Default)]
pub(crate) struct Meter {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tally: Tally,
    first: Option<Instant>,
    last: Option<Instant>,
    faults: Vec<String>,
}

/// More faults than these say nothing new.
const FAULTS_MAX: usize = 20;

impl Meter {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds what a worker has counted up to now.
    pub(crate) fn add(&self, tally: &Tally, now: Instant) {
        let mut inner = self.inner();
        inner.tally.add(tally);
        if tally.writes.count() > 0 {
            let gap = inner.last.map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
            inner.tally.longest_gap = inner.tally.longest_gap.max(gap);
            inner.first.get_or_insert(now);
            inner.last = Some(now);
        }
    }

    /// Forgets when the last acknowledgement came: none are expected for a while.
    pub(crate) fn rest(&self) {
        self.inner().last = None;
    }

    /// Notes something that is not as it must be.
    pub(crate) fn fault(&self, fault: String) {
        let mut inner = self.inner();
        if inner.faults.len() < FAULTS_MAX {
            inner.faults.push(fault);
        }
    }

    /// All that is not as it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.inner().faults.clone()
    }

    /// When the first write was acknowledged.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.inner().first
    }

    /// Takes out what was counted since the last time.
    pub(crate) fn take(&self) -> Tally {
        std::mem::take(&mut self.inner().tally)
    }
}

/// What was counted over time.
#[derive(Default)]
pub(crate) struct Samples {
    /// All of it.
    pub(crate) total: Tally,
    latest: VecDeque<(Tally, Duration)>,
    rates: VecDeque<u64>,
    tails: VecDeque<u64>,
}

impl Samples {
    /// Takes in what was counted in some time.
    pub(crate) fn push(&mut self, tally: Tally, in_time: Duration) {
        self.total.add(&tally);
        let per_second = tally.writes.count() as f64 / in_time.as_secs_f64().max(1e-3);
        for (list, sample) in [(&mut self.rates, per_second as u64), (&mut self.tails, tally.writes.quantile_us(0.99).unwrap_or(0))] {
            if list.len() == SAMPLES_MAX {
                list.pop_front();
            }
            list.push_back(sample);
        }
        if self.latest.len() == NOW {
            self.latest.pop_front();
        }
        self.latest.push_back((tally, in_time));
    }

    /// The figures of the last seconds.
    pub(crate) fn now(&self) -> Figures {
        let mut sum = Tally::default();
        let seconds: f64 = self.latest.iter().map(|(_, time)| time.as_secs_f64()).sum();
        self.latest.iter().for_each(|(tally, _)| sum.add(tally));
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        Figures {
            writes: rate(sum.writes.count()),
            reads: rate(sum.reads.count()),
            p50_us: sum.writes.quantile_us(0.5),
            p99_us: sum.writes.quantile_us(0.99),
        }
    }

    /// Acknowledged writes a second, the newest last.
    pub(crate) fn rates(&self) -> Vec<u64> {
        self.rates.iter().copied().collect()
    }

    /// The 99th percentiles of their latency in microseconds.
    pub(crate) fn tails(&self) -> Vec<u64> {
        self.tails.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(millis: u64) -> Tally {
        let mut tally = Tally::default();
        tally.count(Op::Put(1), &End::Written, Duration::from_millis(millis));
        tally
    }

    #[test]
    fn operations_are_counted_by_how_they_ended() {
        let mut tally = Tally::default();
        for (op, end) in [
            (Op::Put(1), End::Written),
            (Op::Swap(1, 2), End::Written),
            (Op::Get, End::Found(None)),
            (Op::Put(1), End::NotDone),
            (Op::Get, End::Unknown),
            (Op::Put(1), End::Unknown),
        ] {
            tally.count(op, &end, Duration::from_millis(1));
        }
        assert_eq!((tally.writes.count(), tally.reads.count(), tally.rejected, tally.unknown), (2, 1, 2, 1));
    }

    #[test]
    fn a_gap_between_acknowledgements_is_seen_unless_none_were_expected() {
        let (meter, start) = (Meter::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        meter.add(&written(1), at(0));
        meter.add(&written(1), at(10));
        assert_eq!(meter.take().longest_gap, Duration::from_millis(10));
        meter.add(&written(1), at(310));
        assert_eq!(meter.take().longest_gap, Duration::from_millis(300));
        meter.rest();
        meter.add(&written(1), at(9_000));
        assert_eq!((meter.take().longest_gap, meter.first()), (Duration::ZERO, Some(at(0))));
    }

    #[test]
    fn the_figures_of_now_are_those_of_the_last_samples_and_the_total_is_of_all() {
        let mut samples = Samples::default();
        for _ in 0..40 {
            samples.push(written(100), SAMPLE_EVERY);
        }
        for _ in 0..NOW {
            samples.push(written(2), SAMPLE_EVERY);
        }
        let now = samples.now();
        assert!((now.writes - 4.0).abs() < 1e-9 && now.p99_us == Some(2_000), "{now:?}");
        assert_eq!((samples.total.writes.count(), samples.rates().len(), samples.rates()[0]), (52, 52, 4));
    }
}
