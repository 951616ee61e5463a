//! Transactions, as etcd's manual has them.

use quorate_kv::{Command, Compare, Delete, Is, Keys, Op, Outcome, Put, Range, Refusal, Revision, Store, Target, Transaction};

use crate::{done, tell};

fn put(key: &str, value: &str) -> Op {
    Op::Put(Put::new(key, value))
}

fn delete(keys: Keys) -> Op {
    Op::Delete(Delete { keys, prev_kv: false })
}

fn all(success: Vec<Op>) -> Transaction {
    Transaction { success, ..Transaction::default() }
}

#[test]
fn a_key_is_written_only_if_it_is_what_was_seen() {
    let mut store = Store::default();
    let swap = |seen: u64, value: &str| {
        let compares = vec![Compare { keys: Keys::one("k"), is: Is::Equal, target: Target::Modified(Revision(seen)) }];
        Command::Transaction(Transaction { compares, success: vec![put("k", value)], failure: vec![Op::Range(Range::new(Keys::one("k")))] })
    };
    let succeeded = |outcome| matches!(outcome, Outcome::Transaction { succeeded: true, .. });
    assert!(succeeded(done(&mut store, &swap(0, "first"))));
    assert!(!succeeded(done(&mut store, &swap(0, "second"))));
    assert!(succeeded(done(&mut store, &swap(2, "third"))));
    assert_eq!(store.revision(), Revision(3));
}

#[test]
fn all_that_a_transaction_writes_is_one_revision_and_what_writes_nothing_is_none() {
    let mut store = Store::default();
    done(&mut store, &Command::Transaction(all(vec![put("a", "1"), put("b", "2"), put("c", "3")])));
    assert_eq!(store.revision(), Revision(2));
    done(&mut store, &Command::Transaction(all(vec![delete(Keys::prefix("x")), Op::Range(Range::new(Keys::all()))])));
    assert_eq!(store.revision(), Revision(2));
    let kvs = store.range(&Range::new(Keys::all())).unwrap().1.kvs;
    assert!(kvs.iter().all(|kv| (kv.mod_revision, kv.version) == (Revision(2), 1)));
}

#[test]
fn a_key_that_would_be_written_twice_refuses_the_whole() {
    let mut store = Store::default();
    let inner = |ops| Op::Transaction(all(ops));
    let either = Op::Transaction(Transaction { success: vec![put("a", "1")], failure: vec![put("a", "2")], compares: Vec::new() });
    for twice in [
        vec![put("a", "1"), put("a", "2")],
        vec![put("b", "1"), delete(Keys::all())],
        vec![delete(Keys::one("b")), put("b", "1")],
        vec![put("a", "1"), inner(vec![put("a", "2")])],
        vec![inner(vec![put("a", "1")]), inner(vec![delete(Keys::prefix("a"))])],
        vec![inner(vec![delete(Keys::prefix("a"))]), inner(vec![put("a", "1")])],
        vec![either.clone(), put("a", "3")],
    ] {
        let answer = tell(&mut store, &Command::Transaction(all(twice.clone())));
        assert_eq!(answer.outcome, Outcome::Refused(Refusal::DuplicateKey), "{twice:?}");
    }
    done(&mut store, &Command::Transaction(all(vec![either, put("b", "1"), delete(Keys::one("c")), delete(Keys::prefix("c"))])));
}

#[test]
fn what_answers_too_much_is_taken_back() {
    let mut store = Store::new(quorate_kv::Limits { answer_bytes: 100, ..quorate_kv::Limits::default() });
    let long = "v".repeat(60);
    done(&mut store, &Command::Put(Put::new("a", long.as_str())));
    let before = store.digest();
    let both = all(vec![put("b", "1"), Op::Range(Range::new(Keys::all()))]);
    assert_eq!(tell(&mut store, &Command::Transaction(both)).outcome, Outcome::Refused(Refusal::AnswerTooLong { max: 100 }));
    let deleting = Command::Delete(Delete { keys: Keys::all(), prev_kv: true });
    assert_eq!(tell(&mut store, &deleting).outcome, Outcome::Refused(Refusal::AnswerTooLong { max: 100 }));
    assert_eq!(store.digest(), before);
}

#[test]
fn everything_is_compared_before_anything_is_written() {
    let mut store = Store::default();
    let absent = Compare { keys: Keys::one("a"), is: Is::Equal, target: Target::Version(0) };
    let inner = Transaction { compares: vec![absent], success: vec![put("b", "a was not there")], failure: vec![put("b", "a was there")] };
    done(&mut store, &Command::Transaction(all(vec![put("a", "1"), Op::Transaction(inner)])));
    assert_eq!(store.range(&Range::new(Keys::one("b"))).unwrap().1.kvs[0].value, b"a was not there");
}
