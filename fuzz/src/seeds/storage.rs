//! Real segments, a manifest of each shape, and what the example store reads.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_env::disk::MemoryDisk;
use quorate_storage::machine::sessions::{Limits, Stub};
use quorate_storage::machine::{Envelope, HashMapMachine, Reply, Request, Sessioned, StateMachine as _};
use quorate_storage::snapshot::{Manifest, Origin};
use quorate_storage::{LogStore as _, Mark, Record};

use super::Seed;
use crate::segments::{self, BEHIND_PAGES, FRONT_GONE, PUT_RIGHT};

const P: PartitionId = PartitionId(1);
const Q: PartitionId = PartitionId(2);

pub(super) fn all() -> Vec<Seed> {
    let mut seeds = segments();
    seeds.extend(manifests());
    seeds.extend(machine());
    seeds.extend(sessioned());
    seeds
}

fn mark(index: u64, term: u64) -> Mark {
    Mark { index: Height(index), term: View(term) }
}

fn entry(partition: PartitionId, index: u64, term: u64, payload: &[u8]) -> Record<'_> {
    Record::Entry { partition, mark: mark(index, term), payload }
}

/// A log with a group for each list of records, closed or left.
fn log(groups: &[&[Record<'_>]], closed: bool) -> MemoryDisk {
    let disk = MemoryDisk::new();
    let (log, _) = segments::open(&disk).expect("an empty disk takes a log");
    for group in groups {
        let last = log.append(group).expect("the records fit");
        log.sync(last).expect("a disk in memory syncs");
    }
    if closed {
        log.close().expect("a disk in memory syncs");
    }
    disk
}

fn segments() -> Vec<Seed> {
    let seed = |name, how, disk: &MemoryDisk, count| Seed { target: "log_segment", name, bytes: segments::input(how, disk, count) };
    let few: &[&[Record<'_>]] = &[&[entry(P, 1, 1, b"first"), entry(P, 2, 1, b"")], &[entry(P, 3, 2, b"third")]];
    let kinds: &[&[Record<'_>]] = &[
        &[entry(P, 1, 1, b"a"), entry(P, 2, 1, b"b"), Record::State { partition: P, slot: 3, value: b"a vote" }, entry(Q, 1, 1, b"q")],
        &[Record::Cut { partition: P, from: Height(2) }, entry(P, 2, 2, b"instead"), entry(P, 3, 2, b"c")],
        &[Record::Floor { partition: P, mark: mark(2, 2) }, Record::Floor { partition: Q, mark: mark(9, 4) }, entry(Q, 10, 4, b"r")],
    ];
    let long = [7; 1500];
    let two: &[&[Record<'_>]] = &[&[entry(P, 1, 1, &long)], &[entry(P, 2, 1, &long)], &[entry(P, 3, 1, &long)], &[entry(P, 4, 2, b"last")]];
    let behind = &[&[entry(P, 1, 1, b"a"), entry(P, 2, 1, b"b")][..], &[Record::Floor { partition: P, mark: mark(1, 1) }]];
    let (left, closed) = (log(few, false), log(kinds, true));
    vec![
        seed("left_by_a_crash", BEHIND_PAGES, &left, 1),
        seed("records_of_all_kinds", BEHIND_PAGES, &closed, 1),
        seed("records_of_all_kinds_put_right", BEHIND_PAGES | PUT_RIGHT, &closed, 1),
        seed("two_segments", BEHIND_PAGES, &log(two, true), 2),
        seed("a_front_that_is_gone", BEHIND_PAGES | PUT_RIGHT | FRONT_GONE, &log(behind, false), 1),
        Seed { target: "log_segment", name: "a_whole_file", bytes: segments::whole(&left) },
    ]
}

fn manifests() -> Vec<Seed> {
    let origin = Origin { cluster: ClusterId(Digest([1; 32])), member: MemberId(7), partition: P, mark: mark(20, 3) };
    let seed = |name, meta: &[u8], total: u64| {
        let digests = (0..total.div_ceil(100)).map(|nth| TreeHash::Blake3.leaf(&nth.to_le_bytes())).collect();
        let manifest = Manifest::new(origin, meta.to_vec(), 100, total, digests).expect("the parts fit");
        Seed { target: "snapshot_manifest", name, bytes: manifest.encode() }
    };
    vec![seed("of_nothing", b"", 0), seed("one_chunk", b"", 100), seed("three_chunks_and_meta", b"a frontier", 250)]
}

fn machine() -> Vec<Seed> {
    let set = |key: &str, value: &str| Request::Set { key: key.into(), value: value.into() }.encode();
    let request = |name, bytes| Seed { target: "machine_request", name, bytes };
    let state = |name, pairs: &[(&str, &str)]| {
        let (mut machine, mut bytes) = (HashMapMachine::new(), Vec::new());
        for (key, value) in pairs {
            machine.apply(&set(key, value)).expect("it is a request");
        }
        machine.snapshot().expect("a state in memory").write_to(&mut bytes).expect("memory takes it");
        Seed { target: "machine_state", name, bytes }
    };
    vec![
        request("set", set("key", "value")),
        request("get", Request::Get { key: "ключ".into() }.encode()),
        state("empty", &[]),
        state("two_pairs", &[("a", "1"), ("b", "")]),
    ]
}

fn sessioned() -> Vec<Seed> {
    let request = Request::Set { key: "key".into(), value: "value".into() }.encode();
    let within = Envelope::Within { stub: Stub { session: 1, sequence: 2, settled: 1 }, command: &request };
    let mut state = Vec::new();
    let machine = Sessioned::new(HashMapMachine::new(), Limits { sessions: 3, answer_bytes: 64 });
    machine.snapshot().expect("a state in memory").write_to(&mut state).expect("memory takes it");
    let seed = |name, bytes| Seed { target: "envelope", name, bytes };
    vec![
        seed("plain", Envelope::Plain(&request).encode()),
        seed("open", Envelope::Open.encode()),
        seed("within", within.encode()),
        seed("opened", Reply::Opened(5).encode()),
        seed("a_state", state),
    ]
}
