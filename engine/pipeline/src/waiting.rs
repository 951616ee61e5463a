//! Votes for a candidate that has no row yet.
//!
//! A vote arrives with its candidate's digest; the round knows candidates by row. Rows are opened by the protocol, never by a single
//! vote, so a vote for an unknown digest waits: at most two for each voter, and only with a signature that verifies, so that
//! liars fill neither the table nor the memory, nor anybody else's place. When waiting voters of more weight than can be
//! faulty name the same digest, an honest one is among them, and the digest gets a row.

use std::collections::BTreeMap;

use quorate_core::ballot::{Ballot, Signature};
use quorate_core::hash::Digest;
use quorate_core::ids::{Voter, Weight};
use quorate_core::round::{Form, Rejection, RoundError};
use quorate_core::vote::{Kind, Vote};

use crate::backend::{Claim, ClaimKey};
use crate::batch::Batch;
use crate::layout::RoundHeader;
use crate::pipeline::{Pipeline, PipelineError, RoundId};
use crate::slots::Slot;

/// The most votes of one voter that wait in one round.
pub const MAX_WAITING: usize = 2;

/// A vote as it arrives, with its candidate by digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// What is said.
    pub kind: Kind,
    /// By whom.
    pub voter: Voter,
    /// Of which candidate.
    pub candidate: Digest,
    /// The digest of the body, or zero.
    pub body: Digest,
    /// The signature, in signed rounds.
    pub signature: Signature,
}

/// What became of a vote that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    /// Its candidate has this row; it is in the batch.
    Counted {
        /// The row.
        row: u8,
    },
    /// Its candidate got this row because of it; it is in the batch with those that waited for the same.
    Opened {
        /// The row.
        row: u8,
    },
    /// It waits for its candidate to get a row.
    Waits,
    /// Two others of its voter wait already; it is dropped.
    Dropped,
    /// It is no vote of this round, and was counted as such.
    Rejected(Rejection),
}

/// The votes of one round that wait. A whole electorate may, so nothing here looks at all of them for one vote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting {
    said: BTreeMap<Voter, [Option<Said>; MAX_WAITING]>,
    /// What the voters that wait for a candidate weigh in each half, each of them once whatever kinds it used.
    weights: BTreeMap<Digest, [Weight; 2]>,
}

impl Waiting {
    pub(crate) fn clear(&mut self) {
        self.said.clear();
        self.weights.clear();
    }

    fn len(&self) -> usize {
        self.said.values().flatten().flatten().count()
    }

    fn of(&self, voter: Voter) -> impl Iterator<Item = &Said> {
        self.said.get(&voter).into_iter().flatten().flatten()
    }

    /// Keeps what a voter of this weight said, if it has room for it, and says what all who wait for the same weigh.
    fn keep(&mut self, said: &Said, weight: [Weight; 2]) -> [Weight; 2] {
        let first = self.of(said.voter).all(|other| other.candidate != said.candidate);
        let sum = self.weights.entry(said.candidate).or_default();
        if let Some(room) = self.said.entry(said.voter).or_default().iter_mut().find(|place| place.is_none()) {
            *room = Some(*said);
            if first {
                *sum = [0, 1].map(|half| Weight(sum[half].0 + weight[half].0));
            }
        }
        *sum
    }

    /// Hands out, with its row, and forgets whatever now has one.
    fn release(&mut self, row_of: impl Fn(&Digest) -> Option<usize>, mut hand_out: impl FnMut(&Said, usize)) {
        self.weights.retain(|candidate, _| row_of(candidate).is_none());
        self.said.retain(|_, places| {
            for place in places.iter_mut() {
                if let Some((said, row)) = place.and_then(|said| Some((said, row_of(&said.candidate)?))) {
                    hand_out(&said, row);
                    *place = None;
                }
            }
            places.iter().any(Option::is_some)
        });
    }
}

