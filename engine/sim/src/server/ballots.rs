//! The votes that pass a server's desk, for a trace: who said what in which round, and what came of it.
//!
//! Nothing here decides anything. It is kept only while somebody listens, and names for people what the desk knows by offsets and rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::counting::{Ask, Finding, Opening, RoundKey, Told};
use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::ids::{MemberId, Voter, Weight};
use quorate_core::round::Form;
use quorate_core::vote::{Kind, Vote};
use quorate_telemetry::schema::{RoundClosed, RoundDecided, RoundOpened, Verdict, VoteSeen};

use crate::sights::Sights;

/// The rounds that are open at a server's desk.
#[derive(Default)]
pub(super) struct Ballots(BTreeMap<RoundKey, Round>);

struct Round {
    electorate: Arc<Electorate>,
    /// The index that offset zero means, if offsets are what votes name.
    base: Option<u64>,
    candidates: Vec<Digest>,
    /// The highest that each has said of each kind.
    said: BTreeMap<(Kind, Voter), u64>,
}

impl Ballots {
    /// Something is asked of a server's desk.
    pub(super) fn asked(&mut self, node: MemberId, ask: &Ask, sights: &mut Sights) {
        if !sights.is_listening() {
            return;
        }
        match ask {
            Ask::Open(opening) => self.opened(node, opening, sights),
            Ask::Extend { .. } => {}
            Ask::Vote { key, vote } => self.voted(node, *key, *vote, sights),
            Ask::Close { key } => {
                self.0.remove(key);
                sights.at(node, || RoundClosed { round: key.0 });
            }
        }
    }

    fn opened(&mut self, node: MemberId, opening: &Opening, sights: &mut Sights) {
        let Opening { key, electorate, spec, candidates } = opening;
        let base = if let Form::Cumulative { base, .. } = spec.form() { Some(base) } else { None };
        let round = Round { electorate: Arc::clone(electorate), base, candidates: candidates.clone(), said: BTreeMap::new() };
        self.0.insert(*key, round);
        let context = spec.context();
        sights.at(node, || RoundOpened {
            round: key.0,
            engine: context.engine,
            partition: context.partition,
            height: context.height,
            view: context.view,
            electorate: electorate.members().len() as u64,
            kinds: spec.kinds().map(|kind| kind.0).collect(),
        });
    }

    fn voted(&mut self, node: MemberId, key: RoundKey, vote: Vote, sights: &mut Sights) {
        let Some(round) = self.0.get_mut(&key) else { return };
        let Some(kind) = Kind::from_codes(vote.engine(), vote.kind()) else { return };
        let Some(member) = round.electorate.member(vote.voter()) else { return };
        let named = round.base.unwrap_or(0) + u64::from(vote.candidate());
        let before = round.said.get(&(kind, vote.voter())).copied();
        let verdict = if before.is_some_and(|before| named <= before) { Verdict::Duplicate } else { Verdict::Counted };
        if verdict == Verdict::Counted {
            round.said.insert((kind, vote.voter()), named);
        }
        let digest = if round.base.is_none() { round.candidates.get(vote.candidate() as usize).copied() } else { None };
        let voter = member.id;
        sights.at(node, || VoteSeen { round: key.0, kind, voter, candidate: Some(named), digest, verdict });
    }

    /// Something is told of a round, right after the run that found it out.
    pub(super) fn told(&self, node: MemberId, told: &Told, sights: &mut Sights) {
        let Some(round) = self.0.get(&told.key) else { return };
        let (candidate, digest) = match told.what {
            Finding::Decided { row } => (u64::from(row), round.candidates.get(usize::from(row)).copied()),
            Finding::Reached { index } => (index, None),
            Finding::Conflict => return,
        };
        let supports = |said: &(&(Kind, Voter), &u64)| said.0.0 == told.kind && *said.1 >= candidate;
        let members = round.said.iter().filter(supports).filter_map(|said| round.electorate.member(said.0.1));
        // In a joint electorate a member has a weight in each half; it is one member still.
        let weights: Vec<u64> = members.map(|member| member.weight[0].0.max(member.weight[1].0)).collect();
        sights.at(node, || RoundDecided {
            round: told.key.0,
            kind: told.kind,
            candidate: Some(candidate),
            digest,
            weight: Weight(weights.iter().sum()),
            voters: weights.len() as u64,
        });
    }
}
