//! Certificates: a quorum of signatures verifies from its bytes and the anchor, and nothing less or bent does.

use proptest::prelude::*;
use quorate_core::ballot::Signature;
use quorate_core::certificate::{Certificate, CertificateError, Signer};
use quorate_core::claim::ClaimError;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{Epoch, Height, MemberId, PartitionId, View, Voter, Weight};
use quorate_core::merkle::{self, ProofError};
use quorate_core::quorum::Rule;
use quorate_core::vote::{Engine, Kind, Paxos, Pbft, Raft, Snow};

use crate::cluster::*;
use crate::flips;
use crate::forger::Forgery;

#[test]
fn a_quorum_of_signatures_verifies_from_its_bytes_and_the_anchor() {
    let (genesis, certificate) = small();
    let read = Certificate::decode(&certificate.encode()).unwrap();
    assert_eq!(read, certificate);
    assert_eq!(read.verify(&anchor_of(&genesis)), Ok(()));
    assert!(read.is_final());
    assert_eq!(read.signers().iter().map(|signer| signer.member.id.0).collect::<Vec<_>>(), [1, 2, 4]);
}

#[test]
fn a_bit_flipped_anywhere_fails() {
    let (genesis, certificate) = small();
    let anchor = anchor_of(&genesis);
    flips::each_is_refused(&certificate.encode(), |bytes| {
        let certificate = Certificate::decode(bytes).map_err(|error| error.to_string())?;
        certificate.verify(&anchor).map_err(|error| error.to_string())
    });
}

#[test]
fn a_certificate_with_an_electorate_of_its_own_fails() {
    let (genesis, honest) = small();
    let own = electorate(0, 11..=14);
    // Signed under its own root, in the name of the cluster.
    let context = Context { electorate: own.root(), ..*honest.context() };
    let brought = certify(context, &own, COMMIT, CANDIDATE, 0..4).unwrap();
    let unknown = ClaimError::UnknownElectorate { root: own.root(), known: 1 };
    assert_eq!(brought.verify(&anchor_of(&genesis)), Err(unknown.into()));
    // Signed under the cluster's root, with its own header slipped in.
    let mut forgery = Forgery { context: *honest.context(), header: *own.header(), ..Forgery::of(&brought, &own) };
    for signer in &mut forgery.signers {
        signer.signature = sign(honest.context(), signer.member.id, COMMIT, CANDIDATE, Digest::ZERO);
    }
    let slipped = ClaimError::OtherHeader { found: own.root(), expected: genesis.root() };
    assert_eq!(forgery.read().verify(&anchor_of(&genesis)), Err(slipped.into()));
    // Signed under the cluster's root, with its own members.
    forgery.header = *genesis.header();
    let error = forgery.read().verify(&anchor_of(&genesis)).unwrap_err();
    assert!(matches!(error, CertificateError::Membership(ProofError::OtherRoot { .. })), "{error}");
}

#[test]
fn a_certificate_from_another_cluster_fails() {
    let (genesis, certificate) = small();
    let other = anchor_of(&electorate(0, 1..=5));
    let expected = ClaimError::OtherCluster { found: certificate.context().cluster, expected: other.cluster() };
    assert_eq!(certificate.verify(&other), Err(expected.into()));
    assert_ne!(genesis.root(), other.cluster().0);
}

#[test]
fn a_certificate_with_a_weaker_rule_fails() {
    let (genesis, certificate) = small();
    let anchor = anchor_of(&genesis);
    let two_of_four = Forgery { rule: Rule::AtLeast(Weight(2)), ..Forgery::of(&certificate, &genesis) };
    let error = CertificateError::OtherRule { found: Rule::AtLeast(Weight(2)), expected: Rule::TwoThirds };
    assert_eq!(two_of_four.read().verify(&anchor), Err(error));
    let mut weaker_header = two_of_four;
    weaker_header.header.rule = Rule::AtLeast(Weight(2));
    let error = weaker_header.read().verify(&anchor).unwrap_err();
    assert!(matches!(error, CertificateError::Claim(ClaimError::OtherHeader { .. })), "{error}");
}

#[test]
fn a_rule_whose_quorums_need_not_meet_certifies_nothing() {
    let loose = Electorate::new(Epoch(0), Rule::AtLeast(Weight(2)), (1..=4).map(|id| member(id, 1))).unwrap();
    let error = CertificateError::Divisible(Rule::AtLeast(Weight(2)));
    let context = context_in(&loose, &loose, COMMIT);
    assert_eq!(certify(context, &loose, COMMIT, CANDIDATE, 0..4), Err(error.clone()));
    let forgery = Forgery { context, header: *loose.header(), rule: loose.header().rule, ..forgery_of(&loose, 0..4) };
    assert_eq!(forgery.read().verify(&anchor_of(&loose)), Err(error));
}

