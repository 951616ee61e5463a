//! Evidence: two contradictory signatures convict, and an honest member cannot be accused.

use quorate_core::claim::ClaimError;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::evidence::{Evidence, EvidenceError, Fault, Said};
use quorate_core::hash::Digest;
use quorate_core::ids::{Epoch, Height, MemberId, Voter};
use quorate_core::merkle::ProofError;
use quorate_core::quorum::Rule;
use quorate_core::vote::{Kind, Pbft, Raft};

use crate::cluster::*;
use crate::flips;

const OTHER: Digest = Digest([0x0e; 32]);

/// Where member 3 of the genesis electorate says things.
fn scene(kind: Kind) -> (Electorate, Context) {
    let genesis = genesis();
    let context = context_in(&genesis, &genesis, kind);
    (genesis, context)
}

fn accuse(kind: Kind, said: [Said; 2]) -> Result<Evidence, EvidenceError> {
    let (genesis, context) = scene(kind);
    Evidence::new(context, &genesis, kind, Voter(2), said)
}

fn says(kind: Kind, candidate: Digest, body: Digest) -> Said {
    said(&scene(kind).1, MemberId(3), kind, candidate, body)
}

pub(crate) fn equivocation() -> Evidence {
    accuse(COMMIT, [says(COMMIT, CANDIDATE, Digest::ZERO), says(COMMIT, OTHER, Digest::ZERO)]).unwrap()
}

fn verdict(anchor_genesis: &Electorate, bytes: &[u8]) -> Result<(), String> {
    let evidence = Evidence::decode(bytes).map_err(|error| error.to_string())?;
    evidence.verify(&anchor_of(anchor_genesis)).map_err(|error| error.to_string())
}

#[test]
fn two_candidates_of_one_kind_in_one_context_convict_in_whatever_order() {
    for kind in [COMMIT, PREPARE, VIEW_CHANGE, Kind::Pbft(Pbft::Checkpoint), Kind::Raft(Raft::Ack)] {
        let [one, other] = [says(kind, CANDIDATE, Digest::ZERO), says(kind, OTHER, Digest::ZERO)];
        let evidence = accuse(kind, [one, other]).unwrap();
        assert_eq!(evidence, accuse(kind, [other, one]).unwrap());
        assert_eq!(evidence.fault(), Fault::Equivocation);
        assert_eq!((evidence.voter(), evidence.member().id), (Voter(2), MemberId(3)));
        let read = Evidence::decode(&evidence.encode()).unwrap();
        assert_eq!(read, evidence);
        assert_eq!(read.verify(&anchor_of(&genesis())), Ok(()));
        assert_eq!(read.said()[0].candidate, OTHER, "the lesser stands first");
    }
}

#[test]
fn a_view_change_with_two_bodies_convicts_and_a_commit_with_two_does_not() {
    let two = |kind| [says(kind, CANDIDATE, Digest([2; 32])), says(kind, CANDIDATE, Digest([1; 32]))];
    let evidence = accuse(VIEW_CHANGE, two(VIEW_CHANGE)).unwrap();
    assert_eq!(evidence.fault(), Fault::ContradictoryBodies);
    assert_eq!(evidence.verify(&anchor_of(&genesis())), Ok(()));
    assert_eq!(evidence.said()[0].body, Digest([1; 32]));
    assert_eq!(accuse(COMMIT, two(COMMIT)), Err(EvidenceError::BodyIsNoFault(COMMIT)));
    // Nor does it when it is written down by hand.
    let honest = accuse(VIEW_CHANGE, two(VIEW_CHANGE)).unwrap().encode();
    let mut bytes = honest.clone();
    bytes[156] = COMMIT.code();
    for (at, said) in [(honest.len() - 256, two(COMMIT)[1]), (honest.len() - 128, two(COMMIT)[0])] {
        bytes[at + 64..at + 128].copy_from_slice(&said.signature.0);
    }
    let error = Evidence::decode(&bytes).unwrap().verify(&anchor_of(&genesis())).unwrap_err();
    assert_eq!(error, EvidenceError::BodyIsNoFault(COMMIT));
}

#[test]
fn two_signatures_over_the_same_content_are_no_evidence() {
    let once = says(COMMIT, CANDIDATE, Digest::ZERO);
    assert_eq!(accuse(COMMIT, [once, once]), Err(EvidenceError::Same(CANDIDATE)));
    let twice = accuse(VIEW_CHANGE, [says(VIEW_CHANGE, CANDIDATE, OTHER), says(VIEW_CHANGE, CANDIDATE, OTHER)]);
    assert_eq!(twice, Err(EvidenceError::Same(CANDIDATE)));
    let mut bytes = equivocation().encode();
    let (first, second) = (bytes.len() - 256, bytes.len() - 128);
    bytes.copy_within(first..second, second);
    assert!(Evidence::decode(&bytes).unwrap_err().to_string().contains("the lesser of two that differ"));
}

