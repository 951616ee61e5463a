//! The votes of a run: as they come, grouped by round, in vectors that keep their memory from run to run.

use quorate_core::ballot::{Ballot, Signature};
use quorate_core::hash::Digest;
use quorate_core::vote::Vote;

use crate::pipeline::RoundId;

/// Votes that wait for the next run.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) votes: Vec<Vote>,
    pub(crate) signatures: Vec<Signature>,
    pub(crate) bodies: Vec<Digest>,
    pub(crate) pieces: Vec<Piece>,
}

/// Votes of one round that came together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) round: RoundId,
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// Where its signatures begin, if it has them.
    pub(crate) signatures: Option<u32>,
    /// Whether they have been verified before.
    pub(crate) verified: bool,
}

impl Batch {
    /// The most votes that one batch holds, so that indices fit a device's.
    pub const MAX_VOTES: usize = 1 << 27;

    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.votes.clear();
        self.signatures.clear();
        self.bodies.clear();
        self.pieces.clear();
    }

    /// How many votes wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.votes.is_empty()
    }

    /// Adds votes without signatures. A signed round will reject them.
    ///
    /// # Panics
    /// If the batch would hold more than [`Self::MAX_VOTES`]; whoever collects votes bounds them long before.
    pub fn add_votes(&mut self, round: RoundId, votes: &[Vote]) {
        if votes.is_empty() {
            return;
        }
        self.check_room(votes.len());
        let first = self.votes.len() as u32;
        self.votes.extend_from_slice(votes);
        match self.pieces.last_mut() {
            Some(last) if last.round == round && last.signatures.is_none() => last.count += votes.len() as u32,
            _ => self.pieces.push(Piece { round, first, count: votes.len() as u32, signatures: None, verified: false }),
        }
    }

    /// Adds votes with their signatures and body digests.
    ///
    /// # Panics
    /// As [`Self::add_votes`].
    pub fn add_ballots(&mut self, round: RoundId, ballots: &[Ballot]) {
        self.add_signed(round, ballots, false);
    }

    /// Adds votes whose signatures have been verified.
    pub(crate) fn add_verified(&mut self, round: RoundId, ballots: &[Ballot]) {
        self.add_signed(round, ballots, true);
    }

    fn add_signed(&mut self, round: RoundId, ballots: &[Ballot], verified: bool) {
        if ballots.is_empty() {
            return;
        }
        self.check_room(ballots.len());
        let (first, signatures) = (self.votes.len() as u32, self.signatures.len() as u32);
        for ballot in ballots {
            self.votes.push(ballot.vote);
            self.signatures.push(ballot.signature);
            self.bodies.push(ballot.body);
        }
        match self.pieces.last_mut() {
            Some(last) if last.round == round && last.signatures.is_some() && last.verified == verified => {
                last.count += ballots.len() as u32;
            }
            _ => self.pieces.push(Piece { round, first, count: ballots.len() as u32, signatures: Some(signatures), verified }),
        }
    }

    fn check_room(&self, more: usize) {
        assert!(self.votes.len() + more <= Self::MAX_VOTES, "a batch holds at most {} votes", Self::MAX_VOTES);
    }
}
