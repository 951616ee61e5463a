//! Crashes at every step of writing, and of a life on one disk: the log, the snapshots and the machine.

use std::sync::Arc;

use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId};
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::{Disk as _, Loss, MemoryDisk, Step};
use quorate_env::rng::Seeded;
use quorate_storage::log::{self, Log, Owner};
use quorate_storage::machine::{HashMapMachine, Host, TableMachine};
use quorate_storage::snapshot::{Policy, Snapshots, recover, replay, take};
use quorate_storage::{LogStore, Record, Sequence};

use super::way::{Maker, command, content, content_at};
use super::{P, body, mark, open, state, write};

#[test]
fn after_a_crash_at_any_step_of_writing_the_newest_or_the_one_before_is_found() {
    let disk = MemoryDisk::new();
    disk.record();
    let snapshots = open(&disk);
    let lens = [250, 0, 1000, 99];
    for (index, len) in (1..).zip(lens) {
        write(&snapshots, index, len);
        disk.remark(index);
        snapshots.prune(P, 2).unwrap();
    }
    let (copy, mut rng, mut promised) = (MemoryDisk::new(), Seeded::new(5), 0);
    for (nth, step) in disk.steps().iter().enumerate() {
        copy.redo(step).unwrap();
        if let Step::Note(note) = step {
            promised = *note;
        }
        for loss in Loss::ALL.repeat(10) {
            let after = copy.after_crash(loss, &mut rng);
            let latest = open(&after).latest(P).unwrap();
            assert!(latest.damaged.is_empty(), "step {nth}, {loss:?}: {:?}", latest.damaged);
            let found = latest.reader.map_or(0, |reader| {
                let index = reader.manifest().mark().index.0;
                assert_eq!(body(&reader), state(index, lens[index as usize - 1]));
                index
            });
            assert!(found == promised || found == promised + 1, "step {nth}, {loss:?}: {found}, and {promised} was promised");
            let names = after.list("snapshots").unwrap();
            assert!(names.iter().all(|name| name.ends_with(".snap")), "step {nth}, {loss:?}: {names:?}");
        }
    }
    assert_eq!(promised, 4);
}

/// A partition that has no entries, only a piece of state, which is carried forward whenever old segments go.
const Q: PartitionId = PartitionId(9);
/// How many entries a life has.
const LIFE: u64 = 40;
/// Every so many entries, the log is synced.
const SYNC: u64 = 3;
const POLICY: Policy = Policy { interval: 10, log_bytes: 1 << 20, keep: 1 };

fn open_log(disk: &MemoryDisk, salt: u64) -> Log {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
    let settings = log::Settings { segment_bytes: 8192, ..log::Settings::default() };
    let owner = Owner { cluster: ClusterId::default(), member: MemberId(7) };
    Log::open(env, "log", owner, settings, Box::new(Seeded::new(salt))).unwrap().0
}

/// Appends an entry; with every fifth goes a piece of another partition's state.
fn append(log: &dyn LogStore, index: u64) -> Sequence {
    let (payload, value) = (command(index), index.to_le_bytes());
    let entry = Record::Entry { partition: P, mark: mark(index), payload: &payload };
    let state = Record::State { partition: Q, slot: 1, value: &value };
    log.append(&[entry, state][..if index.is_multiple_of(5) { 2 } else { 1 }]).unwrap()
}

/// Appends, applies, snapshots, cuts and releases, with a remark after each promise: everything up to this entry is kept.
fn live(disk: &MemoryDisk, log: &Log, snapshots: &Snapshots, host: &mut Host, entries: std::ops::RangeInclusive<u64>) {
    for index in entries {
        let last = append(log, index);
        let synced = index.is_multiple_of(SYNC);
        if synced {
            log.sync(last).unwrap();
            disk.remark(index);
        }
        // What is applied was decided by others; this log may not have it yet.
        replay(host, log, Height(index), &mut Vec::new()).unwrap();
        if take(host, log, snapshots, &POLICY, Vec::new).unwrap().is_some() {
            disk.remark(index);
        }
    }
}

