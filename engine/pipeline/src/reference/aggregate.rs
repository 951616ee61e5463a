//! aggregate, vote by vote.

use crate::layout::{Counts, RoundHeader, cell};
use crate::memory::{Inputs, Memory};

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory) {
    for (work, counts) in inputs.works.iter().zip(&mut memory.counts) {
        *counts = Counts::default();
        let round = memory.rounds[work.slot as usize];
        let state = &mut memory.state[round.state_at as usize..][..round.state_words()];
        for segment in inputs.segments_of(work) {
            for (nth, vote) in inputs.votes_of(segment).iter().enumerate() {
                let found = memory.cells[segment.first as usize + nth];
                if found >= cell::REJECTED {
                    counts.rejected[(found & !cell::REJECTED) as usize] += 1;
                    continue;
                }
                counts.valid += 1;
                if round.has(RoundHeader::CUMULATIVE) {
                    let highest: &mut u32 = &mut bytemuck::cast_slice_mut(state)[found as usize];
                    *highest = (*highest).max(vote.candidate() + 1);
                } else {
                    state[found as usize / 64] |= 1 << (found % 64);
                }
            }
        }
    }
}
