//! The whole way: apply, snapshot, cut the log, lose everything that was in memory, and come back.

use std::sync::Arc;

use quorate_core::ids::Height;
use quorate_env::disk::{Disk as _, MemoryDisk, RealDisk};
use quorate_storage::machine::{HashMapMachine, Host, Request, StateMachine, TableMachine};
use quorate_storage::snapshot::{Policy, Receiver, Sender, SnapshotError, Snapshots, begin, install, recover, replay, settle, take};
use quorate_storage::{LogStore, Mark, MemoryLog, Record};

use super::{P, body, mark, open, settings};

const POLICY: Policy = Policy { interval: 10, log_bytes: 1 << 20, keep: 2 };

/// Makes or opens a machine.
pub(crate) type Maker = fn(&MemoryDisk) -> Box<dyn StateMachine>;

/// The command at an index.
pub(crate) fn command(index: u64) -> Vec<u8> {
    // Long enough that a few fill a small segment.
    Request::Set { key: (index % 7).to_string(), value: format!("value {index} {}", "-".repeat(300)) }.encode()
}

/// The state after an index.
pub(crate) fn content_at(index: u64) -> Vec<u8> {
    let mut machine = HashMapMachine::new();
    for index in 1..=index {
        machine.apply(&command(index)).unwrap();
    }
    content(&machine)
}

pub(crate) fn content(machine: &dyn StateMachine) -> Vec<u8> {
    let mut bytes = Vec::new();
    machine.snapshot().unwrap().write_to(&mut bytes).unwrap();
    bytes
}

fn append(log: &MemoryLog, range: std::ops::RangeInclusive<u64>) {
    for index in range {
        log.append(&[Record::Entry { partition: P, mark: mark(index), payload: &command(index) }]).unwrap();
    }
}

#[test]
fn what_was_applied_comes_back_from_the_snapshot_and_the_log() {
    let machines: [Maker; 2] = [|_| Box::new(HashMapMachine::new()), |disk| Box::new(TableMachine::open(disk, "state").unwrap())];
    for machine in machines {
        let (disk, log) = (MemoryDisk::new(), MemoryLog::default());
        let snapshots = open(&disk);
        let mut host = Host::new(P, machine(&disk));
        for index in 1..=34 {
            append(&log, index..=index);
            replay(&mut host, &log, Height(index), &mut Vec::new()).unwrap();
            let taken = take(&mut host, &log, &snapshots, &POLICY, || vec![index as u8]).unwrap();
            assert_eq!(taken.map(|taken| taken.floor), (index % 10 == 0).then_some(mark(index)));
        }
        assert_eq!(snapshots.list(P).unwrap(), [20, 30].map(mark));
        assert_eq!((log.span(P).floor, log.span(P).last), (mark(30), mark(34)));
        drop(host);
        let mut recovered = recover(P, machine(&disk), &log, &open(&disk)).unwrap();
        assert!(recovered.from.index.0 >= 30 && recovered.damaged.is_empty());
        assert_eq!(recovered.meta, Some((mark(30), vec![30])));
        let mut responses = Vec::new();
        replay(&mut recovered.host, &log, Height(34), &mut responses).unwrap();
        assert_eq!(responses.len() as u64, 34 - recovered.from.index.0);
        assert_eq!(content(recovered.host.machine()), content_at(34));
    }
}

#[test]
fn a_log_is_replayed_piece_by_piece() {
    let log = MemoryLog::default();
    for index in 1..=4 {
        let payload = Request::Set { key: index.to_string(), value: "-".repeat(700 << 10) }.encode();
        log.append(&[Record::Entry { partition: P, mark: mark(index), payload: &payload }]).unwrap();
    }
    let (mut host, mut responses) = (Host::new(P, Box::new(HashMapMachine::new())), Vec::new());
    replay(&mut host, &log, Height(4), &mut responses).unwrap();
    assert_eq!((host.applied(), responses.len()), (mark(4), 4), "two of them are more than is read at once");
}

#[test]
fn a_snapshot_is_of_its_moment_though_the_machine_goes_on() {
    let snapshots = open(&MemoryDisk::new());
    let table = TableMachine::open(&MemoryDisk::new(), "state").unwrap();
    for machine in [Box::new(HashMapMachine::new()) as Box<dyn StateMachine>, Box::new(table)] {
        let log = MemoryLog::default();
        append(&log, 1..=50);
        let mut host = Host::new(P, machine);
        replay(&mut host, &log, Height(20), &mut Vec::new()).unwrap();
        let pending = begin(&mut host, Vec::new()).unwrap();
        let writer = {
            let snapshots = snapshots.clone();
            std::thread::spawn(move || pending.write(&snapshots).unwrap())
        };
        replay(&mut host, &log, Height(50), &mut Vec::new()).unwrap();
        let manifest = writer.join().unwrap();
        let settled = settle(&mut host, &log, &snapshots, &manifest, &POLICY).unwrap();
        assert_eq!((settled.floor, log.span(P).last), (mark(20), mark(50)), "what came later stays in the log");
        assert_eq!(body(&snapshots.reader(P, mark(20)).unwrap()), content_at(20));
        assert_eq!(content(host.machine()), content_at(50));
    }
}

