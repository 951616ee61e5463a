//! The host's side of the pipeline: it opens rounds, runs batches through a backend, and says what is decided.
//!
//! Rounds accumulate: a round stays open between runs, and each run folds more votes into its state. What a run says depends only on
//! the set of votes so far, never on their order or on how they were cut into batches. Open rounds are bounded, by number and by the
//! memory of their state, and opening one more than fits is an error and not a surprise.

use std::sync::Arc;

use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::quorum::Thresholds;
use quorate_core::round::{Form, MAX_CANDIDATES, MAX_KINDS, RoundError, RoundSpec, offset_of};
use quorate_core::vote::Kind;
use thiserror::Error;

use crate::arena::Arena;
use crate::backend::{Backend, BackendError, Timings};
use crate::book::Signed;
use crate::layout::{Buffer, RoundHeader, Segment, Work};
use crate::recording::Span;
pub use crate::slots::{ElectorateId, RoundId};
use crate::slots::{Seat, Slot};

/// How much may be open at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rounds.
    pub rounds: u32,
    /// Bytes of bitmaps and maxima.
    pub state_bytes: usize,
    /// Electorates.
    pub electorates: u32,
    /// Members of all admitted electorates together.
    pub members: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rounds: 1 << 17, state_bytes: 1 << 30, electorates: 1 << 10, members: 1 << 22 }
    }
}

/// Why the pipeline could not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PipelineError {
    /// The round cannot be.
    #[error(transparent)]
    Round(#[from] RoundError),
    /// The backend failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Too much is open.
    #[error("no room for another {what}: the limit of {limit} is reached; close some, or raise the limit")]
    Full {
        /// What there is no room for.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The handle is to a round that was closed.
    #[error("round {0:?} is not open")]
    Closed(RoundId),
    /// The handle is to an electorate that was dismissed.
    #[error("electorate {0:?} is not admitted")]
    Dismissed(ElectorateId),
    /// The electorate cannot be dismissed yet.
    #[error("electorate {electorate:?} still has {rounds} open rounds")]
    InUse {
        /// The electorate.
        electorate: ElectorateId,
        /// Its rounds.
        rounds: u32,
    },
    /// States of unlike rounds cannot be merged.
    #[error("the state is of another round: {0}")]
    OtherRound(&'static str),
}

/// Something that a run found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// In which round.
    pub round: RoundId,
    /// Of which kind of vote.
    pub kind: Kind,
    /// What.
    pub what: What,
}

/// What a run can find out of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The candidate in this row is decided.
    Decided {
        /// Its row in the candidate table.
        row: u8,
    },
    /// In a cumulative round, a quorum has reached this index.
    Reached {
        /// The index.
        index: u64,
    },
    /// Two candidates are decided, which proves more faults than the protocol tolerates: stop, and keep the evidence.
    Conflict,
}

/// What a run did, beside its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rounds with votes in the batch.
    pub rounds: usize,
    /// Votes that went through the stages.
    pub votes: usize,
    /// Votes for rounds that are not open.
    pub stale: usize,
    /// How long each stage took, if timing is on.
    pub timings: Timings,
}

/// Rounds, electorates, and the backend that counts.
pub struct Pipeline {
    pub(crate) backend: Box<dyn Backend>,
    limits: Limits,
    timed: bool,
    pub(crate) slots: Vec<Slot>,
    free_slots: Vec<u32>,
    pub(crate) seats: Vec<Seat>,
    free_seats: Vec<u32>,
    pub(crate) headers: Vec<RoundHeader>,
    pub(crate) templates: Vec<quorate_core::context::SignedBytes>,
    pub(crate) candidates: Vec<Digest>,
    pub(crate) state: Arena,
    candidate_rows: Arena,
    weights: Arena,
    pub(crate) pending: Pending,
    pub(crate) works: Vec<Work>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) events: Vec<Event>,
    pub(crate) runs: u64,
    /// How many row tallies the run at hand writes.
    pub(crate) tallies: u32,
}

/// What the backend has not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) headers: Vec<u32>,
    pub(crate) templates: Vec<u32>,
    pub(crate) candidates: Vec<u32>,
    pub(crate) state: Vec<Span>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.state.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.headers.clear();
        self.templates.clear();
        self.candidates.clear();
        self.state.clear();
    }
}

