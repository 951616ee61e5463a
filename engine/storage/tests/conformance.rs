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
    // Here the last group is the first of its segment.
    passed(&conformance::bit_flips(7));
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
            let span = log.span(partition);
            let index = span.last.index;
            if index.0 > 10 {
                // Sometimes all entries that there are, sometimes all but a few.
                let floor = Height(index.0 - if index.0.is_multiple_of(2) { 0 } else { 5 }).max(span.floor.index);
                log.append(&[Record::Floor { partition, mark: Mark { index: floor, term: View(1) } }]).unwrap();
                log.release().unwrap();
                let span = log.span(partition);
                let (first, last) = (span.floor.index.0 + 1, span.last.index.0);
                if first <= last {
                    assert_eq!(log.read(partition, first..last + 1, usize::MAX).unwrap().len() as u64, last + 1 - first);
                }
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

fn entry(index: u64, payload: &[u8]) -> Record<'_> {
    Record::Entry { partition: PartitionId(1), mark: Mark { index: Height(index), term: View(1) }, payload }
}

fn open_on(disk: &MemoryDisk) -> Result<Log, LogError> {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
    let settings = Settings { segment_bytes: 1 << 20, ..Settings::default() };
    Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(1))).map(|(log, _)| log)
}

#[test]
fn a_failed_sync_is_the_end_and_the_next_process_trusts_nothing_that_it_was_to_write() {
    let disk = MemoryDisk::new();
    let log = open_on(&disk).unwrap();
    let last = log.append(&[entry(1, b"synced")]).unwrap();
    log.sync(last).unwrap();
    disk.fail_sync_after(0);
    let last = log.append(&[entry(2, b"lost by the drive, not by memory")]).unwrap();
    assert!(matches!(log.sync(last), Err(LogError::Fatal(_))));
    disk.fail_sync_after(u32::MAX);
    assert!(matches!(log.sync(last), Err(LogError::Fatal(_))), "a failed sync was tried again");
    assert!(matches!(log.append(&[entry(3, b"")]), Err(LogError::Fatal(_))));
    assert!(log.health().dead.is_some());
    drop(log);
    // The process begins again, the machine does not.
    let log = open_on(&disk).unwrap();
    let durable = log.durable();
    let last = log.append(&[entry(log.span(PartitionId(1)).last.index.0 + 1, b"new")]).unwrap();
    log.sync(last).unwrap();
    drop(log);
    let log = open_on(&disk.after_crash(Loss::Everything, &mut Seeded::new(1))).expect("the power failed, no more");
    assert_eq!(log.durable(), last, "{durable:?} was said to be durable before");
}

#[test]
fn what_was_cut_is_not_read_however_often_one_cut() {
    let log = open_on(&MemoryDisk::new()).unwrap();
    for index in 1..=4200 {
        log.append(&[entry(index, b"kept")]).unwrap();
        log.append(&[Record::Cut { partition: PartitionId(1), from: Height(index + 1) }]).unwrap();
    }
    log.append(&[entry(4201, b"old")]).unwrap();
    log.append(&[Record::Cut { partition: PartitionId(1), from: Height(4201) }, entry(4201, b"new")]).unwrap();
    let read = log.read(PartitionId(1), 1..4202, usize::MAX).unwrap();
    assert_eq!((read.len(), read[4200].payload.as_slice()), (4201, &b"new"[..]));
}

#[test]
fn an_index_that_none_can_follow_is_refused() {
    let log = open_on(&MemoryDisk::new()).unwrap();
    let partition = PartitionId(1);
    let mark = |index| Mark { index: Height(index), term: View(1) };
    log.append(&[Record::Floor { partition, mark: mark(u64::MAX - 2) }, entry(u64::MAX - 1, b"")]).unwrap();
    for record in [entry(u64::MAX, b""), Record::Floor { partition, mark: mark(u64::MAX) }] {
        assert!(matches!(log.append(&[record]), Err(LogError::Refused { .. })), "{record:?}");
    }
    assert_eq!(log.read(partition, u64::MAX - 1..u64::MAX, 10).unwrap().len(), 1);
}

#[test]
fn entries_that_are_missing_at_the_front_are_no_offer_to_keep_anything() {
    use quorate_env::disk::Disk as _;
    use quorate_storage::log::Repair;
    let disk = MemoryDisk::new();
    let open = |disk: &MemoryDisk| {
        let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
        let settings = Settings { segment_bytes: 8192, ..Settings::default() };
        Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(1))).map(|(log, _)| log)
    };
    let log = open(&disk).unwrap();
    for index in 1..=40 {
        log.append(&[entry(index, &[1; 300])]).unwrap();
    }
    log.close().unwrap();
    drop(log);
    disk.remove("log/0000000000000001.seg").unwrap();
    let error = open(&disk).map(drop).unwrap_err();
    assert!(matches!(error, LogError::Corrupt(_)), "{error}");
    let plan = Repair::plan(&disk, "log").unwrap().expect("it is damaged");
    assert_eq!((plan.loss.keeps.0, plan.loss.records), (0, 41));
    plan.apply(&disk, "log").unwrap();
    let copies = disk.list("log").unwrap().iter().filter(|name| name.ends_with(".damaged")).count();
    assert_eq!(copies, plan.loss.segments.len());
}
