//! Every decoder on every input: it answers, and whatever it accepts it writes back the same.

use proptest::prelude::*;
use quorate_core::block::{Block, Timestamp};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{Height, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::sealed::Sealed;

use crate::{cluster, evidence, golden, receipt};

/// One of each, small.
fn samples() -> Vec<Vec<u8>> {
    golden::samples().into_iter().map(|(_, sealed)| sealed.encode()).collect()
}

fn answers(bytes: &[u8]) {
    if let Ok(sealed) = Sealed::decode(bytes) {
        assert_eq!(sealed.encode(), bytes, "a {} has two encodings", sealed.name());
    }
}

#[test]
fn every_type_comes_back_and_no_part_of_it_does() {
    for bytes in samples() {
        assert!(Sealed::decode(&bytes).is_ok());
        answers(&bytes);
        for len in 0..bytes.len() {
            assert!(Sealed::decode(&bytes[..len]).is_err());
        }
        assert!(Sealed::decode(&[&bytes[..], &[0]].concat()).is_err());
    }
}

#[test]
fn nothing_passes_for_another_type() {
    for bytes in samples() {
        for code in (0..=u8::MAX).filter(|&code| code != bytes[9]) {
            let mut other = bytes.clone();
            other[9] = code;
            assert!(Sealed::decode(&other).is_err(), "type {} as type {code}", bytes[9]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(code in 0u8..8, body in prop::collection::vec(any::<u8>(), 0..900), version in any::<bool>()) {
        let mut bytes = Sealed::MAGIC.to_vec();
        bytes.extend([Sealed::VERSION, code]);
        bytes.extend(version.then_some(1));
        bytes.extend(&body);
        answers(&bytes);
        answers(&body);
    }

    #[test]
    fn damaged_bytes_are_answered(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let samples = samples_once();
        let mut bytes = which.get(samples).clone();
        for (at, value) in &damage {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
        answers(&bytes);
        bytes.truncate(cut.index(bytes.len()));
        answers(&bytes);
    }

    #[test]
    fn blocks_come_back(
        parent in any::<[u8; 32]>(),
        height in any::<u64>(),
        nanos in any::<u64>(),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let block = Block::new(Digest(parent), Height(height), Timestamp(nanos), payload).unwrap();
        prop_assert_eq!(Block::decode(&block.encode()).unwrap(), block);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn certificates_receipts_and_evidence_come_back_under_any_context(
        height in any::<u64>(),
        view in any::<u64>(),
        size in 4u64..40,
        candidate in any::<[u8; 32]>(),
        other in any::<[u8; 32]>(),
    ) {
        use quorate_core::{certificate::Certificate, context::Context, electorate::Electorate, evidence::Evidence, ids::Epoch};
        let members = (0..size).map(|id| cluster::member(id * 3, id + 1));
        let electorate = Electorate::new(Epoch(0), Rule::TwoThirds, members).unwrap();
        let base = cluster::context_in(&electorate, &electorate, cluster::COMMIT);
        let context = Context { height: Height(height), view: View(view), ..base };
        let candidate = Digest(candidate);
        let certificate = cluster::certify(context, &electorate, cluster::COMMIT, candidate, 1..size as u16).unwrap();
        let read = Certificate::decode(&certificate.encode()).unwrap();
        prop_assert_eq!(read.verify(&cluster::anchor_of(&electorate)), Ok(()));
        prop_assert_eq!(read, certificate);
        prop_assume!(other != candidate.0);
        let id = electorate.members()[1].id;
        let said = [candidate, Digest(other)].map(|candidate| cluster::said(&context, id, cluster::COMMIT, candidate, Digest::ZERO));
        let evidence = Evidence::new(context, &electorate, cluster::COMMIT, Voter(1), said).unwrap();
        let read = Evidence::decode(&evidence.encode()).unwrap();
        prop_assert_eq!(read.verify(&cluster::anchor_of(&electorate)), Ok(()));
        prop_assert_eq!(read, evidence);
    }
}

fn samples_once() -> &'static Vec<Vec<u8>> {
    static SAMPLES: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(samples)
}

#[test]
fn the_samples_are_what_the_other_tests_verify() {
    let genesis = cluster::genesis();
    let (_, certificate) = cluster::small();
    let sealed = [
        Sealed::from(certificate),
        Sealed::from(receipt::receipt_for(4, TreeHash::Blake3, &genesis)),
        Sealed::from(evidence::equivocation()),
    ];
    for one in sealed {
        assert!(samples().contains(&one.encode()), "{}", one.name());
    }
}