impl Pipeline {
    /// Takes a vote whose candidate is named by digest: into the batch if the candidate has a row, to the waiting ones if not.
    pub fn offer(&mut self, round: RoundId, said: &Said, batch: &mut Batch) -> Result<Offered, PipelineError> {
        let at = self.check(round)?;
        let (header, slot) = (self.headers[at], &mut self.slots[at]);
        let Some(spec) = slot.spec else { return Err(PipelineError::Closed(round)) };
        if matches!(spec.form(), Form::Cumulative { .. }) {
            return Err(RoundError::Form { found: "cumulative", expected: "one of candidates" }.into());
        }
        let rejection = match slot.place(said.kind) {
            _ if said.kind.engine() != spec.context().engine => Some(Rejection::Engine),
            None => Some(Rejection::Kind),
            Some(_) if u32::from(said.voter.0) >= header.voters => Some(Rejection::Voter),
            Some(_) => None,
        };
        if let Some(reason) = rejection {
            slot.rejections.0[reason as usize] += 1;
            return Ok(Offered::Rejected(reason));
        }
        if let Some(row) = slot.candidates.iter().position(|known| *known == said.candidate) {
            add(batch, round, said, row as u32, header.has(RoundHeader::SIGNED), false);
            return Ok(Offered::Counted { row: row as u8 });
        }
        if slot.waiting.of(said.voter).any(|waiting| waiting.kind == said.kind && waiting.candidate == said.candidate) {
            return Ok(Offered::Waits);
        }
        if slot.waiting.of(said.voter).count() >= MAX_WAITING {
            return Ok(Offered::Dropped);
        }
        if header.has(RoundHeader::SIGNED) && !self.verifies(at, said)? {
            self.slots[at].rejections.0[Rejection::Signature as usize] += 1;
            return Ok(Offered::Rejected(Rejection::Signature));
        }
        if !self.keep_waiting(at, said) {
            return Ok(Offered::Waits);
        }
        match self.add_candidate(round, said.candidate) {
            Ok(row) => {
                self.release(round, batch)?;
                Ok(Offered::Opened { row })
            }
            // A full table is the protocol's doing; the vote waits until a row is free or the round closes.
            Err(PipelineError::Round(RoundError::TableFull(_))) => Ok(Offered::Waits),
            Err(error) => Err(error),
        }
    }

    /// Moves votes whose candidates have got a row by now into the batch, and says how many. To be called when the protocol has added
    /// a candidate. Their signatures are not verified again.
    pub fn release(&mut self, round: RoundId, batch: &mut Batch) -> Result<usize, PipelineError> {
        let at = self.check(round)?;
        let signed = self.headers[at].has(RoundHeader::SIGNED);
        let Slot { waiting, candidates, .. } = &mut self.slots[at];
        let mut released = 0;
        let row_of = |candidate: &Digest| candidates.iter().position(|known| known == candidate);
        waiting.release(row_of, |said, row| {
            add(batch, round, said, row as u32, signed, true);
            released += 1;
        });
        Ok(released)
    }

    /// How many votes of a round wait.
    pub fn waiting(&self, round: RoundId) -> Result<usize, PipelineError> {
        Ok(self.slots[self.check(round)?].waiting.len())
    }

    fn verifies(&mut self, at: usize, said: &Said) -> Result<bool, PipelineError> {
        let Some(spec) = self.slots[at].spec else { return Ok(false) };
        let message = spec.context().signed_bytes(said.kind, &said.candidate, &said.body);
        let key = ClaimKey::Known { electorate: self.slots[at].electorate, voter: said.voter.0 };
        let mut verdict = [false];
        self.backend.verify(&[Claim { key, message: &message, signature: &said.signature.0 }], &mut verdict)?;
        Ok(verdict[0])
    }

    /// Lets a vote wait, and says whether those that wait for the same candidate weigh more than the faulty can. What may be faulty
    /// is the electorate's own matter and the same for all kinds, so that it does not count which vote came last.
    fn keep_waiting(&mut self, at: usize, said: &Said) -> bool {
        let slot = &mut self.slots[at];
        let Some(electorate) = &self.seats[slot.electorate as usize].electorate else { return false };
        let sum = slot.waiting.keep(said, electorate.weigh([said.voter]));
        electorate.thresholds().beyond_faulty(sum)
    }
}

fn add(batch: &mut Batch, round: RoundId, said: &Said, row: u32, signed: bool, verified: bool) {
    let ballot = Ballot { vote: Vote::new(said.kind, said.voter, row), body: said.body, signature: said.signature };
    match (signed, verified) {
        (false, _) => batch.add_votes(round, &[ballot.vote]),
        (true, false) => batch.add_ballots(round, &[ballot]),
        (true, true) => batch.add_verified(round, &[ballot]),
    }
}
