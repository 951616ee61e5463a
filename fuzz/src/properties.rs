//! One function a target: it panics if, and only if, the property is broken.
//!
//! The property of a decoder: no bytes make it panic, and what it accepts has one encoding, the bytes that it was
//! given. Whatever can be asked of a decoded thing is asked too, and must not panic either; an error must be able to say
//! what is wrong.

mod config;
mod history;
mod kv;
mod net;
mod raft;
mod storage;
mod telemetry;

use std::fmt::Display;

pub use config::config;
pub use history::history;
pub use kv::{kv_answer, kv_command, kv_query, kv_state};
pub use net::{tls_certificate, wire_frames, wire_greeting, wire_message, wire_requests, wire_responses};
pub use raft::{raft_entry, raft_hard_state};
pub use storage::{envelope, log_segment, machine_request, machine_state, snapshot_manifest};
pub use telemetry::{frame, trace};

use quorate_core::anchor::TrustAnchor;
use quorate_core::block::Block;
use quorate_core::certificate::Certificate;
use quorate_core::codec::Reader;
use quorate_core::context::Context;
use quorate_core::electorate::Electorate;
use quorate_core::evidence::{Evidence, Fault};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Voter};
use quorate_core::merkle::{ConsistencyProof, Frontier, InclusionProof, MultiProof, ProofError, TreeHead};
use quorate_core::receipt::Receipt;
use quorate_core::sealed::Sealed;
use quorate_core::vote::{Kind, Vote};

/// The decoded thing, if it is one, having checked that its encoding is what it was decoded from.
fn canonical<T, E: Display>(bytes: &[u8], decoded: Result<T, E>, encode: impl Fn(&T) -> Vec<u8>) -> Option<T> {
    let decoded = said(decoded)?;
    assert_eq!(encode(&decoded), bytes);
    Some(decoded)
}

/// The result, if it is good; an error must have something to say.
fn said<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.map_err(|error| assert!(!error.to_string().is_empty())).ok()
}

/// A batch of votes.
pub fn vote_batch(bytes: &[u8]) {
    let mut votes = Vec::new();
    if let Err(error) = Vote::decode_batch(bytes, &mut votes) {
        assert!(!bytes.len().is_multiple_of(Vote::BYTES), "whole votes were refused: {error}");
        assert!(votes.is_empty(), "a refused batch left votes behind");
        return;
    }
    let again: Vec<u8> = votes.iter().flat_map(|vote| vote.to_bytes()).collect();
    assert_eq!(again, bytes);
    for vote in votes {
        assert!(!format!("{vote:?}").is_empty());
        if let Some(kind) = Kind::from_codes(vote.engine(), vote.kind()) {
            assert_eq!(Vote::new(kind, vote.voter(), vote.candidate()), vote);
        }
    }
}

/// What a vote is about.
pub fn context(bytes: &[u8]) {
    let mut reader = Reader::new("context", bytes);
    let Some(context) = said(Context::decode(&mut reader)) else { return };
    let mut again = Vec::new();
    context.encode(&mut again);
    assert_eq!(again, &bytes[..reader.at()]);
    let template = context.template();
    for kind in (0..Kind::LIMIT).filter_map(|code| Kind::from_codes(context.engine as u8, code)) {
        assert_eq!(context.signed_bytes(kind, &Digest([0; 32]), &Digest([0; 32]))[..Context::KIND_AT], template[..Context::KIND_AT]);
    }
}

/// The canonical bytes of an electorate.
pub fn electorate(bytes: &[u8]) {
    let Some(electorate) = canonical(bytes, Electorate::decode(bytes), Electorate::encode) else { return };
    assert_eq!(electorate.header().root(), electorate.root());
    let everyone = (0..electorate.members().len()).map(|voter| Voter(voter as u16));
    let (weight, thresholds) = (electorate.weigh(everyone), electorate.thresholds());
    for half in 0..2 {
        assert!(weight[half] >= thresholds.least[half], "an electorate that can decide nothing was accepted");
    }
    for (voter, member) in electorate.members().iter().enumerate() {
        assert_eq!(electorate.voter(member.id), Some(Voter(voter as u16)));
    }
}

/// A block.
pub fn block(bytes: &[u8]) {
    let Some(block) = canonical(bytes, Block::decode(bytes), Block::encode) else { return };
    assert_eq!(block.header().id(), block.id());
    assert_eq!(Block::complete(*block.header(), block.payload().to_vec()), Ok(block));
}

/// An anchor under which a claim of this context gets as far as it can: the one whose first electorate it names.
fn anchor_for(context: &Context) -> TrustAnchor {
    TrustAnchor::genesis(ClusterId(context.electorate))
}

