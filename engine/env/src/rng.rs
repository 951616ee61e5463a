//! Randomness: from a seed, the same numbers on every machine, for ever; or from the operating system, never the same.

/// A source of numbers.
pub trait Rng: Send {
    /// The next number.
    fn next_u64(&mut self) -> u64;

    /// Fills `bytes`.
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

impl Rng for Seeded {
    fn next_u64(&mut self) -> u64 {
        Seeded::next_u64(self)
    }
}

/// The operating system's randomness, good for secrets.
#[cfg(feature = "entropy")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Entropy;

#[cfg(feature = "entropy")]
impl Rng for Entropy {
    fn next_u64(&mut self) -> u64 {
        // A machine that cannot give random numbers cannot run anything that signs.
        getrandom::u64().expect("the operating system gives random numbers")
    }
}

/// A small generator (SplitMix64). Good for cases, not for secrets.
#[derive(Clone, Debug)]
pub struct Seeded(u64);

impl Seeded {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(limit)) >> 64) as u64
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Thirty-two bytes.
    pub fn bytes32(&mut self) -> [u8; 32] {
        let mut out = [0; 32];
        out.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.next_u64().to_le_bytes()));
        out
    }

    /// Brings a list into random order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}
