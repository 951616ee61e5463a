//! Scalars modulo the group order L, as four little-endian words, and the digits that the tables are walked by.
//!
//! The walk uses signed *odd* digits: an odd scalar below 2^(w·n) is the sum over n windows of d·2^(w·i) with every d
//! odd and |d| < 2^w. No digit is zero, so a table of the odd multiples up to 2^w - 1 answers every window with one
//! addition and nothing needs an exception. An even scalar has L added, which changes the product by a point of the
//! torsion subgroup at most: the cofactored equation does not see that, and a signature whose key has no torsion still
//! meets its own `R` exactly.
//!
//! The digits need no arithmetic. Writing the scalar as a sum of ±2^j over all j < w·n, the sign bits are those of
//! (scalar >> 1) with bit w·n - 1 set; digit i is 2v + 1 - 2^w for v the i-th window of those bits.

use super::lanes::Lanes;
use super::shape::Shape;

/// L = 2^252 + 27742317777372353535851937790883648493.
const ORDER: [u64; 5] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 0x1000_0000_0000_0000, 0];

/// ⌊2^512 / L⌋, for Barrett's reduction.
const MU: [u64; 5] = [0xed9c_e5a3_0a2c_131b, 0x2106_215d_0863_29a7, 0xffff_ffff_ffff_ffeb, 0xffff_ffff_ffff_ffff, 0xf];

/// `a - b`, and whether it went below zero.
#[inline(always)]
fn subtract<const N: usize>(a: &[u64; N], b: &[u64; 5]) -> ([u64; N], bool) {
    let mut out = [0; N];
    let mut borrow = false;
    for i in 0..N {
        (out[i], borrow) = a[i].borrowing_sub(b[i], borrow);
    }
    (out, borrow)
}

/// Whether the scalar is below L, as ZIP-215 asks of `s`.
#[inline(always)]
pub(crate) fn is_canonical(s: &[u64; 4]) -> bool {
    subtract(s, &ORDER).1
}

/// A 512-bit number modulo L (Barrett, with words of 64 bits: HAC 14.42).
#[inline(always)]
pub(crate) fn reduce(x: &[u64; 8]) -> [u64; 4] {
    // The quotient, at most 2 too small: the upper half of (x >> 192) · mu.
    let mut product = [0u64; 10];
    for i in 0..5 {
        let mut carry = 0;
        for j in 0..5 {
            (product[i + j], carry) = multiply_add(x[3 + i], MU[j], product[i + j], carry);
        }
        product[i + 5] = carry;
    }
    // The remainder modulo 2^320, which holds it: below 3L.
    let mut multiple = [0u64; 5];
    for i in 0..5 {
        let mut carry = 0;
        for j in 0..5 - i {
            (multiple[i + j], carry) = multiply_add(product[5 + i], ORDER[j], multiple[i + j], carry);
        }
    }
    let low = [x[0], x[1], x[2], x[3], x[4]];
    let (mut rest, _) = subtract(&low, &multiple);
    for _ in 0..2 {
        let (less, below) = subtract(&rest, &ORDER);
        if !below {
            rest = less;
        }
    }
    debug_assert!(rest[4] == 0 && subtract(&rest, &ORDER).1);
    [rest[0], rest[1], rest[2], rest[3]]
}

#[inline(always)]
fn multiply_add(a: u64, b: u64, c: u64, carry: u64) -> (u64, u64) {
    let sum = u128::from(a) * u128::from(b) + u128::from(c) + u128::from(carry);
    (sum as u64, (sum >> 64) as u64)
}

/// The sign bits of a scalar below L for a shape's windows, which hold at least 254 bits.
#[inline(always)]
pub(crate) fn sign_bits(scalar: &[u64; 4], shape: Shape) -> [u64; 5] {
    debug_assert!(is_canonical(scalar));
    let even = (scalar[0] & 1).wrapping_sub(1);
    let mut odd = [0; 4];
    let mut carry = false;
    for i in 0..4 {
        (odd[i], carry) = scalar[i].carrying_add(ORDER[i] & even, carry);
    }
    debug_assert!(!carry && odd[0] & 1 == 1);
    let mut bits = [odd[0] >> 1 | odd[1] << 63, odd[1] >> 1 | odd[2] << 63, odd[2] >> 1 | odd[3] << 63, odd[3] >> 1, 0];
    let top = shape.width() * shape.windows() - 1;
    bits[(top / 64) as usize] |= 1 << (top % 64);
    bits
}

/// Digit `window` in each lane: the index of |digit| among the odd multiples (0 for 1, 1 for 3, …), and the lanes in which
/// the digit is negative. The index is below 2^(width - 1) whatever the bits.
#[inline(always)]
pub(crate) fn digit<V: Lanes>(bits: &[V; 5], width: u32, window: u32) -> (V, u8) {
    let start = width * window;
    let (word, offset) = ((start / 64) as usize, start % 64);
    let next = bits[(word + 1).min(4)];
    let value = bits[word].shr_by(offset).or(next.shl_by(64 - offset));
    let sign = V::splat(1 << (width - 1));
    let positive = value.test(sign);
    let magnitude = V::select(positive, value, value.xor(V::splat(u64::MAX)));
    (magnitude.and(V::splat((1 << (width - 1)) - 1)), !positive)
}
