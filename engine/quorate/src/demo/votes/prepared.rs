//! The votes of one round: most of them good, and beside them, at the shares that were asked for, everything that can be wrong.
//!
//! Each vote has a time at which it comes, prepares on the whole before commits, and the round comes in batches of about equal size.
//! A forgery is sent in the name of any member, present or not: its signature has a flipped bit, or is another member's, or one for
//! the height before, or one over another body. A foreign vote is wrong in one thing, so that there is one reason to reject it.

use std::ops::Range;
use std::sync::Arc;

use quorate_core::ballot::{Ballot, Signature};
use quorate_core::block::Block;
use quorate_core::context::Context;
use quorate_core::decision::Rejections;
use quorate_core::hash::Digest;
use quorate_core::ids::{Height, Voter};
use quorate_core::round::Rejection;
use quorate_core::vote::{Engine, Kind, Pbft, Vote};
use quorate_pipeline::conformance::Seeded;

use super::cast::Cast;
use super::chain::{Proposal, randomness};
use super::generator::Signers;
use super::options::{Options, Share};

/// The kinds of vote of a round.
pub(crate) const KINDS: [Kind; 2] = [Kind::Pbft(Pbft::Prepare), Kind::Pbft(Pbft::Commit)];

/// How many rows the candidate table of a round may have: the proposal, and a rival.
pub(crate) const ROWS: u8 = 2;

const VOTES: u64 = 3;

/// A round's votes, and what is in them.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// What they are about.
    pub(crate) context: Context,
    /// The proposal, and the rival if someone votes for it: the rows of the candidate table.
    pub(crate) blocks: Vec<Block>,
    /// The votes, in the order in which they come.
    pub(crate) ballots: Vec<Ballot>,
    /// The batches that they come in.
    pub(crate) pieces: Vec<Range<usize>>,
    /// What must be found in them.
    pub(crate) planted: Planted,
}

/// What was planted, counted at the planting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planted {
    /// Votes that say what their voter had said before.
    pub(crate) repeated: u64,
    /// Votes that must be rejected, by reason.
    pub(crate) rejections: Rejections,
    /// Votes that must count.
    pub(crate) valid: u64,
    /// Who votes for two blocks, and with which kind.
    pub(crate) equivocations: Vec<(Kind, Voter)>,
}

/// How long a round lasts, in the units of a vote's time.
const DURATION: u64 = 1000;

/// An equivocator acts in one round of so many, and in the first, so that a short run shows it too.
const ACTS_IN: u64 = 8;

/// Writes votes.
pub(crate) struct Votes {
    /// Who votes.
    pub(crate) cast: Arc<Cast>,
    /// At which shares something is wrong.
    pub(crate) options: Options,
    /// Who signs.
    pub(crate) signers: Arc<Signers>,
}

/// A round in the making.
struct Draft<'a> {
    votes: &'a Votes,
    context: Context,
    /// The rows: the proposal, and the rival.
    candidates: [Digest; ROWS as usize],
    rng: Seeded,
    /// Votes with the time at which they come.
    timed: Vec<(u64, Ballot)>,
    planted: Planted,
}

impl Votes {
    /// The votes for a proposal; none if it is time to stop.
    #[must_use]
    pub(crate) fn prepare(&self, proposal: Proposal) -> Option<Prepared> {
        let Proposal { block, rival } = proposal;
        let height = block.header().height;
        let mut draft = Draft {
            votes: self,
            context: self.cast.context(height),
            candidates: [block.id(), rival.id()],
            rng: randomness(self.options.seed, height, VOTES),
            timed: Vec::new(),
            planted: Planted::default(),
        };
        for voter in draft.present() {
            for kind in KINDS {
                draft.vote(kind, voter, 0)?;
            }
        }
        for &voter in &self.cast.equivocators {
            if height == Height(1) || draft.rng.one_in(ACTS_IN) {
                let kind = draft.rng.pick(&KINDS);
                draft.planted.equivocations.push((kind, voter));
                draft.vote(kind, voter, 1)?;
            }
        }
        Some(draft.finish(block, rival))
    }
}

