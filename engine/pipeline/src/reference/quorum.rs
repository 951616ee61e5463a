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
    let highest = &highest[..round.voters as usize];
    let enough = |offset: u32, half: usize| {
        let there = (0..highest.len()).filter(|&voter| highest[voter] >= offset);
        there.map(|voter| weights.of(half, voter)).sum::<u64>() >= round.least[0][half]
    };
    // What decides is always somebody's highest offset.
    highest.iter().copied().filter(|&offset| enough(offset, 0) && enough(offset, 1)).max().unwrap_or(0)
}
