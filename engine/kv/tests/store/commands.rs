//! Commands of all kinds about few keys, so that they get in each other's way.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_kv::{
    Command, Compare, Delete, End, Is, Keys, LeaseId, Op, Put, Query, Range, Revision, Sort, SortBy, Target, Transaction, Watch,
};

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop_oneof![Just("a"), Just("b"), Just("ba"), Just("c"), Just("d")].prop_map(|key| key.as_bytes().to_vec()),
        1 => Just(Vec::new()),
        1 => Just(b"long!".to_vec()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![10 => vec(b'v'..=b'z', 0..6), 1 => Just(b"too long".to_vec())]
}

fn revision() -> impl Strategy<Value = Revision> {
    prop_oneof![3 => Just(0), 5 => 0..30_u64].prop_map(Revision)
}

fn lease() -> impl Strategy<Value = LeaseId> {
    prop_oneof![4 => Just(0), 4 => 1..5_u64, 1 => Just(u64::MAX)].prop_map(LeaseId)
}

pub(crate) fn keys() -> impl Strategy<Value = Keys> {
    prop_oneof![
        4 => key().prop_map(Keys::one),
        2 => (key(), key()).prop_map(|(key, end)| Keys { key, end: End::Before(end) }),
        1 => key().prop_map(Keys::from),
        1 => key().prop_map(Keys::prefix),
        1 => Just(Keys::all()),
    ]
}

fn put() -> impl Strategy<Value = Put> {
    let some = |weight| prop_oneof![weight => Just(false), 1 => Just(true)];
    (key(), value(), lease(), some(2), some(8), some(8)).prop_map(|(key, value, lease, prev_kv, ignore_value, ignore_lease)| Put {
        key,
        value,
        lease,
        prev_kv,
        ignore_value,
        ignore_lease,
    })
}

fn delete() -> impl Strategy<Value = Delete> {
    (keys(), any::<bool>()).prop_map(|(keys, prev_kv)| Delete { keys, prev_kv })
}

pub(crate) fn range() -> impl Strategy<Value = Range> {
    let by = prop_oneof![Just(SortBy::Key), Just(SortBy::Version), Just(SortBy::Created), Just(SortBy::Modified), Just(SortBy::Value)];
    let sort = (by, any::<bool>()).prop_map(|(by, descending)| Sort { by, descending });
    let sort = prop_oneof![Just(Sort::default()), sort];
    let bound = || prop_oneof![6 => Just(0), 1 => 0..30_u64].prop_map(Revision);
    (keys(), revision(), 0..4_u64, sort, any::<bool>(), any::<bool>(), [bound(), bound(), bound(), bound()]).prop_map(
        |(keys, revision, limit, sort, keys_only, count_only, [min_mod, max_mod, min_create, max_create])| Range {
            keys,
            revision,
            limit,
            sort,
            keys_only,
            count_only,
            min_mod_revision: min_mod,
            max_mod_revision: max_mod,
            min_create_revision: min_create,
            max_create_revision: max_create,
        },
    )
}

fn compare() -> impl Strategy<Value = Compare> {
    let is = prop_oneof![Just(Is::Equal), Just(Is::NotEqual), Just(Is::Less), Just(Is::Greater)];
    let target = prop_oneof![
        (0..4_u64).prop_map(Target::Version),
        revision().prop_map(Target::Created),
        revision().prop_map(Target::Modified),
        lease().prop_map(Target::Lease),
        value().prop_map(Target::Value),
    ];
    (keys(), is, target).prop_map(|(keys, is, target)| Compare { keys, is, target })
}

fn transaction() -> impl Strategy<Value = Transaction> {
    let leaf = || prop_oneof![put().prop_map(Op::Put), delete().prop_map(Op::Delete), range().prop_map(Op::Range)];
    let of = |compares, success, failure| Transaction { compares, success, failure };
    let plain = || (vec(compare(), 0..3), vec(leaf(), 0..4), vec(leaf(), 0..4)).prop_map(move |(c, s, f)| of(c, s, f));
    let op = move || prop_oneof![2 => leaf(), 1 => plain().prop_map(Op::Transaction)];
    let deep = (vec(compare(), 0..2), vec(op(), 0..4), vec(op(), 0..3)).prop_map(move |(c, s, f)| of(c, s, f)).boxed();
    let deeper = deep.clone().prop_map(|inner| Transaction { success: vec![Op::Transaction(inner)], ..Transaction::default() });
    prop_oneof![8 => plain(), 8 => deep, 1 => deeper]
}

pub(crate) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        12 => put().prop_map(Command::Put),
        4 => delete().prop_map(Command::Delete),
        8 => transaction().prop_map(Command::Transaction),
        2 => revision().prop_map(Command::Compact),
        3 => (lease(), prop_oneof![4 => 1..60_u64, 1 => Just(0), 1 => Just(61)])
            .prop_map(|(lease, ttl_seconds)| Command::Grant { lease, ttl_seconds }),
        2 => lease().prop_map(Command::KeepAlive),
        1 => lease().prop_map(Command::Revoke),
        2 => (lease(), 0..3_u64).prop_map(|(lease, renewals)| Command::Expire { lease, renewals }),
    ]
}

pub(crate) fn query() -> impl Strategy<Value = Query> {
    prop_oneof![
        4 => range().prop_map(Query::Range),
        1 => (lease(), any::<bool>()).prop_map(|(lease, keys)| Query::Lease { lease, keys }),
        1 => Just(Query::Leases),
    ]
}

pub(crate) fn watch() -> impl Strategy<Value = Watch> {
    (keys(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(keys, no_put, no_delete, prev_kv)| Watch {
        keys,
        no_put,
        no_delete,
        prev_kv,
    })
}
