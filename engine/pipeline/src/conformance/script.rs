//! A round with everything that can happen to it: an electorate, a specification, candidates, and ballots good and bad.

use std::sync::Arc;

use ed25519_dalek::{Signer, SigningKey};
use quorate_core::ballot::{Ballot, Signature};
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter, Weight};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, MAX_CANDIDATES, RoundSpec};
use quorate_core::vote::{Engine, Kind, Paxos, Pbft, Raft, Snow, Vote};

use super::Seeded;

/// An electorate, and the keys with which its members sign.
#[derive(Clone, Debug)]
pub struct Cast {
    /// Who votes.
    pub electorate: Arc<Electorate>,
    /// The signing keys, by voter; empty if nobody signs.
    pub keys: Vec<SigningKey>,
}

/// Electorate sizes at which something changes: words, vector lanes, blocks.
const SIZES: [u64; 16] = [1, 2, 3, 4, 5, 7, 8, 9, 15, 63, 64, 65, 100, 128, 129, 300];

impl Cast {
    /// Members of weight one with keys from a seed.
    #[must_use]
    pub fn signers(count: u64, rule: Rule, seed: u64) -> Self {
        let mut rng = Seeded::new(seed);
        let keys: Vec<SigningKey> = (0..count).map(|_| SigningKey::from_bytes(&rng.bytes32())).collect();
        let members = keys.iter().enumerate().map(|(id, key)| Member::new(id as u64, 1).with_key(VoteKey(key.verifying_key().to_bytes())));
        let electorate = Electorate::new(Epoch(0), rule, members).expect("distinct members of weight one are an electorate");
        Self { electorate: Arc::new(electorate), keys }
    }

    /// Any electorate, and with `signed` the keys of its members.
    #[must_use]
    pub fn random(rng: &mut Seeded, signed: bool, max_members: u64) -> Self {
        let sizes: Vec<u64> = SIZES.into_iter().filter(|&size| size <= max_members).collect();
        let count = if rng.one_in(30) { max_members } else { rng.pick(&sizes) };
        let keys: Vec<SigningKey> = if signed { (0..count).map(|_| SigningKey::from_bytes(&rng.bytes32())).collect() } else { Vec::new() };
        let scale = rng.pick(&[1, 1, 1, 3, 1000, u64::MAX / (1 << 17)]);
        let even = rng.one_in(2);
        let mut member = |id: u64| {
            let weight = if even { scale } else { 1 + rng.below(scale) };
            let member = Member::new(id * 3, weight);
            match keys.get(id as usize) {
                Some(key) => member.with_key(VoteKey(key.verifying_key().to_bytes())),
                None => member,
            }
        };
        let list: Vec<Member> = (0..count).map(&mut member).collect();
        let again: Vec<Member> = (0..count).map(&mut member).collect();
        let rule = rng.pick(&[Rule::Majority, Rule::TwoThirds, Rule::MoreThan { num: 1, den: 4 }]);
        let epoch = Epoch(rng.below(1000));
        let electorate = match rng.below(5) {
            // The union of two overlapping lists; sometimes one of them is empty.
            0 => {
                let (from, to) = (rng.below(count), rng.below(count) + 1);
                let old = if rng.one_in(4) { vec![] } else { list[..to as usize].to_vec() };
                let new = if rng.one_in(4) && !old.is_empty() { vec![] } else { again[from as usize..].to_vec() };
                Electorate::joint(epoch, rule, old, new)
            }
            _ => Electorate::new(epoch, rule, list),
        }
        .expect("members with weight are an electorate");
        let keys = if signed {
            let key_of = |member: &Member| keys[(member.id.0 / 3) as usize].clone();
            electorate.members().iter().map(key_of).collect()
        } else {
            Vec::new()
        };
        Self { electorate: Arc::new(electorate), keys }
    }

    /// A ballot, signed if the cast signs.
    #[must_use]
    pub fn ballot(&self, context: &Context, kind: Kind, voter: Voter, row: u32, candidate: &Digest, body: Digest) -> Ballot {
        let signature = match self.keys.get(usize::from(voter.0)) {
            Some(key) => Signature(key.sign(&context.signed_bytes(kind, candidate, &body)).to_bytes()),
            None => Signature::NONE,
        };
        Ballot { vote: Vote::new(kind, voter, row), body, signature }
    }
}

