//! One function a target: it panics if, and only if, the property is broken.
//!
//! The property of a decoder: no bytes make it panic, and what it accepts has one encoding, the bytes that it was
//! given. Whatever can be asked of a decoded thing is asked too, and must not panic either.

use quorate_core::codec::Reader;
use quorate_core::context::Context;
use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::ids::Voter;
use quorate_core::vote::{Kind, Vote};

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

/// The canonical bytes of an electorate.
pub fn electorate(bytes: &[u8]) {
    let Ok(electorate) = Electorate::decode(bytes) else { return };
    assert_eq!(electorate.encode(), bytes);
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

/// What a vote is about.
pub fn context(bytes: &[u8]) {
    let mut reader = Reader::new("context", bytes);
    let Ok(context) = Context::decode(&mut reader) else { return };
    let mut again = Vec::new();
    context.encode(&mut again);
    assert_eq!(again, &bytes[..reader.at()]);
    let template = context.template();
    for kind in (0..Kind::LIMIT).filter_map(|code| Kind::from_codes(context.engine as u8, code)) {
        assert_eq!(context.signed_bytes(kind, &Digest([0; 32]), &Digest([0; 32]))[..Context::KIND_AT], template[..Context::KIND_AT]);
    }
}
