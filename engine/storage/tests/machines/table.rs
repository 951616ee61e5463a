//! The store on disk, crashed at every step.

use std::collections::{BTreeMap, BTreeSet};

use quorate_env::disk::{Disk as _, Loss, MemoryDisk, Step};
use quorate_env::rng::Seeded;
use quorate_storage::machine::{Command, MachineError, StateMachine as _, TableMachine};

use super::{apply, get, mark, set, state};

/// How often a life is crashed everywhere.
const SEEDS: u64 = 3;

/// What a store on disk goes through, as steps, and its state after every batch.
fn life() -> (Vec<Step>, BTreeMap<u64, Vec<u8>>) {
    let disk = MemoryDisk::new();
    disk.record();
    disk.make_folder("p").unwrap();
    let mut table = TableMachine::open(&disk, "p/state").unwrap();
    disk.remark(0);
    let mut states = BTreeMap::from([(0, state(&table))]);
    let mut index = 0;
    for round in 0..12 {
        let batch: Vec<_> = (0..5).map(|i| set((round * 3 + i) % 11, "x".repeat(200 * round))).collect();
        apply(&mut table, index + 1, &batch);
        index += 5;
        states.insert(index, state(&table));
        if round % 3 == 2 {
            table.sync().unwrap();
            disk.remark(index);
        }
        if round == 7 {
            let bytes = state(&table);
            index += 20;
            states.insert(index, bytes.clone());
            table.restore(mark(index), &mut &bytes[..]).unwrap();
            disk.remark(index);
        }
    }
    let steps = disk.steps();
    drop(table);
    (steps, states)
}

#[test]
fn after_a_crash_at_any_step_the_store_has_what_was_synced_and_whole_batches() {
    let (steps, states) = life();
    let mut seen = BTreeSet::new();
    for seed in 0..SEEDS {
        crash_everywhere(&steps, &states, seed, &mut seen);
    }
    assert!(seen.len() > 4, "crashes led to {seen:?} only");
}

/// Crashes after each step, in every way, and looks at what is there.
fn crash_everywhere(steps: &[Step], states: &BTreeMap<u64, Vec<u8>>, seed: u64, seen: &mut BTreeSet<u64>) {
    let disk = MemoryDisk::new();
    let mut promised = None;
    let mut rng = Seeded::new(seed);
    for (nth, step) in steps.iter().enumerate() {
        disk.redo(step).unwrap();
        if let Step::Note(index) = step {
            promised = Some(*index);
        }
        if disk.list("p").is_err() {
            continue;
        }
        for loss in Loss::ALL {
            let told = format!("seed {seed}, step {nth}, {loss:?}");
            let after = disk.after_crash(loss, &mut rng);
            let mut table = TableMachine::open(&after, "p/state").unwrap_or_else(|error| panic!("{told}: {error}"));
            let found = table.durable();
            assert!(found.index.0 >= promised.unwrap_or(0), "{told}: {found:?}, and {promised:?} was promised");
            assert_eq!(states.get(&found.index.0), Some(&state(&table)), "{told}: not the state at {found:?}");
            assert!(found == mark(found.index.0) || found.index.0 == 0);
            seen.insert(found.index.0);
            // It goes on from there, and crashes again.
            apply(&mut table, found.index.0 + 1, &[set("again", nth)]);
            let expected = state(&table);
            table.sync().unwrap();
            apply(&mut table, found.index.0 + 2, &[set("lost", nth)]);
            let again = TableMachine::open(&after.after_crash(loss, &mut rng), "p/state").unwrap_or_else(|error| panic!("{told}: {error}"));
            assert!(again.durable().index.0 > found.index.0 && (state(&again) == expected || again.durable().index.0 == found.index.0 + 2));
        }
    }
}

#[test]
fn a_store_goes_on_where_it_was() {
    let disk = MemoryDisk::new();
    let mut table = TableMachine::open(&disk, "state").unwrap();
    apply(&mut table, 1, &[set("a", "1")]);
    assert_eq!((table.durable().index.0, table.applied()), (0, mark(1)));
    table.sync().unwrap();
    assert_eq!(table.durable(), mark(1));
    apply(&mut table, 2, &[set("a", "2"), get("a")]);
    let expected = state(&table);
    drop(table);
    let table = TableMachine::open(&disk, "state").unwrap();
    assert_eq!((table.durable(), state(&table)), (mark(3), expected));
}

#[test]
fn entries_before_one_that_cannot_be_read_are_applied_and_answered() {
    let mut table = TableMachine::open(&MemoryDisk::new(), "state").unwrap();
    let payloads = [set("a", "1"), get("a"), vec![9], set("a", "2")];
    let batch: Vec<_> = (1..).zip(&payloads).map(|(index, payload)| Command { mark: mark(index), payload }).collect();
    let mut responses = Vec::new();
    let error = table.apply_batch(&batch, &mut responses).unwrap_err();
    assert_eq!((error.index.0, responses.len(), table.applied()), (3, 2, mark(2)));
}

#[test]
fn an_entry_is_never_applied_twice() {
    let mut table = TableMachine::open(&MemoryDisk::new(), "state").unwrap();
    apply(&mut table, 5, &[set("a", "1")]);
    let again = table.apply_batch(&[Command { mark: mark(5), payload: &set("a", "2") }], &mut Vec::new());
    assert!(matches!(again.unwrap_err().problem, MachineError::Refused(_)));
    assert!(matches!(table.apply(&set("a", "2")), Err(MachineError::Refused(_))), "without a mark it could be");
}

#[test]
fn a_disk_that_fails_is_an_error_and_stays_one() {
    let disk = MemoryDisk::new();
    let mut table = TableMachine::open(&disk, "state").unwrap();
    apply(&mut table, 1, &[set("a", "1")]);
    disk.fail_sync_after(0);
    assert!(matches!(table.sync(), Err(MachineError::Storage { .. })));
    assert!(table.sync().is_err());
    assert_eq!(table.durable().index.0, 0);
}
