//! What is done round by round: one pass over a round's votes, and what its state then decides.

use std::marker::PhantomData;

use super::{Scratch, aggregate, decode, order, quorum};
use crate::Isa;
use crate::layout::{Counts, RoundHeader, RowTally, Work};
use crate::memory::{Inputs, Memory};

/// What a pass over the rounds is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passes {
    /// Cells are not in memory yet.
    pub(super) decode: bool,
    pub(super) aggregate: bool,
    pub(super) quorum: bool,
}

/// Votes are decoded in blocks of this many, whose cells fit the first-level cache.
const BLOCK: usize = 512;

/// The outputs of all rounds, handed to threads that each write their own rounds' parts.
pub(super) struct Outputs<'a> {
    rounds: &'a [RoundHeader],
    weights: &'a [u64],
    cells: &'a [u32],
    state: Parts<'a, u64>,
    rows: Parts<'a, RowTally>,
    counts: Parts<'a, Counts>,
}

impl<'a> Outputs<'a> {
    pub(super) fn new(memory: &'a mut Memory) -> Self {
        Self {
            rounds: &memory.rounds,
            weights: &memory.weights,
            cells: &memory.cells,
            state: Parts::new(&mut memory.state),
            rows: Parts::new(&mut memory.rows),
            counts: Parts::new(&mut memory.counts),
        }
    }
}

/// A slice of which threads write disjoint parts.
struct Parts<'a, T> {
    start: *mut T,
    len: usize,
    whole: PhantomData<&'a mut [T]>,
}

// SAFETY: the parts that threads take are disjoint, which is what `take` demands of its callers.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    fn new(whole: &'a mut [T]) -> Self {
        Self { start: whole.as_mut_ptr(), len: whole.len(), whole: PhantomData }
    }

    /// # Safety
    /// Parts that are alive at the same time must not overlap.
    #[inline(always)]
    #[allow(clippy::mut_from_ref)]
    unsafe fn take(&self, first: usize, count: usize) -> &mut [T] {
        assert!(first <= self.len && count <= self.len - first, "a part beyond the end of its buffer");
        // SAFETY: in bounds by the assertion; not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(first), count) }
    }
}

