//! The encodings of today are the encodings of tomorrow, byte for byte.
//!
//! `fixtures/golden/proofs.json` pins one of everything that can be handed on as a file; each must read back, write the same bytes
//! again, have the digest that others name it by, and verify under the golden anchor. `fixtures/golden/encodings.json` pins what
//! those are made of: votes, contexts and the bytes that are signed, rules, electorates and their roots, trees and proofs. After a
//! deliberate change of an encoding, with its version raised, write the second file anew:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate --test golden
//! ```

use quorate_core::anchor::TrustAnchor;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::hash::{Digest, TreeHash, tagged};
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter, Weight};
use quorate_core::merkle::{Frontier, Tree};
use quorate_core::quorum::Rule;
use quorate_core::sealed::Sealed;
use quorate_core::vote::{Engine, Kind, Paxos, Pbft, Raft, Snow, Vote};
use quorate_pipeline::conformance::Verdict;
use serde_json::{Value, json};

use super::{Suite, collect, data};

pub(super) const SUITE: Suite = Suite {
    name: "golden-encodings",
    about: "pinned bytes of everything that is written, sent or signed",
    run: |_| {
        collect(|verdict| {
            sealed(verdict)?;
            pinned(verdict)
        })
    },
};

/// Everything that can be a file.
fn sealed(verdict: &mut Verdict) -> Result<(), String> {
    let file = data::json(include_str!("../../../../fixtures/golden/proofs.json"))?;
    let mut all = Vec::new();
    for entry in data::list(&file["sealed"])? {
        let (name, bytes) = (data::text(entry, "name")?, data::bytes(entry, "hex")?);
        let read = Sealed::decode(&bytes).map_err(|error| format!("{name}: {error}"));
        let sealed = read.and_then(|sealed| {
            let digest = name_of(&sealed).to_string();
            if sealed.encode() != bytes {
                Err(format!("{name}: what is read does not write the same bytes again"))
            } else if data::text(entry, "digest")? != digest {
                Err(format!("{name}: the digest is {digest}; expected {}", data::text(entry, "digest")?))
            } else {
                Ok(sealed)
            }
        });
        verdict.case(sealed.map(|sealed| all.push((name, sealed))));
    }
    let anchor = all.iter().find_map(|(_, sealed)| if let Sealed::Anchor(anchor) = sealed { Some(anchor) } else { None });
    let anchor = anchor.ok_or("there is no golden anchor")?;
    for (name, sealed) in &all {
        verdict.case(verified(sealed, anchor).map_err(|what| format!("{name}: {what}")));
    }
    Ok(())
}

fn verified(sealed: &Sealed, anchor: &TrustAnchor) -> Result<(), String> {
    match sealed {
        Sealed::Block(_) | Sealed::Anchor(_) => Ok(()),
        Sealed::Electorate(electorate) => {
            anchor.epoch_of(&electorate.root()).map(drop).ok_or_else(|| "the anchor does not know this electorate".into())
        }
        Sealed::Certificate(certificate) => certificate.verify(anchor).map_err(|error| error.to_string()),
        Sealed::Receipt(receipt) => receipt.verify_leaf(anchor).map_err(|error| error.to_string()),
        Sealed::Evidence(evidence) => evidence.verify(anchor).map_err(|error| error.to_string()),
    }
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

/// What files are made of.
fn pinned(verdict: &mut Verdict) -> Result<(), String> {
    let file = data::json(include_str!("../../../../fixtures/golden/encodings.json"))?;
    let pinned = data::list(&file["encodings"])?;
    let samples = samples().map_err(|error| error.to_string())?;
    if pinned.len() != samples.len() {
        return Err(format!("{} encodings are pinned; expected {}", pinned.len(), samples.len()));
    }
    for (entry, (name, bytes)) in pinned.iter().zip(samples) {
        let (known, expected) = (data::text(entry, "name")?, data::text(entry, "hex")?);
        let found = data::hex(&bytes);
        verdict.case(if (known, expected) == (&name, &found) {
            Ok(())
        } else {
            Err(format!("{name} is {found}; {known} is pinned as {expected}"))
        });
    }
    Ok(())
}

/// The text of `fixtures/golden/encodings.json`, as this build would write it.
///
/// # Errors
/// If a sample cannot be made.
pub fn written() -> Result<String, Box<dyn std::error::Error>> {
    let entries: Vec<Value> = samples()?.into_iter().map(|(name, bytes)| json!({ "name": name, "hex": data::hex(&bytes) })).collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&json!({ "encodings": entries }))?))
}

