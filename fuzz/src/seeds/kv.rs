//! A command of each kind, the store that they lead to, and what it says of itself.

use quorate_kv::{
    Command, Compare, Delete, Is, Keys, LeaseId, Op, Put, Query, Range, Revision, Sort, SortBy, Store, Target, Transaction, Watch,
};
use quorate_storage::machine::StateMachine as _;

use super::Seed;

/// Commands that lead to a store with something of everything.
pub(crate) fn commands() -> Vec<Command> {
    let put = |key: &str, lease| Put { lease: LeaseId(lease), prev_kv: true, ..Put::new(key, "value") };
    let there = Compare { keys: Keys::one("a"), is: Is::Equal, target: Target::Version(1) };
    let value = Compare { keys: Keys::prefix("b"), is: Is::NotEqual, target: Target::Value(b"v".to_vec()) };
    let inner = Transaction { compares: vec![value], success: Vec::new(), failure: vec![Op::Put(put("d", 0))] };
    let success = vec![Op::Put(put("b", 0)), Op::Delete(Delete { keys: Keys::one("c"), prev_kv: true }), Op::Transaction(inner)];
    vec![
        Command::Grant { lease: LeaseId(7), ttl_seconds: 60 },
        Command::Put(put("a", 7)),
        Command::Put(put("c", 0)),
        Command::Transaction(Transaction { compares: vec![there], success, failure: vec![Op::Range(Range::new(Keys::all()))] }),
        Command::KeepAlive(LeaseId(7)),
        Command::Expire { lease: LeaseId(7), renewals: 0 },
        Command::Compact(Revision(3)),
        Command::Delete(Delete { keys: Keys::between("b", "c"), prev_kv: false }),
        Command::Put(Put { ignore_value: true, ..Put::new("a", "") }),
    ]
}

pub(super) fn all() -> Vec<Seed> {
    let names = ["grant", "put", "put_without_lease", "transaction", "keep_alive", "expire", "compact", "delete", "put_keeping_the_value"];
    let (mut store, mut seeds) = (Store::default(), Vec::new());
    let state = |name, store: &Store| {
        let mut bytes = Vec::new();
        store.snapshot().expect("a state in memory").write_to(&mut bytes).expect("memory takes it");
        Seed { target: "kv_state", name, bytes }
    };
    seeds.push(state("empty", &store));
    for (name, command) in names.into_iter().zip(commands()) {
        let bytes = command.encode();
        let answer = store.apply(&bytes).expect("the store never stops");
        seeds.push(Seed { target: "kv_command", name, bytes });
        seeds.push(Seed { target: "kv_answer", name, bytes: answer });
    }
    seeds.push(Seed { target: "kv_command", name: "revoke", bytes: Command::Revoke(LeaseId(7)).encode() });
    seeds.push(state("something_of_everything", &store));
    let sorted = Range {
        revision: Revision(3),
        limit: 1,
        sort: Sort { by: SortBy::Modified, descending: true },
        min_mod_revision: Revision(1),
        max_create_revision: Revision(9),
        ..Range::new(Keys::prefix("a"))
    };
    let lease = Query::Lease { lease: LeaseId(7), keys: true };
    for (name, query) in [("range", Query::Range(sorted)), ("lease", lease), ("leases", Query::Leases)] {
        seeds.push(Seed { target: "kv_answer", name, bytes: store.ask(&query).encode() });
        seeds.push(Seed { target: "kv_query", name, bytes: query.encode() });
    }
    let watch = Watch { prev_kv: true, ..Watch::new(Keys::all()) };
    seeds.push(Seed { target: "kv_query", name: "watch", bytes: watch.encode() });
    let changes = store.changes(&watch, Revision(3), 1 << 20).expect("nothing behind the floor is compacted");
    seeds.push(Seed { target: "kv_answer", name: "changes", bytes: changes.encode() });
    seeds
}
