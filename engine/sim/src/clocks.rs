//! A server's clocks: a monotonic one that runs a little fast or slow, and a wall clock that may jump.
//!
//! How far monotonic clocks may run apart is what lease reads assume, so the world keeps to it: rates lie between [`RATE_MIN`] and
//! [`RATE_MAX`], and their ratio below [`DRIFT_PPM`]. A process that stands still for a while has a clock that runs on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_core::block::Timestamp;
use quorate_env::clock::{Clock, Moment};

/// The slowest rate, in millionths of the world's time.
pub const RATE_MIN: u64 = 870_000;
/// The fastest rate.
pub const RATE_MAX: u64 = 1_130_000;
/// How much faster one clock may run than another; what servers assume in their leases.
pub const DRIFT_PPM: u32 = 300_000;

const MILLION: u128 = 1_000_000;

/// How a server's clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Its reading when the world began.
    pub start: u64,
    /// How much of its time goes by in a million of the world's.
    pub ppm: u64,
}

impl Rate {
    /// The reading at a moment of the world.
    #[must_use]
    pub fn local(&self, world: u64) -> Moment {
        Moment(self.start.saturating_add((u128::from(world) * u128::from(self.ppm) / MILLION) as u64))
    }

    /// The first moment of the world at which the reading is at least this.
    #[must_use]
    pub fn world(&self, local: Moment) -> u64 {
        let since = u128::from(local.0.saturating_sub(self.start)) * MILLION;
        u64::try_from(since.div_ceil(u128::from(self.ppm.max(1)))).unwrap_or(u64::MAX)
    }
}

/// The readings that a server's own code sees, set before each of its steps.
#[derive(Clone, Debug, Default)]
pub struct LocalClock {
    readings: Arc<[AtomicU64; 2]>,
}

impl LocalClock {
    /// Sets what will be read.
    pub fn set(&self, now: Moment, wall: u64) {
        self.readings[0].store(now.0, Ordering::Relaxed);
        self.readings[1].store(wall, Ordering::Relaxed);
    }
}

impl Clock for LocalClock {
    fn now(&self) -> Moment {
        Moment(self.readings[0].load(Ordering::Relaxed))
    }

    fn wall(&self) -> Timestamp {
        Timestamp(self.readings[1].load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_is_never_early_and_never_more_than_a_tick_late() {
        for ppm in [RATE_MIN, 999_999, 1_000_000, RATE_MAX] {
            let rate = Rate { start: 12_345, ppm };
            for local in (12_345..40_000_000).step_by(999_983) {
                let world = rate.world(Moment(local));
                assert!(rate.local(world).0 >= local && (world == 0 || rate.local(world - 1).0 < local), "{ppm} {local}");
            }
        }
    }

    #[test]
    fn the_fastest_and_the_slowest_clock_keep_to_what_leases_assume() {
        assert!(RATE_MAX * 1_000_000 < RATE_MIN * (1_000_000 + u64::from(DRIFT_PPM)));
    }
}