#[test]
fn a_follower_takes_over_a_snapshot_and_goes_on_behind_it() {
    let (log, from) = (MemoryLog::default(), open(&MemoryDisk::new()));
    append(&log, 1..=40);
    let mut leader = Host::new(P, Box::new(HashMapMachine::new()));
    replay(&mut leader, &log, Height(30), &mut Vec::new()).unwrap();
    take(&mut leader, &log, &from, &POLICY, Vec::new).unwrap().unwrap();

    let (disk, behind) = (MemoryDisk::new(), MemoryLog::default());
    let to = open(&disk);
    append(&behind, 1..=4);
    let mut follower = Host::new(P, Box::new(TableMachine::open(&disk, "state").unwrap()));
    replay(&mut follower, &behind, Height(4), &mut Vec::new()).unwrap();
    let mut sender = Sender::new(from.reader(P, mark(30)).unwrap(), 0);
    let mut receiver = Receiver::begin(&to, sender.manifest().clone()).unwrap();
    while let Some((nth, chunk)) = sender.next_chunk().unwrap() {
        receiver.chunk(nth, chunk).unwrap();
    }
    let snapshot = receiver.finish().unwrap();

    // A restart now finds the snapshot, though nobody had told the machine or the log.
    let again = MemoryLog::default();
    append(&again, 1..=4);
    let recovered = recover(P, Box::new(HashMapMachine::new()), &again, &to).unwrap();
    assert_eq!((recovered.from, again.span(P).last), (mark(30), mark(30)));

    install(&mut follower, &behind, &to, &snapshot, &POLICY).unwrap();
    assert_eq!((follower.applied(), follower.durable(), behind.span(P).last), (mark(30), mark(30), mark(30)));
    append(&behind, 31..=40);
    replay(&mut follower, &behind, Height(40), &mut Vec::new()).unwrap();
    assert_eq!(content(follower.machine()), content_at(40));
}

#[test]
fn a_machine_that_is_ahead_of_the_log_is_where_the_log_goes_on() {
    let (disk, log) = (MemoryDisk::new(), MemoryLog::default());
    append(&log, 1..=8);
    let mut host = Host::new(P, Box::new(TableMachine::open(&disk, "state").unwrap()));
    replay(&mut host, &log, Height(8), &mut Vec::new()).unwrap();
    host.sync().unwrap();
    drop(host);
    let shorter = MemoryLog::default();
    append(&shorter, 1..=5);
    let recovered = recover(P, Box::new(TableMachine::open(&disk, "state").unwrap()), &shorter, &open(&disk)).unwrap();
    assert_eq!((recovered.from, shorter.span(P).floor, shorter.span(P).last), (mark(8), mark(8), mark(8)));
}

#[test]
fn a_state_that_ends_before_the_log_begins_is_an_error_that_says_why() {
    let (disk, log) = (MemoryDisk::new(), MemoryLog::default());
    let snapshots = open(&disk);
    append(&log, 1..=20);
    let mut host = Host::new(P, Box::new(HashMapMachine::new()));
    for index in 1..=20 {
        replay(&mut host, &log, Height(index), &mut Vec::new()).unwrap();
        take(&mut host, &log, &snapshots, &POLICY, Vec::new).unwrap();
    }
    disk.open("snapshots/00000003-0000000000000014-0000000000000001.snap").unwrap().write_at(b"!", 50).unwrap();
    let error = recover(P, Box::new(HashMapMachine::new()), &log, &snapshots).map(drop).unwrap_err();
    assert!(matches!(error, SnapshotError::Gap { state: Height(10), floor: Height(20), .. }), "{error}");
    assert!(error.to_string().contains("chunk 0") && error.to_string().contains("another member"), "{error}");
}

#[test]
fn a_partition_without_anything_begins_at_the_beginning() {
    let log = MemoryLog::default();
    let recovered = recover(P, Box::new(HashMapMachine::new()), &log, &open(&MemoryDisk::new())).unwrap();
    assert_eq!((recovered.from, recovered.meta), (Mark::default(), None));
    assert!(log.partitions().is_empty());
}

#[test]
fn snapshots_are_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>(_: &T) {}
    shared(&Arc::new(open(&MemoryDisk::new())));
}

#[test]
fn a_real_disk_is_as_good_as_one_in_memory() {
    let folder = std::env::temp_dir().join(format!("quorate-snapshots-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let disk = RealDisk::open(&folder).unwrap();
    let log = MemoryLog::default();
    append(&log, 1..=25);
    {
        let snapshots = Snapshots::open(Arc::new(disk.clone()), "snapshots", settings()).unwrap();
        let mut host = Host::new(P, Box::new(TableMachine::open(&disk, "state").unwrap()));
        replay(&mut host, &log, Height(25), &mut Vec::new()).unwrap();
        take(&mut host, &log, &snapshots, &POLICY, Vec::new).unwrap().unwrap();
    }
    let snapshots = Snapshots::open(Arc::new(disk.clone()), "snapshots", settings()).unwrap();
    assert_eq!(body(&snapshots.latest(P).unwrap().reader.unwrap()), content_at(25));
    let machines: [Box<dyn StateMachine>; 2] = [Box::new(HashMapMachine::new()), Box::new(TableMachine::open(&disk, "state").unwrap())];
    for machine in machines {
        let recovered = recover(P, machine, &log, &snapshots).unwrap();
        assert_eq!((recovered.from, content(recovered.host.machine())), (mark(25), content_at(25)));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
