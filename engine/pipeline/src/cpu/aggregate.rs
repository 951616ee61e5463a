//! aggregate: bits through a map of bytes.
//!
//! Setting bits one by one makes each store wait for the one before it when voters come in order, and they do. So a block of votes
//! first marks *bytes*, which depend on nothing, and the marks are then gathered into words, sixty-four at a time. Where votes are few
//! beside the map, bits are set directly.

use quorate_core::vote::Vote;

use super::is_valid;
use crate::layout::{Counts, cell};

/// The largest map that is worth it: it should stay in the second-level cache.
const MAP_BYTES: usize = 1 << 18;

/// Whether votes this many should mark bytes in a map this long, or set bits at once.
#[inline(always)]
pub(super) fn marks(votes: usize, cells: usize) -> bool {
    cells <= MAP_BYTES && votes * 16 >= cells && votes >= 24
}

/// Counts what was rejected.
#[cold]
pub(super) fn count_rejected(cells: &[u32], counts: &mut Counts) -> u32 {
    let mut rejected = 0;
    for &found in cells {
        if !is_valid(found) {
            counts.rejected[(found & !cell::REJECTED) as usize] += 1;
            rejected += 1;
        }
    }
    rejected
}

/// Marks the byte of each valid cell.
#[inline(always)]
pub(super) fn mark(cells: &[u32], all_valid: bool, map: &mut [u8]) {
    if all_valid {
        for &found in cells {
            map[found as usize] = 1;
        }
    } else {
        for &found in cells {
            if is_valid(found) {
                map[found as usize] = 1;
            }
        }
    }
}

/// Sets the bit of each valid cell.
#[inline(always)]
pub(super) fn set(cells: &[u32], state: &mut [u64]) {
    for &found in cells {
        if is_valid(found) {
            state[found as usize / 64] |= 1 << (found % 64);
        }
    }
}

/// Raises the maximum of each valid vote's voter.
#[inline(always)]
pub(super) fn raise(cells: &[u32], votes: &[Vote], highest: &mut [u32]) {
    for (&found, vote) in cells.iter().zip(votes) {
        if is_valid(found) {
            let highest = &mut highest[found as usize];
            *highest = (*highest).max(vote.candidate() + 1);
        }
    }
}

/// Gathers marks into words, and wipes them for the next round.
#[inline(always)]
pub(super) fn gather(map: &mut [u8], state: &mut [u64]) {
    for (marks, word) in map.as_chunks_mut::<64>().0.iter_mut().zip(state) {
        let mut bits = 0;
        for (at, &mark) in marks.iter().enumerate() {
            bits |= u64::from(mark) << at;
        }
        *word |= bits;
        *marks = [0; 64];
    }
}

/// As [`gather`], a word in one instruction.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn gather_avx512(map: &mut [u8], state: &mut [u64]) {
    use std::arch::x86_64::*;
    for (marks, word) in map.as_chunks_mut::<64>().0.iter_mut().zip(state) {
        let at = marks.as_mut_ptr();
        // SAFETY: `at` is the start of sixty-four bytes, one whole vector; unaligned access is meant.
        unsafe {
            let found = _mm512_loadu_si512(at.cast());
            *word |= _mm512_test_epi8_mask(found, found);
            _mm512_storeu_si512(at.cast(), _mm512_setzero_si512());
        }
    }
}
