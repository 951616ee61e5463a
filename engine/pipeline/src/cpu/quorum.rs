//! quorum: what each row weighs.
//!
//! Where all members weigh the same, a row is its population count. Where they do not, members' weights are added under the row's
//! bits as masks.

use crate::Isa;
use crate::layout::{Counts, RoundHeader, RowTally};

/// The words of the longest row: one bit for each of 65,536 voters.
const MAX_WORDS: usize = 1024;

/// Fills the rows of a round of candidates or a poll.
#[inline(always)]
pub(super) fn tally(isa: Isa, round: &RoundHeader, state: &[u64], weights: &[u64], rows: &mut [RowTally], counts: &mut Counts) {
    let words = round.row_words as usize;
    let voters = round.voters as usize;
    let weights = &weights[round.weights_at as usize..][..2 * voters];
    let mut decided = 0;
    for kind in 0..round.kinds as usize {
        let least = round.least[kind];
        for row in 0..round.limit as usize {
            let bits = &state[round.row_at(kind, row)..][..words];
            let tally = &mut rows[kind * round.limit as usize + row];
            if round.has(RoundHeader::POLL) {
                let mut once = [0; MAX_WORDS];
                single_answers(round, state, kind, row, &mut once[..words]);
                *tally = weigh(isa, round, &once[..words], weights);
            } else {
                *tally = weigh(isa, round, bits, weights);
            }
            tally.decided = u32::from(tally.weight[0] >= least[0] && tally.weight[1] >= least[1]);
            decided += tally.decided;
        }
    }
    counts.decided = decided;
}

/// The voters of a row that are in no other row of the kind.
fn single_answers(round: &RoundHeader, state: &[u64], kind: usize, row: usize, out: &mut [u64]) {
    out.copy_from_slice(&state[round.row_at(kind, row)..][..out.len()]);
    for other in (0..round.limit as usize).filter(|&other| other != row) {
        for (out, bits) in out.iter_mut().zip(&state[round.row_at(kind, other)..]) {
            *out &= !bits;
        }
    }
}

#[inline(always)]
fn weigh(isa: Isa, round: &RoundHeader, bits: &[u64], weights: &[u64]) -> RowTally {
    let votes: u32 = bits.iter().map(|word| word.count_ones()).sum();
    let weight = if round.has(RoundHeader::UNIFORM) {
        [u64::from(votes) * round.weight, 0]
    } else {
        let (first, second) = weights.split_at(round.voters as usize);
        let other = if round.has(RoundHeader::JOINT) { sum_under(isa, bits, second) } else { 0 };
        [sum_under(isa, bits, first), other]
    };
    RowTally { votes, decided: 0, weight }
}

/// The sum of the weights whose bits are set.
#[inline(always)]
fn sum_under(isa: Isa, bits: &[u64], weights: &[u64]) -> u64 {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this set is only chosen where AVX-512 F is there.
        Isa::Avx512Ifma => unsafe { sum_under_avx512(bits, weights) },
        _ => {
            let mut sum = 0;
            for (weights, &word) in weights.chunks(64).zip(bits) {
                let mut left = word;
                while left != 0 {
                    sum += weights[left.trailing_zeros() as usize];
                    left &= left - 1;
                }
            }
            sum
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_under_avx512(bits: &[u64], weights: &[u64]) -> u64 {
    use std::arch::x86_64::*;
    let mut sum = _mm512_setzero_si512();
    for (weights, &word) in weights.chunks(64).zip(bits) {
        if word == 0 {
            continue;
        }
        for (nth, eight) in weights.chunks(8).enumerate() {
            let there = ((1u16 << eight.len()) - 1) as u8;
            let mask = (word >> (8 * nth)) as u8 & there;
            // SAFETY: the mask has no bits beyond `eight`, and masked lanes are not read.
            let found = unsafe { _mm512_maskz_loadu_epi64(mask, eight.as_ptr().cast()) };
            sum = _mm512_add_epi64(sum, found);
        }
    }
    _mm512_reduce_add_epi64(sum) as u64
}
