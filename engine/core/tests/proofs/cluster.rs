//! Small clusters whose members can sign: member `n` has the key that is derived from `n`.

use ed25519_dalek::{Signer as _, SigningKey};
use quorate_core::anchor::{ElectorateChange, TrustAnchor};
use quorate_core::ballot::Signature;
use quorate_core::certificate::{Certificate, CertificateError};
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::evidence::Said;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, MemberId, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::vote::{Kind, Pbft};

pub(crate) const COMMIT: Kind = Kind::Pbft(Pbft::Commit);
pub(crate) const PREPARE: Kind = Kind::Pbft(Pbft::Prepare);
pub(crate) const VIEW_CHANGE: Kind = Kind::Pbft(Pbft::ViewChange);
pub(crate) const CANDIDATE: Digest = Digest([0xca; 32]);

pub(crate) fn key(member: MemberId) -> SigningKey {
    let mut seed = [0x51; 32];
    seed[..8].copy_from_slice(&member.0.to_le_bytes());
    SigningKey::from_bytes(&seed)
}

pub(crate) fn member(id: u64, weight: u64) -> Member {
    Member::new(id, weight).with_key(VoteKey(key(MemberId(id)).verifying_key().to_bytes()))
}

/// Members with these ids, of weight 1, that decide by two thirds.
pub(crate) fn electorate(epoch: u64, ids: impl IntoIterator<Item = u64>) -> Electorate {
    Electorate::new(Epoch(epoch), Rule::TwoThirds, ids.into_iter().map(|id| member(id, 1))).unwrap()
}

pub(crate) fn genesis() -> Electorate {
    electorate(0, 1..=4)
}

pub(crate) fn anchor_of(genesis: &Electorate) -> TrustAnchor {
    TrustAnchor::genesis(ClusterId(genesis.root()))
}

/// A context of `kind`'s protocol in the cluster that began with `genesis`.
pub(crate) fn context_in(genesis: &Electorate, electorate: &Electorate, kind: Kind) -> Context {
    Context {
        cluster: ClusterId(genesis.root()),
        engine: kind.engine(),
        partition: PartitionId(0),
        electorate: electorate.root(),
        height: Height(7),
        view: View(2),
    }
}

pub(crate) fn sign(context: &Context, member: MemberId, kind: Kind, candidate: Digest, body: Digest) -> Signature {
    Signature(key(member).sign(&context.signed_bytes(kind, &candidate, &body)).to_bytes())
}

pub(crate) fn said(context: &Context, member: MemberId, kind: Kind, candidate: Digest, body: Digest) -> Said {
    Said { candidate, body, signature: sign(context, member, kind, candidate, body) }
}

/// What these voters sign, without bodies.
pub(crate) fn ballots(
    context: &Context,
    electorate: &Electorate,
    kind: Kind,
    candidate: Digest,
    voters: impl IntoIterator<Item = u16>,
) -> Vec<(Voter, Digest, Signature)> {
    let ballot = |voter| {
        let member = electorate.member(Voter(voter)).unwrap().id;
        (Voter(voter), Digest::ZERO, sign(context, member, kind, candidate, Digest::ZERO))
    };
    voters.into_iter().map(ballot).collect()
}

pub(crate) fn certify(
    context: Context,
    electorate: &Electorate,
    kind: Kind,
    candidate: Digest,
    voters: impl IntoIterator<Item = u16>,
) -> Result<Certificate, CertificateError> {
    Certificate::assemble(context, electorate, kind, candidate, ballots(&context, electorate, kind, candidate, voters))
}

/// The genesis electorate, and three of its four members that commit [`CANDIDATE`].
pub(crate) fn small() -> (Electorate, Certificate) {
    let genesis = genesis();
    let certificate = certify(context_in(&genesis, &genesis, COMMIT), &genesis, COMMIT, CANDIDATE, [0, 1, 3]).unwrap();
    (genesis, certificate)
}

/// All members of `from` make `to` the next electorate.
pub(crate) fn change(genesis: &Electorate, from: &Electorate, to: &Electorate) -> ElectorateChange {
    let next = *to.header();
    let digest = ElectorateChange::digest(&next);
    let voters = 0..from.header().members as u16;
    ElectorateChange { next, certificate: certify(context_in(genesis, from, COMMIT), from, COMMIT, digest, voters).unwrap() }
}