/// Runs `works`, of which the first is the `nth` of all.
pub(super) fn run(isa: Isa, passes: Passes, inputs: &Inputs<'_>, works: &[Work], nth: usize, outputs: &Outputs<'_>, scratch: &mut Scratch) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this set is only chosen where all these features are there.
        Isa::Avx512Ifma => unsafe { run_avx512(passes, inputs, works, nth, outputs, scratch) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { run_avx2(passes, inputs, works, nth, outputs, scratch) },
        _ => run_with(Isa::Portable, passes, inputs, works, nth, outputs, scratch),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt,lzcnt")]
fn run_avx512(passes: Passes, inputs: &Inputs<'_>, works: &[Work], nth: usize, outputs: &Outputs<'_>, scratch: &mut Scratch) {
    run_with(Isa::Avx512Ifma, passes, inputs, works, nth, outputs, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,popcnt")]
fn run_avx2(passes: Passes, inputs: &Inputs<'_>, works: &[Work], nth: usize, outputs: &Outputs<'_>, scratch: &mut Scratch) {
    run_with(Isa::Avx2, passes, inputs, works, nth, outputs, scratch);
}

#[inline(always)]
fn run_with(isa: Isa, passes: Passes, inputs: &Inputs<'_>, works: &[Work], nth: usize, outputs: &Outputs<'_>, scratch: &mut Scratch) {
    // SAFETY: each piece of work has counts of its own, and each is in one call's `works`.
    let counts = unsafe { outputs.counts.take(nth, works.len()) };
    if passes.aggregate {
        for (work, counts) in works.iter().zip(counts.iter_mut()) {
            let round = &outputs.rounds[work.slot as usize];
            // SAFETY: rounds own disjoint regions of the state, and a round is in one piece of work.
            let state = unsafe { outputs.state.take(round.state_at as usize, round.state_words()) };
            *counts = Counts::default();
            pass(isa, passes.decode, inputs, work, round, outputs.cells, state, counts, scratch);
            if passes.quorum && !round.has(RoundHeader::CUMULATIVE) {
                // SAFETY: pieces of work have disjoint stretches of rows.
                let rows = unsafe { outputs.rows.take(work.rows_at as usize, round.tallies() as usize) };
                quorum::tally(isa, round, state, outputs.weights, rows, counts);
            }
        }
    }
    if !passes.quorum {
        return;
    }
    // Order statistics are found for several rounds at once.
    let mut at = 0;
    while at < works.len() {
        let round = &outputs.rounds[works[at].slot as usize];
        if round.has(RoundHeader::CUMULATIVE) {
            let state_of = |round: &RoundHeader| {
                // SAFETY: as above; `order` reads one round's state at a time.
                let state: &[u64] = unsafe { outputs.state.take(round.state_at as usize, round.state_words()) };
                bytemuck::cast_slice::<u64, u32>(state)
            };
            at += order::reached(isa, &works[at..], outputs.rounds, state_of, outputs.weights, &mut counts[at..], &mut scratch.order);
            continue;
        }
        if !passes.aggregate {
            // SAFETY: as above.
            let (state, rows) = unsafe {
                (
                    outputs.state.take(round.state_at as usize, round.state_words()),
                    outputs.rows.take(works[at].rows_at as usize, round.tallies() as usize),
                )
            };
            quorum::tally(isa, round, state, outputs.weights, rows, &mut counts[at]);
        }
        at += 1;
    }
}

/// One round's votes into its state.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn pass(
    isa: Isa,
    undecoded: bool,
    inputs: &Inputs<'_>,
    work: &Work,
    round: &RoundHeader,
    cells: &[u32],
    state: &mut [u64],
    counts: &mut Counts,
    scratch: &mut Scratch,
) {
    let mut block_cells = [0u32; BLOCK];
    let segments = inputs.segments_of(work);
    let cumulative = round.has(RoundHeader::CUMULATIVE);
    let votes: usize = segments.iter().map(|segment| segment.count as usize).sum();
    let marks = !cumulative && aggregate::marks(votes, state.len() * 64);
    if marks && scratch.bytes.len() < state.len() * 64 {
        scratch.bytes.resize(state.len() * 64, 0);
    }
    for segment in segments {
        let votes = inputs.votes_of(segment);
        for (nth, votes) in votes.chunks(BLOCK).enumerate() {
            let (cells, all_valid) = if undecoded {
                let cells = &mut block_cells[..votes.len()];
                let all_valid = decode_block(isa, round, votes, cells);
                (&*cells, all_valid)
            } else {
                let cells = &cells[segment.first as usize + nth * BLOCK..][..votes.len()];
                (cells, cells.iter().fold(0, |any, &found| any | found) < crate::layout::cell::REJECTED)
            };
            let rejected = if all_valid { 0 } else { aggregate::count_rejected(cells, counts) };
            counts.valid += votes.len() as u32 - rejected;
            if cumulative {
                aggregate::raise(cells, votes, bytemuck::cast_slice_mut(state));
            } else if marks {
                aggregate::mark(cells, all_valid, &mut scratch.bytes[..state.len() * 64]);
            } else {
                aggregate::set(cells, state);
            }
        }
    }
    if marks {
        for kind in 0..round.kinds as usize {
            let words = round.row_at(kind, 0)..round.row_at(kind, round.limit as usize);
            gather(isa, &mut scratch.bytes[words.start * 64..words.end * 64], &mut state[words]);
        }
    }
}

#[inline(always)]
fn decode_block(isa: Isa, round: &RoundHeader, votes: &[quorate_core::vote::Vote], cells: &mut [u32]) -> bool {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this set is only chosen where these features are there.
        Isa::Avx512Ifma => unsafe { decode::avx512(round, votes, cells) },
        _ => decode::portable(round, votes, cells),
    }
}

#[inline(always)]
fn gather(isa: Isa, map: &mut [u8], state: &mut [u64]) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this set is only chosen where these features are there.
        Isa::Avx512Ifma => unsafe { aggregate::gather_avx512(map, state) },
        _ => aggregate::gather(map, state),
    }
}
