//! verify, signature by signature, by the referee itself.

use quorate_core::context::fill;
use quorate_core::round::Rejection;
use quorate_core::zip215;

use super::Keys;
use crate::layout::{RoundHeader, Segment, cell};
use crate::memory::{Inputs, Memory};

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory, keys: &Keys) {
    for segment in inputs.segments {
        let slot = inputs.works[segment.work as usize].slot as usize;
        let round = memory.rounds[slot];
        if !round.has(RoundHeader::SIGNED) || segment.signatures == Segment::VERIFIED {
            continue;
        }
        for (nth, vote) in inputs.votes_of(segment).iter().enumerate() {
            let cell = &mut memory.cells[segment.first as usize + nth];
            if *cell >= cell::REJECTED {
                continue;
            }
            let verifies = segment.signatures != Segment::UNSIGNED && {
                let signed = segment.signatures as usize + nth;
                let mut message = memory.templates[slot];
                let candidate = memory.candidates[(round.candidates_at + vote.candidate()) as usize];
                fill(&mut message, vote.kind(), &candidate, &inputs.bodies[signed]);
                let key = &keys[&round.electorate][usize::from(vote.voter().0)];
                zip215::verify(key, &message, &inputs.signatures[signed].0)
            };
            if !verifies {
                *cell = cell::rejected(Rejection::Signature);
            }
        }
    }
}
