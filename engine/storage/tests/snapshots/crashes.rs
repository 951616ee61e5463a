//! Crashes at every step of writing, and of cutting the log behind a snapshot.

use quorate_core::ids::Height;
use quorate_env::disk::{Disk as _, Loss, MemoryDisk, Step};
use quorate_env::rng::Seeded;
use quorate_storage::machine::{HashMapMachine, Host, TableMachine};
use quorate_storage::snapshot::{Policy, recover, replay, take};
use quorate_storage::{LogStore as _, Mark, Record};

use super::memory_log::MemoryLog;
use super::way::{Maker, append, command, content, content_at};
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

/// Lives a life with snapshots, on a disk that is crashed at every step. What a synced floor gave up must be in a snapshot, always.
fn a_life_with(machine: Maker) {
    let disk = MemoryDisk::new();
    disk.record();
    let log = MemoryLog::noting_on(&disk);
    let snapshots = open(&disk);
    let mut host = Host::new(P, machine(&disk));
    let policy = Policy { interval: 10, log_bytes: 1 << 20, keep: 1 };
    for index in 1..=40 {
        let payload = command(index);
        log.append(&[Record::Entry { partition: P, mark: mark(index), payload: &payload }]).unwrap();
        let entries = log.read(P, index..index + 1, 1000).unwrap();
        host.apply(&entries, &mut Vec::new()).unwrap();
        take(&mut host, &log, &snapshots, &policy, Vec::new).unwrap();
    }
    let steps = disk.steps();
    drop(host);
    let (copy, mut rng, mut floor) = (MemoryDisk::new(), Seeded::new(9), 0);
    for (nth, step) in steps.iter().enumerate() {
        copy.redo(step).unwrap();
        if let Step::Note(note) = step {
            floor = *note;
        }
        for loss in Loss::ALL.repeat(2) {
            let after = copy.after_crash(loss, &mut rng);
            let snapshots = open(&after);
            let latest = snapshots.latest(P).unwrap();
            assert!(latest.damaged.is_empty(), "step {nth}, {loss:?}: {:?}", latest.damaged);
            let found = latest.reader.as_ref().map_or(0, |reader| reader.manifest().mark().index.0);
            assert!(found >= floor, "step {nth}, {loss:?}: a snapshot of {found}, and the log begins behind {floor}");
            assert!(latest.reader.is_none_or(|reader| body(&reader) == content_at(found)));
            // Whatever the machine has of its own, it comes back, and the log that is left brings it to the end.
            let log = MemoryLog::default();
            log.append(&[Record::Floor { partition: P, mark: if floor == 0 { Mark::default() } else { mark(floor) } }]).unwrap();
            append(&log, floor + 1..=40);
            let mut recovered = recover(P, machine(&after), &log, &snapshots).unwrap_or_else(|e| panic!("step {nth}, {loss:?}: {e}"));
            let from = recovered.from.index.0;
            assert!(from >= floor);
            assert_eq!(content(recovered.host.machine()), content_at(from), "step {nth}, {loss:?}");
            replay(&mut recovered.host, &log, Height(40), &mut Vec::new()).unwrap();
            assert_eq!(content(recovered.host.machine()), content_at(40), "step {nth}, {loss:?}");
        }
    }
    assert_eq!(floor, 40);
}

#[test]
fn the_log_is_never_cut_before_the_snapshot_of_a_machine_in_memory() {
    a_life_with(|_| Box::new(HashMapMachine::new()));
}

#[test]
fn the_log_is_never_cut_before_the_snapshot_of_a_machine_on_disk() {
    a_life_with(|disk| Box::new(TableMachine::open_with(disk, "state", 1 << 20).unwrap()));
}