#[test]
fn too_little_weight_fails_whether_assembled_or_forged() {
    let (genesis, certificate) = small();
    let error = CertificateError::Short { half: 0, needed: Weight(3), found: Weight(2) };
    assert_eq!(certify(*certificate.context(), &genesis, COMMIT, CANDIDATE, [0, 2]), Err(error.clone()));
    let mut forgery = Forgery::of(&certificate, &genesis);
    forgery.signers.pop();
    assert_eq!(forgery.proved_in(&genesis).read().verify(&anchor_of(&genesis)), Err(error.clone()));
    assert_eq!(error.to_string(), "the signers weigh 2 in the first half of the electorate; expected at least 3");
}

#[test]
fn a_signer_twice_or_out_of_order_or_outside_is_not_even_read() {
    let (genesis, certificate) = small();
    let honest = Forgery::of(&certificate, &genesis);
    let mut twice = honest.clone();
    twice.signers[1] = twice.signers[0];
    assert_eq!(twice.refusal(), "certificate, byte 364: signer's index is 0; expected more than 0, the one before");
    let mut swapped = honest.clone();
    swapped.signers.swap(0, 1);
    assert!(swapped.refusal().contains("expected more than 1"));
    let mut outside = honest.clone();
    outside.signers[2].voter = Voter(4);
    assert!(outside.refusal().contains("expected less than 4, the number of members"));
    let mut five = honest.clone();
    five.signers.extend([honest.signers[0]; 2]);
    assert!(five.refusal().contains("signers is 5; expected at most 4"));
    let nobody = Forgery { signers: Vec::new(), ..honest };
    assert!(nobody.refusal().contains("at least one leaf"));
}

#[test]
fn a_proof_has_exactly_the_nodes_that_its_signers_call_for() {
    let (genesis, certificate) = small();
    let mut forgery = Forgery::of(&certificate, &genesis);
    forgery.nodes.push(Digest::ZERO);
    assert!(forgery.refusal().contains("proof nodes is 2; expected at most 1"), "{}", forgery.refusal());
    forgery.nodes.clear();
    assert!(forgery.refusal().contains("proof nodes is 0; expected 1, for these signers"));
}

#[test]
fn signers_of_an_older_epoch_fail_under_the_newer_one() {
    let (old, new) = (genesis(), electorate(1, 3..=6));
    let mut anchor = anchor_of(&old);
    anchor.extend(change(&old, &old, &new)).unwrap();
    let context = context_in(&old, &new, COMMIT);
    // Members 1, 2 and 3 sign under the root of the electorate that they have left.
    let forgery = Forgery { context, header: *new.header(), ..forgery_of(&old, 0..3) };
    let mut resigned = forgery.clone();
    for signer in &mut resigned.signers {
        signer.signature = sign(&context, signer.member.id, COMMIT, CANDIDATE, Digest::ZERO);
    }
    for nodes in [forgery.nodes.clone(), new.tree().multiproof(&[0, 1, 2]).unwrap().nodes] {
        let error = Forgery { nodes, ..resigned.clone() }.read().verify(&anchor).unwrap_err();
        assert!(matches!(error, CertificateError::Membership(ProofError::OtherRoot { .. })), "{error}");
    }
    // What they signed while they were members stays valid.
    assert_eq!(small().1.verify(&anchor), Ok(()));
}

#[test]
fn a_heavier_record_than_the_electorates_fails() {
    let (genesis, certificate) = small();
    let mut forgery = Forgery::of(&certificate, &genesis);
    forgery.signers.truncate(1);
    forgery.signers[0].member.weight[0] = Weight(3);
    let error = forgery.proved_in(&genesis).read().verify(&anchor_of(&genesis)).unwrap_err();
    assert!(matches!(error, CertificateError::Membership(ProofError::OtherRoot { .. })), "{error}");
}

#[test]
fn weights_decide_and_not_heads() {
    let heavy = Electorate::new(Epoch(0), Rule::TwoThirds, [member(1, 70), member(2, 10), member(3, 10), member(4, 10)]).unwrap();
    let context = context_in(&heavy, &heavy, COMMIT);
    let alone = certify(context, &heavy, COMMIT, CANDIDATE, [0]).unwrap();
    assert_eq!(alone.verify(&anchor_of(&heavy)), Ok(()));
    let error = CertificateError::Short { half: 0, needed: Weight(67), found: Weight(30) };
    assert_eq!(certify(context, &heavy, COMMIT, CANDIDATE, 1..4), Err(error));
}