impl Draft<'_> {
    fn chance(&mut self, share: Share) -> bool {
        self.rng.below(Share::WHOLE) < share.millionths()
    }

    /// Who votes in this round: everyone but those who are silent, whose weight the decision can do without.
    fn present(&mut self) -> Vec<Voter> {
        let electorate = &self.votes.cast.electorate;
        let (mut left, needed) = (electorate.header().total[0], electorate.thresholds().least[0]);
        let mut order: Vec<Voter> = (0..electorate.members().len()).map(|at| Voter(at as u16)).collect();
        self.rng.shuffle(&mut order);
        order.retain(|&voter| {
            let weight = electorate.weigh([voter])[0];
            let steady = self.votes.cast.equivocators.binary_search(&voter).is_ok() || left.0 - weight.0 < needed.0;
            if steady || !self.chance(self.votes.options.absent) {
                return true;
            }
            left.0 -= weight.0;
            false
        });
        order
    }

    fn sign(&self, context: &Context, kind: Kind, voter: Voter, row: usize, body: Digest) -> Option<Signature> {
        let bytes = context.signed_bytes(kind, &self.candidates[row], &body);
        self.votes.signers.sign(&self.votes.cast.keys[usize::from(voter.0)], &bytes)
    }

    fn send(&mut self, kind: Kind, ballot: Ballot) {
        let start = if kind == KINDS[0] { 0 } else { DURATION / 2 };
        let time = start + self.rng.below(DURATION);
        self.timed.push((time, ballot));
    }

    /// A good vote, and whatever is planted beside it.
    fn vote(&mut self, kind: Kind, voter: Voter, row: usize) -> Option<()> {
        let signature = self.sign(&self.context, kind, voter, row, Digest::ZERO)?;
        let ballot = Ballot { vote: Vote::new(kind, voter, row as u32), body: Digest::ZERO, signature };
        self.planted.valid += 1;
        self.send(kind, ballot);
        if self.chance(self.votes.options.duplicates) {
            self.planted.valid += 1;
            self.planted.repeated += 1;
            self.send(kind, ballot);
        }
        if self.chance(self.votes.options.forged) {
            self.forge(kind)?;
        }
        if self.chance(self.votes.options.foreign) {
            self.misplace(kind, ballot);
        }
        Some(())
    }

    /// A vote for the proposal in the name of a member who did not sign it.
    fn forge(&mut self, kind: Kind) -> Option<()> {
        let members = self.votes.cast.keys.len() as u64;
        let voter = Voter(self.rng.below(members) as u16);
        let next = Voter(((u64::from(voter.0) + 1) % members) as u16);
        let mut body = Digest::ZERO;
        let signature = match self.rng.below(4) {
            0 if members > 1 => self.sign(&self.context, kind, next, 0, Digest::ZERO)?,
            1 => {
                let before = Context { height: Height(self.context.height.0 - 1), ..self.context };
                self.sign(&before, kind, voter, 0, Digest::ZERO)?
            }
            2 => {
                body = Digest(self.rng.bytes32());
                self.sign(&self.context, kind, voter, 0, Digest::ZERO)?
            }
            _ => {
                let mut signature = self.sign(&self.context, kind, voter, 0, Digest::ZERO)?;
                signature.0[self.rng.below(64) as usize] ^= 1 << self.rng.below(8);
                signature
            }
        };
        self.planted.rejections.0[Rejection::Signature as usize] += 1;
        self.send(kind, Ballot { vote: Vote::new(kind, voter, 0), body, signature });
        Some(())
    }

    /// The same vote with one thing in it that is not of this round.
    fn misplace(&mut self, kind: Kind, ballot: Ballot) {
        let members = self.votes.cast.keys.len() as u64;
        let (engine, code, voter, row) = (kind.engine() as u8, kind.code(), ballot.vote.voter().0, ballot.vote.candidate());
        let strangers = (1 << 16) - members;
        let (reason, vote) = match self.rng.below(4) {
            0 => {
                (Rejection::Engine, Vote::from_raw(self.rng.pick(&[Engine::Raft, Engine::Paxos, Engine::Snowball]) as u8, code, voter, row))
            }
            1 if strangers > 0 => {
                let stranger = (members + self.rng.below(strangers)) as u16;
                (Rejection::Voter, Vote::from_raw(engine, code, stranger, row))
            }
            2 => (Rejection::Candidate, Vote::from_raw(engine, code, voter, u32::from(ROWS) + self.rng.below(1 << 20) as u32)),
            _ => {
                let other = self.rng.pick(&[Pbft::Checkpoint, Pbft::ViewChange, Pbft::Reply]);
                (Rejection::Kind, Vote::from_raw(engine, other as u8, voter, row))
            }
        };
        self.planted.rejections.0[reason as usize] += 1;
        self.send(kind, Ballot { vote, ..ballot });
    }

    fn finish(mut self, block: Block, rival: Block) -> Prepared {
        self.timed.sort_by_key(|&(time, _)| time);
        let ballots: Vec<Ballot> = self.timed.into_iter().map(|(_, ballot)| ballot).collect();
        let wanted = 4 + self.rng.below(9) as usize;
        let size = ballots.len().div_ceil(wanted).max(1);
        let pieces = (0..ballots.len()).step_by(size).map(|first| first..(first + size).min(ballots.len())).collect();
        self.planted.equivocations.sort_unstable();
        let blocks = if self.planted.equivocations.is_empty() { vec![block] } else { vec![block, rival] };
        Prepared { context: self.context, blocks, ballots, pieces, planted: self.planted }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::Proposals;
    use super::*;

    fn rounds(options: &Options, count: usize) -> Vec<Prepared> {
        let cast = Arc::new(Cast::new(options).unwrap());
        let votes = Votes { cast, options: options.clone(), signers: Arc::default() };
        let mut proposals = Proposals::new(options.seed);
        (0..count).map(|_| votes.prepare(proposals.propose().unwrap()).unwrap()).collect()
    }

    #[test]
    fn a_seed_gives_the_same_votes_again() {
        let options = Options { members: 5, seed: 9, ..Options::default() };
        for (one, other) in rounds(&options, 3).into_iter().zip(rounds(&options, 3)) {
            assert_eq!((one.ballots, one.pieces, one.planted), (other.ballots, other.pieces, other.planted));
        }
    }

    #[test]
    fn every_vote_is_counted_where_it_is_planted_and_comes_in_one_piece() {
        let half = Share::percent(50);
        let options = Options { members: 13, duplicates: half, forged: half, foreign: half, absent: half, ..Options::default() };
        for round in rounds(&options, 20) {
            assert_eq!(round.planted.valid + round.planted.rejections.total(), round.ballots.len() as u64);
            let delivered: Vec<usize> = round.pieces.iter().cloned().flatten().collect();
            assert_eq!(delivered, (0..round.ballots.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn whoever_is_silent_is_not_needed() {
        let options = Options { members: 10, absent: Share::percent(100), duplicates: Share::percent(0), ..Options::default() };
        let cast = Cast::new(&options).unwrap();
        let bad = Share::percent(0);
        for round in rounds(&Options { forged: bad, foreign: bad, ..options }, 5) {
            let prepares = round.ballots.iter().map(|ballot| ballot.vote).filter(|vote| vote.kind() == 0 && vote.candidate() == 0);
            assert!(cast.electorate.thresholds().met_by(cast.electorate.weigh(prepares.map(Vote::voter))));
        }
    }
}
