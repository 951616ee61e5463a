//! Trust anchors: a chain of certified changes leads from the genesis electorate, one step at a time, and no other way.

use quorate_core::anchor::{AnchorError, ElectorateChange, StepError, TrustAnchor};
use quorate_core::certificate::CertificateError;
use quorate_core::claim::ClaimError;
use quorate_core::context::Context;
use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, PartitionId, Voter};
use quorate_core::quorum::Rule;
use quorate_core::vote::{Kind, Paxos, Pbft, Raft};

use crate::cluster::*;
use crate::flips;
use crate::forger::Forgery;

/// Four members; the same while a fifth joins and the first leaves; without the first; and under another rule.
fn epochs() -> [Electorate; 4] {
    let one = |id| member(id, 1);
    [
        genesis(),
        Electorate::joint(Epoch(1), Rule::TwoThirds, (1..=4).map(one), (2..=5).map(one)).unwrap(),
        electorate(2, 2..=5),
        Electorate::new(Epoch(3), Rule::Majority, (2..=5).map(one)).unwrap(),
    ]
}

fn chain(epochs: &[Electorate]) -> Vec<ElectorateChange> {
    epochs.windows(2).map(|pair| change(&epochs[0], &pair[0], &pair[1])).collect()
}

fn cluster(epochs: &[Electorate]) -> ClusterId {
    ClusterId(epochs[0].root())
}

#[test]
fn certificates_verify_under_every_electorate_of_the_chain_and_under_no_other() {
    let epochs = epochs();
    let chain = chain(&epochs);
    for known in 0..=3 {
        let anchor = TrustAnchor::new(cluster(&epochs), chain[..known].to_vec()).unwrap();
        assert_eq!(TrustAnchor::decode(&anchor.encode()).unwrap(), anchor);
        assert_eq!(anchor.last(), epochs[known].root());
        for (at, electorate) in epochs.iter().enumerate() {
            let voters = 0..electorate.header().members as u16;
            let certificate = certify(context_in(&epochs[0], electorate, COMMIT), electorate, COMMIT, CANDIDATE, voters).unwrap();
            let root = electorate.root();
            if at <= known {
                assert_eq!(certificate.verify(&anchor), Ok(()));
                assert_eq!(anchor.epoch_of(&root), Some(Epoch(at as u64)));
            } else {
                let unknown = ClaimError::UnknownElectorate { root, known: known + 1 };
                assert_eq!(certificate.verify(&anchor), Err(unknown.into()));
                assert_eq!(anchor.epoch_of(&root), None);
            }
        }
    }
}

#[test]
fn a_wrong_step_is_named_by_its_number() {
    let epochs = epochs();
    let honest = chain(&epochs);
    let build = |chain: Vec<ElectorateChange>| TrustAnchor::new(cluster(&epochs), chain).unwrap_err();
    let not_the_last = |step, found: usize, expected: usize| AnchorError {
        step,
        reason: StepError::NotTheLast { found: epochs[found].root(), expected: epochs[expected].root() },
    };
    assert_eq!(build(vec![honest[0].clone(), honest[2].clone()]), not_the_last(2, 2, 1));
    assert_eq!(build(vec![honest[0].clone(), honest[0].clone()]), not_the_last(2, 0, 1));
    assert_eq!(build(honest[1..].to_vec()), not_the_last(1, 1, 0));

    let mut forged = honest.clone();
    forged[1].certificate = {
        let mut forgery = Forgery::of(&honest[1].certificate, &epochs[1]);
        forgery.signers[2].signature = forgery.signers[1].signature;
        forgery.read()
    };
    let error = build(forged);
    assert_eq!(error.step, 2);
    assert!(matches!(error.reason, StepError::Certificate(CertificateError::Signature { voter: Voter(2), .. })), "{error}");
    assert!(error.to_string().starts_with("electorate change 2: the signature of signer 2, member 3,"), "{error}");
}

#[test]
fn a_step_for_another_electorate_than_was_certified_is_refused() {
    let [genesis, joint, ..] = epochs();
    let other = electorate(1, 11..=14);
    let mut change = change(&genesis, &genesis, &joint);
    change.next = *other.header();
    let expected = ElectorateChange::digest(other.header());
    let error = StepError::OtherCandidate { found: change.certificate.candidate(), expected };
    assert_eq!(anchor_of(&genesis).extend(change), Err(AnchorError { step: 1, reason: error }));
}