/// A certificate.
pub fn certificate(bytes: &[u8]) {
    let Some(certificate) = canonical(bytes, Certificate::decode(bytes), Certificate::encode) else { return };
    said(certificate.verify(&anchor_for(certificate.context())));
    assert_eq!(certificate.leaves().count(), certificate.signers().len());
    assert_ne!(certificate.root(TreeHash::Blake3), certificate.root(TreeHash::Sha256));
}

/// A trust anchor: a cluster, and the certified changes of its electorate.
pub fn anchor(bytes: &[u8]) {
    let Some(anchor) = canonical(bytes, TrustAnchor::decode(bytes), TrustAnchor::encode) else { return };
    assert!(anchor.epoch_of(&anchor.last()).is_some());
    assert_eq!(TrustAnchor::new(anchor.cluster(), anchor.chain().to_vec()), Ok(anchor));
}

/// A receipt.
pub fn receipt(bytes: &[u8]) {
    let Some(receipt) = canonical(bytes, Receipt::decode(bytes), Receipt::encode) else { return };
    let anchor = anchor_for(receipt.certificate().context());
    said(receipt.verify_leaf(&anchor));
    said(receipt.verify(&anchor, b"an entry"));
}

/// Evidence against a member.
pub fn evidence(bytes: &[u8]) {
    let Some(evidence) = canonical(bytes, Evidence::decode(bytes), Evidence::encode) else { return };
    assert!(matches!(evidence.fault(), Fault::Equivocation | Fault::ContradictoryBodies));
    said(evidence.verify(&anchor_for(evidence.claim().context())));
}

/// A proof file: any of the above with a head that says which.
pub fn sealed(bytes: &[u8]) {
    if let Some(sealed) = canonical(bytes, Sealed::decode(bytes), Sealed::encode) {
        assert!(!sealed.name().is_empty());
    }
}

/// A proof that a leaf is in a tree.
pub fn inclusion(bytes: &[u8]) {
    let Some(proof) = canonical(bytes, InclusionProof::decode(bytes), InclusionProof::encode) else { return };
    let leaf = Digest([1; 32]);
    let root = proof.root(&leaf).expect("a decoded proof has the nodes that it needs");
    let head = TreeHead { hash: proof.hash, size: proof.size, root };
    assert_eq!(proof.verify(&head, &leaf), Ok(()));
    assert!(said(proof.verify(&head, &Digest([2; 32]))).is_none(), "one proof for two leaves");
    assert!(said(proof.verify(&TreeHead { size: proof.size.wrapping_add(1), ..head }, &leaf)).is_none());
}

/// A proof that a tree begins with another.
pub fn consistency(bytes: &[u8]) {
    let Some(proof) = canonical(bytes, ConsistencyProof::decode(bytes), ConsistencyProof::encode) else { return };
    let mut old = TreeHead { hash: proof.hash, size: proof.old_size, root: Digest([1; 32]) };
    let mut new = TreeHead { hash: proof.hash, size: proof.new_size, root: Digest([2; 32]) };
    // What the proof leads to is in its errors; with both roots, it must hold.
    for _ in 0..3 {
        match proof.verify(&old, &new) {
            Err(ProofError::OtherRoot { expected, computed, .. }) if expected == old.root => old.root = computed,
            Err(ProofError::OtherRoot { computed, .. }) => new.root = computed,
            other => {
                said(other);
                return;
            }
        }
    }
}

/// A proof that several leaves are in a tree.
pub fn multiproof(bytes: &[u8]) {
    let Some(proof) = canonical(bytes, MultiProof::decode(bytes), MultiProof::encode) else { return };
    let leaves = vec![Digest([1; 32]); proof.indices.len()];
    let head = TreeHead { hash: proof.hash, size: proof.size, root: Digest([2; 32]) };
    match proof.verify(&head, &leaves) {
        Err(ProofError::OtherRoot { computed, .. }) => {
            assert_eq!(proof.verify(&TreeHead { root: computed, ..head }, &leaves), Ok(()));
        }
        other => panic!("a decoded proof leads to some root, not to {other:?}"),
    }
    assert!(said(proof.verify(&head, &leaves[1..])).is_none(), "a proof for fewer leaves than it names");
}

/// The right edge of a growing tree.
pub fn frontier(bytes: &[u8]) {
    let Some(mut frontier) = canonical(bytes, Frontier::decode(bytes), Frontier::encode) else { return };
    let size = frontier.size();
    for leaf in 1..=3 {
        frontier.push(Digest([leaf; 32]));
    }
    assert_eq!(frontier.head().size, size + 3);
    // Three appends may reach the size from which on none are read, and no further.
    if let Some(again) = said(Frontier::decode(&frontier.encode())) {
        assert_eq!(again, frontier);
    }
}
