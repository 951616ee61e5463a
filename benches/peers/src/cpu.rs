//! The suite `cpu`: the stages of the cpu backend, each beside whoever does the same work best, on one thread.

mod commit;
mod count;
mod malachite;
mod tree;
mod verify;

use crate::report::Format;

/// Runs every comparison.
pub fn run(format: Format) {
    verify::run(format);
    count::run(format);
    commit::run(format);
    tree::run(format);
}

/// Numbers that look random and are the same in every run (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}
