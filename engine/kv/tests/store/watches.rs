//! Watches: what an answer holds, and what it costs when there is nothing.

use quorate_kv::{Changes, Command, Cursor, Delete, Keys, Op, Put, Revision, Store, Transaction, Watch};

use crate::{done, restored, written};

#[test]
fn a_watch_may_stand_in_the_future() {
    let mut store = Store::default();
    let watch = Watch::new(Keys::all());
    let none = store.changes(&watch, Revision(3), 1 << 20).unwrap();
    assert_eq!(none, Changes { revision: Revision(1), next: Revision(3).into(), ..Changes::default() });
    for value in ["2", "3"] {
        done(&mut store, &Command::Put(Put::new("k", value)));
    }
    let told = store.changes(&watch, none.next, 1 << 20).unwrap();
    assert_eq!((told.events.len(), told.events[0].kv.value.as_slice(), told.next), (1, &b"3"[..], Revision(4).into()));
}

#[test]
fn a_revision_is_told_whole_or_in_marked_fragments() {
    let mut store = Store::default();
    done(&mut store, &Command::Put(Put::new("a", "1")));
    let three = ["b", "c", "d"].map(|key| Op::Put(Put::new(key, "2")));
    done(&mut store, &Command::Transaction(Transaction { success: three.to_vec(), ..Transaction::default() }));
    let watch = Watch::new(Keys::all());
    // There is room for two events.
    let one = store.changes(&watch, Revision(2), 100).unwrap();
    assert_eq!((one.events.len(), one.fragment, one.next), (1, false, Revision(3).into()));
    let two = store.changes(&watch, one.next, 100).unwrap();
    assert_eq!((two.events.len(), two.fragment, two.next), (2, true, Cursor { revision: Revision(3), sub: 2 }));
    let three = store.changes(&watch, two.next, 100).unwrap();
    assert_eq!((three.events.len(), three.fragment, three.next), (1, false, Revision(4).into()));
}

#[test]
fn a_fragment_goes_on_after_a_restart() {
    let mut store = Store::default();
    let many: Vec<_> = (0..20).map(|nth| Op::Put(Put::new(format!("k{nth}"), "v"))).collect();
    done(&mut store, &Command::Transaction(Transaction { success: many, ..Transaction::default() }));
    let watch = Watch::new(Keys::all());
    let one = store.changes(&watch, Revision(2), 500).unwrap();
    let other = restored(&written(&store), *store.limits());
    assert_eq!(other.changes(&watch, one.next, 1 << 20), store.changes(&watch, one.next, 1 << 20));
    assert_eq!(other.changes(&watch, one.next, 1 << 20).unwrap().events.len() + one.events.len(), 20);
}

#[test]
fn an_answer_looks_through_a_bounded_number_of_changes() {
    let mut store = Store::default();
    for _ in 0..20_000 {
        done(&mut store, &Command::Put(Put::new("other", "")));
    }
    done(&mut store, &Command::Delete(Delete { keys: Keys::one("other"), prev_kv: false }));
    let watch = Watch { no_put: true, ..Watch::new(Keys::one("other")) };
    let (mut cursor, mut answers, mut events) = (Cursor::from(Revision(2)), 0, Vec::new());
    while cursor.revision <= store.revision() {
        let told = store.changes(&watch, cursor, 1 << 20).unwrap();
        answers += 1;
        events.extend(told.events);
        cursor = told.next;
    }
    assert_eq!((answers, events.len(), events[0].is_deletion()), (3, 1, true));
}
