//! Sixteen keyed BLAKE3 hashes of one block each.

use std::arch::x86_64::*;

use super::{Blocks, Digests};
use crate::merkle::kernel::{BLAKE3_FLAGS, Kind};

const IV: [u32; 4] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a];

/// Which message word each round takes where.
const ROUNDS: [[usize; 16]; 7] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8],
    [3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1],
    [10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6],
    [12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4],
    [9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7],
    [11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13],
];

/// The hashes of the blocks `m` under the key of their kind.
#[target_feature(enable = "avx512f")]
pub(super) fn node(kind: Kind, m: &Blocks) -> Digests {
    let key = kind.blake3_key();
    let set = |word: u32| _mm512_set1_epi32(word.cast_signed());
    let mut v: Blocks = std::array::from_fn(|i| match i {
        0..8 => set(key[i]),
        8..12 => set(IV[i - 8]),
        14 => set(64),
        15 => set(u32::from(BLAKE3_FLAGS)),
        _ => set(0),
    });
    // Written out, so that the state stays in registers.
    round(&mut v, m, &ROUNDS[0]);
    round(&mut v, m, &ROUNDS[1]);
    round(&mut v, m, &ROUNDS[2]);
    round(&mut v, m, &ROUNDS[3]);
    round(&mut v, m, &ROUNDS[4]);
    round(&mut v, m, &ROUNDS[5]);
    round(&mut v, m, &ROUNDS[6]);
    std::array::from_fn(|i| _mm512_xor_si512(v[i], v[i + 8]))
}

/// Mixes the columns, then the diagonals.
#[inline]
#[target_feature(enable = "avx512f")]
fn round(v: &mut Blocks, m: &Blocks, order: &[usize; 16]) {
    for diagonal in 0..2 {
        let at = |g: usize| [g, 4 + (g + diagonal) % 4, 8 + (g + 2 * diagonal) % 4, 12 + (g + 3 * diagonal) % 4];
        let word = |g: usize, half: usize| m[order[8 * diagonal + 2 * g + half]];
        // The four columns go step by step together: they do not wait for one another.
        for half in 0..2 {
            for g in 0..4 {
                let [a, b, ..] = at(g);
                v[a] = add(add(v[a], v[b]), word(g, half));
            }
            for g in 0..4 {
                let [a, _, _, d] = at(g);
                v[d] = xor_turn(v[d], v[a], [16, 8][half]);
            }
            for g in 0..4 {
                let [_, _, c, d] = at(g);
                v[c] = add(v[c], v[d]);
            }
            for g in 0..4 {
                let [_, b, c, _] = at(g);
                v[b] = xor_turn(v[b], v[c], [12, 7][half]);
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

/// `(x ^ y)` turned right by `bits`.
#[inline]
#[target_feature(enable = "avx512f")]
fn xor_turn(x: __m512i, y: __m512i, bits: u32) -> __m512i {
    let x = _mm512_xor_si512(x, y);
    match bits {
        16 => _mm512_ror_epi32::<16>(x),
        12 => _mm512_ror_epi32::<12>(x),
        8 => _mm512_ror_epi32::<8>(x),
        _ => _mm512_ror_epi32::<7>(x),
    }
}
