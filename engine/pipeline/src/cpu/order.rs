//! quorum, in cumulative rounds: the highest offset that voters of enough weight have reached.
//!
//! Among voters of equal weight that is the t-th largest of their offsets. Rounds of up to eight such voters, which is to say Raft
//! groups, are sorted sixteen rounds at a time: one lane a round, one vector a voter, a sorting network between vectors.

use crate::Isa;
use crate::layout::{Counts, RoundHeader, Work};

/// Offsets with their weights, for rounds that must be sorted one by one.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    order: Vec<(u32, u32)>,
}

/// How many rounds are sorted at once.
const LANES: usize = 16;

/// The most voters of a round that is sorted with others.
const MAX_VOTERS: usize = 8;

/// Decides the first of `works`, and those behind it that can be decided along with it. Says how many that were.
#[inline(always)]
pub(super) fn reached<'a>(
    isa: Isa,
    works: &[Work],
    rounds: &[RoundHeader],
    state_of: impl Fn(&RoundHeader) -> &'a [u32],
    weights: &[u64],
    counts: &mut [Counts],
    scratch: &mut Scratch,
) -> usize {
    let first = &rounds[works[0].slot as usize];
    #[cfg(target_arch = "x86_64")]
    if isa == Isa::Avx512Ifma && works.len() >= LANES && sorts_together(first) {
        let like = works[..LANES].iter().take_while(|work| alike(first, &rounds[work.slot as usize])).count();
        if like == LANES {
            let highest = std::array::from_fn(|lane| state_of(&rounds[works[lane].slot as usize]));
            // SAFETY: this set is only chosen where AVX-512 F and BW are there.
            let reached = unsafe { network::reached(highest, first.voters as usize, needed(first)) };
            for (counts, reached) in counts.iter_mut().zip(reached) {
                counts.reached = reached;
            }
            return LANES;
        }
    }
    let _ = isa;
    counts[0].reached = one(first, state_of(first), weights, scratch);
    1
}

/// Whether a round's voters are few and weigh the same.
#[inline(always)]
fn sorts_together(round: &RoundHeader) -> bool {
    round.has(RoundHeader::UNIFORM) && round.voters as usize <= MAX_VOTERS
}

/// Whether two rounds can share a network.
#[inline(always)]
fn alike(first: &RoundHeader, other: &RoundHeader) -> bool {
    (first.flags, first.voters, first.weight, first.least[0]) == (other.flags, other.voters, other.weight, other.least[0])
}

/// How many voters decide in a round where all weigh the same.
#[inline(always)]
fn needed(round: &RoundHeader) -> usize {
    if round.weight == 1 { round.least[0][0] as usize } else { round.least[0][0].div_ceil(round.weight) as usize }
}

fn one(round: &RoundHeader, highest: &[u32], weights: &[u64], scratch: &mut Scratch) -> u32 {
    let voters = round.voters as usize;
    let highest = &highest[..voters];
    let order = &mut scratch.order;
    order.clear();
    order.extend(highest.iter().enumerate().map(|(voter, &offset)| (offset, voter as u32)));
    if round.has(RoundHeader::UNIFORM) {
        let at = voters - needed(round);
        return order.select_nth_unstable(at).1.0;
    }
    order.sort_unstable_by(|a, b| b.cmp(a));
    let half = |half: usize| {
        let weights = &weights[round.weights_at as usize + half * voters..][..voters];
        let mut left = round.least[0][half];
        if left == 0 {
            return u32::MAX;
        }
        for &(offset, voter) in order.iter() {
            left = left.saturating_sub(weights[voter as usize]);
            if left == 0 {
                return offset;
            }
        }
        0
    };
    half(0).min(half(1))
}

#[cfg(target_arch = "x86_64")]
mod network {
    use std::arch::x86_64::*;

    use super::{LANES, MAX_VOTERS};

