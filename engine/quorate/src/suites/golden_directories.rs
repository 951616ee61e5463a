//! A data directory of each format that there ever was, opened by this version.
//!
//! `fixtures/golden/directories/vN` is a directory as format N wrote it, with what it holds in `expected.json`. The one of the format that
//! is written today is also checked byte for byte, but for the state of a machine on disk: how its pages lie is the table's business, so
//! that file is only opened and compared. After a change of the format, with its number raised, the old directories stay and
//! the new one is made by
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate --test golden
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::{Disk as _, MemoryDisk};
use quorate_env::rng::Seeded;
use quorate_pipeline::conformance::Verdict;
use quorate_storage::log::{FORMAT, Log, Owner, Recovery, Settings};
use quorate_storage::machine::{Command, HashMapMachine, Request, StateMachine, TableMachine};
use quorate_storage::snapshot::{self, Snapshots};
use quorate_storage::{LogStore, Mark, Record};
use serde_json::{Value, json};

use super::{Suite, collect, data};

include!(concat!(env!("OUT_DIR"), "/golden_directories.rs"));

type Error = Box<dyn std::error::Error>;

pub(super) const SUITE: Suite = Suite {
    name: "golden-directories",
    about: "a data directory of every format so far, opened by this version",
    run: |_| collect(directories),
};

const EXPECTED: &str = "expected.json";

/// The state of the machine on disk. Its bytes are not held to anything, only what they say.
pub const STATE: &str = "state";

/// The partition that the snapshot is of.
const P: PartitionId = PartitionId(1);

fn directories(verdict: &mut Verdict) -> Result<(), String> {
    let versions: BTreeSet<&str> = FILES.iter().filter_map(|(path, _)| path.split_once('/')).map(|(version, _)| version).collect();
    if !versions.contains(format!("v{FORMAT}").as_str()) {
        return Err(format!("there is no golden directory of format {FORMAT}"));
    }
    for version in versions {
        verdict.case(opened(version).map_err(|error| format!("{version}: {error}")));
    }
    Ok(())
}

/// Opens a directory twice, with something appended in between.
fn opened(version: &str) -> Result<(), Error> {
    let disk = MemoryDisk::new();
    let mut expected = None;
    for (path, bytes) in FILES.iter().filter_map(|(path, bytes)| Some((path.strip_prefix(version)?.strip_prefix('/')?, bytes))) {
        if path == EXPECTED {
            expected = Some(data::json(std::str::from_utf8(bytes)?)?);
            continue;
        }
        if let Some((folder, _)) = path.split_once('/') {
            disk.make_folder(folder)?;
        }
        disk.create(path)?.write_at(bytes, 0)?;
    }
    let expected = expected.ok_or("there is no expected.json")?;
    compared("the snapshot and the state", &kept(&disk)?, &expected["kept"])?;
    for round in 0..2 {
        let (log, recovery) = open(&disk)?;
        if !recovery.closed || recovery.torn.is_some() {
            return Err(format!("a log that was closed is found as {recovery:?}").into());
        }
        let mut found = described(&log)?;
        if round == 1 {
            // What was appended is taken out again before the comparison.
            let added = found["partitions"].as_array_mut().and_then(Vec::pop).ok_or("what was appended is gone")?;
            if added["entries"][0][2] != "6164646564" {
                return Err(format!("what was appended is now {added}").into());
            }
        }
        compared("the log", &found["partitions"], &expected["partitions"])?;
        if round == 0 {
            let last = log.append(&[entry(u32::MAX, 1, 1, b"added")])?;
            log.sync(last)?;
        }
        log.close()?;
    }
    Ok(())
}

fn compared(what: &str, found: &Value, expected: &Value) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(format!("{what}: it holds {found}; expected {expected}").into()) }
}

fn snapshots(disk: &MemoryDisk) -> Result<Snapshots, Error> {
    let settings = snapshot::Settings::new(ClusterId(Digest([0xc1; 32])), MemberId(3));
    Ok(Snapshots::open(Arc::new(disk.clone()), "snapshots", snapshot::Settings { chunk_bytes: 100, ..settings })?)
}

fn state_of(machine: &dyn StateMachine) -> Result<String, Error> {
    let mut bytes = Vec::new();
    machine.snapshot()?.write_to(&mut bytes)?;
    Ok(data::hex(&bytes))
}

/// What the newest snapshot and the machine on disk hold.
fn kept(disk: &MemoryDisk) -> Result<Value, Error> {
    let latest = snapshots(disk)?.latest(P)?;
    if let Some(damage) = latest.damaged.into_iter().next() {
        return Err(damage.into());
    }
    let reader = latest.reader.ok_or("there is no snapshot")?;
    let manifest = reader.manifest();
    let mut restored = HashMapMachine::new();
    restored.restore(manifest.mark(), &mut reader.body())?;
    let table = TableMachine::open_with(disk, STATE, CACHE_BYTES)?;
    let mark = |mark: Mark| json!([mark.index.0, mark.term.0]);
    Ok(json!({
        "snapshot": { "mark": mark(manifest.mark()), "meta": data::hex(manifest.meta()), "state": state_of(&restored)? },
        "table": { "mark": mark(table.durable()), "state": state_of(&table)? },
    }))
}

