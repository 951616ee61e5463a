//! quorum, member by member.

use crate::layout::{Counts, RoundHeader, RowTally};
use crate::memory::{Inputs, Memory};

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory) {
    for (work, counts) in inputs.works.iter().zip(&mut memory.counts) {
        let round = &memory.rounds[work.slot as usize];
        let state = &memory.state[round.state_at as usize..][..round.state_words()];
        let weights = Weights { round, all: &memory.weights };
        if round.has(RoundHeader::CUMULATIVE) {
            counts.reached = reached(round, bytemuck::cast_slice(state), &weights);
        } else {
            let rows = &mut memory.rows[work.rows_at as usize..][..round.tallies() as usize];
            tally(round, state, &weights, rows, counts);
        }
    }
}

/// The weights of a round's electorate.
pub(crate) struct Weights<'a> {
    pub(crate) round: &'a RoundHeader,
    pub(crate) all: &'a [u64],
}

impl Weights<'_> {
    /// What a voter weighs in one half.
    pub(crate) fn of(&self, half: usize, voter: usize) -> u64 {
        self.all[self.round.weights_at as usize + half * self.round.voters as usize + voter]
    }
}

/// Fills the rows of a round of candidates or a poll.
pub(crate) fn tally(round: &RoundHeader, state: &[u64], weights: &Weights<'_>, rows: &mut [RowTally], counts: &mut Counts) {
    counts.decided = 0;
    for kind in 0..round.kinds as usize {
        for row in 0..round.limit as usize {
            let says = |row: usize, voter: usize| state[round.row_at(kind, row) + voter / 64] >> (voter % 64) & 1 == 1;
            let mut tally = RowTally::default();
            for voter in 0..round.voters as usize {
                let twice = || (0..round.limit as usize).any(|other| other != row && says(other, voter));
                if !says(row, voter) || (round.has(RoundHeader::POLL) && twice()) {
                    continue;
                }
                tally.votes += 1;
                tally.weight[0] += weights.of(0, voter);
                tally.weight[1] += weights.of(1, voter);
            }
            let least = round.least[kind];
            tally.decided = u32::from(tally.weight[0] >= least[0] && tally.weight[1] >= least[1]);
            counts.decided += tally.decided;
            rows[kind * round.limit as usize + row] = tally;
        }
    }
}

/// The highest offset plus one that voters of enough weight have reached in both halves; zero if there is none. `highest` holds each
/// voter's highest offset plus one.
pub(crate) fn reached(round: &RoundHeader, highest: &[u32], weights: &Weights<'_>) -> u32 {
    let mut order: Vec<(u32, usize)> = highest[..round.voters as usize].iter().copied().zip(0..).collect();
    order.sort_unstable_by(|a, b| b.cmp(a));
    // Down from the highest: whoever is there, or was above, has reached it.
    let mut there = [0; 2];
    for (offset, voter) in order {
        there[0] += weights.of(0, voter);
        there[1] += weights.of(1, voter);
        if there[0] >= round.least[0][0] && there[1] >= round.least[0][1] {
            return offset;
        }
    }
    0
}