#[test]
fn a_joint_electorate_needs_both_halves() {
    let old = [1, 2, 3].map(|id| member(id, 1));
    let new = [3, 4, 5].map(|id| member(id, 2));
    let joint = Electorate::joint(Epoch(0), Rule::Majority, old, new).unwrap();
    let context = context_in(&joint, &joint, COMMIT);
    let certify = |voters: &[u16]| certify(context, &joint, COMMIT, CANDIDATE, voters.iter().copied());
    let anchor = anchor_of(&joint);
    assert_eq!(certify(&[0, 2, 3]).unwrap().verify(&anchor), Ok(()));
    let short = |half, needed, found| CertificateError::Short { half, needed: Weight(needed), found: Weight(found) };
    assert_eq!(certify(&[0, 1, 2]), Err(short(1, 4, 2)));
    assert_eq!(certify(&[2, 3, 4]), Err(short(0, 2, 1)));
    let mut first_half_alone = Forgery::of(&certify(&[0, 1, 2, 3, 4]).unwrap(), &joint);
    first_half_alone.signers.truncate(3);
    assert_eq!(first_half_alone.proved_in(&joint).read().verify(&anchor), Err(short(1, 4, 2)));
}

#[test]
fn an_empty_half_asks_for_nothing() {
    for (old, new) in [(vec![member(1, 1), member(2, 1)], vec![]), (vec![], vec![member(1, 1), member(2, 1)])] {
        let joint = Electorate::joint(Epoch(0), Rule::TwoThirds, old, new).unwrap();
        let context = context_in(&joint, &joint, COMMIT);
        assert_eq!(certify(context, &joint, COMMIT, CANDIDATE, 0..2).unwrap().verify(&anchor_of(&joint)), Ok(()));
        assert!(matches!(certify(context, &joint, COMMIT, CANDIDATE, 0..1), Err(CertificateError::Short { .. })));
    }
}

#[test]
fn a_signature_counts_for_nothing_but_what_was_signed() {
    let (genesis, certificate) = small();
    let anchor = anchor_of(&genesis);
    let honest = Forgery::of(&certificate, &genesis);
    let signature_of = |voter, member| CertificateError::Signature { voter: Voter(voter), member: MemberId(member) };
    let base = *certificate.context();
    for context in [Context { partition: PartitionId(1), ..base }, Context { height: Height(8), ..base }, Context { view: View(3), ..base }]
    {
        assert_eq!(Forgery { context, ..honest.clone() }.read().verify(&anchor), Err(signature_of(0, 1)));
    }
    for kind in [Pbft::Prepare, Pbft::Checkpoint, Pbft::ViewChange] {
        let forgery = Forgery { kind: kind as u8, ..honest.clone() };
        assert_eq!(forgery.read().verify(&anchor), Err(signature_of(0, 1)), "a commit passes for {kind:?}");
    }
    // The protocols' codes overlap: a commit has the code of Paxos's accepted.
    let paxos = Forgery { context: Context { engine: Engine::Paxos, ..base }, ..honest.clone() };
    assert_eq!(paxos.read().kind(), Kind::Paxos(Paxos::Accepted));
    assert_eq!(paxos.read().verify(&anchor), Err(signature_of(0, 1)));
    assert_eq!(Forgery { candidate: Digest([0xcb; 32]), ..honest.clone() }.read().verify(&anchor), Err(signature_of(0, 1)));
    let mut body = honest.clone();
    body.signers[1].body = Digest([1; 32]);
    assert_eq!(body.read().verify(&anchor), Err(signature_of(1, 2)));
    let mut swapped = honest.clone();
    swapped.signers[2].signature = swapped.signers[1].signature;
    assert_eq!(swapped.read().verify(&anchor), Err(signature_of(3, 4)));
    let mut none = honest;
    none.signers[0].signature = Signature::NONE;
    assert_eq!(none.read().verify(&anchor), Err(signature_of(0, 1)));
}

