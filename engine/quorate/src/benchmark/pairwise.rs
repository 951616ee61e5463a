//! What is measured and its limit, taking turns, so that the machine's moods hit both alike.
//!
//! Clocks rise and fall, neighbours come and go: a figure from one minute is not comparable with one from the next. So the two
//! sides run in short slices, in the order A B B A, and each slice is compared with its neighbour: the ratio is the median of
//! the ratios of pairs, each side's rate the median of its own slices. Slices are shorter than a scheduler's, so that on a busy
//! machine most of them are whole, and a median is the figure of those.

use std::time::{Duration, Instant};

use miette::Result;

/// How long it is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How long a slice lasts, unless a single call lasts longer.
    slice: Duration,
    /// No further pair begins after this much time, if there are enough, or when there are as many as this.
    budget: Duration,
    pairs_max: usize,
}

const PAIRS_MIN: usize = 3;

impl Plan {
    /// A second a line, or so little that figures are only good to the first digit.
    pub(crate) const fn new(quick: bool) -> Self {
        if quick {
            Self { slice: Duration::from_micros(300), budget: Duration::from_millis(60), pairs_max: 51 }
        } else {
            Self { slice: Duration::from_millis(1), budget: Duration::from_millis(1500), pairs_max: 401 }
        }
    }
}

/// One side: something to call and how much work a call does, or something that finds a rate by itself.
pub(crate) struct Side<'a>(Kind<'a>);

type Call<'a> = Box<dyn FnMut(&mut Clock) -> Result<()> + 'a>;

enum Kind<'a> {
    Calls { work: f64, call: Call<'a> },
    Rate(Box<dyn FnMut() -> f64 + 'a>),
}

/// Runs while a call runs, except while something is laid out for it. A side that times a part of its work itself lays out the
/// whole and counts the part.
pub(crate) struct Clock {
    since: Instant,
    total: Duration,
}

impl Clock {
    /// Does something that is not the work: the clock stands still.
    pub(crate) fn pause<T>(&mut self, lay_out: impl FnOnce() -> T) -> T {
        self.total += self.since.elapsed();
        let result = lay_out();
        self.since = Instant::now();
        result
    }

    /// Time that passed while the clock stood still, and was work.
    pub(crate) fn count(&mut self, work: Duration) {
        self.total += work;
    }
}

impl<'a> Side<'a> {
    /// A side that does `work` units at each call.
    pub(crate) fn new(work: usize, call: impl FnMut() -> Result<()> + 'a) -> Self {
        let mut call = call;
        Self::with_clock(work, move |_| call())
    }

    /// A side that stops the clock while it lays out what a call works on.
    pub(crate) fn with_clock(work: usize, call: impl FnMut(&mut Clock) -> Result<()> + 'a) -> Self {
        Self(Kind::Calls { work: work as f64, call: Box::new(call) })
    }

    /// A side that measures its own units a second, in a time of its own.
    pub(crate) fn with_rate(rate: impl FnMut() -> f64 + 'a) -> Self {
        Self(Kind::Rate(Box::new(rate)))
    }

    /// How many calls make a slice; also warms up. The shorter of two attempts counts, as the other may have been interrupted. What
    /// is laid out for a call may take longer than the call, and patience ends with that too.
    fn calls_in_a_slice(&mut self, slice: Duration) -> Result<u32> {
        let mut calls = 1_u32;
        loop {
            let begun = Instant::now();
            let time = self.time(calls)?.min(self.time(calls)?);
            if time >= slice || begun.elapsed() >= 16 * slice || calls >= 1 << 30 {
                return Ok(calls);
            }
            let needed = slice.as_secs_f64() / time.as_secs_f64().max(1e-9);
            calls = calls.saturating_mul(2).max((f64::from(calls) * needed.min(100.0)) as u32);
        }
    }

    fn time(&mut self, calls: u32) -> Result<Duration> {
        let mut clock = Clock { since: Instant::now(), total: Duration::ZERO };
        if let Kind::Calls { call, .. } = &mut self.0 {
            for _ in 0..calls {
                call(&mut clock)?;
            }
        }
        Ok(clock.total + clock.since.elapsed())
    }

    fn rate(&mut self, calls: u32) -> Result<f64> {
        match &mut self.0 {
            Kind::Rate(rate) => Ok(rate()),
            Kind::Calls { work, .. } => {
                let work = *work;
                Ok(f64::from(calls) * work / self.time(calls)?.as_secs_f64())
            }
        }
    }
}

/// Units of work a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// What was measured.
    pub(crate) value: f64,
    /// Its limit, if one is known.
    pub(crate) limit: Option<f64>,
    /// What part of the limit is reached.
    pub(crate) ratio: Option<f64>,
    /// How far the quartiles of the measured slices lie apart, as a part of their median.
    pub(crate) spread: f64,
}

