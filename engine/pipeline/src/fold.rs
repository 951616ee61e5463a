//! The state of a round outside of a backend, and how two of them become one.
//!
//! Folding is associative and commutative: bits are joined by OR, maxima by maximum, counts by addition, signatures by the least. So the
//! same code serves increments, shards over devices, and recovery.

use quorate_core::decision::Rejections;
use quorate_core::hash::Digest;
use quorate_core::round::{Form, RoundSpec};

use crate::book::Book;
use crate::layout::Buffer;
use crate::pipeline::{Event, Pipeline, PipelineError, RoundId};

/// Everything that the votes of a round have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundState {
    spec: RoundSpec,
    candidates: Vec<Digest>,
    /// What votes may name lies below this: rows, or offsets that may have been raised since the round was opened.
    limit: u32,
    words: Vec<u64>,
    valid: u64,
    rejections: Rejections,
    book: Book,
}

impl RoundState {
    /// The bitmaps or maxima, as the backend holds them.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Folds another state of the same round into this one.
    pub fn fold(&mut self, other: &RoundState) -> Result<(), PipelineError> {
        if shape(&self.spec) != shape(&other.spec) {
            return Err(PipelineError::OtherRound("context, form or kinds differ"));
        }
        if self.candidates != other.candidates {
            return Err(PipelineError::OtherRound("the candidate tables differ"));
        }
        if matches!(self.spec.form(), Form::Cumulative { .. }) {
            let mine: &mut [u32] = bytemuck::cast_slice_mut(&mut self.words);
            for (mine, theirs) in mine.iter_mut().zip(bytemuck::cast_slice::<u64, u32>(&other.words)) {
                *mine = (*mine).max(*theirs);
            }
            self.limit = self.limit.max(other.limit);
        } else {
            for (mine, theirs) in self.words.iter_mut().zip(&other.words) {
                *mine |= theirs;
            }
        }
        self.valid += other.valid;
        self.rejections += other.rejections;
        self.book.merge(&other.book);
        Ok(())
    }
}

/// What two states of one round have in common. The last index of a cumulative round may have risen in one of them.
fn shape(spec: &RoundSpec) -> impl PartialEq {
    let form = match spec.form() {
        Form::Cumulative { base, .. } => Form::Cumulative { base, last: base },
        other => other,
    };
    (*spec.context(), form, spec.signed(), spec.kinds().collect::<Vec<_>>())
}

impl Pipeline {
    /// The state of a round, to be folded into that of another pipeline.
    pub fn export(&mut self, round: RoundId) -> Result<RoundState, PipelineError> {
        let at = self.check(round)?;
        self.evaluate(at)?;
        let words = self.read_state(at)?;
        let slot = &self.slots[at];
        let Some(spec) = slot.spec else { return Err(PipelineError::Closed(round)) };
        Ok(RoundState {
            spec,
            candidates: slot.candidates.clone(),
            limit: self.headers[at].limit,
            words,
            valid: slot.valid,
            rejections: slot.rejections,
            book: slot.book.clone(),
        })
    }

    /// Folds a state into a round's. What that decides is in the events, as after a run. After an error the same state can be absorbed
    /// again: what may be folded twice is folded first, and votes are added up where nothing can fail any more.
    pub fn absorb(&mut self, round: RoundId, state: &RoundState) -> Result<&[Event], PipelineError> {
        let at = self.check(round)?;
        self.events.clear();
        let mut own = self.export(round)?;
        own.fold(state)?;
        self.raise_limit(round, at, own.limit);
        let state_at = self.headers[at].state_at as usize;
        self.backend.write(Buffer::State, state_at, bytemuck::cast_slice(&own.words))?;
        self.evaluate(at)?;
        let slot = &mut self.slots[at];
        (slot.valid, slot.rejections, slot.book) = (own.valid, own.rejections, own.book);
        self.collect_events();
        Ok(&self.events)
    }
}