/// Opens what a crash left behind and holds it to what was promised. Returns the log, the snapshots and the machine, at the end.
fn come_back(after: &MemoryDisk, machine: Maker, promised: u64, salt: u64) -> (Log, Snapshots, Host) {
    let (log, snapshots) = (open_log(after, salt), open(after));
    let span = log.span(P);
    let latest = snapshots.latest(P).unwrap();
    assert!(latest.damaged.is_empty(), "{:?}", latest.damaged);
    let held = latest.reader.as_ref().map_or(0, |reader| reader.manifest().mark().index.0);
    assert!(span.floor.index.0 <= held, "the log begins behind {}, and the newest snapshot is of {held}", span.floor.index);
    assert!(latest.reader.is_none_or(|reader| body(&reader) == content_at(held)));
    assert!(span.last.index.0 <= promised + SYNC, "entry {} was never written", span.last.index);
    // A state lies in one group with its entry. It outlives the segment that it was written to.
    let state = log.state(Q, 1).map_or(0, |value| u64::from_le_bytes(value[..].try_into().unwrap()));
    assert_eq!(state, span.last.index.0 / 5 * 5);

    let mut recovered = recover(P, machine(after), &log, &snapshots).unwrap();
    let (from, span) = (recovered.from.index.0, log.span(P));
    assert!(from >= span.floor.index.0 && from <= span.last.index.0, "the state is at {from}, the log has {span:?}");
    assert!(span.last.index.0 >= promised, "{promised} was promised, the end is {}", span.last.index);
    assert_eq!(content(recovered.host.machine()), content_at(from));
    replay(&mut recovered.host, &log, span.last.index, &mut Vec::new()).unwrap();
    assert_eq!(content(recovered.host.machine()), content_at(span.last.index.0));
    (log, snapshots, recovered.host)
}

/// Lives a life on a disk that is crashed at every step. Some of the lives go on after the crash, and end in another one.
fn live_and_crash(machine: Maker) {
    let disk = MemoryDisk::new();
    disk.record();
    let (log, snapshots) = (open_log(&disk, 1), open(&disk));
    let mut host = Host::new(P, machine(&disk));
    live(&disk, &log, &snapshots, &mut host, 1..=LIFE);
    assert!(log.health().segments < LIFE / 10, "nothing was released");
    let steps = disk.steps();
    drop((host, log));
    let (copy, mut rng, mut promised) = (MemoryDisk::new(), Seeded::new(9), 0);
    for (nth, step) in steps.iter().enumerate() {
        copy.redo(step).unwrap();
        if let Step::Note(note) = step {
            promised = *note;
        }
        for loss in Loss::ALL.repeat(2) {
            let after = copy.after_crash(loss, &mut rng);
            let found = format!("step {nth} of {}, {loss:?}, {promised} promised", steps.len());
            let said = Said(&found);
            let (log, snapshots, mut host) = come_back(&after, machine, promised, nth as u64);
            if nth % 5 == 0 {
                let end = log.span(P).last.index.0;
                live(&after, &log, &snapshots, &mut host, end + 1..=end + 12);
                // Of what was lived after the crash, the last sync or snapshot is a promise, and of what came back all that stays.
                let promised = (end + 1..=end + 12).rev().find(|index| index.is_multiple_of(SYNC)).unwrap_or(end);
                drop((log, host));
                for loss in Loss::ALL {
                    come_back(&after.after_crash(loss, &mut rng), machine, promised, 77);
                }
            }
            drop(said);
        }
    }
    assert!(promised >= LIFE / SYNC * SYNC);
}

/// Says where a test was when it failed.
struct Said<'a>(&'a str);

impl Drop for Said<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

#[test]
fn the_log_is_never_cut_before_the_snapshot_of_a_machine_in_memory() {
    live_and_crash(|_| Box::new(HashMapMachine::new()));
}

#[test]
fn the_log_is_never_cut_before_the_snapshot_of_a_machine_on_disk() {
    live_and_crash(|disk| Box::new(TableMachine::open_with(disk, "state", 1 << 20).unwrap()));
}