type Samples = Vec<(String, Vec<u8>)>;

fn samples() -> Result<Samples, Box<dyn std::error::Error>> {
    let mut all = Samples::new();
    votes(&mut all);
    let electorates = electorates(&mut all)?;
    contexts(&mut all, &electorates);
    trees(&mut all)?;
    all.push(("tagged hash".into(), tagged("quorate test pin", &[b"quorate", b""]).0.to_vec()));
    Ok(all)
}

fn votes(all: &mut Samples) {
    let kinds = [
        Kind::Snow(Engine::Snowball, Snow::Prefer),
        Kind::Snow(Engine::Chain, Snow::Reject),
        Kind::Raft(Raft::Ack),
        Kind::Pbft(Pbft::ViewChange),
        Kind::Paxos(Paxos::Accepted),
    ];
    for kind in kinds {
        all.push((format!("vote {kind:?}"), Vote::new(kind, Voter(0x0102), 0x0304_0506).to_bytes().to_vec()));
    }
}

fn electorates(all: &mut Samples) -> Result<[Electorate; 2], Box<dyn std::error::Error>> {
    let rules = [Rule::Majority, Rule::TwoThirds, Rule::AtLeast(Weight(5)), Rule::MoreThan { num: 3, den: 4 }];
    for rule in rules {
        let mut bytes = Vec::new();
        rule.encode(&mut bytes);
        all.push((format!("rule {rule}"), bytes));
    }
    let member = |id: u64, weight: u64| Member::new(id, weight).with_key(VoteKey([id as u8; 32]));
    let simple = Electorate::new(Epoch(3), Rule::TwoThirds, (1..=5).map(|id| member(id, 10 * id)))?;
    let joint = Electorate::joint(Epoch(4), Rule::Majority, (1..=3).map(|id| Member::new(id, 1)), (2..=6).map(|id| Member::new(id, id)))?;
    for (name, electorate) in [("simple electorate", &simple), ("joint electorate", &joint)] {
        all.push((name.into(), electorate.encode()));
        all.push((format!("{name}, root"), electorate.root().0.to_vec()));
    }
    Ok([simple, joint])
}

fn contexts(all: &mut Samples, [simple, joint]: &[Electorate; 2]) {
    for (electorate, kind) in [(simple, Kind::Pbft(Pbft::Commit)), (joint, Kind::Raft(Raft::Grant))] {
        let context = Context {
            cluster: ClusterId(Digest([0xc1; 32])),
            engine: kind.engine(),
            partition: PartitionId(0x0708_090a),
            electorate: electorate.root(),
            height: Height(0x0b0c_0d0e_0f10_1112),
            view: View(0x1314_1516_1718_191a),
        };
        let mut bytes = Vec::new();
        context.encode(&mut bytes);
        all.push((format!("context {kind:?}"), bytes));
        let signed = context.signed_bytes(kind, &Digest([0xca; 32]), &Digest([0xb0; 32]));
        all.push((format!("signed bytes {kind:?}"), signed.to_vec()));
    }
}

fn trees(all: &mut Samples) -> Result<(), Box<dyn std::error::Error>> {
    for hash in TreeHash::ALL {
        all.push((format!("{hash} leaf"), hash.leaf(b"quorate").0.to_vec()));
        for size in [0u8, 1, 2, 3, 5, 8, 13] {
            let tree = Tree::of_data(hash, (0..size).map(|nth| [nth]));
            all.push((format!("{hash} root of {size}"), tree.root().0.to_vec()));
        }
        let tree = Tree::of_data(hash, (0..13u8).map(|nth| [nth]));
        let mut frontier = Frontier::new(hash);
        tree.levels()[0].iter().for_each(|leaf| frontier.push(*leaf));
        all.push((format!("{hash} inclusion proof"), tree.inclusion(5)?.encode()));
        all.push((format!("{hash} consistency proof"), tree.consistency(6)?.encode()));
        all.push((format!("{hash} multi-proof"), tree.multiproof(&[1, 5, 12])?.encode()));
        all.push((format!("{hash} frontier"), frontier.encode()));
    }
    Ok(())
}
