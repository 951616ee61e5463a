//! What a node reads back from its disk, or is sent of another's.

use std::collections::BTreeMap;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::disk::MemoryDisk;
use quorate_storage::log::{Log, Repair};
use quorate_storage::machine::sessions::Limits;
use quorate_storage::machine::{Command, Envelope, HashMapMachine, Reply, Request, Sessioned, StateMachine as _};
use quorate_storage::snapshot::Manifest;
use quorate_storage::{Entry, LogError, LogStore as _, Mark, Record, Span};

use super::{canonical, said};
use crate::segments;

/// Segments of a log, which opens or is damaged. If it opens, all that it says it has is there, and it goes on. If it is damaged, it can
/// be repaired.
pub fn log_segment(bytes: &[u8]) {
    let [how, rest @ ..] = bytes else { return };
    let disk = segments::placed(*how, rest);
    match segments::open(&disk) {
        Ok((log, recovery)) => {
            assert_eq!(Repair::plan(&disk, "log").map_err(|error| error.to_string()), Ok(None), "a log that opens is to be repaired");
            assert!(recovery.bytes <= disk.used(), "more was read than there is");
            goes_on(&disk, log);
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(matches!(error, LogError::Corrupt(_) | LogError::Io(_)), "{error:?}");
            repaired(&disk);
        }
    }
}

/// What is damaged opens after at most as many repairs as there are segments.
fn repaired(disk: &MemoryDisk) {
    for _ in 0..3 {
        let Some(repair) = said(Repair::plan(disk, "log")).flatten() else { break };
        repair.apply(disk, "log").expect("a disk in memory has room");
    }
    // Without its owner's name it is somebody else's log, and there is nothing to repair.
    if let Some((log, _)) = said(segments::open(disk)) {
        goes_on(disk, log);
    }
}

/// What a log has of one partition: its span, its entries, its pieces of state.
type OfOne = (Span, Vec<Entry>, Vec<(u8, Vec<u8>)>);
type Content = BTreeMap<PartitionId, OfOne>;

fn content(log: &Log) -> Content {
    log.partitions().into_iter().map(|partition| (partition, of_one(log, partition))).collect()
}

/// All that a log says it has of a partition.
fn of_one(log: &Log, partition: PartitionId) -> OfOne {
    let span = log.span(partition);
    assert!(span.floor.index <= span.last.index, "partition {partition}: {span:?}");
    assert_eq!(log.term(partition, span.last.index).ok(), Some(span.last.term));
    let (mut entries, mut next) = (Vec::new(), span.floor.index.0);
    while next < span.last.index.0 {
        let read = log.read(partition, next + 1..span.last.index.0 + 1, 1 << 10);
        let read = read.unwrap_or_else(|error| panic!("partition {partition}: {span:?}, and then {error}"));
        assert!(!read.is_empty(), "partition {partition}: entry {} of {span:?} is not read", next + 1);
        for entry in read {
            next += 1;
            assert_eq!(entry.mark.index.0, next);
            assert_eq!(log.term(partition, entry.mark.index).ok(), Some(entry.mark.term));
            entries.push(entry);
        }
    }
    let states = (0..=u8::MAX).filter_map(|slot| Some((slot, log.state(partition, slot)?.to_vec()))).collect();
    (span, entries, states)
}

/// An open log gives all that it says it has, takes more, and has all of it when it is opened again.
fn goes_on(disk: &MemoryDisk, log: Log) {
    let mut expected = content(&log);
    for partition in log.partitions().into_iter().take(4).chain([PartitionId(u32::MAX)]) {
        let Mark { index, term } = log.span(partition).last;
        let mark = Mark { index: Height(index.0.wrapping_add(1)), term: View(term.0.wrapping_add(1)) };
        let records = [Record::Entry { partition, mark, payload: b"more" }, Record::State { partition, slot: 0, value: b"and more" }];
        // Nothing follows the highest index.
        if let Some(last) = said(log.append(&records)) {
            log.sync(last).expect("a disk in memory syncs");
        }
        expected.insert(partition, of_one(&log, partition));
    }
    log.close().expect("a disk in memory syncs");
    drop(log);
    let (log, recovery) = segments::open(disk).unwrap_or_else(|error| panic!("a log that was closed: {error}"));
    // A log whose last segment is full to the brim, with none ready behind it, is closed without the mark.
    assert!(recovery.torn.is_none() && (recovery.closed || recovery.bytes % 4096 > 3900), "a log that was closed: {recovery:?}");
    // How many bytes a span has is reckoned, not counted, where a part of a segment was given up.
    let plain = |content: Content| -> Vec<_> {
        content.into_iter().map(|(id, (span, entries, states))| (id, span.floor, span.last, entries, states)).collect()
    };
    assert_eq!(plain(content(&log)), plain(expected));
}

