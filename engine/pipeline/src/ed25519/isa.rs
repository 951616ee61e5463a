//! Which instruction set runs the verifier: chosen once, at run time, so that one default build serves every machine.

/// The instruction sets that the verifier is written for. NEON machines use [`Isa::Portable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Isa {
    /// One signature at a time on 64-bit integers. Always there.
    Portable,
    /// As [`Isa::Portable`], with four messages hashed at once.
    Avx2,
    /// Eight signatures at once on the 52-bit multipliers of AVX-512 IFMA.
    Avx512Ifma,
}

impl Isa {
    /// The fastest set that this machine has.
    #[must_use]
    pub fn detect() -> Isa {
        Isa::available().last().copied().unwrap_or(Isa::Portable)
    }

    /// All sets that this machine has, slowest first.
    #[must_use]
    pub fn available() -> &'static [Isa] {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2");
            // The list is that of `avx512::vectorize`, which may only be entered when all of it is there.
            let ifma = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512ifma")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("bmi2");
            match (avx2, ifma) {
                (true, true) => &[Isa::Portable, Isa::Avx2, Isa::Avx512Ifma],
                (true, false) => &[Isa::Portable, Isa::Avx2],
                (false, _) => &[Isa::Portable],
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        &[Isa::Portable]
    }

    /// The name that reports and configuration use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512Ifma => "avx512-ifma",
        }
    }

    /// This set if the machine has it, otherwise the best one that it has: a caller may name any set.
    pub(crate) fn or_best(self) -> Isa {
        if Isa::available().contains(&self) { self } else { Isa::detect() }
    }
}