/// A round and what happens in it.
#[derive(Clone, Debug)]
pub struct Script {
    /// Who votes.
    pub cast: Cast,
    /// What the round is.
    pub spec: RoundSpec,
    /// Its candidates.
    pub candidates: Vec<Digest>,
    /// Everything that is said, in some order.
    pub ballots: Vec<Ballot>,
}

impl Script {
    /// A round of any kind, with votes that are good, repeated, contradictory, foreign or forged.
    #[must_use]
    pub fn random(rng: &mut Seeded, max_members: u64) -> Self {
        let form = match rng.below(4) {
            0 => {
                let base = rng.next_u64() >> 1;
                let length = rng.pick(&[1, 10, 1 << 31]);
                Form::Cumulative { base, last: base + rng.below(length) }
            }
            1 => Form::Poll { rows: 1 + rng.below(8) as u8 },
            _ => {
                let most = rng.pick(&[1, 4, 64]);
                Form::Candidates { rows: 1 + rng.below(most) as u8 }
            }
        };
        let signed = !matches!(form, Form::Cumulative { .. }) && rng.one_in(4);
        let cast = Cast::random(rng, signed, if signed { max_members.min(130) } else { max_members });
        let rows = match form {
            Form::Candidates { rows } | Form::Poll { rows } => rng.below(u64::from(rows) + 1),
            Form::Cumulative { .. } => 0,
        };
        let voters = cast.electorate.members().len() as u64;
        let votes = match rng.below(8) {
            0 => 0,
            1 => 1,
            2..=5 => rng.below(2 * voters + 2),
            _ => rng.below(5 * voters + 40),
        };
        let votes = if signed { votes.min(150) } else { votes };
        Self::with(rng, cast, form, signed, rows, votes)
    }

    /// The largest and the smallest rounds that there can be.
    #[must_use]
    pub fn extremes(rng: &mut Seeded) -> Vec<Self> {
        let full = Form::Candidates { rows: MAX_CANDIDATES as u8 };
        let uniform = |count: u64| {
            let members = (0..count).map(|id| Member::new(id, 1));
            Electorate::new(Epoch(0), Rule::TwoThirds, members).expect("members of weight one are an electorate")
        };
        let joint = |count: u64| {
            let half = |add: u64| (0..count).filter(move |id| id % 3 != add).map(move |id| Member::new(id, 1 + id % 11 + add));
            Electorate::joint(Epoch(0), Rule::TwoThirds, half(0), half(1)).expect("two halves with weight are an electorate")
        };
        let most = Electorate::MAX_MEMBERS as u64;
        let range = Form::Cumulative { base: u64::MAX - (1 << 33), last: u64::MAX - (1 << 33) + u64::from(u32::MAX) - 1 };
        [
            (uniform(most), full, MAX_CANDIDATES as u64, 3 * most),
            (joint(most), full, MAX_CANDIDATES as u64, most),
            (joint(most), Form::Poll { rows: 5 }, 5, 2 * most),
            (uniform(most), range, 0, most),
            (joint(most), range, 0, most),
            (uniform(1), full, MAX_CANDIDATES as u64, 100),
            (uniform(1), range, 0, 3),
            (uniform(1), Form::Candidates { rows: 1 }, 0, 3),
            (uniform(3), full, MAX_CANDIDATES as u64, 5000),
            (uniform(most), full, 0, 0),
        ]
        .into_iter()
        .map(|(electorate, form, rows, votes)| {
            let cast = Cast { electorate: Arc::new(electorate), keys: Vec::new() };
            Self::with(rng, cast, form, false, rows, votes)
        })
        .collect()
    }