/// Measures something beside its limit, or alone where no limit is known.
pub(crate) fn measure(plan: Plan, mut value: Side<'_>, mut limit: Option<Side<'_>>) -> Result<Rates> {
    let value_calls = value.calls_in_a_slice(plan.slice)?;
    let limit_calls = match &mut limit {
        Some(Side(Kind::Rate(_))) | None => 1,
        // Both sides' slices are equally long, even where one call of ours takes many slices: who is interrupted more often would
        // look slower than he is.
        Some(limit) => limit.calls_in_a_slice(plan.slice.max(value.time(value_calls)?))?,
    };
    let begun = Instant::now();
    let (mut values, mut limits, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    while values.len() < PAIRS_MIN || (values.len() < plan.pairs_max && begun.elapsed() < plan.budget) {
        let first = values.len().is_multiple_of(2);
        let before = if first { Some(value.rate(value_calls)?) } else { None };
        let beside = limit.as_mut().map(|limit| limit.rate(limit_calls)).transpose()?;
        let rate = match before {
            Some(rate) => rate,
            None => value.rate(value_calls)?,
        };
        values.push(rate);
        if let Some(beside) = beside {
            limits.push(beside);
            ratios.push(rate / beside);
        }
    }
    let median = quantile(&mut values, 2).unwrap_or_default();
    let spread = quantile(&mut values, 3).zip(quantile(&mut values, 1)).map_or(0.0, |(high, low)| (high - low) / median);
    Ok(Rates { value: median, limit: quantile(&mut limits, 2), ratio: quantile(&mut ratios, 2), spread })
}

/// The value that so many quarters lie below; the second is the median.
fn quantile(values: &mut [f64], quarters: usize) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() * quarters / 4).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Plan = Plan::new(true);

    #[test]
    fn a_side_that_does_half_the_work_in_a_call_reaches_half_of_the_limit() {
        let spin = || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(200) {}
            Ok(())
        };
        let rates = measure(QUICK, Side::new(1, spin), Some(Side::new(2, spin))).unwrap();
        let ratio = rates.ratio.unwrap();
        assert!((0.4..0.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_is_laid_out_takes_no_time_unless_it_is_counted() {
        let nap = Duration::from_millis(20);
        let mut side = Side::with_clock(1, |clock| {
            clock.pause(|| std::thread::sleep(nap));
            Ok(())
        });
        assert!(side.time(3).unwrap() < nap);
        let mut side = Side::with_clock(1, |clock| {
            clock.count(nap);
            Ok(())
        });
        assert!((3 * nap..4 * nap).contains(&side.time(3).unwrap()));
    }

    #[test]
    fn a_fault_ends_the_measurement() {
        let fault = || Err(miette::miette!("a fault"));
        assert!(measure(QUICK, Side::new(1, fault), None).is_err());
    }

    #[test]
    fn quartiles_are_where_they_should_be() {
        let mut values = [5.0, 1.0, 2.0, 4.0, 3.0];
        assert_eq!([1, 2, 3].map(|quarters| quantile(&mut values, quarters)), [Some(2.0), Some(3.0), Some(4.0)]);
        assert_eq!(quantile(&mut [], 2), None);
    }
}