impl Pipeline {
    /// A pipeline on a backend, with room for what the limits say.
    #[must_use]
    pub fn new(backend: Box<dyn Backend>, limits: Limits) -> Self {
        let words = u32::try_from(limits.state_bytes / 8).unwrap_or(u32::MAX);
        Self {
            backend,
            limits,
            timed: false,
            slots: Vec::new(),
            free_slots: Vec::new(),
            seats: Vec::new(),
            free_seats: Vec::new(),
            headers: Vec::new(),
            templates: Vec::new(),
            candidates: Vec::new(),
            state: Arena::new(words),
            candidate_rows: Arena::new(words),
            weights: Arena::new(limits.members.saturating_mul(2)),
            pending: Pending::default(),
            works: Vec::new(),
            segments: Vec::new(),
            events: Vec::new(),
            runs: 0,
            tallies: 0,
        }
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The backend, to verify signatures or build trees outside of rounds.
    pub fn backend_mut(&mut self) -> &mut dyn Backend {
        &mut *self.backend
    }

    /// Whether runs take the time of each stage, which keeps the backend from fusing them.
    pub fn set_timed(&mut self, timed: bool) {
        self.timed = timed;
    }

    pub(crate) fn timed(&self) -> bool {
        self.timed
    }

    /// Makes an electorate known: its weights, and where it signs its keys, whose tables are built here and now.
    pub fn admit(&mut self, electorate: &Arc<Electorate>) -> Result<ElectorateId, PipelineError> {
        let full = |what, limit: u32| PipelineError::Full { what, limit: u64::from(limit) };
        let members = electorate.members();
        if self.free_seats.is_empty() && self.seats.len() >= self.limits.electorates as usize {
            return Err(full("electorate", self.limits.electorates));
        }
        let weights_at = self.weights.take(2 * members.len() as u32).ok_or_else(|| full("member", self.limits.members))?;
        let slot = self.free_seats.pop().unwrap_or_else(|| {
            self.seats.push(Seat::default());
            self.seats.len() as u32 - 1
        });
        let admitted = self.tell_electorate(slot, weights_at, electorate);
        if let Err(error) = admitted {
            self.weights.give_back(weights_at, 2 * members.len() as u32);
            self.free_seats.push(slot);
            return Err(error.into());
        }
        let first = members[0].weight[0];
        let uniform = !electorate.header().joint && members.iter().all(|member| member.weight[0] == first);
        let seat = &mut self.seats[slot as usize];
        *seat = Seat {
            generation: seat.generation + 1,
            electorate: Some(Arc::clone(electorate)),
            weights_at,
            uniform: uniform.then_some(first.0),
            keys: electorate.signs(),
            open_rounds: 0,
        };
        Ok(ElectorateId { slot, generation: seat.generation })
    }

    fn tell_electorate(&mut self, slot: u32, weights_at: u32, electorate: &Electorate) -> Result<(), BackendError> {
        let members = electorate.members();
        self.backend.reserve(Buffer::Weights, self.weights.used())?;
        let weights: Vec<u64> = (0..2).flat_map(|half| members.iter().map(move |member| member.weight[half].0)).collect();
        self.backend.write(Buffer::Weights, weights_at as usize, bytemuck::cast_slice(&weights))?;
        if electorate.signs() {
            let keys: Vec<[u8; 32]> = members.iter().filter_map(|member| Some(member.key?.0)).collect();
            self.backend.admit_keys(slot, &keys)?;
        }
        Ok(())
    }

    /// Forgets an electorate that has no open rounds.
    pub fn dismiss(&mut self, electorate: ElectorateId) -> Result<(), PipelineError> {
        let seat = self.seat(electorate)?;
        let (rounds, weights_at, keys) = (seat.open_rounds, seat.weights_at, seat.keys);
        if rounds > 0 {
            return Err(PipelineError::InUse { electorate, rounds });
        }
        let members = seat.electorate.as_ref().map_or(0, |electorate| electorate.members().len() as u32);
        self.weights.give_back(weights_at, 2 * members);
        if keys {
            self.backend.evict_keys(electorate.slot);
        }
        let seat = &mut self.seats[electorate.slot as usize];
        *seat = Seat { generation: seat.generation + 1, ..Seat::default() };
        self.free_seats.push(electorate.slot);
        Ok(())
    }

    fn seat(&self, electorate: ElectorateId) -> Result<&Seat, PipelineError> {
        self.seats
            .get(electorate.slot as usize)
            .filter(|seat| seat.generation == electorate.generation)
            .ok_or(PipelineError::Dismissed(electorate))
    }

    /// Opens a round with these candidates; more can be added while it is open.
    pub fn open(&mut self, electorate: ElectorateId, spec: &RoundSpec, candidates: &[Digest]) -> Result<RoundId, PipelineError> {
        let seat = self.seat(electorate)?;
        let Some(members) = &seat.electorate else { return Err(PipelineError::Dismissed(electorate)) };
        if spec.context().electorate != members.root() {
            return Err(RoundError::OtherElectorate { context: spec.context().electorate, electorate: members.root() }.into());
        }
        if spec.signed() && !seat.keys {
            return Err(RoundError::NoKeys.into());
        }
        let mut kinds = [None; MAX_KINDS];
        let mut thresholds: [Option<Thresholds>; MAX_KINDS] = [None; MAX_KINDS];
        let mut header = RoundHeader {
            engine: u32::from(spec.context().engine as u8),
            kind_slots: u32::MAX,
            voters: members.members().len() as u32,
            row_words: members.members().len().div_ceil(64) as u32,
            weight: seat.uniform.unwrap_or(0),
            weights_at: seat.weights_at,
            electorate: electorate.slot,
            flags: match seat.uniform {
                Some(_) => RoundHeader::UNIFORM,
                None if members.header().joint => RoundHeader::JOINT,
                None => 0,
            },
            ..RoundHeader::default()
        };
        for (place, (kind, rule)) in spec.kinds().enumerate() {
            let needed = seat.thresholds(members, rule).map_err(RoundError::Rule)?;
            header.least[place] = needed.least.map(|weight| weight.0);
            header.kind_slots &= !(15 << (4 * kind.code()));
            header.kind_slots |= (place as u32) << (4 * kind.code());
            header.kinds += 1;
            kinds[place] = Some(kind);
            thresholds[place] = Some(needed);
        }
        match spec.form() {
            Form::Candidates { rows } => header.capacity = u32::from(rows),
            Form::Poll { rows } => (header.capacity, header.flags) = (u32::from(rows), header.flags | RoundHeader::POLL),
            Form::Cumulative { base, last } => {
                header.limit = offset_of(base, last)? + 1;
                header.flags |= RoundHeader::CUMULATIVE;
                if !candidates.is_empty() {
                    return Err(RoundError::Form { found: "cumulative", expected: "one of candidates" }.into());
                }
            }
        }
        if candidates.len() > header.capacity as usize && header.capacity > 0 {
            return Err(RoundError::TableFull(header.capacity as usize).into());
        }
        if let Some((_, twice)) = candidates.iter().enumerate().find(|(at, candidate)| candidates[..*at].contains(candidate)) {
            return Err(RoundError::CandidateTwice(*twice).into());
        }
        if header.capacity > 0 {
            header.limit = candidates.len() as u32;
        }
        if spec.signed() {
            header.flags |= RoundHeader::SIGNED;
        }
        let slot = self.place(&mut header)?;
        self.seats[electorate.slot as usize].open_rounds += 1;
        if spec.signed() {
            self.templates[slot as usize] = spec.context().template();
            self.pending.templates.push(slot);
            for (row, &candidate) in candidates.iter().enumerate() {
                self.note_candidate(header.candidates_at + row as u32, candidate);
            }
        }
        let place = &mut self.slots[slot as usize];
        place.begin(spec, electorate.slot, candidates);
        (place.kinds, place.thresholds) = (kinds, thresholds);
        Ok(RoundId { slot, generation: place.generation })
    }

    /// Finds a slot and regions for a round, and writes its header.
    fn place(&mut self, header: &mut RoundHeader) -> Result<u32, PipelineError> {
        let full = |what, limit: u64| PipelineError::Full { what, limit };
        if self.free_slots.is_empty() && self.slots.len() >= self.limits.rounds as usize {
            return Err(full("round", u64::from(self.limits.rounds)));
        }
        let words = header.state_words() as u32;
        let state_full = || full("round's state, in bytes", self.limits.state_bytes as u64);
        header.state_at = self.state.take(words).ok_or_else(state_full)?;
        if header.has(RoundHeader::SIGNED) {
            let Some(candidates_at) = self.candidate_rows.take(header.capacity) else {
                self.state.give_back(header.state_at, words);
                return Err(state_full());
            };
            header.candidates_at = candidates_at;
        }
        let slot = match self.free_slots.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot::default());
                self.headers.push(RoundHeader::default());
                self.templates.push([0; quorate_core::context::Context::SIGNED_BYTES]);
                self.slots.len() as u32 - 1
            }
        };
        self.headers[slot as usize] = *header;
        self.pending.headers.push(slot);
        self.pending.state.push(Span { first: header.state_at, count: words });
        Ok(slot)
    }

    fn note_candidate(&mut self, at: u32, candidate: Digest) {
        if self.candidates.len() < self.candidate_rows.used() {
            self.candidates.resize(self.candidate_rows.used(), Digest::ZERO);
        }
        self.candidates[at as usize] = candidate;
        self.pending.candidates.push(at);
    }

    /// Makes the backend's buffers as large as the regions that were handed out.
    pub(crate) fn reserve(&mut self) -> Result<(), BackendError> {
        self.backend.reserve(Buffer::Rounds, self.headers.len())?;
        self.backend.reserve(Buffer::Templates, self.templates.len())?;
        self.backend.reserve(Buffer::Candidates, self.candidates.len())?;
        self.backend.reserve(Buffer::State, self.state.used())
    }

    /// Opens another row of a round's candidate table, or finds the one that the candidate has.
    pub fn add_candidate(&mut self, round: RoundId, candidate: Digest) -> Result<u8, PipelineError> {
        let at = self.check(round)?;
        if let Some(row) = self.slots[at].candidates.iter().position(|&known| known == candidate) {
            return Ok(row as u8);
        }
        let header = &mut self.headers[at];
        if header.has(RoundHeader::CUMULATIVE) {
            return Err(RoundError::Form { found: "cumulative", expected: "one of candidates" }.into());
        }
        if header.limit == header.capacity {
            return Err(RoundError::TableFull(header.capacity as usize).into());
        }
        let row = header.limit;
        header.limit += 1;
        let (signed, candidates_at) = (header.has(RoundHeader::SIGNED), header.candidates_at);
        self.pending.headers.push(round.slot);
        self.slots[at].candidates.push(candidate);
        debug_assert!(self.slots[at].candidates.len() <= MAX_CANDIDATES);
        if signed {
            self.note_candidate(candidates_at + row, candidate);
        }
        Ok(row as u8)
    }

    /// Raises the last index that may be voted for in a cumulative round.
    pub fn extend(&mut self, round: RoundId, last: u64) -> Result<(), PipelineError> {
        let at = self.check(round)?;
        let Some(Form::Cumulative { base, .. }) = self.slots[at].spec.map(|spec| spec.form()) else {
            return Err(RoundError::Form { found: "one of candidates", expected: "cumulative" }.into());
        };
        let limit = offset_of(base, last)? + 1;
        self.raise_limit(round, at, limit);
        Ok(())
    }

    pub(crate) fn raise_limit(&mut self, round: RoundId, at: usize, limit: u32) {
        if limit > self.headers[at].limit {
            self.headers[at].limit = limit;
            self.pending.headers.push(round.slot);
        }
    }

    /// Ends a round and frees what it held, without asking how it stands.
    pub fn close(&mut self, round: RoundId) -> Result<(), PipelineError> {
        let at = self.check(round)?;
        let header = self.headers[at];
        self.state.give_back(header.state_at, header.state_words() as u32);
        if header.has(RoundHeader::SIGNED) {
            self.candidate_rows.give_back(header.candidates_at, header.capacity);
        }
        self.seats[self.slots[at].electorate as usize].open_rounds -= 1;
        self.slots[at].end();
        self.free_slots.push(round.slot);
        Ok(())
    }

    /// Where a round is, if it is open.
    pub(crate) fn check(&self, round: RoundId) -> Result<usize, PipelineError> {
        match self.slots.get(round.slot as usize) {
            Some(slot) if slot.generation == round.generation => Ok(round.slot as usize),
            _ => Err(PipelineError::Closed(round)),
        }
    }

    /// The electorate of a round.
    pub fn electorate_of(&self, round: RoundId) -> Result<ElectorateId, PipelineError> {
        let slot = self.slots[self.check(round)?].electorate;
        Ok(ElectorateId { slot, generation: self.seats[slot as usize].generation })
    }

    /// The root of the electorate of a round.
    pub fn root_of(&self, round: RoundId) -> Result<Digest, PipelineError> {
        let at = self.check(round)?;
        self.slots[at].spec.map(|spec| spec.context().electorate).ok_or(PipelineError::Closed(round))
    }

    /// The candidates of a round, by row.
    pub fn candidates(&self, round: RoundId) -> Result<&[Digest], PipelineError> {
        Ok(&self.slots[self.check(round)?].candidates)
    }

    /// What the last run, or the last state that was absorbed, has decided. Asking how a round stands does not change it.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What a voter signed for a candidate: the least of its valid signatures.
    pub fn signed(&self, round: RoundId, kind: Kind, row: u8, voter: quorate_core::ids::Voter) -> Result<Option<&Signed>, PipelineError> {
        let at = self.check(round)?;
        let (slot, header) = (&self.slots[at], &self.headers[at]);
        // Beyond the last row or voter the cell would be another's.
        let place = slot.place(kind).filter(|_| u32::from(row) < header.limit && u32::from(voter.0) < header.voters);
        Ok(place.and_then(|place| {
            let cell = header.row_at(place, usize::from(row)) * 64 + usize::from(voter.0);
            slot.book.get(cell as u32)
        }))
    }

    /// How many rounds are open.
    #[must_use]
    pub fn open_rounds(&self) -> usize {
        self.slots.len() - self.free_slots.len()
    }

    /// How much memory the backend's buffers and tables and the kept signatures take.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.backend.memory_bytes() + self.slots.iter().map(|slot| slot.book.footprint()).sum::<usize>()
    }
}