    /// A round of this form with so many candidates and votes.
    fn with(rng: &mut Seeded, cast: Cast, form: Form, signed: bool, rows: u64, votes: u64) -> Self {
        let engine = rng.pick(&Engine::ALL);
        let context = Context {
            cluster: ClusterId(Digest(rng.bytes32())),
            engine,
            partition: PartitionId(rng.next_u64() as u32),
            electorate: cast.electorate.root(),
            height: Height(rng.next_u64()),
            view: View(rng.next_u64()),
        };
        let all = kinds_of(engine);
        let mut kinds: Vec<(Kind, Rule)> = Vec::new();
        let wanted = if matches!(form, Form::Cumulative { .. }) { 1 } else { 1 + rng.below(all.len().min(4) as u64) as usize };
        while kinds.len() < wanted {
            let kind = rng.pick(&all);
            if kinds.iter().all(|&(known, _)| known != kind) {
                let total = cast.electorate.header().total.into_iter().filter(|weight| weight.0 > 0).min().unwrap_or(Weight(1));
                let rule = match rng.below(4) {
                    0 => Rule::AtLeast(Weight(1 + rng.below(total.0))),
                    1 => Rule::MoreThan { num: rng.below(7) as u32, den: 7 },
                    2 => Rule::TwoThirds,
                    _ => cast.electorate.header().rule,
                };
                kinds.push((kind, rule));
            }
        }
        let spec = RoundSpec::new(context, form, signed, &kinds).expect("a well-formed round");
        let candidates: Vec<Digest> = (0..rows).map(|_| Digest(rng.bytes32())).collect();
        let mut script = Self { cast, spec, candidates, ballots: Vec::new() };
        let voters = script.cast.electorate.members().len() as u64;
        // Few voters who say everything, or all of them.
        let speakers = 1 + rng.below(voters);
        let faults = rng.pick(&[0, 0, 4, 40]);
        for _ in 0..votes {
            let ballot = script.random_ballot(rng, speakers, faults);
            script.ballots.push(ballot);
        }
        script
    }

    fn random_ballot(&self, rng: &mut Seeded, speakers: u64, faults: u64) -> Ballot {
        if !self.ballots.is_empty() && rng.one_in(6) {
            return rng.pick(&self.ballots);
        }
        let kinds: Vec<Kind> = self.spec.kinds().map(|(kind, _)| kind).collect();
        let kind = rng.pick(&kinds);
        let voter = Voter(rng.below(speakers) as u16);
        let row = match self.spec.form() {
            Form::Cumulative { base, last } => rng.below(last - base + 1) as u32,
            // Most say the same, so that something is decided.
            _ if self.candidates.is_empty() => 0,
            _ if rng.one_in(4) => rng.below(self.candidates.len() as u64) as u32,
            _ => 0,
        };
        let body = if rng.one_in(3) { Digest(rng.bytes32()) } else { Digest::ZERO };
        let candidate = self.candidates.get(row as usize).copied().unwrap_or_default();
        let mut ballot = if self.spec.signed() {
            self.cast.ballot(self.spec.context(), kind, voter, row, &candidate, body)
        } else {
            Ballot::unsigned(Vote::new(kind, voter, row))
        };
        if faults > 0 && rng.one_in(faults) {
            spoil(&mut ballot, rng, self.cast.electorate.members().len() as u64);
        }
        ballot
    }
}

/// Makes a ballot wrong in some way, or in none.
fn spoil(ballot: &mut Ballot, rng: &mut Seeded, voters: u64) {
    let vote = ballot.vote;
    let (engine, kind, voter, row) = (vote.engine(), vote.kind(), vote.voter().0, vote.candidate());
    match rng.below(7) {
        0 => ballot.vote = Vote::from_raw(rng.next_u64() as u8, kind, voter, row),
        1 => ballot.vote = Vote::from_raw(engine, rng.pick(&[0, 1, 2, 3, 4, 5, 7, 8, 9, 16, 32, 64, 128, 255]), voter, row),
        2 => ballot.vote = Vote::from_raw(engine, kind, rng.pick(&[voters as u16, voters as u16 + 1, u16::MAX]), row),
        3 => {
            let anything = rng.next_u64() as u32;
            let beyond = rng.pick(&[row.wrapping_add(1), row.wrapping_add(64), 1 << 16, u32::MAX, anything]);
            ballot.vote = Vote::from_raw(engine, kind, voter, beyond);
        }
        4 => ballot.signature.0[rng.below(64) as usize] ^= 1 << rng.below(8),
        5 => ballot.body.0[0] ^= 1,
        _ => ballot.vote = Vote::from_bytes(rng.next_u64().to_le_bytes()),
    }
}

/// All kinds of vote of a protocol.
fn kinds_of(engine: Engine) -> Vec<Kind> {
    match engine {
        Engine::Raft => Raft::ALL.iter().copied().map(Kind::Raft).collect(),
        Engine::Pbft => Pbft::ALL.iter().copied().map(Kind::Pbft).collect(),
        Engine::Paxos => Paxos::ALL.iter().copied().map(Kind::Paxos).collect(),
        snow => Snow::ALL.iter().map(|&kind| Kind::Snow(snow, kind)).collect(),
    }
}
