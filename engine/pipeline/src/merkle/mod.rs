//! Merkle trees over many leaves, fast; the digests are those of `quorate_core::merkle`, bit for bit.
//!
//! A tree is built in passes. A pass takes one level, in chunks of 512 blocks of 64 bytes (leaf records, or pairs of
//! digests), and raises each chunk by several levels before it goes on to the next, so everything above the level that is
//! read stays in the cache. What is left of a level behind the last whole chunk goes up level by
//! level. [`Kernel`] says which instructions hash the nodes; the criterion bench `merkle` says how fast.
//!
//! [`RootBuilder`] gives the root alone; [`Levels`] keeps every node and makes proofs. Both own their memory and are used again
//! and again: after the largest tree was seen once, nothing is allocated.

#[cfg(target_arch = "x86_64")]
mod avx512;
mod kernel;
mod levels;
mod library;
mod pass;
mod root;
#[cfg(target_arch = "x86_64")]
mod sha_ni;

pub use kernel::Kernel;
pub use levels::Levels;
pub use root::RootBuilder;

use quorate_core::hash::Digest;

/// What a tree is built over.
#[derive(Clone, Copy, Debug)]
pub enum Leaves<'a> {
    /// The leaves' data, in records of 64 bytes.
    Records(&'a [[u8; 64]]),
    /// The leaves' hashes.
    Hashes(&'a [Digest]),
}

impl Leaves<'_> {
    /// How many leaves there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::Records(records) => records.len(),
            Self::Hashes(hashes) => hashes.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> From<&'a [[u8; 64]]> for Leaves<'a> {
    fn from(records: &'a [[u8; 64]]) -> Self {
        Self::Records(records)
    }
}

impl<'a> From<&'a [Digest]> for Leaves<'a> {
    fn from(hashes: &'a [Digest]) -> Self {
        Self::Hashes(hashes)
    }
}

/// Whether a tree is built by the calling thread alone or divided among the threads of the current rayon pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Threads {
    /// The calling thread alone.
    #[default]
    One,
    /// All of the current rayon pool.
    Pool,
}
