//! Sixteen SHA-256 hashes of RFC 6962 nodes: a prefix byte and 64 bytes, in two blocks.

use std::arch::x86_64::*;

use super::{Blocks, Digests};
use crate::merkle::kernel::{Kind, SHA256_INITIAL, SHA256_ROUNDS};

/// The hashes of the prefix of `kind` followed by the blocks `m`, which are big-endian words.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
pub(super) fn node(kind: Kind, m: &Blocks) -> Digests {
    [group(kind, &m[0]), group(kind, &m[1])]
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn group(kind: Kind, m: &[__m512i; 16]) -> [__m512i; 8] {
    let set = |word: u32| _mm512_set1_epi32(word.cast_signed());
    // The prefix moves every byte one place on: each word takes the last byte of the word before.
    let prefix = set(u32::from(kind.sha256_prefix()));
    let mut w: [__m512i; 16] = std::array::from_fn(|i| _mm512_shrdi_epi32::<8>(m[i], if i == 0 { prefix } else { m[i - 1] }));
    let initial = SHA256_INITIAL.map(set);
    let middle = compress(&initial, &mut w);
    // What is left: the last byte, the end mark, and the length of 65 bytes in bits.
    let mut w = [set(0); 16];
    w[0] = _mm512_shldi_epi32::<24>(m[15], set(0x0080_0000 << 8));
    w[15] = set(65 * 8);
    compress(&middle, &mut w)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn compress(state: &[__m512i; 8], w: &mut [__m512i; 16]) -> [__m512i; 8] {
    let mut s = *state;
    for sixteen in 0..4 {
        for i in 0..16 {
            if sixteen > 0 {
                let (s0, s1) = (small_sigma0(w[(i + 1) % 16]), small_sigma1(w[(i + 14) % 16]));
                w[i] = add(add(w[i], s0), add(w[(i + 9) % 16], s1));
            }
            let k = _mm512_set1_epi32(SHA256_ROUNDS[16 * sixteen + i].cast_signed());
            let [a, b, c, d, e, f, g, h] = s;
            let choice = _mm512_ternarylogic_epi32::<0xca>(e, f, g);
            let majority = _mm512_ternarylogic_epi32::<0xe8>(a, b, c);
            let t = add(add(add(h, k), w[i]), add(choice, big_sigma1(e)));
            s = [add(t, add(majority, big_sigma0(a))), a, b, c, add(d, t), e, f, g];
        }
    }
    std::array::from_fn(|i| add(s[i], state[i]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: __m512i, b: __m512i) -> __m512i {
    _mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn big_sigma0(x: __m512i) -> __m512i {
    xor3(_mm512_ror_epi32::<2>(x), _mm512_ror_epi32::<13>(x), _mm512_ror_epi32::<22>(x))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn big_sigma1(x: __m512i) -> __m512i {
    xor3(_mm512_ror_epi32::<6>(x), _mm512_ror_epi32::<11>(x), _mm512_ror_epi32::<25>(x))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small_sigma0(x: __m512i) -> __m512i {
    xor3(_mm512_ror_epi32::<7>(x), _mm512_ror_epi32::<18>(x), _mm512_srli_epi32::<3>(x))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small_sigma1(x: __m512i) -> __m512i {
    xor3(_mm512_ror_epi32::<17>(x), _mm512_ror_epi32::<19>(x), _mm512_srli_epi32::<10>(x))
}
