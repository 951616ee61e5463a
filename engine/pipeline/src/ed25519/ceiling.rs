//! The limit that the verifier runs against: how many 52-bit multiply-adds this machine does a second.

/// `vpmadd52` instructions, of eight lanes each, that this core issues a second; none where it has no such instruction.
#[must_use]
pub fn madd52_ceiling() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if super::Isa::available().contains(&super::Isa::Avx512Ifma) {
        const ROUNDS: u64 = 1 << 19;
        let best = (0..5)
            .map(|_| {
                let start = std::time::Instant::now();
                // SAFETY: Avx512Ifma is available only where every feature that the function needs was detected.
                std::hint::black_box(unsafe { spin(ROUNDS) });
                start.elapsed()
            })
            .min()?;
        return Some((ROUNDS * CHAINS) as f64 / best.as_secs_f64());
    }
    None
}

/// Independent chains: more than latency times throughput.
#[cfg(target_arch = "x86_64")]
const CHAINS: u64 = 16;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512ifma")]
fn spin(rounds: u64) -> u64 {
    use core::arch::x86_64::*;
    let factor = std::hint::black_box(_mm512_set1_epi64(0x0007_1234_5678_9abc));
    let mut chains = [factor; CHAINS as usize];
    for _ in 0..rounds {
        for chain in &mut chains {
            *chain = _mm512_madd52lo_epu64(*chain, factor, factor);
        }
        // The compiler must not see that every round adds the same.
        std::hint::black_box(());
        for chain in &mut chains {
            // SAFETY: an empty assembly block that claims to change a register.
            unsafe { core::arch::asm!("/* {0} */", inout(zmm_reg) * chain, options(pure, nomem, nostack, preserves_flags)) };
        }
    }
    chains.into_iter().fold(0, |sum, chain| sum ^ _mm_cvtsi128_si64(_mm512_castsi512_si128(chain)) as u64)
}
