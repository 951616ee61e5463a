//! The encodings of today are the encodings of tomorrow: `fixtures/golden/proofs.json` pins one of each, byte for byte.
//!
//! After a deliberate change of an encoding, with its version raised, write the file anew:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-core --test proofs golden_encodings_are_fresh
//! ```

use std::path::PathBuf;

use quorate_core::anchor::TrustAnchor;
use quorate_core::block::{Block, Timestamp};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Height};
use quorate_core::sealed::Sealed;
use serde_json::{Value, json};

use crate::cluster::{change, electorate, genesis, small};
use crate::{evidence, receipt};

/// One of each type, by name. All belong to one cluster, whose anchor is among them.
pub(crate) fn samples() -> Vec<(&'static str, Sealed)> {
    let (genesis, certificate) = (genesis(), small().1);
    let next = electorate(1, 2..=6);
    let anchor = TrustAnchor::new(ClusterId(genesis.root()), [change(&genesis, &genesis, &next)]).unwrap();
    let block = Block::new(Digest([7; 32]), Height(3), Timestamp(1_790_000_000_000_000_000), b"three writes".to_vec()).unwrap();
    vec![
        ("block", block.into()),
        ("electorate", genesis.clone().into()),
        ("anchor", anchor.into()),
        ("certificate", certificate.into()),
        ("receipt", receipt::receipt_for(4, TreeHash::Blake3, &genesis).into()),
        ("evidence", evidence::equivocation().into()),
    ]
}

/// The digest by which others name the thing.
fn name_of(sealed: &Sealed) -> Digest {
    match sealed {
        Sealed::Block(block) => block.id(),
        Sealed::Electorate(electorate) => electorate.root(),
        Sealed::Anchor(anchor) => anchor.last(),
        Sealed::Certificate(certificate) => certificate.root(TreeHash::Blake3),
        Sealed::Receipt(receipt) => receipt.log().digest(),
        Sealed::Evidence(evidence) => evidence.claim().context().electorate,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn written() -> String {
    let entry =
        |(name, sealed): (&str, Sealed)| json!({ "name": name, "digest": name_of(&sealed).to_string(), "hex": hex(&sealed.encode()) });
    let all: Vec<Value> = samples().into_iter().map(entry).collect();
    format!("{}\n", serde_json::to_string_pretty(&json!({ "sealed": all })).unwrap())
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/proofs.json")
}

#[test]
fn golden_encodings_are_fresh() {
    let written = written();
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(path().parent().unwrap()).unwrap();
        std::fs::write(path(), &written).unwrap();
    }
    let pinned = std::fs::read_to_string(path()).expect("fixtures/golden/proofs.json is in the repository");
    assert!(pinned == written, "an encoding has changed: if that is meant, raise its version and see the top of this file");
}

#[test]
fn golden_encodings_verify_under_the_golden_anchor() {
    let pinned: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let read = |entry: &Value| {
        let digits = entry["hex"].as_str().unwrap().as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let sealed = Sealed::decode(&digits.chunks(2).map(byte).collect::<Vec<_>>()).unwrap();
        assert_eq!(entry["digest"], name_of(&sealed).to_string());
        sealed
    };
    let all: Vec<Sealed> = pinned["sealed"].as_array().unwrap().iter().map(read).collect();
    let anchor = all.iter().find_map(|sealed| if let Sealed::Anchor(anchor) = sealed { Some(anchor) } else { None }).unwrap();
    for sealed in &all {
        match sealed {
            Sealed::Block(_) | Sealed::Anchor(_) => {}
            Sealed::Electorate(electorate) => assert!(anchor.epoch_of(&electorate.root()).is_some()),
            Sealed::Certificate(certificate) => assert_eq!(certificate.verify(anchor), Ok(())),
            Sealed::Receipt(receipt) => assert_eq!(receipt.verify(anchor, &[4; 4]), Ok(())),
            Sealed::Evidence(evidence) => assert_eq!(evidence.verify(anchor), Ok(())),
        }
    }
}
