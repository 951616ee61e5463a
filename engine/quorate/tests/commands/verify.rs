//! `quorate verify`, on one of each golden proof: whole, damaged, and under somebody else's anchor.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::{quorate, quorate_with};

const CLUSTER: &str = "593afcb980033464d1207dbbdf6579842c809bc9571be2016cc98510277f98ba";

/// The bytes before what is inside a proof file.
const HEAD: usize = 10;

/// A golden proof's bytes.
fn golden(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/proofs.json");
    let all: Value = serde_json::from_str(&fs::read_to_string(path).expect("the golden file is there")).expect("it is JSON");
    let entry = all["sealed"].as_array().expect("a list").iter().find(|entry| entry["name"] == name).expect("the golden proof is there");
    let digits = entry["hex"].as_str().expect("text");
    (0..digits.len() / 2).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}

/// A file with these bytes, whose name no other test uses.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, bytes).expect("the temporary folder can be written to");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

#[test]
fn every_golden_proof_is_valid_under_the_golden_anchor() {
    let anchor = file("valid.anchor", &golden("anchor"));
    for (name, kind, fact) in [
        ("block", "block", "c784f255fee3399bf7bb661d96e7aa93ca8fc7fe51d9659a05d54aa58eb1bd2a"),
        ("electorate", "electorate", CLUSTER),
        ("anchor", "trust anchor", "351f3515833dc156ca14f6a1c40f289c066f5366832b45ebe291610040bebda4"),
        ("certificate", "certificate", "a quorum signed a PBFT commit"),
        ("receipt", "receipt", "is number 4 of a log of 5"),
        ("evidence", "evidence", "member 3 signed a PBFT commit for two candidates"),
    ] {
        let proof = file(&format!("valid.{name}"), &golden(name));
        let run = quorate(&["verify", text(&proof), "--anchor", text(&anchor)]);
        assert_eq!(run.code, 0, "{name}: {}{}", run.out, run.err);
        assert!(run.out.ends_with("VALID\n") && run.out.contains(fact), "{}", run.out);
        let line = quorate(&["verify", text(&proof), "--cluster", CLUSTER, "--json"]).object();
        assert_eq!((&line["kind"], &line["valid"], &line["reason"]), (&kind.into(), &Value::Bool(true), &Value::Null));
        assert!(line["says"].is_object() && line["notes"].is_array());
    }
}

#[test]
fn a_changed_bit_is_never_valid_and_the_reason_is_shown() {
    for name in ["block", "electorate", "anchor", "certificate", "receipt", "evidence"] {
        let bytes = golden(name);
        for step in 0..16 {
            let at = (bytes.len() - 1) * step / 15;
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (step % 8);
            let run = quorate_with(&["verify", "-", "--cluster", CLUSTER, "--json"], &flipped);
            if at < HEAD {
                assert_eq!(run.code, 3, "{name}, byte {at}");
                assert!(run.reason().contains("is no proof file"));
            } else {
                assert_eq!(run.code, 1, "{name}, byte {at}: {}{}", run.out, run.err);
                let line = run.object();
                assert_eq!(line["valid"], false);
                assert!(line["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{line}");
            }
        }
    }
}

#[test]
fn another_cluster_does_not_believe_it() {
    let other = CLUSTER.replace('5', "6");
    for name in ["electorate", "anchor", "certificate", "receipt", "evidence"] {
        let run = quorate_with(&["verify", "-", "--cluster", &other], &golden(name));
        assert_eq!(run.code, 1, "{name}");
        assert!(run.out.contains("NOT VALID: ") && run.out.contains("trust anchor") | run.out.contains(&other), "{}", run.out);
    }
}

#[test]
fn a_receipt_is_for_its_entry_and_no_other() {
    let receipt = file("entry.receipt", &golden("receipt"));
    let (right, wrong) = (file("entry.right", &[4; 4]), file("entry.wrong", &[4; 5]));
    let with = |entry: &Path| quorate(&["verify", text(&receipt), "--cluster", CLUSTER, "--entry", text(entry)]);
    assert_eq!(with(&right).code, 0);
    let run = with(&wrong);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("NOT VALID: the entry's leaf hash is"));
    assert!(quorate(&["verify", text(&receipt), "--cluster", CLUSTER]).out.contains("give --entry"));
}

#[test]
fn without_an_anchor_nobody_can_say_and_the_command_line_is_at_fault() {
    for name in ["certificate", "receipt", "evidence"] {
        let run = quorate_with(&["verify", "-"], &golden(name));
        assert_eq!(run.code, 2);
        assert!(run.reason().contains("depends on whom you trust") && !run.out.contains("VALID"));
    }
    for name in ["block", "electorate", "anchor"] {
        assert_eq!(quorate_with(&["verify", "-"], &golden(name)).code, 0);
    }
}

#[test]
fn what_is_no_proof_or_does_not_fit_is_told_apart() {
    let (block, anchor) = (file("misfit.block", &golden("block")), file("misfit.anchor", &golden("anchor")));
    let code = |arguments: &[&str]| quorate(arguments).code;
    assert_eq!(code(&["verify", "/no/such/file"]), 3);
    assert_eq!(quorate_with(&["verify", "-"], b"not a proof at all").code, 3);
    assert_eq!(quorate_with(&["verify", "-"], b"").code, 3);
    assert_eq!(code(&["verify", text(&block), "--anchor", text(&block)]), 3);
    assert_eq!(code(&["verify", text(&block), "--anchor", "/no/such/file"]), 3);
    assert_eq!(code(&["verify", text(&block), "--entry", text(&block)]), 2);
    assert_eq!(code(&["verify", text(&block), "--cluster", "12"]), 2);
    assert_eq!(code(&["verify", text(&block), "--cluster", CLUSTER, "--anchor", text(&anchor)]), 2);
}
