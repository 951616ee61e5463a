//! What the engine asks of the operating system: a disk, a clock, randomness. Each is a trait, with the real thing beside it.
//!
//! Code that is written against these traits runs unchanged on a real machine and in a simulated one, where a disk tears
//! and a clock jumps by seed. [`disk::MemoryDisk`] is the disk of tests: it knows what was synced and what was not, and can show
//! what a crash at any moment may leave behind.
#![forbid(unsafe_code)]

pub mod clock;
pub mod disk;
pub mod rng;

use std::sync::Arc;

use clock::Clock;
use disk::Disk;

/// The surroundings of a component: where it stores, and what time it is.
#[derive(Clone)]
pub struct Env {
    /// Where files live.
    pub disk: Arc<dyn Disk>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Env {
    /// The real machine, with files below `root`, which must exist.
    ///
    /// # Errors
    /// If `root` is not a folder.
    pub fn real(root: impl Into<std::path::PathBuf>) -> std::io::Result<Self> {
        Ok(Self { disk: Arc::new(disk::RealDisk::open(root)?), clock: Arc::new(clock::SystemClock::new()) })
    }
}
