//! Both logs pass the suite that anyone can run on their own, and the one on disk survives what disks do.

use std::sync::Arc;

use quorate_core::verdict::Verdict;
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::MemoryDisk;
use quorate_env::rng::Seeded;
use quorate_storage::conformance::{self, Open};
use quorate_storage::log::{Log, Owner, Settings};
use quorate_storage::{LogError, LogStore, MemoryLog};

fn passed(verdict: &Verdict) {
    assert!(verdict.passed() && verdict.cases > 0, "{} failed, such as {:#?}", verdict.failures.len(), &verdict.failures[..1]);
}

fn on_disk(settings: Settings) -> impl FnMut(Open) -> Result<Box<dyn LogStore>, LogError> {
    let mut disk = MemoryDisk::new();
    move |open| {
        if open == Open::Anew {
            disk = MemoryDisk::new();
        }
        let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
        Ok(Box::new(Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(1)))?.0))
    }
}

#[test]
fn the_log_in_memory_is_a_log() {
    let mut make = |open| match open {
        Open::Anew => Ok(Box::new(MemoryLog::new()) as Box<dyn LogStore>),
        Open::Again => Err(LogError::Full { needed: 0 }),
    };
    passed(&conformance::log(&mut make, 1, 100));
}

#[test]
fn the_log_on_disk_is_a_log_with_segments_of_any_size() {
    for (segment_bytes, cache_bytes, index_bytes) in [(8192, 0, 0), (8192, 4096, 512), (1 << 20, 1 << 20, 1 << 20)] {
        let settings = Settings { segment_bytes, cache_bytes, index_bytes, ..Settings::default() };
        passed(&conformance::log(&mut on_disk(settings), 2, 60));
    }
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_acknowledged() {
    passed(&conformance::crash_points(1, 4000));
}

#[test]
fn every_changed_byte_is_detected_or_harmless() {
    passed(&conformance::bit_flips(1));
}

#[test]
fn a_full_disk_is_survived() {
    passed(&conformance::enospc(1));
}
