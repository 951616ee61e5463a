//! The root alone: nothing below it is kept, so a tree takes one digest of scratch memory for sixteen leaves.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::TreeHead;

use super::kernel::{CHUNK, Kernel, Kind, LANES, RISE};
use super::pass::Pass;
use super::{Leaves, Threads};

/// Computes roots, one after another, in memory of its own.
#[derive(Clone, Debug)]
pub struct RootBuilder {
    kernel: Kernel,
    threads: Threads,
    level: Vec<Digest>,
    above: Vec<Digest>,
}

impl RootBuilder {
    /// A builder that uses the fastest kernel of this processor.
    #[must_use]
    pub fn new(threads: Threads) -> Self {
        Self::with_kernel(Kernel::detect(), threads)
    }

    /// A builder that uses `kernel`.
    #[must_use]
    pub const fn with_kernel(kernel: Kernel, threads: Threads) -> Self {
        Self { kernel, threads, level: Vec::new(), above: Vec::new() }
    }

    /// The root over `leaves`.
    pub fn root<'a>(&mut self, hash: TreeHash, leaves: impl Into<Leaves<'a>>) -> Digest {
        // The larger buffer takes the first pass, whichever of the two it became in the tree before.
        if self.level.capacity() > self.above.capacity() {
            std::mem::swap(&mut self.level, &mut self.above);
        }
        match leaves.into() {
            Leaves::Records([]) | Leaves::Hashes([]) => return hash.empty(),
            Leaves::Hashes([leaf]) => return *leaf,
            Leaves::Records(records) => self.pass(hash, Kind::Leaf, records, None),
            Leaves::Hashes(hashes) => self.pass_over_digests(hash, hashes),
        }
        while self.above.len() > 1 {
            std::mem::swap(&mut self.level, &mut self.above);
            let level = std::mem::take(&mut self.level);
            self.pass_over_digests(hash, &level);
            self.level = level;
        }
        self.above[0]
    }

    /// The head over `leaves`.
    pub fn head<'a>(&mut self, hash: TreeHash, leaves: impl Into<Leaves<'a>>) -> TreeHead {
        let leaves = leaves.into();
        TreeHead { hash, size: leaves.len() as u64, root: self.root(hash, leaves) }
    }

    fn pass_over_digests(&mut self, hash: TreeHash, level: &[Digest]) {
        let (pairs, odd) = level.split_at(level.len() & !1);
        self.pass(hash, Kind::Parent, bytemuck::cast_slice(pairs), odd.first().copied());
    }

    /// Fills `above` with the level that lies [`RISE`] levels above the hashes of `blocks`, behind which `odd` stands.
    fn pass(&mut self, hash: TreeHash, kind: Kind, blocks: &[[u8; 64]], odd: Option<Digest>) {
        let (whole, rest) = blocks.split_at(blocks.len() - blocks.len() % CHUNK);
        let risen = whole.len() / CHUNK * LANES;
        // The rest behind the last whole chunk goes up level by level, in a buffer.
        let mut digests = [Digest::ZERO; CHUNK];
        let mut count = rest.len();
        self.kernel.hash_each(hash, kind, rest, &mut digests[..count]);
        if let Some(odd) = odd {
            digests[count] = odd;
            count += 1;
        }
        for _ in 0..RISE {
            count = self.kernel.hash_parents(hash, &mut digests[..count]);
        }
        self.above.resize(risen + count, Digest::ZERO);
        self.above[risen..].copy_from_slice(&digests[..count]);
        let pass = Pass { kernel: self.kernel, threads: self.threads, hash, kind };
        pass.raise(whole, [&mut [], &mut [], &mut [], &mut [], &mut self.above[..risen]]);
    }
}