    /// Comparators of a sorting network for so many inputs, each bringing the larger to the front.
    fn comparators(voters: usize) -> &'static [(usize, usize)] {
        match voters {
            0 | 1 => &[],
            2 => &[(0, 1)],
            3 => &[(0, 2), (0, 1), (1, 2)],
            4 => &[(0, 2), (1, 3), (0, 1), (2, 3), (1, 2)],
            5 => &[(0, 3), (1, 4), (0, 2), (1, 3), (0, 1), (2, 4), (1, 2), (3, 4), (2, 3)],
            6 => &[(0, 5), (1, 3), (2, 4), (1, 2), (3, 4), (0, 3), (2, 5), (0, 1), (2, 3), (4, 5), (1, 2), (3, 4)],
            7 => &[
                (0, 6),
                (2, 3),
                (4, 5),
                (0, 2),
                (1, 4),
                (3, 6),
                (0, 1),
                (2, 5),
                (3, 4),
                (1, 2),
                (4, 6),
                (2, 3),
                (4, 5),
                (1, 2),
                (3, 4),
                (5, 6),
            ],
            _ => &[
                (0, 2),
                (1, 3),
                (4, 6),
                (5, 7),
                (0, 4),
                (1, 5),
                (2, 6),
                (3, 7),
                (0, 1),
                (2, 3),
                (4, 5),
                (6, 7),
                (2, 4),
                (3, 5),
                (1, 4),
                (3, 6),
                (1, 2),
                (3, 4),
                (5, 6),
            ],
        }
    }

    /// The `needed`-th largest offset of each of sixteen rounds.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    pub(super) fn reached(highest: [&[u32]; LANES], voters: usize, needed: usize) -> [u32; LANES] {
        let there = ((1u16 << voters) - 1) as u8;
        // Two rounds to a vector: the first eight below, the others above.
        let rows: [__m512i; MAX_VOTERS] = std::array::from_fn(|at| {
            let [low, high] = [highest[at], highest[at + 8]].map(|offsets| {
                let offsets = &offsets[..voters];
                // SAFETY: the mask has a bit for each of `offsets` and no more, and masked lanes are not read.
                unsafe { _mm256_maskz_loadu_epi32(there, offsets.as_ptr().cast()) }
            });
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        });
        let mut sorted = transpose(rows);
        for &(a, b) in comparators(voters) {
            (sorted[a], sorted[b]) = (_mm512_max_epu32(sorted[a], sorted[b]), _mm512_min_epu32(sorted[a], sorted[b]));
        }
        let mut out = [0; LANES];
        // SAFETY: `out` is one whole vector.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), sorted[needed - 1]) };
        out
    }

    /// Row by row becomes column by column, in both halves at once.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
        let [a, b, c, d, e, f, g, h] = rows;
        let pairs = [(a, b), (c, d), (e, f), (g, h)].map(|(x, y)| (_mm512_unpacklo_epi32(x, y), _mm512_unpackhi_epi32(x, y)));
        // Columns 0 and 4, 1 and 5, 2 and 6, 3 and 7 of four rows.
        let quads = [(pairs[0], pairs[1]), (pairs[2], pairs[3])].map(|((xl, xh), (yl, yh))| {
            [_mm512_unpacklo_epi64(xl, yl), _mm512_unpackhi_epi64(xl, yl), _mm512_unpacklo_epi64(xh, yh), _mm512_unpackhi_epi64(xh, yh)]
        });
        let near = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
        let far = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
        std::array::from_fn(|column| {
            let order = if column < 4 { near } else { far };
            _mm512_permutex2var_epi64(quads[0][column % 4], order, quads[1][column % 4])
        })
    }

    #[cfg(test)]
    mod tests {
        use super::comparators;

        #[test]
        fn every_network_sorts_every_input_of_zeros_and_ones() {
            // A network that sorts all of those sorts everything.
            for voters in 0..=8 {
                for bits in 0..1u32 << voters {
                    let mut values: Vec<u32> = (0..voters).map(|at| bits >> at & 1).collect();
                    for &(a, b) in comparators(voters) {
                        (values[a], values[b]) = (values[a].max(values[b]), values[a].min(values[b]));
                    }
                    assert!(values.is_sorted_by(|a, b| a >= b), "{voters} voters, input {bits:b}: {values:?}");
                }
            }
        }
    }
}
