//! What every log must pass, and what the one on disk must survive.
//!
//! Whoever brings a [`LogStore`](crate::LogStore) of their own runs [`log`] on it: random appends, cuts, floors, states and reads beside a
//! model that is obviously right. The other suites are about the files: every place at which a crash can come, every bit that can
//! flip, a disk that is full.

mod bit_flips;
mod crash_points;
mod enospc;
mod log;
mod model;

pub use bit_flips::bit_flips;
pub use crash_points::crash_points;
pub use enospc::enospc;
pub use log::{Make, Open, log};

use std::sync::Arc;

use quorate_core::ids::{ClusterId, MemberId};
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::MemoryDisk;
use quorate_env::rng::Seeded;

use crate::log::{Log, Owner, Recovery, Settings};
use crate::store::LogError;

/// Small segments: much happens in few bytes.
const SMALL: Settings = Settings {
    segment_bytes: 8192,
    ahead: 1,
    cache_bytes: 2048,
    index_bytes: 1024,
    pending_bytes: 64 << 10,
    durability: crate::log::Durability::Fsync,
    stall: std::time::Duration::from_secs(1),
    retry_full: std::time::Duration::ZERO,
};

const FOLDER: &str = "log";

fn owner() -> Owner {
    Owner { cluster: ClusterId::default(), member: MemberId(1) }
}

/// Opens the log on a disk in memory.
fn open(disk: &MemoryDisk, salt: u64) -> Result<(Log, Recovery), LogError> {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
    Log::open(env, FOLDER, owner(), SMALL, Box::new(Seeded::new(salt)))
}
