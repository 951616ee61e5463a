//! Four lanes of SHA-512 on AVX2, where a rotation is two shifts.

use super::lanes::MAX_LANES;
use super::sha512::{Blocks, Challenge, HashLanes, hash_lanes};
use core::arch::x86_64::*;

/// Four 64-bit lanes.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct H4(__m256i);

/// Hashes up to four challenges.
#[target_feature(enable = "avx2")]
pub(super) fn hash_four(challenges: &[Challenge<'_>], digests: &mut [[u64; 8]]) {
    hash_lanes::<H4>(challenges, digests);
}

/// Calls an intrinsic.
macro_rules! avx2 {
    ($call:expr) => {
        // SAFETY: H4 exists only inside `hash_four`, which runs only where AVX2 was detected.
        unsafe { $call }
    };
}

impl HashLanes for H4 {
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        H4(avx2!(_mm256_set1_epi64x(value as i64)))
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        H4(avx2!(_mm256_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self) -> Self {
        H4(avx2!(_mm256_or_si256(_mm256_srli_epi64::<RIGHT>(self.0), _mm256_slli_epi64::<LEFT>(self.0))))
    }

    #[inline(always)]
    fn shift<const RIGHT: i32>(self) -> Self {
        H4(avx2!(_mm256_srli_epi64::<RIGHT>(self.0)))
    }

    #[inline(always)]
    fn xor(a: Self, b: Self, c: Self) -> Self {
        H4(avx2!(_mm256_xor_si256(_mm256_xor_si256(a.0, b.0), c.0)))
    }

    #[inline(always)]
    fn choose(bit: Self, yes: Self, no: Self) -> Self {
        H4(avx2!(_mm256_xor_si256(no.0, _mm256_and_si256(bit.0, _mm256_xor_si256(yes.0, no.0)))))
    }

    #[inline(always)]
    fn majority(a: Self, b: Self, c: Self) -> Self {
        H4(avx2!(_mm256_or_si256(_mm256_and_si256(a.0, b.0), _mm256_and_si256(c.0, _mm256_or_si256(a.0, b.0)))))
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        let lane = |i: u32| -i64::from(mask >> i & 1);
        H4(avx2!(_mm256_blendv_epi8(no.0, yes.0, _mm256_set_epi64x(lane(3), lane(2), lane(1), lane(0)))))
    }

    #[inline(always)]
    fn load(blocks: &Blocks) -> [Self; 16] {
        let mut words = [H4::splat(0); 16];
        for (i, word) in words.iter_mut().enumerate() {
            let lane = |lane: usize| i64::from_be_bytes(blocks.0[lane].as_chunks::<8>().0[i]);
            *word = H4(avx2!(_mm256_set_epi64x(lane(3), lane(2), lane(1), lane(0))));
        }
        words
    }

    #[inline(always)]
    fn to_lanes(self) -> [u64; MAX_LANES] {
        let mut values = [0; MAX_LANES];
        avx2!(_mm256_storeu_si256(values.as_mut_ptr().cast(), self.0));
        values
    }
}
