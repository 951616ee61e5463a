//! The state of today is read tomorrow: `fixtures/golden/kv/` holds one of each format, byte for byte, and the answers that led to it.
//!
//! After a deliberate change of the format, with its version raised, keep the old file and write the new one:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-kv --test store golden
//! ```

use std::path::PathBuf;

use quorate_kv::{Command, Compare, Delete, Is, Keys, LeaseId, Op, Put, Range, Revision, Store, Target, Transaction};
use quorate_storage::machine::StateMachine;

use crate::{restored, written};

/// Commands of every kind, most of which have an effect.
fn commands() -> Vec<Command> {
    let put = |key: &str, value: &str, lease| Put { lease: LeaseId(lease), prev_kv: true, ..Put::new(key, value) };
    let there = Compare { keys: Keys::prefix("a"), is: Is::Greater, target: Target::Version(0) };
    let transaction = Transaction {
        compares: vec![there],
        success: vec![
            Op::Put(put("b", "2", 0)),
            Op::Delete(Delete { keys: Keys::one("c"), prev_kv: true }),
            Op::Range(Range::new(Keys::all())),
        ],
        failure: vec![Op::Transaction(Transaction::default())],
    };
    vec![
        Command::Grant { lease: LeaseId::NONE, ttl_seconds: 60 },
        Command::Grant { lease: LeaseId(900), ttl_seconds: 5 },
        Command::Put(put("a", "1", 1)),
        Command::Put(put("c", "a value behind which there is a longer key", 0)),
        Command::Put(put("a key that is longer than those that are kept in place", "", 900)),
        Command::Transaction(transaction),
        Command::KeepAlive(LeaseId(1)),
        Command::Expire { lease: LeaseId(1), renewals: 0 },
        Command::Put(put("a", "3", 1)),
        Command::Compact(Revision(5)),
        Command::Revoke(LeaseId(900)),
        Command::Put(put("", "", 0)),
    ]
}

fn lines() -> (String, Vec<u8>) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let (mut store, mut lines) = (Store::default(), String::new());
    for command in commands() {
        let bytes = command.encode();
        let answer = store.apply(&bytes).unwrap();
        lines += &format!("{} {}\n", hex(&bytes), hex(&answer));
    }
    (lines, written(&store))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/kv")
}

#[test]
fn golden_commands_answers_and_state_are_fresh() {
    let (lines, state) = lines();
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        std::fs::write(folder().join("commands.txt"), &lines).unwrap();
        std::fs::write(folder().join("v1.state"), &state).unwrap();
    }
    let pinned = std::fs::read_to_string(folder().join("commands.txt")).expect("fixtures/golden/kv is in the repository");
    assert!(pinned == lines, "a command or its answer is written otherwise than it was: logs hold the one, and sessions the other");
    let pinned = std::fs::read(folder().join("v1.state")).expect("fixtures/golden/kv is in the repository");
    assert!(
        pinned == state,
        "the state is written otherwise than it was: if that is meant, raise its version and see the top of this file"
    );
    assert_eq!(written(&restored(&pinned, quorate_kv::Limits::default())), pinned);
}
