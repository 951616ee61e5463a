//! The key-value store: what it is told, asked, and restored from.

use quorate_kv::{Answer, Changes, Command, Keys, Outcome, Query, QueryAnswer, Range, Refusal, Revision, Store, Watch};
use quorate_storage::Mark;
use quorate_storage::machine::StateMachine as _;

use super::{canonical, said};

/// A store in which there is something to meet.
fn store() -> Store {
    let mut store = Store::default();
    for command in crate::seeds::kv_commands() {
        answer(&mut store, &command.encode());
    }
    store
}

fn answer(store: &mut Store, command: &[u8]) -> Answer {
    let bytes = store.apply(command).expect("the store never stops");
    canonical(&bytes, Answer::decode(&bytes), Answer::encode).expect("what the store answers is an answer")
}

fn written(store: &Store) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.snapshot().expect("a state in memory").write_to(&mut bytes).expect("memory takes it");
    bytes
}

fn restored(bytes: &[u8]) -> Option<Store> {
    let mut store = Store::default();
    said(store.restore(Mark::default(), &mut &bytes[..])).map(|()| store)
}

/// A command: what cannot be read is answered with that, what is refused changes nothing, and what is done is in the snapshot.
pub fn kv_command(bytes: &[u8]) {
    let command = canonical(bytes, Command::decode(bytes), Command::encode);
    let mut store = store();
    let (before, revision) = (written(&store), store.revision());
    let told = answer(&mut store, bytes);
    assert_eq!(command.is_none(), told.outcome == Outcome::Refused(Refusal::Unreadable));
    assert!(told.revision == revision || told.revision == Revision(revision.0 + 1));
    let after = written(&store);
    if let Outcome::Refused(refusal) = told.outcome {
        assert!(!refusal.to_string().is_empty());
        assert_eq!(after, before);
    }
    let other = restored(&after).expect("what the store writes is a state");
    assert_eq!(written(&other), after);
}

/// A query or a watch.
pub fn kv_query(bytes: &[u8]) {
    let store = store();
    if let Some(query) = canonical(bytes, Query::decode(bytes), Query::encode) {
        let told = store.query(bytes).expect("it is a query");
        assert_eq!(QueryAnswer::decode(&told), Ok(store.ask(&query)));
    }
    if let Some(watch) = canonical(bytes, Watch::decode(bytes), Watch::encode) {
        let told = store.changes(&watch, store.floor(), 100).expect("the floor can be read");
        assert_eq!(Changes::decode(&told.encode()), Ok(told));
    }
}

/// What the store says.
pub fn kv_answer(bytes: &[u8]) {
    canonical(bytes, Answer::decode(bytes), Answer::encode);
    canonical(bytes, QueryAnswer::decode(bytes), QueryAnswer::encode);
    canonical(bytes, Changes::decode(bytes), Changes::encode);
}

/// A state: what is restored is written as it was read, can be read at every revision, and goes on.
pub fn kv_state(bytes: &[u8]) {
    let Some(mut other) = restored(bytes) else {
        let mut store = store();
        let before = written(&store);
        assert!(store.restore(Mark::default(), &mut &bytes[..]).is_err());
        assert_eq!(written(&store), before);
        return;
    };
    assert_eq!(written(&other), bytes);
    for revision in (other.floor().0.max(1)..=other.revision().0).take(100) {
        said(other.range(&Range { revision: Revision(revision), ..Range::new(Keys::all()) }));
    }
    said(other.changes(&Watch { prev_kv: true, ..Watch::new(Keys::all()) }, other.floor(), usize::MAX));
    for lease in other.leases().into_iter().take(10) {
        answer(&mut other, &Command::Revoke(lease).encode());
    }
    for command in crate::seeds::kv_commands() {
        answer(&mut other, &command.encode());
    }
    let after = written(&other);
    assert_eq!(restored(&after).map(|store| written(&store)), Some(after));
}
