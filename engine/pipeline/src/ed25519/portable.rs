//! One lane on plain 64-bit integers: the fallback that runs everywhere, and the scalar arithmetic of the rest.
//!
//! Products are 128 bits wide and carried at once, so `carry` has nothing to do: limbs stay below 2^54 between products.

use super::lanes::{LIMB_MASK, Lanes, MAX_LANES, Row};

#[inline(always)]
fn wide(a: u64, b: u64) -> u128 {
    u128::from(a) * u128::from(b)
}

/// Carries five 128-bit columns (below 2^115) to limbs below 2^51 + 2^14.
#[inline(always)]
fn carry_columns(mut c: [u128; 5]) -> [u64; 5] {
    let mut limbs = [0; 5];
    for i in 0..4 {
        c[i + 1] += c[i] >> 51;
        limbs[i] = (c[i] as u64) & LIMB_MASK;
    }
    // Below 2^64, since the column is below 2^115. Times 19 it is below 2^69, hence the 128 bits.
    let top = wide((c[4] >> 51) as u64, 19) + u128::from(limbs[0]);
    limbs[4] = (c[4] as u64) & LIMB_MASK;
    limbs[0] = (top as u64) & LIMB_MASK;
    limbs[1] += (top >> 51) as u64;
    limbs
}

impl Lanes for u64 {
    const LANES: usize = 1;
    const BIAS: [u64; 5] = [4 * (LIMB_MASK - 18), 4 * LIMB_MASK, 4 * LIMB_MASK, 4 * LIMB_MASK, 4 * LIMB_MASK];
    const TIGHT_LIMIT: u64 = (1 << 54) - 1;
    const OPERAND_LIMIT: u64 = (1 << 54) - 1;
    const WIDE_LIMIT: u64 = (1 << 54) - 1;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        value
    }

    #[inline(always)]
    fn from_lanes(values: &[u64; MAX_LANES]) -> Self {
        values[0]
    }

    #[inline(always)]
    fn to_lanes(self) -> [u64; MAX_LANES] {
        [self, 0, 0, 0, 0, 0, 0, 0]
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        self | other
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    fn shl<const BITS: u32>(self) -> Self {
        self << BITS
    }

    #[inline(always)]
    fn shr<const BITS: u32>(self) -> Self {
        self >> BITS
    }

    #[inline(always)]
    fn shr_by(self, bits: u32) -> Self {
        self >> bits
    }

    #[inline(always)]
    fn shl_by(self, bits: u32) -> Self {
        self.checked_shl(bits).unwrap_or(0)
    }

    #[inline(always)]
    fn select(mask: u8, yes: Self, no: Self) -> Self {
        if mask & 1 == 1 { yes } else { no }
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        u8::from(self == other)
    }

    #[inline(always)]
    fn test(self, bits: Self) -> u8 {
        u8::from(self & bits != 0)
    }

    #[inline(always)]
    fn mul(a: &[u64; 5], b: &[u64; 5]) -> [u64; 5] {
        let [b0, b1, b2, b3, b4] = *b;
        // Below 2^59, since operands are below 2^54.
        let (n1, n2, n3, n4) = (19 * b1, 19 * b2, 19 * b3, 19 * b4);
        let [a0, a1, a2, a3, a4] = *a;
        carry_columns([
            wide(a0, b0) + wide(a4, n1) + wide(a3, n2) + wide(a2, n3) + wide(a1, n4),
            wide(a1, b0) + wide(a0, b1) + wide(a4, n2) + wide(a3, n3) + wide(a2, n4),
            wide(a2, b0) + wide(a1, b1) + wide(a0, b2) + wide(a4, n3) + wide(a3, n4),
            wide(a3, b0) + wide(a2, b1) + wide(a1, b2) + wide(a0, b3) + wide(a4, n4),
            wide(a4, b0) + wide(a3, b1) + wide(a2, b2) + wide(a1, b3) + wide(a0, b4),
        ])
    }

    #[inline(always)]
    fn square(a: &[u64; 5]) -> [u64; 5] {
        let [a0, a1, a2, a3, a4] = *a;
        let (n3, n4) = (19 * a3, 19 * a4);
        carry_columns([
            wide(a0, a0) + 2 * (wide(a1, n4) + wide(a2, n3)),
            wide(a3, n3) + 2 * (wide(a0, a1) + wide(a2, n4)),
            wide(a1, a1) + 2 * (wide(a0, a2) + wide(a4, n3)),
            wide(a4, n4) + 2 * (wide(a0, a3) + wide(a1, a2)),
            wide(a2, a2) + 2 * (wide(a0, a4) + wide(a1, a3)),
        ])
    }

    #[inline(always)]
    fn carry(wide: [u64; 5]) -> [u64; 5] {
        wide
    }

    #[inline(always)]
    fn settle([w0, w1, w2, w3, w4]: [u64; 5]) -> [u64; 5] {
        [
            (w0 & LIMB_MASK) + 19 * (w4 >> 51),
            (w1 & LIMB_MASK) + (w0 >> 51),
            (w2 & LIMB_MASK) + (w1 >> 51),
            (w3 & LIMB_MASK) + (w2 >> 51),
            (w4 & LIMB_MASK) + (w3 >> 51),
        ]
    }

    #[inline(always)]
    unsafe fn load_rows(rows: &[*const Row; MAX_LANES]) -> [Self; 8] {
        // SAFETY: the caller vouches for the first pointer.
        unsafe { (*rows[0]).0 }
    }

    #[inline(always)]
    fn store_rows(words: [Self; 8]) -> [Row; MAX_LANES] {
        let mut rows = [Row::ZERO; MAX_LANES];
        rows[0] = Row(words);
        rows
    }

    #[inline(always)]
    fn prefetch(_row: *const Row) {}
}