#[test]
fn the_greater_statement_first_is_not_read() {
    let mut bytes = equivocation().encode();
    let first = bytes.len() - 256;
    bytes[first..].rotate_left(128);
    assert!(Evidence::decode(&bytes).unwrap_err().to_string().contains("the lesser of two that differ"));
}

#[test]
fn a_bit_flipped_anywhere_acquits() {
    let genesis = genesis();
    flips::each_is_refused(&equivocation().encode(), |bytes| verdict(&genesis, bytes));
    let bodies = [says(VIEW_CHANGE, CANDIDATE, Digest::ZERO), says(VIEW_CHANGE, CANDIDATE, OTHER)];
    flips::each_is_refused(&accuse(VIEW_CHANGE, bodies).unwrap().encode(), |bytes| verdict(&genesis, bytes));
}

#[test]
fn an_honest_member_cannot_be_accused_of_what_it_said_elsewhere() {
    let (genesis, context) = scene(COMMIT);
    let here = says(COMMIT, CANDIDATE, Digest::ZERO);
    let elsewhere = [
        // A prepare of another candidate, the commit of another height, and another member's commit.
        said(&context, MemberId(3), PREPARE, OTHER, Digest::ZERO),
        said(&Context { height: Height(8), ..context }, MemberId(3), COMMIT, OTHER, Digest::ZERO),
        said(&context, MemberId(4), COMMIT, OTHER, Digest::ZERO),
    ];
    for there in elsewhere {
        let error = Evidence::new(context, &genesis, COMMIT, Voter(2), [here, there]).unwrap_err();
        assert_eq!(error, EvidenceError::Signature { which: 0, member: MemberId(3) });
    }
}

#[test]
fn who_is_not_there_or_has_no_key_cannot_be_accused() {
    let (genesis, context) = scene(COMMIT);
    let both = [says(COMMIT, CANDIDATE, Digest::ZERO), says(COMMIT, OTHER, Digest::ZERO)];
    let unknown = EvidenceError::UnknownVoter { voter: Voter(4), members: 4 };
    assert_eq!(Evidence::new(context, &genesis, COMMIT, Voter(4), both), Err(unknown));
    let keyless = Electorate::new(Epoch(0), Rule::Majority, [Member::new(3, 1)]).unwrap();
    let context = context_in(&keyless, &keyless, COMMIT);
    assert_eq!(Evidence::new(context, &keyless, COMMIT, Voter(0), both), Err(EvidenceError::Keyless(MemberId(3))));
}

#[test]
fn evidence_is_about_a_member_of_an_electorate_that_the_anchor_knows() {
    let genesis = genesis();
    let stranger = electorate(0, 3..=6);
    let evidence = equivocation();
    let other_cluster = evidence.verify(&anchor_of(&stranger)).unwrap_err();
    assert!(matches!(other_cluster, EvidenceError::Claim(ClaimError::OtherCluster { .. })), "{other_cluster}");
    let context = context_in(&genesis, &stranger, COMMIT);
    let both = [CANDIDATE, OTHER].map(|candidate| said(&context, MemberId(3), COMMIT, candidate, Digest::ZERO));
    let unknown = Evidence::new(context, &stranger, COMMIT, Voter(0), both).unwrap().verify(&anchor_of(&genesis)).unwrap_err();
    assert!(matches!(unknown, EvidenceError::Claim(ClaimError::UnknownElectorate { .. })), "{unknown}");
    // Another key in the accused's record: whoever has that key could sign anything.
    let mut bytes = evidence.encode();
    let record = Member { id: MemberId(3), ..member(9, 1) }.record();
    bytes[159..223].copy_from_slice(&record);
    let framed = Evidence::decode(&bytes).unwrap().verify(&anchor_of(&genesis)).unwrap_err();
    assert!(matches!(framed, EvidenceError::Membership(ProofError::OtherRoot { .. })), "{framed}");
}

#[test]
fn in_the_largest_electorate_the_proof_still_fits() {
    let members = (0..1u64 << 16).map(|id| match id {
        65_535 => member(id, 1),
        _ => Member::new(id, 1),
    });
    let largest = Electorate::new(Epoch(0), Rule::Majority, members).unwrap();
    let context = context_in(&largest, &largest, COMMIT);
    let both = [CANDIDATE, OTHER].map(|candidate| said(&context, MemberId(65_535), COMMIT, candidate, Digest::ZERO));
    let evidence = Evidence::new(context, &largest, COMMIT, Voter(u16::MAX), both).unwrap();
    let read = Evidence::decode(&evidence.encode()).unwrap();
    assert_eq!(read.verify(&anchor_of(&largest)), Ok(()));
}
