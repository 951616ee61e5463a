//! One run of the demo, whoever watches: the engine, the clock, when it ends, and what is sampled on the way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::engine::Engine;
use super::options::Options;
use super::proof::Certified;
use crate::demo::signals;

/// A run.
pub(crate) struct Session {
    /// What counts.
    pub(crate) engine: Engine,
    /// When it ends by itself.
    pub(crate) limit: Option<Duration>,
    /// The last certificate that was made on the way.
    pub(crate) certified: Option<Certified>,
    /// Verified votes a second of the pipeline's own time, sampled.
    pub(crate) rates: Vec<u64>,
    seed: u64,
    interrupted: Arc<AtomicBool>,
    /// What had passed before the clock was last started, and when that was; none while it stands.
    passed: Duration,
    running_since: Option<Instant>,
    certified_at: Duration,
    sampled_at: Duration,
    sampled: (u64, u64),
}

/// How long the engine waits for a round before whoever watches gets another look.
const WAIT: Duration = Duration::from_millis(20);
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
const SAMPLES_MAX: usize = 1024;
const CERTIFY_EVERY: Duration = Duration::from_secs(1);
/// Above this many members a certificate takes long enough to be made at the end only.
const CERTIFY_MEMBERS_MAX: usize = 4096;

impl Session {
    /// Prepares a run that ends at `limit`, or when it is interrupted.
    pub(crate) fn new(options: &Options, limit: Option<Duration>) -> miette::Result<Self> {
        Ok(Self {
            engine: Engine::new(options)?,
            limit,
            certified: None,
            rates: Vec::new(),
            seed: options.seed,
            interrupted: Arc::default(),
            passed: Duration::ZERO,
            running_since: Some(Instant::now()),
            certified_at: Duration::ZERO,
            sampled_at: Duration::ZERO,
            sampled: (0, 0),
        })
    }

    /// Ends the run in good order at the first Ctrl-C, and at once at the second.
    pub(crate) fn heed_signals(&mut self) -> miette::Result<()> {
        self.interrupted = signals::heed()?;
        Ok(())
    }

    /// Takes a step, unless the run is over.
    pub(crate) fn advance(&mut self) -> miette::Result<bool> {
        if self.is_over() {
            return Ok(false);
        }
        self.engine.step(true, WAIT)?;
        let elapsed = self.elapsed();
        if elapsed >= self.sampled_at + SAMPLE_EVERY {
            self.sample();
            self.sampled_at = elapsed;
        }
        Ok(true)
    }

    /// Makes a certificate now and then, for whoever watches.
    pub(crate) fn certify_in_passing(&mut self) -> miette::Result<()> {
        let due = self.certified.is_none() || self.elapsed() >= self.certified_at + CERTIFY_EVERY;
        if due && self.engine.cast().keys.len() <= CERTIFY_MEMBERS_MAX {
            self.certified = self.engine.certify()?;
            self.certified_at = self.elapsed();
        }
        Ok(())
    }

    /// Whether the time is up, with something decided in it, or somebody wants it to end.
    pub(crate) fn is_over(&self) -> bool {
        let time_is_up = self.limit.is_some_and(|limit| self.elapsed() >= limit);
        self.interrupted.load(Ordering::Relaxed) || (time_is_up && self.engine.tally().decided > 0)
    }

    /// How long it has run, without pauses.
    pub(crate) fn elapsed(&self) -> Duration {
        self.passed + self.running_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether the clock stands.
    pub(crate) fn is_paused(&self) -> bool {
        self.running_since.is_none()
    }

    /// Stops the clock, or starts it again.
    pub(crate) fn toggle_pause(&mut self) {
        match self.running_since.take() {
            Some(since) => self.passed += since.elapsed(),
            None => self.running_since = Some(Instant::now()),
        }
    }

    /// What the run's randomness comes from.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Stops the clock, lets open rounds end, and makes the certificate of the last decided one.
    pub(crate) fn finish(&mut self) -> miette::Result<()> {
        if !self.is_paused() {
            self.toggle_pause();
        }
        self.engine.drain()?;
        self.certified = self.engine.certify()?;
        Ok(())
    }

    fn sample(&mut self) {
        let tally = self.engine.tally();
        let now = (tally.verified(), tally.pipeline_nanos());
        let (votes, nanos) = (now.0 - self.sampled.0, now.1 - self.sampled.1);
        if votes > 0 && nanos > 0 {
            if self.rates.len() == SAMPLES_MAX {
                self.rates.remove(0);
            }
            self.rates.push((votes as f64 * 1e9 / nanos as f64) as u64);
        }
        self.sampled = now;
    }
}
