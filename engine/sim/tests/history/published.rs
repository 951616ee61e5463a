//! The histories that came with Porcupine, each with the verdict that was published.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quorate_sim::history::Verdict;
use quorate_sim::history::formats::{Format, Parsed, parse};
use quorate_sim::history::models::Kind;

use crate::PLENTY;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/histories").join(name)
}

fn read(path: &Path) -> Parsed {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn holds(path: &Path, model: Kind, format: Format, linearizable: bool) {
    let parsed = read(path);
    assert_eq!((parsed.model, parsed.format), (model, format), "{}", path.display());
    match model.check(&parsed.history, PLENTY).expect("the model has these operations") {
        Verdict::Linearizable => assert!(linearizable, "{} should not be linearizable", path.display()),
        Verdict::NotLinearizable(why) => {
            assert!(!linearizable, "{} should be linearizable: {why:?}", path.display());
            assert!(!why.stuck.is_empty() && why.linearized.len() < why.operations, "{}: {why:?}", path.display());
        }
        Verdict::Undecided(progress) => panic!("{}: {progress}", path.display()),
    }
}

#[test]
fn etcd_is_found_to_be_what_was_published() {
    let expected = std::fs::read_to_string(folder("etcd/EXPECTED")).expect("the verdicts are there");
    let expected: BTreeMap<&str, bool> = expected
        .lines()
        .map(|line| line.split_once(' ').expect("a name and a verdict"))
        .map(|(name, verdict)| (name, verdict == "linearizable"))
        .collect();
    assert_eq!((expected.len(), expected.values().filter(|good| **good).count()), (20, 4));
    for (name, good) in expected {
        holds(&folder("etcd").join(name), Kind::Register, Format::Jepsen, good);
    }
}

#[test]
fn maps_are_found_to_be_what_their_names_say() {
    for name in ["c01-ok", "c01-bad", "c10-ok", "c10-bad"] {
        holds(&folder("kv").join(format!("{name}.txt")), Kind::Kv, Format::Edn, name.ends_with("-ok"));
    }
}

#[test]
fn a_published_history_is_as_long_as_it_looks() {
    let parsed = read(&folder("kv/c10-ok.txt"));
    assert_eq!((parsed.history.operations().len(), parsed.history.clients()), (337, 10));
    let parsed = read(&folder("etcd/etcd_000.log"));
    assert!(parsed.history.operations().len() > 80 && parsed.history.clients() > 5);
}
