//! Both logs pass the suite that anyone can run on their own, and the one on disk survives what disks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_core::verdict::Verdict;
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::{Loss, MemoryDisk};
use quorate_env::rng::Seeded;
use quorate_storage::conformance::{self, Open};
use quorate_storage::log::{Durability, Log, Owner, Settings};
use quorate_storage::{LogError, LogStore, Mark, MemoryLog, Record};

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

#[test]
fn a_state_that_is_carried_forward_never_takes_the_place_of_a_newer_one() {
    let settings = Settings { segment_bytes: 8192, ..Settings::default() };
    let log = on_disk(settings)(Open::Anew).unwrap();
    let partition = PartitionId(1);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (log, done) = (log.as_ref(), &done);
        scope.spawn(move || {
            for vote in 1..=3000_u64 {
                let state = Record::State { partition, slot: 0, value: &vote.to_le_bytes() };
                let entry = Record::Entry { partition, mark: Mark { index: Height(vote), term: View(1) }, payload: &[1; 300] };
                let last = log.append(&[entry, state]).unwrap();
                log.sync(last).unwrap();
                assert_eq!(log.state(partition, 0).as_deref(), Some(&vote.to_le_bytes()[..]), "a vote that was cast is another now");
            }
            done.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            let index = log.span(partition).last.index;
            if index.0 > 10 {
                log.append(&[Record::Floor { partition, mark: Mark { index: Height(index.0 - 5), term: View(1) } }]).unwrap();
                log.release().unwrap();
            }
            let index = log.span(partition).last.index.0;
            if index > 3 {
                log.read(partition, index - 2..index, 1000).unwrap();
            }
        }
    });
    assert_eq!(log.span(partition).last.index, Height(3000));
}

#[test]
fn nothing_is_released_before_the_drive_knows_why_under_any_durability() {
    for durability in [Durability::Fsync, Durability::Interval(Duration::from_secs(3600)), Durability::Memory] {
        let disk = MemoryDisk::new();
        let open = |disk: &MemoryDisk| {
            let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
            let settings = Settings { segment_bytes: 8192, durability, ..Settings::default() };
            Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(1))).unwrap().0
        };
        let log = open(&disk);
        let mark = |index| Mark { index: Height(index), term: View(1) };
        for index in 1..=100 {
            let last = log.append(&[Record::Entry { partition: PartitionId(1), mark: mark(index), payload: &[1; 300] }]).unwrap();
            log.sync(last).unwrap();
        }
        log.append(&[Record::Floor { partition: PartitionId(1), mark: mark(90) }]).unwrap();
        assert!(log.release().unwrap() > 0);
        drop(log);
        let log = open(&disk.after_crash(Loss::Everything, &mut Seeded::new(1)));
        assert_eq!(log.span(PartitionId(1)).floor, mark(90), "{durability:?}");
    }
}
