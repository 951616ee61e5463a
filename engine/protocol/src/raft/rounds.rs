//! Rounds, as this protocol opens them.

use std::sync::Arc;

use quorate_core::context::Context;
use quorate_core::counting::{Ask, Opening, RoundKey};
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::{Digest, tagged};
use quorate_core::ids::{Height, MemberId, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Raft as RaftKind, Vote};

use super::event::Effect;
use super::{Planted, Raft};

impl Raft {
    /// Who votes now.
    pub(super) fn electorate(&self) -> Arc<Electorate> {
        let current = self.configuration();
        let voters = match self.planted {
            Some(Planted::LearnerCounted) => {
                let all = |half: &[super::Peer]| half.iter().map(|peer| Member::new(peer.id.0, 1)).collect::<Vec<_>>();
                let (new, old) = (all(current.peers()), all(current.outgoing()));
                if old.is_empty() {
                    Electorate::new(current.epoch(), Rule::Majority, new)
                } else {
                    Electorate::joint(current.epoch(), Rule::Majority, old, new)
                }
            }
            Some(Planted::JointUsesOneHalf) if current.is_joint() => Ok(current.settled().electorate().as_ref().clone()),
            _ => return Arc::clone(current.electorate()),
        };
        voters.map_or_else(|_| Arc::clone(current.electorate()), Arc::new)
    }

    fn rule(&self) -> Rule {
        if self.planted(Planted::QuorumOffByOne) { Rule::MoreThan { num: 1, den: 3 } } else { Rule::Majority }
    }

    fn open(&mut self, electorate: &Arc<Electorate>, height: Height, form: Form, kinds: &[RaftKind], candidates: Vec<Digest>) -> RoundKey {
        let key = self.fresh_round();
        let context = Context {
            cluster: self.identity.cluster,
            engine: Engine::Raft,
            partition: self.identity.partition,
            electorate: electorate.root(),
            height,
            view: self.term,
        };
        let rule = self.rule();
        let kinds: Vec<(Kind, Rule)> = kinds.iter().map(|&kind| (Kind::Raft(kind), rule)).collect();
        let spec = RoundSpec::new(context, form, false, &kinds).expect("the rounds of this protocol are well-formed");
        let opening = Opening { key, electorate: Arc::clone(electorate), spec, candidates };
        self.effects.push(Effect::Count(Ask::Open(Box::new(opening))));
        key
    }

    /// Opens the round of an election, or of the question whether one would succeed.
    pub(super) fn open_election(&mut self, electorate: &Arc<Electorate>, pre: bool) -> RoundKey {
        let kinds = [if pre { RaftKind::PreGrant } else { RaftKind::Grant }, RaftKind::Deny];
        let candidate = tagged("quorate 2026-11 raft candidate v1", &[&self.identity.id.0.to_le_bytes()]);
        self.open(electorate, self.log.last().index, Form::Candidates { rows: 1 }, &kinds, vec![candidate])
    }

    /// Opens a round in which a vote means "all up to here".
    pub(super) fn open_cumulative(&mut self, electorate: &Arc<Electorate>, kind: RaftKind, base: u64, last: u64) -> RoundKey {
        self.open(electorate, self.commit, Form::Cumulative { base, last }, &[kind], Vec::new())
    }

    pub(super) fn extend(&mut self, key: RoundKey, last: u64) {
        self.effects.push(Effect::Count(Ask::Extend { key, last }));
    }

    pub(super) fn close(&mut self, key: RoundKey) {
        self.effects.push(Effect::Count(Ask::Close { key }));
    }

    /// Hands a member's vote over, if it has one in this electorate.
    pub(super) fn count(&mut self, key: RoundKey, electorate: &Electorate, id: MemberId, kind: RaftKind, candidate: u32) {
        let Some(voter) = electorate.voter(id) else { return };
        self.effects.push(Effect::Count(Ask::Vote { key, vote: Vote::new(Kind::Raft(kind), voter, candidate) }));
        if self.planted(Planted::AckCountedTwice) && kind == RaftKind::Ack {
            let neighbour = Voter((voter.0 + 1) % electorate.members().len() as u16);
            self.effects.push(Effect::Count(Ask::Vote { key, vote: Vote::new(Kind::Raft(kind), neighbour, candidate) }));
        }
    }
}