#[test]
fn a_digest_of_another_meaning_changes_no_electorate() {
    let [genesis, joint, ..] = epochs();
    let next = *joint.header();
    let context = context_in(&genesis, &genesis, COMMIT);
    // The bare root, as a block or a log root could have it, is not the digest of the change.
    let certificate = certify(context, &genesis, COMMIT, next.root(), 0..4).unwrap();
    let error = anchor_of(&genesis).extend(ElectorateChange { next, certificate }).unwrap_err();
    assert!(matches!(error.reason, StepError::OtherCandidate { found, .. } if found == next.root()), "{error}");
}

#[test]
fn a_step_must_lead_one_epoch_on() {
    let genesis = genesis();
    for epoch in [0, 2, u64::MAX] {
        let error = anchor_of(&genesis).extend(change(&genesis, &genesis, &electorate(epoch, 1..=5))).unwrap_err();
        assert_eq!(error.reason, StepError::OtherEpoch { found: Epoch(epoch), expected: Epoch(1) });
    }
}

#[test]
fn only_final_kinds_in_the_system_partition_change_the_electorate() {
    let [genesis, joint, ..] = epochs();
    let next = *joint.header();
    let attempt = |kind, partition| {
        let context = Context { partition: PartitionId(partition), ..context_in(&genesis, &genesis, kind) };
        let certificate = certify(context, &genesis, kind, ElectorateChange::digest(&next), 0..4).unwrap();
        anchor_of(&genesis).extend(ElectorateChange { next, certificate }).map_err(|error| error.reason)
    };
    for kind in [COMMIT, Kind::Pbft(Pbft::Checkpoint), Kind::Raft(Raft::Ack), Kind::Paxos(Paxos::Accepted)] {
        assert_eq!(attempt(kind, 0), Ok(()));
        assert_eq!(attempt(kind, 3), Err(StepError::OtherPartition(PartitionId(3))));
    }
    for kind in [PREPARE, VIEW_CHANGE] {
        assert_eq!(attempt(kind, 0), Err(StepError::NotFinal(kind)));
    }
}

#[test]
fn a_joint_electorate_is_left_only_by_both_halves() {
    let [genesis, joint, next, _] = epochs();
    let mut anchor = anchor_of(&genesis);
    anchor.extend(change(&genesis, &genesis, &joint)).unwrap();
    let digest = ElectorateChange::digest(next.header());
    let context = context_in(&genesis, &joint, COMMIT);
    // Members 1, 2 and 3 are three of the four old ones and two of the four new ones.
    let short = certify(context, &joint, COMMIT, digest, 0..3);
    assert!(matches!(short, Err(CertificateError::Short { half: 1, .. })), "{short:?}");
    let certificate = certify(context, &joint, COMMIT, digest, 1..4).unwrap();
    assert_eq!(anchor.extend(ElectorateChange { next: *next.header(), certificate }), Ok(()));
}

#[test]
fn a_refused_step_leaves_the_anchor_as_it_was() {
    let epochs = epochs();
    let chain = chain(&epochs);
    let mut anchor = anchor_of(&epochs[0]);
    let before = anchor.clone();
    assert!(anchor.extend(chain[1].clone()).is_err());
    assert_eq!(anchor, before);
    for change in chain {
        anchor.extend(change).unwrap();
    }
    assert_eq!(anchor.electorates(), 4);
}

#[test]
fn a_bit_flipped_anywhere_fails() {
    let epochs = epochs();
    let anchor = TrustAnchor::new(cluster(&epochs), chain(&epochs[..3])).unwrap();
    flips::each_is_refused(&anchor.encode(), |bytes| TrustAnchor::decode(bytes).map(drop).map_err(|error| error.to_string()));
}

#[test]
fn an_anchor_without_changes_is_a_cluster_id_and_nothing_else() {
    let anchor = anchor_of(&genesis());
    let bytes = anchor.encode();
    assert_eq!(bytes.len(), 1 + 32 + 4);
    assert_eq!(TrustAnchor::decode(&bytes).unwrap(), anchor);
    assert_ne!(anchor.cluster().0, Digest::ZERO);
}
