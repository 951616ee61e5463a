//! The two stores are one store.

use quorate_env::disk::MemoryDisk;
use quorate_storage::machine::{Answer, HashMapMachine, StateMachine, TableMachine};

use super::{apply, get, mark, set, state};

fn both() -> [Box<dyn StateMachine>; 2] {
    [Box::new(HashMapMachine::new()), Box::new(TableMachine::open(&MemoryDisk::new(), "state").unwrap())]
}

#[test]
fn both_stores_answer_alike_and_have_the_same_bytes() {
    let payloads: Vec<_> = (0..100).flat_map(|i| [set(i % 17, i), get(i % 23)]).collect();
    let [mut one, mut other] = both();
    assert_eq!(apply(&mut *one, 1, &payloads), apply(&mut *other, 1, &payloads));
    assert_eq!(state(&*one), state(&*other));
    assert_eq!(apply(&mut *one, 201, &[get(3)]), [Answer(Some("88".into())).encode()]);
}

#[test]
fn a_batch_gives_what_its_commands_give_one_by_one() {
    let payloads: Vec<_> = (0..30).flat_map(|i| [set(i % 5, i), get(i % 7)]).collect();
    for (mut whole, mut single) in both().into_iter().zip(both()) {
        let expected = apply(&mut *whole, 1, &payloads);
        let found: Vec<_> = (1..).zip(&payloads).flat_map(|(index, one)| apply(&mut *single, index, std::slice::from_ref(one))).collect();
        assert_eq!(found, expected);
        assert_eq!(state(&*single), state(&*whole));
    }
}

#[test]
fn a_snapshot_is_the_state_of_its_moment_while_writes_go_on() {
    for mut machine in both() {
        apply(&mut *machine, 1, &(0..500).map(|i| set(i, "before")).collect::<Vec<_>>());
        let expected = state(&*machine);
        let mut frozen = machine.snapshot().unwrap();
        apply(&mut *machine, 501, &[set(7, "after"), set("new", "after")]);
        machine.sync().unwrap();
        let writer = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            frozen.write_to(&mut bytes).unwrap();
            bytes
        });
        apply(&mut *machine, 503, &(0..500).map(|i| set(i, "later")).collect::<Vec<_>>());
        assert_eq!(writer.join().unwrap(), expected);
        assert_ne!(state(&*machine), expected);
    }
}

#[test]
fn a_snapshot_of_either_store_restores_both() {
    for source in 0..2 {
        let mut original = both();
        apply(&mut *original[source], 1, &(0..300).map(|i| set(i, i)).collect::<Vec<_>>());
        let bytes = state(&*original[source]);
        for mut machine in both() {
            apply(&mut *machine, 1, &[set("old", "gone")]);
            machine.restore(mark(300), &mut &bytes[..]).unwrap();
            assert_eq!(state(&*machine), bytes);
        }
    }
}

#[test]
fn bytes_that_are_no_store_change_nothing() {
    let mut source = HashMapMachine::new();
    apply(&mut source, 1, &[set("a", "1"), set("b", "2")]);
    let good = state(&source);
    let mut bad: Vec<Vec<u8>> = (0..good.len()).map(|len| good[..len].to_vec()).collect();
    bad.push([&good[..], &[0]].concat());
    bad.push([&[9], &good[1..]].concat());
    // The second key becomes like the first, and then a length becomes enormous.
    let (mut twice, mut long) = (good.clone(), good.clone());
    twice[9 + 10 + 4] = b'a';
    long[9..13].copy_from_slice(&u32::MAX.to_le_bytes());
    bad.extend([twice, long]);
    for mut machine in both() {
        apply(&mut *machine, 1, &[set("old", "stays")]);
        let before = state(&*machine);
        for bytes in &bad {
            machine.restore(mark(9), &mut &bytes[..]).unwrap_err();
            assert_eq!(state(&*machine), before);
        }
    }
}
