//! The store, against a model of it that is too simple to be wrong.

mod codecs;
mod commands;
mod expiry;
mod golden;
mod histories;
mod model;
mod transactions;
mod watches;

use quorate_kv::{Answer, Command, Limits, Outcome, Store};
use quorate_storage::Mark;
use quorate_storage::machine::StateMachine;

/// Small ones, so that all of them are met.
const LIMITS: Limits = Limits { key_bytes: 4, value_bytes: 6, operations: 4, depth: 2, answer_bytes: 200, leases: 3, ttl_seconds: 60 };

fn tell(store: &mut Store, command: &Command) -> Answer {
    Answer::decode(&store.apply(&command.encode()).unwrap()).unwrap()
}

fn done(store: &mut Store, command: &Command) -> Outcome {
    match tell(store, command).outcome {
        Outcome::Refused(refusal) => panic!("{command:?}: {refusal}"),
        outcome => outcome,
    }
}

fn written(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.snapshot().unwrap().write_to(&mut bytes).unwrap();
    bytes
}

fn restored(bytes: &[u8], limits: Limits) -> Store {
    let mut store = Store::new(limits);
    store.restore(Mark::default(), &mut &bytes[..]).unwrap();
    store
}
