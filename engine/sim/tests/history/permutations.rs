//! A checker that is obviously right, because it tries everything: the same verdict on thousands of tiny histories.
//!
//! It knows nothing of keys, of memory, or of what is cheap to try first. Its state is the whole map.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quorate_sim::history::models::{Call, Kind, Kv, Register, Reply, Store};
use quorate_sim::history::{History, Model, Operation, Outcome, Verdict, check};

use crate::{ABSENT, PLENTY, Story, Word, append, delete, found, get, judged, put, swap};

/// All keys at once: what the checker sees if nothing tells it that keys are independent.
struct Whole<M>(M);

impl<M: Model<Call = Call, State: Ord>> Model for Whole<M> {
    type Call = Call;
    type Reply = M::Reply;
    type State = BTreeMap<String, M::State>;

    fn name(&self) -> &'static str {
        "map"
    }

    fn knows(&self, call: &Call, reply: Option<&M::Reply>) -> bool {
        self.0.knows(call, reply)
    }

    fn key<'call>(&self, _: &'call Call) -> Option<&'call str> {
        None
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn step(&self, state: &Self::State, call: &Call, reply: Option<&M::Reply>) -> Option<Self::State> {
        let mut state = state.clone();
        let of_key = state.entry(call.key().to_owned()).or_insert_with(|| self.0.initial());
        *of_key = self.0.step(of_key, call, reply)?;
        Some(state)
    }

    fn only_looks(&self, _: &Call, _: &M::Reply) -> bool {
        false
    }

    fn bytes(&self, state: &Self::State) -> usize {
        state.len()
    }

    fn words(&self, state: &Self::State) -> String {
        state.len().to_string()
    }
}

/// Whether any order of any choice of the unknown ones gives the answers.
fn possible<M: Model>(model: &M, state: &M::State, left: &[&Operation<M::Call, M::Reply>]) -> bool {
    if left.iter().all(|operation| operation.reply().is_none()) {
        return true;
    }
    left.iter().enumerate().any(|(at, next)| {
        let overtakes = left.iter().any(|other| match &other.outcome {
            Outcome::Returned(moment, _) => moment.order < next.invoked.order,
            _ => false,
        });
        let rest = [&left[..at], &left[at + 1..]].concat();
        !overtakes && model.step(state, &next.call, next.reply()).is_some_and(|state| possible(model, &state, &rest))
    })
}

fn brute<M: Model<Call = Call, Reply = Reply, State: Ord>>(model: M, history: &History<Call, Reply>) -> [Word; 2] {
    let took: Vec<_> = history.operations().iter().filter(|operation| !matches!(operation.outcome, Outcome::Failed(_))).collect();
    let whole = Whole(model);
    let word = |good| if good { Word::Good } else { Word::Bad };
    let unparted = matches!(check(history, &whole, PLENTY), Ok(Verdict::Linearizable));
    [word(possible(&whole, &whole.initial(), &took)), word(unparted)]
}

/// What a client does next, if it has nothing open, and how it ends: as numbers, so that they shrink.
fn steps() -> impl Strategy<Value = Vec<(u64, u8, u8, u8)>> {
    proptest::collection::vec((0..4_u64, any::<u8>(), any::<u8>(), any::<u8>()), 2..16)
}

fn a_call(kind: Kind, choice: u8, value: u8) -> Call {
    let key = if choice & 0x80 == 0 { "a" } else { "b" };
    let values = ["1", "2", "3"];
    let (one, other) = (values[usize::from(value % 3)], values[usize::from(value / 3 % 3)]);
    match (choice % 4, kind) {
        (0 | 3, _) => get(key),
        (1, _) => put(key, one),
        (_, Kind::Kv) => append(key, one),
        (_, Kind::Store) if value.is_multiple_of(4) => delete(key),
        (_, Kind::Store) if value % 4 == 1 => swap(key, None, Some(one)),
        _ => swap(key, Some(one), Some(other)),
    }
}

/// An answer of the right kind, right or wrong.
fn a_reply(call: &Call, choice: u8) -> Reply {
    match call {
        Call::Get { .. } if choice.is_multiple_of(4) => ABSENT,
        Call::Get { .. } => found(["", "1", "2", "3", "12", "21", "11"][usize::from(choice) % 7]),
        Call::Delete { .. } if choice.is_multiple_of(3) => Reply::Done,
        Call::Delete { .. } | Call::CompareAndSet { .. } => Reply::Applied(choice.is_multiple_of(2)),
        Call::Put { .. } | Call::Append { .. } => Reply::Done,
    }
}

fn told(kind: Kind, steps: &[(u64, u8, u8, u8)]) -> History<Call, Reply> {
    let (mut story, mut open) = (Story::default(), BTreeMap::new());
    for &(client, choice, value, end) in steps {
        match open.remove(&client) {
            None => {
                let call = a_call(kind, choice, value);
                open.insert(client, (story.invoke(client, call.clone()), call));
            }
            Some((id, call)) => match end % 8 {
                0 => story.fail(id),
                1 => story.lost(id),
                _ => story.complete(id, a_reply(&call, value)),
            },
        }
    }
    story.told()
}

fn agree(kind: Kind, steps: &[(u64, u8, u8, u8)]) -> Result<Word, TestCaseError> {
    let history = told(kind, steps);
    let words = match kind {
        Kind::Register => brute(Register, &history),
        Kind::Kv => brute(Kv, &history),
        Kind::Store => brute(Store, &history),
    };
    let word = judged(kind, &history, PLENTY);
    prop_assert_eq!(words, [word; 2], "{:?}", history);
    Ok(word)
}

#[test]
fn trying_everything_gives_the_same_verdicts() {
    for kind in Kind::ALL {
        let counts = std::cell::Cell::new([0_u32; 2]);
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(4000));
        let run = runner.run(&steps(), |steps| {
            let word = agree(kind, &steps)?;
            let mut all = counts.get();
            all[usize::from(word == Word::Good)] += 1;
            counts.set(all);
            Ok(())
        });
        run.unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
        let [bad, good] = counts.get();
        assert!(bad > 400 && good > 400, "{}: {bad} bad and {good} good histories compare little", kind.name());
    }
}
