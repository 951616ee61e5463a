//! What the benches share: how long they run, and the backend that they run on.
//!
//! `cargo bench -p quorate-benches` is for the one who works on a stage: it says whether a figure moved since the last run on the
//! same machine. Figures to be quoted come from `quorate benchmark`, which measures each beside its limit.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use quorate_pipeline::Backend;
use quorate_pipeline::cpu::{Cpu, Settings};

/// A second for each figure; `--measurement-time` asks for more.
#[must_use]
pub fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args()
}

/// The cpu backend on one thread.
///
/// # Panics
/// Never: a single thread need not be started.
#[must_use]
pub fn backend() -> Box<dyn Backend> {
    Box::new(Cpu::new(Settings { threads: 1, ..Settings::default() }).expect("one thread need not be started"))
}

/// The time that `work` takes, `times` times, without what comes before and after each.
pub fn timed<T, R>(times: u64, state: &mut T, before: impl Fn(&mut T), work: impl Fn(&mut T) -> R, after: impl Fn(&mut T)) -> Duration {
    let mut total = Duration::ZERO;
    for _ in 0..times {
        before(state);
        let start = Instant::now();
        black_box(work(state));
        total += start.elapsed();
        after(state);
    }
    total
}
