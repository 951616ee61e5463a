//! Eight lanes on AVX-512 IFMA: `vpmadd52luq` and `vpmadd52huq` multiply 52-bit limbs and add either half of the product.
//!
//! With limbs of radix 2^51 the upper half of a product weighs 2^52, twice the next limb; so the upper halves of a
//! column are summed first, doubled once, and the lower halves are summed on top. The nine columns above 2^255 come back
//! multiplied by 19. Every intrinsic below needs the features that [`vectorize`] enables, and nothing else constructs
//! [`V8`]: that is why the calls are sound.

use super::lanes::{LIMB_MASK, Lanes, MAX_LANES, Row, Stage};
use core::arch::x86_64::*;

/// Eight 64-bit lanes.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct V8(pub(crate) __m512i);

/// Runs a stage with AVX-512 IFMA enabled; everything that the stage calls inlines into this function.
#[target_feature(enable = "avx512f,avx512ifma,avx512dq,avx512bw,avx512vl,bmi2")]
pub(crate) fn vectorize<S: Stage>(stage: S) -> S::Output {
    stage.run::<V8>()
}

/// Calls an intrinsic.
macro_rules! ifma {
    ($call:expr) => {
        // SAFETY: V8 exists only inside `vectorize`, which runs only where these features were detected.
        unsafe { $call }
    };
}

#[inline(always)]
fn lo(acc: __m512i, a: V8, b: V8) -> __m512i {
    ifma!(_mm512_madd52lo_epu64(acc, a.0, b.0))
}

#[inline(always)]
fn hi(acc: __m512i, a: V8, b: V8) -> __m512i {
    ifma!(_mm512_madd52hi_epu64(acc, a.0, b.0))
}

#[inline(always)]
fn twice(a: __m512i) -> __m512i {
    ifma!(_mm512_add_epi64(a, a))
}

#[inline(always)]
fn zero() -> __m512i {
    ifma!(_mm512_setzero_si512())
}

/// `low + 19 · high`. `high` is at most 9 · 2^52 + 2^20, so nothing is lost.
#[inline(always)]
fn fold(low: __m512i, high: __m512i) -> V8 {
    V8(ifma!(_mm512_add_epi64(low, _mm512_mullo_epi64(high, _mm512_set1_epi64(19)))))
}

