//! Every node of a tree, in one buffer that is used again for the next tree.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::{ConsistencyProof, InclusionProof, MultiProof, Node, ProofError, TreeHead};

use super::kernel::{CHUNK, Kernel, Kind, RISE};
use super::pass::{Pass, Risen};
use super::{Leaves, Threads};

/// All levels of a tree, from which any proof can be made.
#[derive(Clone, Debug)]
pub struct Levels {
    kernel: Kernel,
    threads: Threads,
    hash: TreeHash,
    size: usize,
    /// The levels one behind the other, the leaves first. May be longer than this tree needs.
    nodes: Vec<Digest>,
    /// Where each level begins in `nodes`, and where the last ends.
    starts: Vec<usize>,
}

impl Levels {
    /// A buffer that uses the fastest kernel of this processor. It holds the empty tree.
    #[must_use]
    pub fn new(threads: Threads) -> Self {
        Self::with_kernel(Kernel::detect(), threads)
    }

    /// A buffer that uses `kernel`. It holds the empty tree.
    #[must_use]
    pub fn with_kernel(kernel: Kernel, threads: Threads) -> Self {
        Self { kernel, threads, hash: TreeHash::default(), size: 0, nodes: Vec::new(), starts: vec![0, 0] }
    }

    /// Says which threads build the trees from now on.
    pub fn set_threads(&mut self, threads: Threads) {
        self.threads = threads;
    }

    /// Builds the tree over `leaves`, in place of the one that was here.
    pub fn build<'a>(&mut self, hash: TreeHash, leaves: impl Into<Leaves<'a>>) {
        let leaves = leaves.into();
        self.hash = hash;
        self.size = leaves.len();
        self.lay_out();
        let mut level = match leaves {
            Leaves::Hashes(hashes) => {
                self.nodes[..self.size].copy_from_slice(hashes);
                0
            }
            Leaves::Records(records) => {
                self.pass(Kind::Leaf, records, None, 0);
                RISE
            }
        };
        while level + 1 < self.level_count() {
            self.pass_over_level(level);
            level += RISE + 1;
        }
    }

    /// How many levels there are, the leaves and the root among them.
    #[must_use]
    pub fn level_count(&self) -> usize {
        self.starts.len() - 1
    }

    /// Level `level`, where 0 is the leaves.
    ///
    /// # Panics
    /// If there is no such level.
    #[must_use]
    pub fn level(&self, level: usize) -> &[Digest] {
        &self.nodes[self.starts[level]..self.starts[level + 1]]
    }

    /// Every node: the levels one behind the other, the leaves first.
    #[must_use]
    pub fn nodes(&self) -> &[Digest] {
        &self.nodes[..self.starts.last().copied().unwrap_or(0)]
    }

    /// What to trust, to check proofs from this tree.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        let root = self.level(self.level_count() - 1).first().copied().unwrap_or_else(|| self.hash.empty());
        TreeHead { hash: self.hash, size: self.size as u64, root }
    }

    /// Proves that leaf `index` is in this tree.
    ///
    /// # Errors
    /// If there is no such leaf.
    pub fn inclusion(&self, index: u64) -> Result<InclusionProof, ProofError> {
        InclusionProof::build(self.hash, index, self.size as u64, |node| self.node(node))
    }

    /// Proves that the leaves `indices` are in this tree.
    ///
    /// # Errors
    /// If there is no index, too many of them, or no such leaf.
    pub fn multiproof(&self, indices: &[u64]) -> Result<MultiProof, ProofError> {
        MultiProof::build(self.hash, indices, self.size as u64, |node| self.node(node))
    }

    /// Proves that this tree begins with the tree of its first `old_size` leaves.
    ///
    /// # Errors
    /// If `old_size` is zero or above this tree's size.
    pub fn consistency(&self, old_size: u64) -> Result<ConsistencyProof, ProofError> {
        ConsistencyProof::build(self.hash, old_size, self.size as u64, |node| self.node(node))
    }

    /// A node that a proof of this tree needs; those exist.
    fn node(&self, node: Node) -> Digest {
        self.level(node.level as usize)[node.index as usize]
    }

    /// Says where each level stands, and makes room where there was less.
    fn lay_out(&mut self) {
        self.starts.clear();
        self.starts.push(0);
        let (mut count, mut end) = (self.size, self.size);
        self.starts.push(end);
        while count > 1 {
            count = count.div_ceil(2);
            end += count;
            self.starts.push(end);
        }
        if self.nodes.len() < end {
            self.nodes.resize(end, Digest::ZERO);
        }
    }

    /// Builds the levels above `level`, as far as one pass goes.
    fn pass_over_level(&mut self, level: usize) {
        let (below, above) = self.nodes.split_at_mut(self.starts[level + 1]);
        let (pairs, odd) = below[self.starts[level]..].split_at((self.starts[level + 1] - self.starts[level]) & !1);
        let pass = Pass { kernel: self.kernel, threads: self.threads, hash: self.hash, kind: Kind::Parent };
        fill(pass, bytemuck::cast_slice(pairs), odd.first(), above, &self.starts[level + 1..]);
    }

    fn pass(&mut self, kind: Kind, blocks: &[[u8; 64]], odd: Option<&Digest>, level: usize) {
        let pass = Pass { kernel: self.kernel, threads: self.threads, hash: self.hash, kind };
        fill(pass, blocks, odd, &mut self.nodes[self.starts[level]..], &self.starts[level..]);
    }
}

/// Fills the levels at the front of `nodes`, at most as many as one pass makes, from `blocks` and the `odd` digest behind
/// them. `starts` is where those levels begin, counted from some place before `nodes`.
fn fill(pass: Pass, blocks: &[[u8; 64]], odd: Option<&Digest>, nodes: &mut [Digest], starts: &[usize]) {
    let mut nodes = nodes;
    let mut levels: Risen<'_> = Default::default();
    for (level, bounds) in levels.iter_mut().zip(starts.windows(2)) {
        let (front, back) = nodes.split_at_mut(bounds[1] - bounds[0]);
        (*level, nodes) = (front, back);
    }
    let (whole, rest) = blocks.split_at(blocks.len() - blocks.len() % CHUNK);
    let mut depth = 0;
    let mut rests: Risen<'_> = Default::default();
    let wholes = levels.map(|level| {
        let (front, back) = level.split_at_mut(level.len().min(whole.len() >> depth));
        rests[depth] = back;
        depth += 1;
        front
    });
    pass.raise(whole, wholes);

    // The rest behind the last whole chunk goes up level by level.
    let [first, above @ ..] = rests;
    pass.kernel.hash_each(pass.hash, pass.kind, rest, &mut first[..rest.len()]);
    if let Some(odd) = odd {
        first[rest.len()] = *odd;
    }
    let mut below = first;
    for level in above.into_iter().take_while(|level| !level.is_empty()) {
        let (pairs, odd) = below.split_at(below.len() & !1);
        let (parents, moved) = level.split_at_mut(pairs.len() / 2);
        pass.kernel.hash_each(pass.hash, Kind::Parent, bytemuck::cast_slice(pairs), parents);
        moved.copy_from_slice(odd);
        below = level;
    }
}
