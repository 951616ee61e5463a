//! Eight lanes of SHA-512 on AVX-512: rotations and three-input logic are single instructions.

use super::avx512::transpose;
use super::lanes::MAX_LANES;
use super::sha512::{Blocks, Challenge, HashLanes, hash_lanes};
use core::arch::x86_64::*;

/// Eight 64-bit lanes.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct H8(__m512i);

/// Hashes up to eight challenges.
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,bmi2")]
pub(super) fn hash_eight(challenges: &[Challenge<'_>], digests: &mut [[u64; 8]]) {
    hash_lanes::<H8>(challenges, digests);
}

/// Calls an intrinsic.
macro_rules! avx512 {
    ($call:expr) => {
        // SAFETY: H8 exists only inside `hash_eight`, which runs only where these features were detected.
        unsafe { $call }
    };
}

/// Eight words of each lane's block, from byte `from` on.
#[inline(always)]
fn transposed(blocks: &Blocks, from: usize) -> [__m512i; 8] {
    let mut rows = [avx512!(_mm512_setzero_si512()); 8];
    for (row, block) in rows.iter_mut().zip(&blocks.0) {
        *row = avx512!(_mm512_loadu_si512(block[from..from + 64].as_ptr().cast()));
    }
    transpose(rows)
}

impl HashLanes for H8 {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        H8(avx512!(_mm512_set1_epi64(value as i64)))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        H8(avx512!(_mm512_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self) -> Self {
        H8(avx512!(_mm512_ror_epi64::<RIGHT>(self.0)))
    }

    #[inline(always)]
    fn shift<const RIGHT: i32>(self) -> Self {
        H8(avx512!(_mm512_srl_epi64(self.0, _mm_cvtsi32_si128(RIGHT))))
    }

    #[inline(always)]
    fn xor(a: Self, b: Self, c: Self) -> Self {
        H8(avx512!(_mm512_ternarylogic_epi64::<0x96>(a.0, b.0, c.0)))
    }

    #[inline(always)]
    fn choose(bit: Self, yes: Self, no: Self) -> Self {
        H8(avx512!(_mm512_ternarylogic_epi64::<0xca>(bit.0, yes.0, no.0)))
    }

    #[inline(always)]
    fn majority(a: Self, b: Self, c: Self) -> Self {
        H8(avx512!(_mm512_ternarylogic_epi64::<0xe8>(a.0, b.0, c.0)))
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        H8(avx512!(_mm512_mask_blend_epi64(mask, no.0, yes.0)))
    }

    #[inline(always)]
    fn load(blocks: &Blocks) -> [Self; 16] {
        let (low, high) = (transposed(blocks, 0), transposed(blocks, 64));
        let mut words = [H8::splat(0); 16];
        let swap = avx512!(_mm512_broadcast_i32x4(_mm_set_epi64x(0x0809_0a0b_0c0d_0e0f, 0x0001_0203_0405_0607)));
        for i in 0..8 {
            words[i] = H8(avx512!(_mm512_shuffle_epi8(low[i], swap)));
            words[i + 8] = H8(avx512!(_mm512_shuffle_epi8(high[i], swap)));
        }
        words
    }

    #[inline(always)]
    fn to_lanes(self) -> [u64; MAX_LANES] {
        let mut values = [0; MAX_LANES];
        avx512!(_mm512_storeu_si512(values.as_mut_ptr().cast(), self.0));
        values
    }
}