const CACHE_BYTES: usize = 1 << 20;

/// Writes a snapshot after entry 25, and a machine on disk that is at entry 30.
fn keep(disk: &MemoryDisk) -> Result<(), Error> {
    let mut table = TableMachine::open_with(disk, STATE, CACHE_BYTES)?;
    for index in 1..=30_u64 {
        let mark = Mark { index: Height(index), term: View(1 + index / 16) };
        let payload = Request::Set { key: format!("key {}", index % 7), value: format!("value {index}") }.encode();
        table.apply_batch(&[Command { mark, payload: &payload }], &mut Vec::new())?;
        if index == 25 {
            snapshots(disk)?.write(P, mark, b"what goes with it".to_vec(), table.snapshot()?.as_mut())?;
        }
    }
    Ok(table.sync()?)
}

fn open(disk: &MemoryDisk) -> Result<(Log, Recovery), Error> {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
    let owner = Owner { cluster: ClusterId(Digest([0xc1; 32])), member: MemberId(3) };
    let settings = Settings { segment_bytes: 8192, ..Settings::default() };
    Ok(Log::open(env, "log", owner, settings, Box::new(Seeded::new(1)))?)
}

/// Everything that a log holds.
fn described(log: &dyn LogStore) -> Result<Value, Error> {
    let mut partitions = Vec::new();
    for partition in log.partitions() {
        let span = log.span(partition);
        let (first, end) = (span.floor.index.0 + 1, span.last.index.0 + 1);
        let entries = if first < end { log.read(partition, first..end, usize::MAX)? } else { Vec::new() };
        let entries: Vec<Value> =
            entries.iter().map(|entry| json!([entry.mark.index.0, entry.mark.term.0, data::hex(&entry.payload)])).collect();
        let states = (0..=u8::MAX).filter_map(|slot| log.state(partition, slot).map(|value| json!([slot, data::hex(&value)])));
        let states: Vec<Value> = states.collect();
        let floor = json!([span.floor.index.0, span.floor.term.0]);
        partitions.push(json!({ "partition": partition.0, "floor": floor, "entries": entries, "states": states }));
    }
    Ok(json!({ "partitions": partitions }))
}

fn entry(partition: u32, index: u64, term: u64, payload: &[u8]) -> Record<'_> {
    Record::Entry { partition: PartitionId(partition), mark: Mark { index: Height(index), term: View(term) }, payload }
}

/// The golden directory, as this version writes it: paths and contents.
///
/// # Errors
/// If it cannot be made.
pub fn written() -> Result<Vec<(String, Vec<u8>)>, Error> {
    let disk = MemoryDisk::new();
    let (log, _) = open(&disk)?;
    fn state(partition: u32, slot: u8, value: &[u8]) -> Record<'_> {
        Record::State { partition: PartitionId(partition), slot, value }
    }
    let mark = |index, term| Mark { index: Height(index), term: View(term) };
    for index in 1..=40_u8 {
        let payload = vec![index; usize::from(index) * 11 % 300];
        let last = log.append(&[entry(1, index.into(), 1 + u64::from(index) / 16, &payload), state(1, 0, &[index, 1])])?;
        log.sync(last)?;
    }
    log.append(&[entry(2, 1, 1, b""), entry(2, 2, 1, b"to be cut"), state(2, 7, b"a piece of state")])?;
    log.append(&[Record::Cut { partition: PartitionId(2), from: Height(2) }, entry(2, 2, 3, b"instead")])?;
    log.append(&[Record::Floor { partition: PartitionId(3), mark: mark(100, 9) }, entry(3, 101, 9, b"behind a snapshot")])?;
    log.append(&[Record::Floor { partition: PartitionId(1), mark: mark(25, 2) }])?;
    log.release()?;
    log.close()?;
    let mut expected = described(&log)?;
    drop(log);
    keep(&disk)?;
    expected["kept"] = kept(&disk)?;
    let mut files = vec![(format!("v{FORMAT}/{EXPECTED}"), format!("{}\n", serde_json::to_string(&expected)?).into_bytes())];
    let mut paths = vec![STATE.to_owned()];
    for folder in ["log", "snapshots"] {
        paths.extend(disk.list(folder)?.into_iter().map(|name| format!("{folder}/{name}")));
    }
    for path in paths {
        let file = disk.open(&path)?;
        let mut bytes = vec![0; file.len()? as usize];
        file.read_exact_at(&mut bytes, 0)?;
        files.push((format!("v{FORMAT}/{path}"), bytes));
    }
    Ok(files)
}
