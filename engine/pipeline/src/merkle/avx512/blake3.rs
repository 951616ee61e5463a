//! Thirty-two keyed BLAKE3 hashes of one block each, sixteen to a group.

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

/// One row of the state of both groups, or the message words that go into it: group 0 in front, group 1 behind.
type Row = [__m512i; 8];

/// Eight times the same expression: a loop here would keep the state in memory.
macro_rules! row {
    ($g:ident => $value:expr) => {
        [
            row!(0, $g, $value),
            row!(1, $g, $value),
            row!(2, $g, $value),
            row!(3, $g, $value),
            row!(4, $g, $value),
            row!(5, $g, $value),
            row!(6, $g, $value),
            row!(7, $g, $value),
        ]
    };
    ($number:literal, $g:ident, $value:expr) => {{
        const $g: usize = $number;
        $value
    }};
}

/// Place `g` of a row, turned by `by` within its group.
const fn turn(g: usize, by: usize) -> usize {
    (g & 4) | ((g + by) & 3)
}

/// The hashes of the blocks `m` under the key of their kind.
#[target_feature(enable = "avx512f")]
pub(super) fn node(kind: Kind, m: &Blocks) -> Digests {
    let key = kind.blake3_key();
    let set = |word: u32| _mm512_set1_epi32(word.cast_signed());
    let last = [0, 0, 64, u32::from(BLAKE3_FLAGS)];
    let rows = [row!(G => set(key[G % 4])), row!(G => set(key[4 + G % 4])), row!(G => set(IV[G % 4])), row!(G => set(last[G % 4]))];
    let rows = round::<0>(rows, m);
    let rows = round::<1>(rows, m);
    let rows = round::<2>(rows, m);
    let rows = round::<3>(rows, m);
    let rows = round::<4>(rows, m);
    let rows = round::<5>(rows, m);
    let [a, b, c, d] = round::<6>(rows, m);
    let (low, high) = (row!(G => _mm512_xor_si512(a[G], c[G])), row!(G => _mm512_xor_si512(b[G], d[G])));
    [
        [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]],
        [low[4], low[5], low[6], low[7], high[4], high[5], high[6], high[7]],
    ]
}

/// Mixes the columns, then the diagonals, which are columns once the rows are turned.
#[inline]
#[target_feature(enable = "avx512f")]
fn round<const ROUND: usize>([a, b, c, d]: [Row; 4], m: &Blocks) -> [Row; 4] {
    let [a, b, c, d] = mix::<16, 12>([a, b, c, d], row!(G => m[G / 4][ROUNDS[ROUND][2 * (G % 4)]]));
    let [a, b, c, d] = mix::<8, 7>([a, b, c, d], row!(G => m[G / 4][ROUNDS[ROUND][2 * (G % 4) + 1]]));
    let (b, c, d) = (row!(G => b[turn(G, 1)]), row!(G => c[turn(G, 2)]), row!(G => d[turn(G, 3)]));
    let [a, b, c, d] = mix::<16, 12>([a, b, c, d], row!(G => m[G / 4][ROUNDS[ROUND][8 + 2 * (G % 4)]]));
    let [a, b, c, d] = mix::<8, 7>([a, b, c, d], row!(G => m[G / 4][ROUNDS[ROUND][9 + 2 * (G % 4)]]));
    [a, row!(G => b[turn(G, 3)]), row!(G => c[turn(G, 2)]), row!(G => d[turn(G, 1)])]
}

/// Half of the mixing of all columns, step by step together: they do not wait for one another.
#[inline]
#[target_feature(enable = "avx512f")]
fn mix<const D: i32, const B: i32>([a, b, c, d]: [Row; 4], m: Row) -> [Row; 4] {
    let a = row!(G => _mm512_add_epi32(_mm512_add_epi32(a[G], m[G]), b[G]));
    let d = row!(G => _mm512_ror_epi32::<D>(_mm512_xor_si512(d[G], a[G])));
    let c = row!(G => _mm512_add_epi32(c[G], d[G]));
    let b = row!(G => _mm512_ror_epi32::<B>(_mm512_xor_si512(b[G], c[G])));
    [a, b, c, d]
}
