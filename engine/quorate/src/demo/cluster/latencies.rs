//! How long things took: a histogram whose buckets are at most 1/32 wide, from a microsecond to an hour.

use std::time::Duration;

/// Buckets for each doubling, as a power of two.
const FINE: u32 = 5;
const OCTAVES: u32 = 32;
const BUCKETS: usize = (OCTAVES as usize + 1) << FINE;

/// A histogram of times.
#[derive(Clone)]
pub(crate) struct Latencies {
    counts: Box<[u64; BUCKETS]>,
    total: u64,
    most: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: Box::new([0; BUCKETS]), total: 0, most: 0 }
    }
}

impl Latencies {
    /// Counts one.
    pub(crate) fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).min((1 << OCTAVES) - 1);
        self.counts[bucket(micros)] += 1;
        self.total += 1;
        self.most = self.most.max(micros);
    }

    /// Adds all of another.
    pub(crate) fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts.iter()) {
            *count += more;
        }
        self.total += other.total;
        self.most = self.most.max(other.most);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// The longest, in microseconds.
    pub(crate) fn most_us(&self) -> Option<u64> {
        (self.total > 0).then_some(self.most)
    }

    /// The time that this share of all did not exceed, in microseconds.
    pub(crate) fn quantile_us(&self, share: f64) -> Option<u64> {
        let wanted = ((self.total as f64 * share).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(highest(at).min(self.most))
    }
}

fn bucket(micros: u64) -> usize {
    let octave = (micros >> FINE).checked_ilog2().map_or(0, |log| log + 1);
    if octave == 0 {
        return micros as usize;
    }
    let shift = octave - 1;
    ((octave as usize) << FINE) + ((micros >> shift) as usize & ((1 << FINE) - 1))
}

/// The longest time that is counted in a bucket.
fn highest(bucket: usize) -> u64 {
    let (octave, fine) = (bucket >> FINE, (bucket & ((1 << FINE) - 1)) as u64);
    match octave.checked_sub(1) {
        None => fine,
        Some(shift) => ((fine + (1 << FINE) + 1) << shift) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_is_in_a_bucket_that_is_at_most_a_32nd_wide() {
        for micros in (0..70_000).chain((16..32).flat_map(|log| [(1 << log) - 1, 1 << log, (1 << log) + 1])) {
            let highest = highest(bucket(micros));
            assert!(highest >= micros && highest - micros <= micros / 32, "{micros} in a bucket up to {highest}");
        }
    }

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        assert_eq!((latencies.quantile_us(0.5), latencies.most_us()), (None, None));
        for micros in 1..=1000 {
            latencies.record(Duration::from_micros(micros));
        }
        let [p50, p99] = [0.5, 0.99].map(|share| latencies.quantile_us(share).unwrap());
        assert!((500..=515).contains(&p50) && (990..=1000).contains(&p99), "{p50} {p99}");
        assert_eq!((latencies.quantile_us(1.0), latencies.most_us(), latencies.count()), (Some(1000), Some(1000), 1000));
    }

    #[test]
    fn what_is_added_counts_as_if_it_had_been_recorded() {
        let (mut one, mut other) = (Latencies::default(), Latencies::default());
        one.record(Duration::from_micros(10));
        other.record(Duration::from_secs(100_000));
        one.add(&other);
        assert_eq!((one.count(), one.quantile_us(0.5), one.most_us()), (2, Some(10), Some((1 << 32) - 1)));
    }
}
