//! RFC 6962 proofs from elsewhere (transparency-dev/merkle): every good one verifies, every bad one is refused.
//!
//! The folders `subtreeinclusion` and `subtreeconsistency` test a newer proposal than RFC 6962 (proofs about a range of
//! leaves that need not begin at zero). Of those, the cases that are RFC 6962 proofs in other words run here: a leaf in an
//! aligned subtree, which is a tree of its own, and consistency from a subtree that begins at leaf zero and is not empty. The
//! rest (seams in the middle of a tree; empty ranges, which that proposal accepts against any root) is out of scope.

use std::fs;
use std::path::{Path, PathBuf};

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::{ConsistencyProof, InclusionProof, TreeHead};
use serde_json::Value;

const HASH: TreeHash = TreeHash::Sha256;

/// Every JSON file below `fixtures/vectors/rfc6962/{folder}`.
fn cases(folder: &str) -> Vec<(PathBuf, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/rfc6962").join(folder);
    let (mut folders, mut cases) = (vec![root], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
                cases.push((path, value));
            }
        }
    }
    cases
}

fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let sextet = |c: u8| ALPHABET.iter().position(|a| *a == c).unwrap() as u32;
    let digits: Vec<u32> = text.trim_end_matches('=').bytes().map(sextet).collect();
    let bytes = digits.chunks(4).flat_map(|quad| {
        let word = quad.iter().fold(0, |word, digit| (word << 6) | digit) << (6 * (4 - quad.len()));
        word.to_be_bytes()[1..quad.len()].to_vec()
    });
    bytes.collect()
}

/// A digest, or nothing where the text has another length: such a value does not get past the type.
fn digest(value: &Value) -> Option<Digest> {
    base64(value.as_str()?).try_into().ok().map(Digest)
}

/// A root that the vectors abbreviate ("don't care 1"), made up to a digest.
fn placeholder(value: &Value) -> Digest {
    let mut bytes = base64(value.as_str().unwrap());
    bytes.resize(32, 0);
    Digest(bytes.try_into().unwrap())
}

fn path(case: &Value) -> Option<Vec<Digest>> {
    case["proof"].as_array().map_or(Some(Vec::new()), |nodes| nodes.iter().map(digest).collect())
}

/// Whether the proof verifies; if it does, it also survives its own encoding.
fn inclusion_holds(index: u64, size: u64, case: &Value) -> bool {
    let (Some(path), Some(root), Some(leaf)) = (path(case), digest(&case["root"]), digest(&case["leafHash"])) else {
        return false;
    };
    let proof = InclusionProof { hash: HASH, index, size, path };
    let verified = proof.verify(&TreeHead { hash: HASH, size, root }, &leaf).is_ok();
    assert!(!verified || InclusionProof::decode(&proof.encode()) == Ok(proof));
    verified
}

fn consistency_holds(old_size: u64, new_size: u64, case: &Value) -> bool {
    let Some(path) = path(case) else { return false };
    let proof = ConsistencyProof { hash: HASH, old_size, new_size, path };
    let old = TreeHead { hash: HASH, size: old_size, root: placeholder(&case["root1"]) };
    let new = TreeHead { hash: HASH, size: new_size, root: placeholder(&case["root2"]) };
    let verified = proof.verify(&old, &new).is_ok();
    assert!(!verified || ConsistencyProof::decode(&proof.encode()) == Ok(proof));
    verified
}

fn number(case: &Value, field: &str) -> u64 {
    case[field].as_u64().unwrap()
}

fn agree(path: &Path, case: &Value, holds: bool) {
    assert_eq!(holds, !case["wantErr"].as_bool().unwrap(), "{}: {}", path.display(), case["desc"]);
}

#[test]
fn inclusion_proofs_hold_exactly_where_the_vectors_say_so() {
    let cases = cases("inclusion");
    assert_eq!(cases.len(), 98);
    for (path, case) in &cases {
        agree(path, case, inclusion_holds(number(case, "leafIdx"), number(case, "treeSize"), case));
    }
}

#[test]
fn consistency_proofs_hold_exactly_where_the_vectors_say_so() {
    let cases = cases("consistency");
    assert_eq!(cases.len(), 98);
    for (path, case) in &cases {
        agree(path, case, consistency_holds(number(case, "size1"), number(case, "size2"), case));
    }
}

#[test]
fn a_leaf_of_an_aligned_subtree_is_a_leaf_of_a_tree() {
    let mut ran = 0;
    for (path, case) in &cases("subtreeinclusion") {
        let (leaf, start, end) = (number(case, "leafIdx"), number(case, "start"), number(case, "end"));
        // A range is a subtree when it begins at a multiple of the power of two that holds it.
        let width = end.checked_sub(start).filter(|width| *width > 0).and_then(u64::checked_next_power_of_two);
        let is_subtree = width.is_some_and(|width| start.is_multiple_of(width));
        if is_subtree && leaf >= start {
            ran += 1;
            agree(path, case, inclusion_holds(leaf - start, end - start, case));
        } else {
            assert!(case["wantErr"].as_bool().unwrap(), "{}", path.display());
        }
    }
    assert!(ran > 100, "only {ran} cases ran");
}

#[test]
fn a_subtree_that_begins_at_zero_is_the_past_of_its_tree() {
    let mut ran = 0;
    for (path, case) in &cases("subtreeconsistency") {
        let (start, end, size) = (number(case, "start"), number(case, "end"), number(case, "size"));
        if start == 0 && end > 0 {
            ran += 1;
            agree(path, case, consistency_holds(end, size, case));
        }
    }
    assert!(ran > 50, "only {ran} cases ran");
}