/// What a snapshot is of.
pub fn snapshot_manifest(bytes: &[u8]) {
    let Some(manifest) = canonical(bytes, Manifest::decode(bytes), Manifest::encode) else { return };
    let lens = (0..manifest.count()).map(|nth| manifest.chunk_len(nth) as u64);
    assert_eq!(lens.sum::<u64>(), manifest.total());
    assert_eq!(manifest.chunk_len(manifest.count()), 0);
    let (chunks, meta) = (manifest.chunks().to_vec(), manifest.meta().to_vec());
    assert_eq!(Manifest::new(*manifest.origin(), meta, manifest.chunk_bytes(), manifest.total(), chunks), Ok(manifest));
}

/// A request to the example store: what can be read can be applied, and answered.
pub fn machine_request(bytes: &[u8]) {
    let request = canonical(bytes, Request::decode(bytes), Request::encode);
    let applied = said(HashMapMachine::new().apply(bytes));
    assert_eq!(request.is_some(), applied.is_some(), "it can be read or applied, and not both");
}

/// The state of the example store: what is restored is written as it was read; what is not leaves the state as it was.
pub fn machine_state(bytes: &[u8]) {
    let mut machine = HashMapMachine::new();
    machine.apply(&Request::Set { key: "before".into(), value: "it".into() }.encode()).expect("a request");
    let written = |machine: &HashMapMachine| {
        let mut state = Vec::new();
        machine.snapshot().expect("a state in memory").write_to(&mut state).expect("memory takes it");
        state
    };
    let before = written(&machine);
    let restored = said(machine.restore(Mark::default(), &mut &bytes[..]));
    assert_eq!(written(&machine), if restored.is_some() { bytes.to_vec() } else { before });
}

/// An entry for a machine with sessions: a machine that never fails is never stopped by one; a reply; and a state with sessions.
pub fn envelope(bytes: &[u8]) {
    let envelope = said(Envelope::decode(bytes)).inspect(|envelope| assert_eq!(envelope.encode(), bytes));
    said(Reply::decode(bytes)).inspect(|reply| assert_eq!(reply.encode(), bytes));
    let new = || Sessioned::new(HashMapMachine::new(), Limits { sessions: 3, answer_bytes: 64 });
    let (mut machine, mut responses, open) = (new(), Vec::new(), Envelope::Open.encode());
    let at = |index| Mark { index: Height(index), term: View(1) };
    let entries = [(1, &open[..]), (2, bytes), (3, bytes)].map(|(index, payload)| Command { mark: at(index), payload });
    match machine.apply_batch(&entries, &mut responses) {
        Ok(()) => {
            let reply = Reply::decode(&responses[1]).expect("what is answered is a reply");
            assert_eq!(envelope.is_none(), reply == Reply::Nonsense);
        }
        // The machine inside stops at a command that it cannot read.
        Err(error) => assert_eq!((error.index, responses.len()), (Height(2), 1)),
    }
    let written = |machine: &Sessioned<HashMapMachine>| {
        let mut state = Vec::new();
        machine.snapshot().expect("a state in memory").write_to(&mut state).expect("memory takes it");
        state
    };
    let before = written(&machine);
    let mut other = new();
    other.restore(at(3), &mut before.as_slice()).expect("what is written is a state");
    assert_eq!(written(&other), before);
    let restored = said(machine.restore(at(3), &mut &bytes[..]));
    assert_eq!(written(&machine), if restored.is_some() { bytes.to_vec() } else { before });
}