impl Lanes for V8 {
    const LANES: usize = 8;
    const BIAS: [u64; 5] = [512 * (LIMB_MASK - 18), 512 * LIMB_MASK, 512 * LIMB_MASK, 512 * LIMB_MASK, 512 * LIMB_MASK];
    const TIGHT_LIMIT: u64 = (1 << 51) + (1 << 16) - 1;
    const OPERAND_LIMIT: u64 = (1 << 52) - 1;
    const WIDE_LIMIT: u64 = (1 << 62) - 1;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        V8(ifma!(_mm512_set1_epi64(value as i64)))
    }

    #[inline(always)]
    fn from_lanes(values: &[u64; MAX_LANES]) -> Self {
        V8(ifma!(_mm512_loadu_si512(values.as_ptr().cast())))
    }

    #[inline(always)]
    fn to_lanes(self) -> [u64; MAX_LANES] {
        let mut values = [0; MAX_LANES];
        ifma!(_mm512_storeu_si512(values.as_mut_ptr().cast(), self.0));
        values
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        V8(ifma!(_mm512_add_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        V8(ifma!(_mm512_sub_epi64(self.0, other.0)))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        V8(ifma!(_mm512_and_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        V8(ifma!(_mm512_or_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        V8(ifma!(_mm512_xor_si512(self.0, other.0)))
    }

    #[inline(always)]
    fn shl<const BITS: u32>(self) -> Self {
        V8(ifma!(_mm512_slli_epi64::<BITS>(self.0)))
    }

    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        V8(ifma!(_mm512_srli_epi64::<BITS>(self.0)))
    }

    #[inline(always)]
    fn shr_by(self, bits: u32) -> Self {
        V8(ifma!(_mm512_srl_epi64(self.0, _mm_cvtsi32_si128(bits as i32))))
    }

    #[inline(always)]
    fn shl_by(self, bits: u32) -> Self {
        V8(ifma!(_mm512_sll_epi64(self.0, _mm_cvtsi32_si128(bits as i32))))
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        V8(ifma!(_mm512_mask_blend_epi64(mask, no.0, yes.0)))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        ifma!(_mm512_cmpeq_epi64_mask(self.0, other.0))
    }

    #[inline(always)]
    fn test(self, bits: Self) -> u8 {
        ifma!(_mm512_test_epi64_mask(self.0, bits.0))
    }

    #[inline(always)]
    fn mul(a: &[V8; 5], b: &[V8; 5]) -> [V8; 5] {
        let [a0, a1, a2, a3, a4] = *a;
        let [b0, b1, b2, b3, b4] = *b;
        // Column k: the upper halves of the products of weight k - 1, doubled, and the lower halves of those of weight k.
        // With one operand tight, a lower half is below 2^52 and a doubled upper half below 2^52 + 2^17, so column 5 is at most
        // (4 + 5) · 2^52 + 2^20, and limb 0 below (1 + 19 · 9 + 1) · 2^52 = 173 · 2^52.
        let z0 = lo(zero(), a0, b0);
        let z1 = twice(hi(zero(), a0, b0));
        let z1 = lo(lo(z1, a0, b1), a1, b0);
        let z2 = twice(hi(hi(zero(), a0, b1), a1, b0));
        let z2 = lo(lo(lo(z2, a0, b2), a1, b1), a2, b0);
        let z3 = twice(hi(hi(hi(zero(), a0, b2), a1, b1), a2, b0));
        let z3 = lo(lo(lo(lo(z3, a0, b3), a1, b2), a2, b1), a3, b0);
        let z4 = twice(hi(hi(hi(hi(zero(), a0, b3), a1, b2), a2, b1), a3, b0));
        let z4 = lo(lo(lo(lo(lo(z4, a0, b4), a1, b3), a2, b2), a3, b1), a4, b0);
        let z5 = twice(hi(hi(hi(hi(hi(zero(), a0, b4), a1, b3), a2, b2), a3, b1), a4, b0));
        let z5 = lo(lo(lo(lo(z5, a1, b4), a2, b3), a3, b2), a4, b1);
        let z6 = twice(hi(hi(hi(hi(zero(), a1, b4), a2, b3), a3, b2), a4, b1));
        let z6 = lo(lo(lo(z6, a2, b4), a3, b3), a4, b2);
        let z7 = twice(hi(hi(hi(zero(), a2, b4), a3, b3), a4, b2));
        let z7 = lo(lo(z7, a3, b4), a4, b3);
        let z8 = twice(hi(hi(zero(), a3, b4), a4, b3));
        let z8 = lo(z8, a4, b4);
        let z9 = twice(hi(zero(), a4, b4));
        [fold(z0, z5), fold(z1, z6), fold(z2, z7), fold(z3, z8), fold(z4, z9)]
    }

    #[inline(always)]
    fn square(a: &[V8; 5]) -> [V8; 5] {
        let [a0, a1, a2, a3, a4] = *a;
        // Column k: 2 · (2 · upper cross halves + upper diagonal half + lower cross halves) + lower diagonal half.
        let z0 = lo(zero(), a0, a0);
        let z1 = lo(hi(zero(), a0, a0), a0, a1);
        let z1 = twice(z1);
        let z2 = lo(twice(hi(zero(), a0, a1)), a0, a2);
        let z2 = lo(twice(z2), a1, a1);
        let z3 = lo(lo(hi(twice(hi(zero(), a0, a2)), a1, a1), a0, a3), a1, a2);
        let z3 = twice(z3);
        let z4 = lo(lo(twice(hi(hi(zero(), a0, a3), a1, a2)), a0, a4), a1, a3);
        let z4 = lo(twice(z4), a2, a2);
        let z5 = lo(lo(hi(twice(hi(hi(zero(), a0, a4), a1, a3)), a2, a2), a1, a4), a2, a3);
        let z5 = twice(z5);
        let z6 = lo(twice(hi(hi(zero(), a1, a4), a2, a3)), a2, a4);
        let z6 = lo(twice(z6), a3, a3);
        let z7 = lo(hi(twice(hi(zero(), a2, a4)), a3, a3), a3, a4);
        let z7 = twice(z7);
        let z8 = lo(twice(twice(hi(zero(), a3, a4))), a4, a4);
        let z9 = twice(hi(zero(), a4, a4));
        [fold(z0, z5), fold(z1, z6), fold(z2, z7), fold(z3, z8), fold(z4, z9)]
    }

    #[inline(always)]
    fn carry(wide: [V8; 5]) -> [V8; 5] {
        let mask = V8::splat(LIMB_MASK);
        let [w0, w1, w2, w3, w4] = wide;
        let (c0, c1, c2, c3, c4) = (w0.shr::<51>(), w1.shr::<51>(), w2.shr::<51>(), w3.shr::<51>(), w4.shr::<51>());
        let (l0, l1, l2, l3, l4) = (w0.and(mask), w1.and(mask), w2.and(mask), w3.and(mask), w4.and(mask));
        // Operands below 2^62 carry less than 2^11, and 19 times that is below 2^16.
        let l0 = V8(lo(l0.0, c4, V8::splat(19)));
        [l0, l1.add(c0), l2.add(c1), l3.add(c2), l4.add(c3)]
    }

    #[inline(always)]
    fn settle(wide: [V8; 5]) -> [V8; 5] {
        V8::carry(wide)
    }

    #[inline(always)]
    unsafe fn load_rows(rows: &[*const Row; MAX_LANES]) -> [V8; 8] {
        // SAFETY: the caller vouches for the pointers.
        let lanes = unsafe {
            [
                _mm512_load_si512(rows[0].cast()),
                _mm512_load_si512(rows[1].cast()),
                _mm512_load_si512(rows[2].cast()),
                _mm512_load_si512(rows[3].cast()),
                _mm512_load_si512(rows[4].cast()),
                _mm512_load_si512(rows[5].cast()),
                _mm512_load_si512(rows[6].cast()),
                _mm512_load_si512(rows[7].cast()),
            ]
        };
        let [w0, w1, w2, w3, w4, w5, w6, w7] = transpose(lanes);
        [V8(w0), V8(w1), V8(w2), V8(w3), V8(w4), V8(w5), V8(w6), V8(w7)]
    }

    #[inline(always)]
    fn store_rows(words: [V8; 8]) -> [Row; MAX_LANES] {
        let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
        let rows = transpose([w0.0, w1.0, w2.0, w3.0, w4.0, w5.0, w6.0, w7.0]);
        let mut out = [Row::ZERO; MAX_LANES];
        for (out, row) in out.iter_mut().zip(rows) {
            ifma!(_mm512_store_si512(out.0.as_mut_ptr().cast(), row));
        }
        out
    }

    #[inline(always)]
    fn prefetch(row: *const Row) {
        ifma!(_mm_prefetch::<_MM_HINT_T0>(row.cast()));
    }
}

/// Transposes an 8 × 8 matrix of words.
#[inline(always)]
pub(super) fn transpose(rows: [__m512i; 8]) -> [__m512i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rows;
    // Pairs of words, then pairs of 128-bit quarters, then halves.
    let ((p0, p1), (p2, p3)) = (pairs(r0, r1), pairs(r2, r3));
    let ((p4, p5), (p6, p7)) = (pairs(r4, r5), pairs(r6, r7));
    let ((a0, a2), (a1, a3)) = (quarters(p0, p2), quarters(p1, p3));
    let ((b0, b2), (b1, b3)) = (quarters(p4, p6), quarters(p5, p7));
    let ((q0, q4), (q1, q5)) = (quarters(a0, b0), quarters(a1, b1));
    let ((q2, q6), (q3, q7)) = (quarters(a2, b2), quarters(a3, b3));
    [q0, q1, q2, q3, q4, q5, q6, q7]
}

#[inline(always)]
fn pairs(a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    ifma!((_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)))
}

#[inline(always)]
fn quarters(a: __m512i, b: __m512i) -> (__m512i, __m512i) {
    ifma!((
        _mm512_shuffle_i64x2::<0x88>(a, b),
        _mm512_shuffle_i64x2::<0xdd>(a, b)
    ))
}
