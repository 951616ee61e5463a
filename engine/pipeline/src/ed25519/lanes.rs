//! The one trait between the algorithms and the instruction sets: a vector of 64-bit lanes, one signature a lane.
//!
//! Everything above this trait (field, points, tables, decompression) is written once and generic over it, with
//! `#[inline(always)]` throughout, so that a whole stage ends up inside one function that has the instruction set
//! enabled. [`dispatch`] is the only door into such a function.

use super::isa::Isa;

/// The most lanes that any implementation has. Arrays that hold a group of signatures have this length.
pub(crate) const MAX_LANES: usize = 8;

/// The low 51 bits: one limb.
pub(crate) const LIMB_MASK: u64 = (1 << 51) - 1;

/// One cache line. Tables and staged bytes are rows, so that a lane's row is one aligned load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Row(pub(crate) [u64; 8]);

impl Row {
    pub(crate) const ZERO: Row = Row([0; 8]);

    /// The 64 bytes as eight little-endian words.
    #[inline(always)]
    pub(crate) fn from_bytes(bytes: &[u8; 64]) -> Row {
        let mut words = [0; 8];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        Row(words)
    }
}

/// A vector of 64-bit lanes and the few operations that depend on the instruction set.
///
/// Field elements are five limbs of radix 2^51. How large a limb may be differs:
///
/// | | portable | AVX-512 IFMA |
/// |---|---|---|
/// | operand of `mul` and `square` | below 2^54 | below 2^52, and below 2^51 + 2^16 for one of the two |
/// | result of `mul` and `square` | below 2^51 + 2^14 | below 173 · 2^52 |
/// | `BIAS` (a multiple of p, subtracted from) | 4p | 512p |
/// | operand of `carry` | below 2^54 | below 2^62 |
/// | result of `carry` | as it was | below 2^51 + 2^16 |
pub(crate) trait Lanes: Copy {
    /// How many lanes.
    const LANES: usize;
    /// The multiple of p, limb by limb, that keeps a subtraction from going below zero.
    const BIAS: [u64; 5];
    /// Upper limit of the limbs of a carried element.
    const TIGHT_LIMIT: u64;
    /// Upper limit of the limbs of the freer operand of a product.
    const OPERAND_LIMIT: u64;
    /// Upper limit of the limbs of an operand of `carry`.
    const WIDE_LIMIT: u64;

    fn splat(value: u64) -> Self;
    fn from_lanes(values: &[u64; MAX_LANES]) -> Self;
    fn to_lanes(self) -> [u64; MAX_LANES];
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn shl<const BITS: u32>(self) -> Self;
    fn shr<const BITS: u32>(self) -> Self;
    /// Shift right by the same run-time amount, below 64, in all lanes.
    fn shr_by(self, bits: u32) -> Self;
    /// Shift left by the same run-time amount, at most 64, in all lanes; 64 gives zero.
    fn shl_by(self, bits: u32) -> Self;
    /// Lane by lane: `yes` where the mask's bit is set, `no` elsewhere.
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    /// The lanes in which the two are equal.
    fn equal(self, other: Self) -> u8;
    /// The lanes in which the two have a set bit in common.
    fn test(self, bits: Self) -> u8;

    fn mul(a: &[Self; 5], b: &[Self; 5]) -> [Self; 5];
    fn square(a: &[Self; 5]) -> [Self; 5];
    fn carry(wide: [Self; 5]) -> [Self; 5];
    /// As `carry`, to limbs below 2^51 + 2^16 whatever the lanes: what may be subtracted.
    fn settle(wide: [Self; 5]) -> [Self; 5];

    /// One row from each lane's address, transposed: element `j` of the result has word `j` of every lane's row.
    ///
    /// # Safety
    /// The first `LANES` pointers must be valid for reads.
    unsafe fn load_rows(rows: &[*const Row; MAX_LANES]) -> [Self; 8];
    /// The reverse of `load_rows`.
    fn store_rows(words: [Self; 8]) -> [Row; MAX_LANES];
    /// Ask for the cache line at `row`. Harmless whatever the address.
    fn prefetch(row: *const Row);

    /// Rows that lie in an array, transposed.
    #[inline(always)]
    fn transpose(rows: &[Row; MAX_LANES]) -> [Self; 8] {
        let mut pointers = [core::ptr::null::<Row>(); MAX_LANES];
        for (pointer, row) in pointers.iter_mut().zip(rows) {
            *pointer = row;
        }
        // SAFETY: all eight point into `rows`.
        unsafe { Self::load_rows(&pointers) }
    }

    /// In the unit tests of this crate: every lane of every limb is at most `limit`. Checking in every debug build would make
    /// all who depend on the crate compile these assertions at each operation.
    #[inline(always)]
    fn assert_at_most(limbs: &[Self; 5], limit: u64) {
        if cfg!(test) {
            let [l0, l1, l2, l3, l4] = *limbs;
            let lanes = [l0.to_lanes(), l1.to_lanes(), l2.to_lanes(), l3.to_lanes(), l4.to_lanes()];
            assert_lanes_at_most(&lanes, limit);
        }
    }
}

/// Out of line, since there is one of these at every operation. Lanes that an instruction set lacks are zero.
#[inline(never)]
fn assert_lanes_at_most(limbs: &[[u64; MAX_LANES]; 5], limit: u64) {
    for lane in limbs.as_flattened() {
        assert!(*lane <= limit, "limb {lane:#x} above its bound {limit:#x}");
    }
}

/// A piece of work that is generic over the lanes. Implementations of `run` must be `#[inline(always)]`.
pub(crate) trait Stage {
    type Output;
    fn run<V: Lanes>(self) -> Self::Output;
}

/// Runs a stage on the lanes of the given instruction set.
pub(crate) fn dispatch<S: Stage>(isa: Isa, stage: S) -> S::Output {
    match isa.or_best() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `or_best` returns Avx512Ifma only when every feature that `vectorize` enables was detected.
        Isa::Avx512Ifma => unsafe { super::avx512::vectorize(stage) },
        _ => stage.run::<u64>(),
    }
}

/// How many lanes `dispatch` runs a stage on.
pub(crate) fn lanes(isa: Isa) -> usize {
    match isa.or_best() {
        Isa::Avx512Ifma => 8,
        Isa::Portable | Isa::Avx2 => 1,
    }
}
