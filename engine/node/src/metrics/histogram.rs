//! A histogram that many threads add to without waiting for each other, and that can be read as well as shown.
//!
//! Each bucket is a counter; how many values there are is their sum, so that the two cannot disagree. A reader may see a value's bucket
//! before its share of the total, never half of either.

use std::iter::successors;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

const NANOS_PER_SECOND: f64 = 1e9;

/// How long something took, how often. Clones are the same histogram.
#[derive(Clone, Debug)]
pub struct Histogram {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The upper ends of the buckets, in seconds, rising. The last is infinity.
    bounds: Box<[f64]>,
    counts: Box<[AtomicU64]>,
    nanos: AtomicU64,
}

impl Histogram {
    /// `buckets` of them, and one for all that is longer; each ends `factor` times later than the one before it.
    #[must_use]
    pub fn exponential(first: Duration, factor: f64, buckets: usize) -> Self {
        let ends = successors(Some(first.as_secs_f64()), |end| Some(end * factor)).take(buckets);
        let bounds: Box<[f64]> = ends.chain([f64::INFINITY]).collect();
        let counts = bounds.iter().map(|_| AtomicU64::new(0)).collect();
        Self { inner: Arc::new(Inner { bounds, counts, nanos: AtomicU64::new(0) }) }
    }

    /// Adds a value. What is no time at all counts as none.
    pub fn observe(&self, seconds: f64) {
        let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
        let bucket = self.inner.bounds.partition_point(|end| *end < seconds);
        self.inner.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.inner.nanos.fetch_add((seconds * NANOS_PER_SECOND) as u64, Ordering::Relaxed);
    }

    /// How many values there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Their mean, if there are any.
    #[must_use]
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.inner.nanos.load(Ordering::Relaxed);
        nanos.checked_div(self.count()).map(Duration::from_nanos)
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let seconds = self.inner.nanos.load(Ordering::Relaxed) as f64 / NANOS_PER_SECOND;
        let counts = self.inner.counts.iter().map(|count| count.load(Ordering::Relaxed));
        // The encoder adds them up by itself.
        let buckets: Vec<(f64, u64)> = self.inner.bounds.iter().copied().zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_first_bucket_that_does_not_end_before_it() {
        let histogram = Histogram::exponential(Duration::from_millis(1), 10.0, 3);
        for seconds in [0.001, 0.002, 0.1, 0.2, -1.0, f64::NAN] {
            histogram.observe(seconds);
        }
        let counts: Vec<_> = histogram.inner.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [3, 1, 1, 1]);
        assert_eq!(histogram.count(), 6);
    }

    #[test]
    fn the_mean_is_that_of_what_was_added_and_there_is_none_of_nothing() {
        let histogram = Histogram::exponential(Duration::from_millis(1), 2.0, 4);
        assert_eq!(histogram.mean(), None);
        histogram.observe(0.010);
        histogram.clone().observe(0.030);
        assert_eq!(histogram.mean(), Some(Duration::from_millis(20)));
    }

    #[test]
    fn nothing_is_lost_when_many_add_at_once() {
        let histogram = Histogram::exponential(Duration::from_micros(10), 2.0, 21);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| histogram.observe(0.001)));
            }
        });
        assert_eq!(histogram.count(), 40_000);
        assert_eq!(histogram.mean(), Some(Duration::from_millis(1)));
    }
}
