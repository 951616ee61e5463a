//! decode, vote by vote.

use quorate_core::round::Rejection;
use quorate_core::vote::Vote;

use crate::layout::{RoundHeader, cell};
use crate::memory::{Inputs, Memory};

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory) {
    for segment in inputs.segments {
        let work = inputs.works[segment.work as usize];
        let round = memory.rounds[work.slot as usize];
        for at in segment.first..segment.first + segment.count {
            memory.cells[at as usize] = match cell_of(&round, inputs.votes[at as usize]) {
                Ok(cell) => cell,
                Err(reason) => cell::rejected(reason),
            };
        }
    }
}

/// Where a vote counts in a round, or why it does not.
pub(crate) fn cell_of(round: &RoundHeader, vote: Vote) -> Result<u32, Rejection> {
    if u32::from(vote.engine()) != round.engine {
        return Err(Rejection::Engine);
    }
    if vote.kind() >= 8 {
        return Err(Rejection::Kind);
    }
    let kind = round.kind_slots >> (4 * vote.kind()) & 15;
    if kind == RoundHeader::NO_KIND {
        return Err(Rejection::Kind);
    }
    let voter = u32::from(vote.voter().0);
    if voter >= round.voters {
        return Err(Rejection::Voter);
    }
    if vote.candidate() >= round.limit {
        return Err(Rejection::Candidate);
    }
    if round.has(RoundHeader::CUMULATIVE) {
        return Ok(voter);
    }
    Ok((kind * round.capacity + vote.candidate()) * round.row_words * 64 + voter)
}
