//! Random commands, each of whose answers is the model's, and what can be read afterwards, at every revision.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::ids::{Height, View};
use quorate_kv::{Answer, Changes, Command, Cursor, Keys, Outcome, Query, Range, Revision, Store, Watch};
use quorate_storage::Mark;
use quorate_storage::machine::{Command as Entry, StateMachine};

use crate::model::Model;
use crate::{LIMITS, commands, restored, tell, written};

/// The store's answer is one that the model allows.
fn check(answer: &Answer, command: &Command, model: &mut Model) {
    match (model.apply(command), &answer.outcome) {
        (Err(wrong), Outcome::Refused(refusal)) => assert!(wrong.contains(refusal), "{command:?}: {refusal}; expected one of {wrong:?}"),
        (expected, outcome) => assert_eq!(expected.as_ref(), Ok(outcome), "{command:?}"),
    }
    assert_eq!(answer.revision, Revision(model.revision()), "{command:?}");
}

/// All events from a cursor on, asked for in answers of so many bytes. No revision is split that need not be.
fn follow(store: &Store, watch: &Watch, from: u64, bytes_max: usize) -> Vec<quorate_kv::Event> {
    let (mut cursor, mut events, mut inside) = (Cursor::from(Revision(from)), Vec::new(), false);
    loop {
        let Changes { revision, events: more, next, fragment } = store.changes(watch, cursor, bytes_max).unwrap();
        assert!(next > cursor || cursor.revision > revision, "{next:?} is not behind {cursor:?}");
        let first = more.first().map(|event| event.kv.mod_revision);
        if fragment {
            assert!(more.iter().all(|event| Some(event.kv.mod_revision) == first), "a fragment is of one revision");
            assert_eq!((Some(next.revision), next.sub > 0), (first, true));
        } else {
            assert_eq!(next.sub, 0);
        }
        assert!(!inside || first == Some(cursor.revision), "the rest of a revision comes next");
        inside = fragment;
        events.extend(more);
        cursor = next;
        if next.revision > revision {
            return events;
        }
    }
}

/// What can be read from the store is what can be read from the model.
fn compare(store: &Store, model: &Model) {
    assert_eq!((store.revision().0, store.floor().0), (model.revision(), model.floor));
    for revision in model.floor.max(1)..=model.revision() {
        let query = Query::Range(Range { revision: Revision(revision), ..Range::new(Keys::all()) });
        assert_eq!(store.ask(&query).told, model.ask(&query), "at revision {revision}");
    }
    let watch = Watch { prev_kv: true, ..Watch::new(Keys::all()) };
    assert_eq!(follow(store, &watch, model.floor, usize::MAX), model.seen(&watch, model.floor));
    for lease in model_leases(model) {
        let query = Query::Lease { lease, keys: true };
        assert_eq!(store.ask(&query).told, model.ask(&query));
    }
}

fn model_leases(model: &Model) -> Vec<quorate_kv::LeaseId> {
    match model.ask(&Query::Leases) {
        quorate_kv::Told::Leases(leases) => leases,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_and_every_revision_is_the_models(commands in vec(commands::command(), 1..60), queries in vec(commands::query(), 8)) {
        let (mut store, mut model) = (Store::new(LIMITS), Model::new(LIMITS));
        for command in &commands {
            check(&tell(&mut store, command), command, &mut model);
        }
        compare(&store, &model);
        for query in &queries {
            let answer = quorate_kv::QueryAnswer::decode(&store.query(&query.encode()).unwrap()).unwrap();
            prop_assert_eq!((answer.revision.0, answer.told), (model.revision(), model.ask(query)));
        }
    }

    #[test]
    fn a_restored_store_goes_on_as_the_one_that_was_written(
        commands in vec(commands::command(), 1..60),
        cut in any::<prop::sample::Index>(),
        later in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(commands.len() + 1);
        let later = cut + later.index(commands.len() - cut + 1);
        let (mut store, mut model) = (Store::new(LIMITS), Model::new(LIMITS));
        for command in &commands[..cut] {
            check(&tell(&mut store, command), command, &mut model);
        }
        let (at_the_freeze, mut frozen) = (written(&store), store.snapshot().unwrap());
        for command in &commands[cut..later] {
            tell(&mut store, command);
        }
        let mut bytes = Vec::new();
        frozen.write_to(&mut bytes).unwrap();
        prop_assert_eq!(&bytes, &at_the_freeze, "a frozen state changed with the store");

        let mut other = restored(&bytes, LIMITS);
        prop_assert_eq!(written(&other), bytes);
        compare(&other, &model);
        for command in &commands[cut..later] {
            check(&tell(&mut other, command), command, &mut model);
        }
        prop_assert_eq!(other.digest(), store.digest());
        compare(&other, &model);
    }

    #[test]
    fn batches_change_nothing(commands in vec(commands::command(), 1..60), sizes in vec(1..20_usize, 60)) {
        let payloads: Vec<_> = commands.iter().map(Command::encode).collect();
        let (mut one, mut other) = (Store::new(LIMITS), Store::new(LIMITS));
        let alone: Vec<_> = payloads.iter().map(|payload| one.apply(payload).unwrap()).collect();
        let (mut batched, mut at) = (Vec::new(), 0);
        for size in sizes {
            let batch: Vec<_> = (at..payloads.len().min(at + size))
                .map(|nth| Entry { mark: Mark { index: Height(nth as u64 + 1), term: View(1) }, payload: &payloads[nth] })
                .collect();
            other.apply_batch(&batch, &mut batched).unwrap();
            at += batch.len();
        }
        prop_assert_eq!(batched, alone);
        prop_assert_eq!(one.digest(), other.digest());
    }

    #[test]
    fn a_watch_sees_what_happened_from_any_revision_on(
        commands in vec(commands::command(), 1..60),
        watch in commands::watch(),
        bytes_max in prop_oneof![Just(0), 1..400_usize],
    ) {
        let (mut store, mut model) = (Store::new(LIMITS), Model::new(LIMITS));
        for command in &commands {
            check(&tell(&mut store, command), command, &mut model);
        }
        for from in model.floor..=model.revision() + 2 {
            prop_assert_eq!(follow(&store, &watch, from, bytes_max), model.seen(&watch, from));
        }
        if model.floor > 0 {
            let compacted = store.changes(&watch, Revision(model.floor - 1), bytes_max).unwrap_err();
            prop_assert_eq!(compacted.floor.0, model.floor);
        }
    }

    #[test]
    fn memory_is_given_back(commands in vec(commands::command(), 1..60)) {
        let mut store = Store::new(LIMITS);
        let empty = store.memory_bytes();
        for command in &commands {
            tell(&mut store, command);
        }
        for lease in store.leases() {
            tell(&mut store, &Command::Revoke(lease));
        }
        tell(&mut store, &Command::Delete(quorate_kv::Delete { keys: Keys::all(), prev_kv: false }));
        // What was written at the floor is forgotten with the next compaction.
        for _ in 0..2 {
            let put = quorate_kv::Put::new("z", "");
            tell(&mut store, &Command::Put(put));
            tell(&mut store, &Command::Delete(quorate_kv::Delete { keys: Keys::one("z"), prev_kv: false }));
            let newest = store.revision();
            tell(&mut store, &Command::Compact(newest));
        }
        prop_assert!(store.memory_bytes() < empty + 400, "{} bytes of nothing, after {empty}", store.memory_bytes());
    }
}