#[test]
fn a_signature_whose_scalar_is_shifted_by_the_group_order_is_another_and_fails() {
    let (genesis, certificate) = small();
    let mut forgery = Forgery::of(&certificate, &genesis);
    let order: [u8; 32] = *b"\xed\xd3\xf5\x5c\x1a\x63\x12\x58\xd6\x9c\xf7\xa2\xde\xf9\xde\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10";
    let mut carry = 0;
    for (byte, add) in forgery.signers[0].signature.0[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    let error = CertificateError::Signature { voter: Voter(0), member: MemberId(1) };
    assert_eq!(forgery.read().verify(&anchor_of(&genesis)), Err(error));
}

#[test]
fn a_member_without_a_key_cannot_sign() {
    let keyless = Electorate::new(Epoch(0), Rule::TwoThirds, [member(1, 1), member(2, 1), member(3, 1), Member::new(4, 1)]).unwrap();
    let context = context_in(&keyless, &keyless, COMMIT);
    let honest = certify(context, &keyless, COMMIT, CANDIDATE, 0..4).unwrap();
    assert_eq!(honest.signers().len(), 3);
    let mut forgery = Forgery::of(&honest, &keyless);
    forgery.signers[2].voter = Voter(3);
    forgery.signers[2].member = Member::new(4, 1);
    let error = CertificateError::Keyless { voter: Voter(3), member: MemberId(4) };
    assert_eq!(forgery.proved_in(&keyless).read().verify(&anchor_of(&keyless)), Err(error));
}

#[test]
fn kinds_that_prove_nothing_are_neither_assembled_nor_read() {
    let genesis = genesis();
    let meaningless = [
        Kind::Raft(Raft::Deny),
        Kind::Raft(Raft::Grant),
        Kind::Paxos(Paxos::Nack),
        Kind::Pbft(Pbft::Reply),
        Kind::Snow(Engine::Snowball, Snow::Accept),
    ];
    for kind in meaningless {
        let context = context_in(&genesis, &genesis, kind);
        assert_eq!(certify(context, &genesis, kind, CANDIDATE, 0..4), Err(ClaimError::Meaningless(kind).into()));
        let forgery = Forgery { context, kind: kind.code(), ..Forgery::of(&small().1, &genesis) };
        assert!(forgery.refusal().contains("that proves something"), "{}", forgery.refusal());
    }
    let context = context_in(&genesis, &genesis, COMMIT);
    let ack = Kind::Raft(Raft::Ack);
    let foreign = Certificate::assemble(context, &genesis, ack, CANDIDATE, []);
    assert_eq!(foreign, Err(ClaimError::ForeignKind { kind: ack, engine: Engine::Pbft }.into()));
}

#[test]
fn a_step_is_certified_but_decides_nothing() {
    let genesis = genesis();
    for kind in [PREPARE, VIEW_CHANGE] {
        let certificate = certify(context_in(&genesis, &genesis, kind), &genesis, kind, CANDIDATE, 0..3).unwrap();
        assert_eq!(certificate.verify(&anchor_of(&genesis)), Ok(()));
        assert!(!certificate.is_final());
    }
}

#[test]
fn a_genesis_electorate_is_of_epoch_zero() {
    let late = electorate(1, 1..=4);
    let certificate = certify(context_in(&late, &late, COMMIT), &late, COMMIT, CANDIDATE, 0..3).unwrap();
    let error = ClaimError::OtherEpoch { found: Epoch(1), expected: Epoch(0) };
    assert_eq!(certificate.verify(&anchor_of(&late)), Err(error.into()));
}

#[test]
fn a_context_under_another_electorate_is_refused_where_the_certificate_is_made() {
    let (genesis, other) = (genesis(), electorate(1, 1..=5));
    let error = certify(context_in(&genesis, &genesis, COMMIT), &other, COMMIT, CANDIDATE, 0..5).unwrap_err();
    assert_eq!(error, ClaimError::OtherHeader { found: other.root(), expected: genesis.root() }.into());
}

#[test]
fn what_does_not_count_is_left_out_and_the_least_of_a_voters_ballots_is_kept() {
    let genesis = genesis();
    let context = context_in(&genesis, &genesis, VIEW_CHANGE);
    let with_body = |voter: u16, body: u8| {
        let body = Digest([body; 32]);
        (Voter(voter), body, sign(&context, MemberId(u64::from(voter) + 1), VIEW_CHANGE, CANDIDATE, body))
    };
    let mut all: Vec<_> = (0..3).flat_map(|voter| (0..5).map(move |body| (voter, body))).map(|(v, b)| with_body(v, b)).collect();
    let least: Vec<_> = (0..3).map(|voter| all.iter().filter(|b| b.0 == Voter(voter)).map(|b| (b.2, b.1)).min().unwrap()).collect();
    // A lesser signature that does not verify, one by a voter who is not there, and one by another member.
    all.push((Voter(0), Digest::ZERO, Signature::NONE));
    all.push((Voter(9), Digest::ZERO, with_body(0, 0).2));
    all.push((Voter(3), Digest::ZERO, with_body(0, 0).2));
    let forwards = Certificate::assemble(context, &genesis, VIEW_CHANGE, CANDIDATE, all.clone()).unwrap();
    all.reverse();
    let backwards = Certificate::assemble(context, &genesis, VIEW_CHANGE, CANDIDATE, all).unwrap();
    assert_eq!(forwards, backwards);
    assert_eq!(forwards.signers().iter().map(|signer| (signer.signature, signer.body)).collect::<Vec<_>>(), least);
    assert_eq!(forwards.verify(&anchor_of(&genesis)), Ok(()));
}

#[test]
fn a_leaf_says_member_kind_and_candidate_and_the_root_forgets_the_signatures() {
    let (genesis, certificate) = small();
    let leaves: Vec<_> = certificate.leaves().collect();
    let mut expected = [0; 64];
    expected[0] = 4;
    expected[8..10].copy_from_slice(&[17, 1]);
    expected[16..48].copy_from_slice(&CANDIDATE.0);
    assert_eq!(leaves[2], expected);
    let mut resigned = Forgery::of(&certificate, &genesis);
    resigned.signers[0].signature = Signature::NONE;
    for hash in TreeHash::ALL {
        let hashes: Vec<_> = leaves.iter().map(|leaf| hash.leaf(leaf)).collect();
        assert_eq!(certificate.root(hash), merkle::root(hash, &hashes));
        assert_eq!(certificate.root(hash), resigned.read().root(hash));
    }
}

#[test]
fn in_the_largest_electorate_the_last_member_can_sign() {
    let crowd = (0..65_535).map(|id| Member::new(id, 1));
    let largest = Electorate::new(Epoch(0), Rule::TwoThirds, crowd.chain([member(65_535, 1 << 20)])).unwrap();
    let certificate = certify(context_in(&largest, &largest, COMMIT), &largest, COMMIT, CANDIDATE, [u16::MAX]).unwrap();
    let bytes = certificate.encode();
    assert_eq!(bytes.len(), Certificate::FIXED_BYTES + Signer::BYTES + 16 * 32);
    assert_eq!(Certificate::decode(&bytes).unwrap().verify(&anchor_of(&largest)), Ok(()));
}

fn forgery_of(electorate: &Electorate, voters: std::ops::Range<u16>) -> Forgery {
    let (genesis, certificate) = small();
    let context = context_in(electorate, electorate, COMMIT);
    let signers = ballots(&context, electorate, COMMIT, CANDIDATE, voters).into_iter().map(|(voter, body, signature)| {
        let member = *electorate.member(voter).unwrap();
        Signer { voter, member, body, signature }
    });
    Forgery { signers: signers.collect(), ..Forgery::of(&certificate, &genesis) }.proved_in(electorate)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whoever_has_the_weight_has_a_certificate_and_nobody_else(
        weights in prop::collection::vec((0u64..5, 0u64..5), 1..24),
        joint in any::<bool>(),
        signs in prop::collection::vec(any::<bool>(), 24),
    ) {
        let half = |pick: fn(&(u64, u64)) -> u64| {
            let weighed = weights.iter().enumerate().filter(move |(_, weight)| pick(weight) > 0);
            weighed.map(move |(id, weight)| member(id as u64, pick(weight))).collect::<Vec<_>>()
        };
        let built = if joint {
            Electorate::joint(Epoch(0), Rule::TwoThirds, half(|w| w.0), half(|w| w.1))
        } else {
            Electorate::new(Epoch(0), Rule::TwoThirds, half(|w| w.0))
        };
        prop_assume!(built.is_ok());
        let electorate = built.unwrap();
        let voters: Vec<u16> = (0..electorate.header().members as u16).filter(|&voter| signs[usize::from(voter)]).collect();
        let enough = electorate.thresholds().met_by(electorate.weigh(voters.iter().copied().map(Voter)));
        match certify(context_in(&electorate, &electorate, COMMIT), &electorate, COMMIT, CANDIDATE, voters) {
            Ok(certificate) => {
                prop_assert!(enough);
                let read = Certificate::decode(&certificate.encode()).unwrap();
                prop_assert_eq!(read.verify(&anchor_of(&electorate)), Ok(()));
                prop_assert_eq!(read, certificate);
            }
            Err(CertificateError::Short { .. }) => prop_assert!(!enough),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
