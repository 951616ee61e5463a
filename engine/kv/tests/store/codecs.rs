//! Everything that is written down reads back, and nothing else is read.

use proptest::collection::vec;
use proptest::prelude::*;
use quorate_core::codec::DecodeError;
use quorate_kv::{Answer, Changes, Command, Limits, Query, QueryAnswer, Revision, Store, Transaction, Watch};
use quorate_storage::Mark;
use quorate_storage::machine::StateMachine;

use crate::{LIMITS, commands, tell, written};

/// What reads back as it was, and is refused if it is cut or followed by something.
fn both_ways<T: PartialEq + std::fmt::Debug>(value: &T, bytes: &[u8], decode: impl Fn(&[u8]) -> Result<T, DecodeError>) {
    assert_eq!(decode(bytes).as_ref(), Ok(value));
    for end in 0..bytes.len() {
        assert!(decode(&bytes[..end]).is_err(), "{value:?} cut at {end}");
    }
    assert!(decode(&[bytes, &[0]].concat()).is_err(), "{value:?} followed by a byte");
}

proptest! {
    #[test]
    fn commands_queries_and_watches_have_one_encoding(
        command in commands::command(),
        query in commands::query(),
        watch in commands::watch(),
    ) {
        both_ways(&command, &command.encode(), Command::decode);
        both_ways(&query, &query.encode(), Query::decode);
        both_ways(&watch, &watch.encode(), Watch::decode);
    }

    #[test]
    fn answers_and_changes_have_one_encoding(
        commands in vec(commands::command(), 1..40),
        query in commands::query(),
        watch in commands::watch(),
    ) {
        let mut store = Store::new(Limits { answer_bytes: 1 << 20, ..LIMITS });
        for command in &commands {
            let answer = tell(&mut store, command);
            both_ways(&answer, &answer.encode(), Answer::decode);
        }
        let answer = store.ask(&query);
        both_ways(&answer, &answer.encode(), QueryAnswer::decode);
        let changes = store.changes(&watch, store.floor().max(Revision(1)), 200).unwrap();
        both_ways(&changes, &changes.encode(), Changes::decode);
    }

    #[test]
    fn a_byte_that_is_changed_is_noticed_or_means_something_else(
        command in commands::command(),
        at in any::<prop::sample::Index>(),
        to: u8,
    ) {
        let mut bytes = command.encode();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(other) = Command::decode(&bytes) {
            prop_assert_ne!(&other, &command);
            prop_assert_eq!(other.encode(), bytes);
        }
    }

    #[test]
    fn a_snapshot_that_is_not_whole_leaves_the_store_as_it_was(
        commands in vec(commands::command(), 1..40),
        at in any::<prop::sample::Index>(),
        to: u8,
    ) {
        let (mut store, mut other) = (Store::new(LIMITS), Store::new(LIMITS));
        commands.iter().for_each(|command| drop(tell(&mut store, command)));
        tell(&mut other, &commands[0]);
        let (bytes, before) = (written(&store), written(&other));
        for end in 0..bytes.len() {
            prop_assert!(other.restore(Mark::default(), &mut &bytes[..end]).is_err());
        }
        prop_assert!(other.restore(Mark::default(), &mut [&bytes[..], &[0]].concat().as_slice()).is_err());
        prop_assert_eq!(written(&other), before);
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] = to;
        if other.restore(Mark::default(), &mut changed.as_slice()).is_ok() {
            prop_assert_eq!(written(&other), changed);
        }
    }
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_reserved() {
    let huge = u32::MAX.to_le_bytes();
    for bytes in [[&[1, 0][..], &huge].concat(), [&[2, 0, 0][..], &huge].concat(), [&[3][..], &huge].concat()] {
        assert!(Command::decode(&bytes).is_err());
    }
    assert!(Answer::decode(&[&[0; 8][..], &[2], &[0; 8], &huge].concat()).is_err());
}

#[test]
fn transactions_that_lie_too_deep_are_not_followed() {
    let deep = |depth| {
        (1..depth).fold(Transaction::default(), |inner, _| Transaction {
            success: vec![quorate_kv::Op::Transaction(inner)],
            ..Transaction::default()
        })
    };
    assert!(Command::decode(&Command::Transaction(deep(16)).encode()).is_ok());
    assert!(Command::decode(&Command::Transaction(deep(17)).encode()).unwrap_err().to_string().contains("17 deep"));
    let mut bytes = vec![3];
    for _ in 0..100_000 {
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0, 3]);
    }
    assert!(Command::decode(&bytes).is_err());
}
