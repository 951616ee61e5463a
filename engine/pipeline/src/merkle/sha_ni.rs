//! SHA-256 nodes with the processor's SHA instructions, two at a time.
//!
//! A round instruction waits four cycles for the one before, and the processor could start two meanwhile: a single message
//! leaves it half idle. Two messages, step by step together, fill the gaps. An RFC 6962 node is 65 bytes, so two blocks; the
//! second has one byte of data.

use std::arch::x86_64::*;

use quorate_core::hash::Digest;

use super::kernel::{Kind, SHA256_INITIAL, SHA256_ROUNDS};

/// One register of each message.
type Both = [__m128i; 2];

/// The state of both messages, in the order in which the round instruction takes the words.
#[derive(Clone, Copy)]
struct State {
    abef: Both,
    cdgh: Both,
}

/// Whether this processor has what the functions here are compiled for.
pub(super) fn detected() -> bool {
    std::arch::is_x86_feature_detected!("sha") && std::arch::is_x86_feature_detected!("sse4.1")
}

/// Hashes two blocks.
pub(super) fn hash_two(kind: Kind, blocks: &[[u8; 64]; 2], out: &mut [Digest; 2]) {
    assert!(detected(), "the SHA-NI kernel was chosen on a processor that lacks it");
    // SAFETY: the processor has the features that the function is compiled for, as was just asserted.
    unsafe { nodes(kind, blocks, out) }
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn nodes(kind: Kind, blocks: &[[u8; 64]; 2], out: &mut [Digest; 2]) {
    let [a, b, c, d, e, f, g, h] = SHA256_INITIAL.map(u32::cast_signed);
    let initial = State { abef: [_mm_set_epi32(a, b, e, f); 2], cdgh: [_mm_set_epi32(c, d, g, h); 2] };
    let prefix = _mm_set_epi8(kind.sha256_prefix().cast_signed(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    let (left, right) = (shifted(prefix, &blocks[0]), shifted(prefix, &blocks[1]));
    let both = |i: usize| [left[i], right[i]];
    let middle = compress(initial, [both(0), both(1), both(2), both(3)]);

    // What is left: the last byte, the end mark, and the length of 65 bytes in bits.
    let last = |block: &[u8; 64]| _mm_set_epi32(0, 0, 0, i32::from_be_bytes([block[63], 0x80, 0, 0]));
    let zero = [_mm_setzero_si128(); 2];
    let length = [_mm_set_epi32(65 * 8, 0, 0, 0); 2];
    let State { abef, cdgh } = compress(middle, [[last(&blocks[0]), last(&blocks[1])], zero, zero, length]);
    for (i, out) in out.iter_mut().enumerate() {
        let abcd = _mm_unpackhi_epi64(cdgh[i], abef[i]);
        let efgh = _mm_unpacklo_epi64(cdgh[i], abef[i]);
        let order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        out.0 = bytemuck::cast([_mm_shuffle_epi8(abcd, order), _mm_shuffle_epi8(efgh, order)]);
    }
}

/// The words of the first block: the prefix, and all bytes of `block` but the last, one place on.
#[inline]
#[target_feature(enable = "ssse3")]
fn shifted(prefix: __m128i, block: &[u8; 64]) -> [__m128i; 4] {
    let bytes: [__m128i; 4] = bytemuck::cast(*block);
    let words = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    [
        _mm_shuffle_epi8(_mm_alignr_epi8::<15>(bytes[0], prefix), words),
        _mm_shuffle_epi8(_mm_alignr_epi8::<15>(bytes[1], bytes[0]), words),
        _mm_shuffle_epi8(_mm_alignr_epi8::<15>(bytes[2], bytes[1]), words),
        _mm_shuffle_epi8(_mm_alignr_epi8::<15>(bytes[3], bytes[2]), words),
    ]
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn compress(before: State, mut w: [Both; 4]) -> State {
    let mut state = before;
    for sixteen in 0..4 {
        if sixteen > 0 {
            w[0] = schedule(w[0], w[1], w[2], w[3]);
        }
        state = rounds4(state, w[0], 4 * sixteen);
        if sixteen > 0 {
            w[1] = schedule(w[1], w[2], w[3], w[0]);
        }
        state = rounds4(state, w[1], 4 * sixteen + 1);
        if sixteen > 0 {
            w[2] = schedule(w[2], w[3], w[0], w[1]);
        }
        state = rounds4(state, w[2], 4 * sixteen + 2);
        if sixteen > 0 {
            w[3] = schedule(w[3], w[0], w[1], w[2]);
        }
        state = rounds4(state, w[3], 4 * sixteen + 3);
    }
    State { abef: add(state.abef, before.abef), cdgh: add(state.cdgh, before.cdgh) }
}

/// Four rounds of both messages.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn rounds4(State { abef, cdgh }: State, w: Both, four: usize) -> State {
    let [k0, k1, k2, k3] = SHA256_ROUNDS.as_chunks().0[four].map(u32::cast_signed);
    let low = add(w, [_mm_set_epi32(k3, k2, k1, k0); 2]);
    let next = [_mm_sha256rnds2_epu32(cdgh[0], abef[0], low[0]), _mm_sha256rnds2_epu32(cdgh[1], abef[1], low[1])];
    let high = [_mm_shuffle_epi32::<0x0e>(low[0]), _mm_shuffle_epi32::<0x0e>(low[1])];
    let after = [_mm_sha256rnds2_epu32(abef[0], next[0], high[0]), _mm_sha256rnds2_epu32(abef[1], next[1], high[1])];
    State { abef: after, cdgh: next }
}

/// The four words that come sixteen after `w0`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn schedule(w0: Both, w1: Both, w2: Both, w3: Both) -> Both {
    let mixed = [_mm_sha256msg1_epu32(w0[0], w1[0]), _mm_sha256msg1_epu32(w0[1], w1[1])];
    let back7 = [_mm_alignr_epi8::<4>(w3[0], w2[0]), _mm_alignr_epi8::<4>(w3[1], w2[1])];
    let sum = add(mixed, back7);
    [_mm_sha256msg2_epu32(sum[0], w3[0]), _mm_sha256msg2_epu32(sum[1], w3[1])]
}

#[inline]
#[target_feature(enable = "sse2")]
fn add(a: Both, b: Both) -> Both {
    [_mm_add_epi32(a[0], b[0]), _mm_add_epi32(a[1], b[1])]
}
