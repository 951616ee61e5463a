//! Histories that are linearizable because they were made so: each operation runs at one instant of its interval, on a real machine.
//! And the same ones with one read that saw what nobody ever wrote.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_sim::history::models::{Bytes, Call, Kind, Reply};
use quorate_sim::history::{History, OpId};

use crate::{PLENTY, Story, Word, append, delete, found, get, judged, put, swap};

/// What nobody writes.
const NEVER: &str = "never written";

/// Where an operation of a client stands.
enum Stage {
    Invoked(OpId, Call),
    /// It took effect, and its answer is on the way.
    Ran(OpId, Reply),
}

/// A machine that does one thing after another.
#[derive(Default)]
struct Machine(BTreeMap<String, Bytes>);

impl Machine {
    fn run(&mut self, kind: Kind, call: &Call) -> Reply {
        let before = self.0.get(call.key()).cloned();
        match call {
            Call::Get { .. } if kind == Kind::Kv => Reply::Value(Some(before.unwrap_or_else(|| "".into()))),
            Call::Get { .. } => Reply::Value(before),
            Call::Put { key, value } => self.set(key, Some(value.clone()), Reply::Done),
            Call::Append { key, value } => self.set(key, Some(before.unwrap_or_else(|| "".into()).joined(value)), Reply::Done),
            Call::Delete { key } => self.set(key, None, Reply::Applied(before.is_some())),
            Call::CompareAndSet { key, expected, new } if *expected == before => self.set(key, new.clone(), Reply::Applied(true)),
            Call::CompareAndSet { .. } => Reply::Applied(false),
        }
    }

    fn set(&mut self, key: &str, value: Option<Bytes>, reply: Reply) -> Reply {
        match value {
            Some(value) => self.0.insert(key.to_owned(), value),
            None => self.0.remove(key),
        };
        reply
    }
}

fn a_call(kind: Kind, keys: u8, choice: u8, step: usize) -> Call {
    let key = &(choice % keys).to_string();
    let (few, new) = ((step % 3).to_string(), format!("{step};"));
    match (choice / 32, kind) {
        (0..=2, _) => get(key),
        (3 | 4, Kind::Kv) => append(key, &new),
        (3 | 4, _) => put(key, &few),
        (5, _) => put(key, &new),
        (6, Kind::Store) => delete(key),
        (_, Kind::Kv) => append(key, &few),
        _ => swap(key, Some(&few), Some(&new)),
    }
}

/// Runs it: each step lets one of the clients go on.
fn run(kind: Kind, clients: u64, keys: u8, steps: &[(u8, u8)], spoil: bool) -> Option<History<Call, Reply>> {
    let (mut story, mut machine, mut open) = (Story::default(), Machine::default(), BTreeMap::new());
    let mut spoiled = false;
    for (step, &(who, choice)) in steps.iter().enumerate() {
        let client = u64::from(who) % clients;
        match open.remove(&client) {
            None => {
                let call = a_call(kind, keys, choice, step);
                open.insert(client, Stage::Invoked(story.invoke(client, call.clone()), call));
            }
            // Some are given up before they take effect, some after it, and some never do.
            Some(Stage::Invoked(id, _)) if choice < 4 => story.lost(id),
            Some(Stage::Invoked(id, _)) if choice < 8 => story.fail(id),
            Some(Stage::Invoked(id, call)) if choice < 12 => {
                machine.run(kind, &call);
                story.lost(id);
            }
            Some(Stage::Invoked(id, call)) => {
                let mut reply = machine.run(kind, &call);
                if spoil && !spoiled && matches!(call, Call::Get { .. }) && step * 2 > steps.len() {
                    (reply, spoiled) = (found(NEVER), true);
                }
                open.insert(client, Stage::Ran(id, reply));
            }
            Some(Stage::Ran(id, reply)) => story.complete(id, reply),
        }
    }
    for stage in open.into_values() {
        if let Stage::Ran(id, reply) = stage {
            story.complete(id, reply);
        }
    }
    (spoiled || !spoil).then(|| story.told())
}

fn kinds() -> impl Strategy<Value = Kind> {
    proptest::sample::select(&Kind::ALL[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_really_ran_is_linearizable(
        kind in kinds(), clients in 1..8_u64, keys in 1..5_u8, steps in proptest::collection::vec(any::<(u8, u8)>(), 0..300),
    ) {
        let history = run(kind, clients, keys, &steps, false).expect("nothing is to be spoiled");
        prop_assert_eq!(judged(kind, &history, PLENTY), Word::Good, "{:#?}", history);
    }

    #[test]
    fn what_nobody_wrote_was_not_read(
        kind in kinds(), clients in 1..8_u64, keys in 1..5_u8, steps in proptest::collection::vec(any::<(u8, u8)>(), 0..120),
    ) {
        if let Some(history) = run(kind, clients, keys, &steps, true) {
            prop_assert_eq!(judged(kind, &history, PLENTY), Word::Bad);
        }
    }
}

/// Numbers that look random and are always the same.
fn numbers(count: usize) -> Vec<(u8, u8)> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| (next(), next())).collect()
}

#[test]
fn ten_clients_and_ten_thousand_operations_are_judged_within_the_budget() {
    let steps = numbers(30_000);
    for kind in Kind::ALL {
        // Texts remember in which order everything was appended, what was lost included; there are too many orders to try if much is.
        let kept = |(who, choice): &(u8, u8)| (*who, if kind == Kind::Kv { *choice | 12 } else { *choice });
        let steps: Vec<(u8, u8)> = steps.iter().map(kept).collect();
        let good = run(kind, 10, 10, &steps, false).expect("nothing is to be spoiled");
        assert!(good.operations().len() > 9_000 && good.clients() == 10);
        assert_eq!(judged(kind, &good, PLENTY), Word::Good, "{}", kind.name());
        let bad = run(kind, 10, 10, &steps, true).expect("there is a read");
        assert_eq!(judged(kind, &bad, PLENTY), Word::Bad, "{}", kind.name());
    }
}
