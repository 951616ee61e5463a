//! decode: eight or sixteen votes at a time.

use quorate_core::round::Rejection;
use quorate_core::vote::Vote;

use crate::Isa;
use crate::layout::{RoundHeader, cell};

/// Writes the cell of each vote, and says whether all of them are valid.
pub(super) fn block(isa: Isa, round: &RoundHeader, votes: &[Vote], cells: &mut [u32]) -> bool {
    match isa {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this set is only chosen where AVX-512 F, BW, DQ and VL are there.
        Isa::Avx512Ifma => unsafe { avx512(round, votes, cells) },
        _ => portable(round, votes, cells),
    }
}

/// What decode needs of a round, with the questions that do not depend on the vote answered.
#[derive(Clone, Copy)]
struct Plan {
    engine: u32,
    kind_slots: u32,
    voters: u32,
    limit: u32,
    /// What one step of the kind's place, of the candidate and of the voter add to the cell.
    kind_step: u32,
    row_step: u32,
}

impl Plan {
    #[inline(always)]
    fn new(round: &RoundHeader) -> Self {
        let row_step = if round.has(RoundHeader::CUMULATIVE) { 0 } else { round.row_words * 64 };
        Self {
            engine: round.engine,
            kind_slots: round.kind_slots,
            voters: round.voters,
            limit: round.limit,
            kind_step: round.capacity * row_step,
            row_step,
        }
    }

    #[inline(always)]
    fn cell(&self, vote: Vote) -> u32 {
        let (voter, candidate) = (u32::from(vote.voter().0), vote.candidate());
        let place = u64::from(self.kind_slots) | u64::MAX << 32;
        let place = (place >> (4 * u32::from(vote.kind()).min(8))) as u32 & 15;
        if u32::from(vote.engine()) != self.engine {
            cell::rejected(Rejection::Engine)
        } else if place == RoundHeader::NO_KIND {
            cell::rejected(Rejection::Kind)
        } else if voter >= self.voters {
            cell::rejected(Rejection::Voter)
        } else if candidate >= self.limit {
            cell::rejected(Rejection::Candidate)
        } else {
            place * self.kind_step + candidate.wrapping_mul(self.row_step) + voter
        }
    }
}

#[inline(always)]
pub(super) fn portable(round: &RoundHeader, votes: &[Vote], cells: &mut [u32]) -> bool {
    let plan = Plan::new(round);
    let mut bad = 0;
    for (&vote, cell) in votes.iter().zip(cells) {
        *cell = plan.cell(vote);
        bad |= *cell;
    }
    bad < cell::REJECTED
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
pub(super) fn avx512(round: &RoundHeader, votes: &[Vote], cells: &mut [u32]) -> bool {
    use std::arch::x86_64::*;

    let plan = Plan::new(round);
    let all = |value: u32| _mm512_set1_epi32(value as i32);
    let low_halves = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let high_halves = _mm512_add_epi32(low_halves, all(1));
    let byte = all(0xff);
    let mut bad = 0u16;
    let mut vote_chunks = votes.chunks_exact(16);
    let mut cell_chunks = cells.chunks_exact_mut(16);
    for (votes, cells) in (&mut vote_chunks).zip(&mut cell_chunks) {
        // SAFETY: sixteen votes are two whole vectors, and unaligned loads are meant.
        let (a, b) = unsafe { (_mm512_loadu_si512(votes.as_ptr().cast()), _mm512_loadu_si512(votes.as_ptr().add(8).cast())) };
        let first = _mm512_permutex2var_epi32(a, low_halves, b);
        let candidate = _mm512_permutex2var_epi32(a, high_halves, b);
        let engine = _mm512_and_si512(first, byte);
        let kind = _mm512_and_si512(_mm512_srli_epi32::<8>(first), byte);
        let voter = _mm512_srli_epi32::<16>(first);
        let place = _mm512_and_si512(_mm512_srlv_epi32(all(plan.kind_slots), _mm512_slli_epi32::<2>(kind)), all(15));
        let engine_ok = _mm512_cmpeq_epi32_mask(engine, all(plan.engine));
        let kind_ok = _mm512_cmplt_epu32_mask(kind, all(8)) & _mm512_cmpneq_epi32_mask(place, all(RoundHeader::NO_KIND));
        let voter_ok = _mm512_cmplt_epu32_mask(voter, all(plan.voters));
        let candidate_ok = _mm512_cmplt_epu32_mask(candidate, all(plan.limit));
        let row = _mm512_add_epi32(_mm512_mullo_epi32(place, all(plan.kind_step)), _mm512_mullo_epi32(candidate, all(plan.row_step)));
        let mut found = _mm512_add_epi32(row, voter);
        let ok = engine_ok & kind_ok & voter_ok & candidate_ok;
        if ok != u16::MAX {
            // From the last reason to the first, so that the first stands.
            found = _mm512_mask_mov_epi32(found, !candidate_ok, all(cell::rejected(Rejection::Candidate)));
            found = _mm512_mask_mov_epi32(found, !voter_ok, all(cell::rejected(Rejection::Voter)));
            found = _mm512_mask_mov_epi32(found, !kind_ok, all(cell::rejected(Rejection::Kind)));
            found = _mm512_mask_mov_epi32(found, !engine_ok, all(cell::rejected(Rejection::Engine)));
            bad |= !ok;
        }
        // SAFETY: sixteen cells are one whole vector.
        unsafe { _mm512_storeu_si512(cells.as_mut_ptr().cast(), found) };
    }
    let rest = portable(round, vote_chunks.remainder(), cell_chunks.into_remainder());
    bad == 0 && rest
}
