//! The limit that the verifier runs against: how many 52-bit multiply-adds this machine does a second, and how many a
//! verification needs.

use super::shape::Shape;
use super::staged::BASE_SHAPE;
use super::walk::UNKNOWN_SHAPE;

/// `vpmadd52` instructions, of eight lanes each, that this core issues a second; none where it has no such instruction.
#[must_use]
pub fn madd52_ceiling() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if super::Isa::available().contains(&super::Isa::Avx512Ifma) {
        const ROUNDS: u32 = 1 << 18;
        let best = (0..20)
            .map(|_| {
                let start = std::time::Instant::now();
                // SAFETY: Avx512Ifma is available only where every feature that the function needs was detected.
                std::hint::black_box(unsafe { spin(ROUNDS) });
                start.elapsed()
            })
            .min()?;
        return Some((u64::from(ROUNDS) * CHAINS as u64) as f64 / best.as_secs_f64());
    }
    None
}

const CARRY: u32 = 1;
const PRODUCT: u32 = 50 + CARRY;
const SQUARE: u32 = 30 + CARRY;
/// An addition of an entry in affine form.
const ADDITION: u32 = 7 * PRODUCT;
/// The last of several doublings takes one product more, which is not counted.
const DOUBLING: u32 = 4 * SQUARE + 3 * PRODUCT + CARRY;
/// To affine form: the share of the common inversion, and the two coordinates.
const AFFINE: u32 = 5 * PRODUCT;

/// `vpmadd52` instructions that verify eight signatures by keys with tables of this shape, hashing apart. The 35 `vpmullq` of
/// an addition run on the same multipliers and are not counted.
#[must_use]
pub fn madd52_per_group(shape: Shape) -> u32 {
    let additions = shape.windows() + BASE_SHAPE.windows() - 1;
    additions * ADDITION + shape.doublings() * DOUBLING + AFFINE
}

/// `vpmadd52` instructions that verify eight signatures by unknown keys, counted in the same way: the keys are decompressed and
/// get a table of odd multiples each.
#[must_use]
pub fn madd52_per_unknown_group() -> u32 {
    const DECOMPRESSION: u32 = 255 * SQUARE + 19 * PRODUCT;
    const PROJECTIVE_ADDITION: u32 = 8 * PRODUCT;
    let (shape, entries) = (UNKNOWN_SHAPE, UNKNOWN_SHAPE.entries() as u32);
    // Each entry, and twice the point, becomes an addend by one product.
    let multiples = DOUBLING + (entries - 1) * PROJECTIVE_ADDITION + (entries + 1) * PRODUCT;
    let windows = shape.windows() - 1;
    let walk = windows * (shape.width() * DOUBLING + PROJECTIVE_ADDITION) + BASE_SHAPE.windows() * ADDITION;
    DECOMPRESSION + multiples + walk + AFFINE
}

/// Independent chains: more than latency times throughput.
#[cfg(target_arch = "x86_64")]
const CHAINS: usize = 14;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn spin(rounds: u32) -> u64 {
    use core::arch::x86_64::*;
    let factor = _mm512_set1_epi64(0x0007_1234_5678_9abc);
    let mut chains = [factor; CHAINS];
    for _ in 0..rounds {
        for chain in &mut chains {
            // SAFETY: one arithmetic instruction on registers. As assembly, so that the compiler cannot shorten the chain.
            unsafe {
                core::arch::asm!(
                    "vpmadd52luq {0}, {1}, {1}",
                    inout(zmm_reg) *chain,
                    in(zmm_reg) factor,
                    options(nomem, nostack, preserves_flags)
                );
            }
        }
    }
    let mut sum = 0;
    for chain in chains {
        sum ^= _mm_cvtsi128_si64(_mm512_castsi512_si128(chain)) as u64;
    }
    sum
}
