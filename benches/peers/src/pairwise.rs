//! Two sides, measured against each other so that the machine's moods hit both alike.
//!
//! Clocks rise and fall, neighbours come and go: a figure from one minute is not comparable with one from the next. So
//! the sides take turns in short slices, in the order A B B A, and what is compared is each slice with its neighbour: the
//! ratio is the median of the ratios of pairs, each side's rate the median of its own slices.

use std::time::{Duration, Instant};

/// How long a slice lasts, unless a single call lasts longer.
const SLICE: Duration = Duration::from_millis(12);
/// How many pairs are measured, time allowing.
const PAIRS_MAX: usize = 41;
/// After this much time no further pair begins, if there are enough.
const BUDGET: Duration = Duration::from_secs(4);
const PAIRS_MIN: usize = 3;

/// One side: something to call, how much work a call does, and what must be laid out before each call.
pub struct Side<'a> {
    work: f64,
    call: Box<dyn FnMut(&mut Clock) + 'a>,
}

/// Runs while a call runs, except while something is laid out for it. A side that times a part of its work itself lays
/// out the whole and counts the part.
pub struct Clock {
    since: Instant,
    total: Duration,
}

impl Clock {
    /// Does something that is not the work: the clock stands still.
    pub fn pause<T>(&mut self, lay_out: impl FnOnce() -> T) -> T {
        self.total += self.since.elapsed();
        let result = lay_out();
        self.since = Instant::now();
        result
    }

    /// Time that passed while the clock stood still, and was work.
    pub fn count(&mut self, work: Duration) {
        self.total += work;
    }
}

impl<'a> Side<'a> {
    /// A side that does `work` units at each call.
    pub fn new(work: usize, call: impl FnMut() + 'a) -> Self {
        let mut call = call;
        Self::with_clock(work, move |_| call())
    }

    /// A side that stops the clock while it lays out what a call works on.
    pub fn with_clock(work: usize, call: impl FnMut(&mut Clock) + 'a) -> Self {
        Self { work: work as f64, call: Box::new(call) }
    }

    /// How many calls make a slice; also warms up.
    fn calls_in_a_slice(&mut self) -> u32 {
        let mut calls = 1_u32;
        loop {
            let time = self.time(calls);
            if time >= SLICE || calls >= 1 << 30 {
                return calls;
            }
            let needed = SLICE.as_secs_f64() / time.as_secs_f64().max(1e-9);
            calls = calls.saturating_mul(2).max((f64::from(calls) * needed.min(100.0)) as u32);
        }
    }

    fn time(&mut self, calls: u32) -> Duration {
        let mut clock = Clock { since: Instant::now(), total: Duration::ZERO };
        for _ in 0..calls {
            (self.call)(&mut clock);
        }
        clock.total + clock.since.elapsed()
    }

    fn rate(&mut self, calls: u32) -> f64 {
        let time = self.time(calls).as_secs_f64();
        f64::from(calls) * self.work / time
    }
}

/// Units of work a second.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Ours, if we have that side yet.
    pub ours: Option<f64>,
    /// The rival's, or the limit's.
    pub peer: f64,
    /// How many times faster we are.
    pub ratio: Option<f64>,
}

/// Measures both sides, or the rival alone where our side is missing.
pub fn compare(ours: Option<Side<'_>>, peer: Side<'_>) -> Rates {
    compare_within(BUDGET, ours, peer)
}

/// The same with another budget, for calls that take so long that there would be too few pairs.
pub fn compare_within(budget: Duration, ours: Option<Side<'_>>, mut peer: Side<'_>) -> Rates {
    let begun = Instant::now();
    let enough = |pairs: usize| pairs >= PAIRS_MAX || (pairs >= PAIRS_MIN && begun.elapsed() >= budget);
    let peer_calls = peer.calls_in_a_slice();
    let (mut our_rates, mut peer_rates, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let Some(mut ours) = ours else {
        while !enough(peer_rates.len()) {
            peer_rates.push(peer.rate(peer_calls));
        }
        return Rates { ours: None, peer: median(&mut peer_rates), ratio: None };
    };
    let our_calls = ours.calls_in_a_slice();
    while !enough(ratios.len()) {
        let (our_rate, peer_rate) = if ratios.len() % 2 == 0 {
            let our_rate = ours.rate(our_calls);
            (our_rate, peer.rate(peer_calls))
        } else {
            let peer_rate = peer.rate(peer_calls);
            (ours.rate(our_calls), peer_rate)
        };
        our_rates.push(our_rate);
        peer_rates.push(peer_rate);
        ratios.push(our_rate / peer_rate);
    }
    Rates { ours: Some(median(&mut our_rates)), peer: median(&mut peer_rates), ratio: Some(median(&mut ratios)) }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_does_twice_the_work_in_a_call_is_twice_as_fast() {
        let spin = || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(200) {}
        };
        let rates = compare(Some(Side::new(2, spin)), Side::new(1, spin));
        let ratio = rates.ratio.unwrap_or_default();
        assert!((1.8..2.2).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_is_laid_out_takes_no_time_unless_it_is_counted() {
        let nap = Duration::from_millis(2);
        let mut side = Side::with_clock(1, |clock| clock.pause(|| std::thread::sleep(nap)));
        assert!(side.time(3) < nap);
        let mut side = Side::with_clock(1, |clock| clock.count(nap));
        assert!((3 * nap..4 * nap).contains(&side.time(3)));
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
    }
}
