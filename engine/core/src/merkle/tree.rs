//! The reference tree: the definition of a root, and a tree that keeps every level.

use super::{ConsistencyProof, InclusionProof, MultiProof, Node, ProofError, TreeHead};
use crate::hash::{Digest, TreeHash};

/// The root over `leaves`, which are leaf *hashes*: RFC 6962's definition, word for word.
#[must_use]
pub fn root(hash: TreeHash, leaves: &[Digest]) -> Digest {
    match leaves {
        [] => hash.empty(),
        [leaf] => *leaf,
        _ => {
            // The largest power of two below the number of leaves.
            let k = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(k);
            hash.parent(&root(hash, left), &root(hash, right))
        }
    }
}

/// A tree with all its nodes, from which any proof can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    hash: TreeHash,
    /// The leaves, then each level above, up to the root alone. One empty level where there are no leaves.
    levels: Vec<Vec<Digest>>,
}

impl Tree {
    /// The tree over `leaves`, which are leaf hashes.
    #[must_use]
    pub fn new(hash: TreeHash, leaves: Vec<Digest>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let above = below.chunks(2).map(|pair| match pair {
                [left, right] => hash.parent(left, right),
                // A last node without a partner moves up as it is.
                alone => alone[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Self { hash, levels }
    }

    /// The tree over leaves that hold `data`.
    #[must_use]
    pub fn of_data<D: AsRef<[u8]>>(hash: TreeHash, data: impl IntoIterator<Item = D>) -> Self {
        Self::new(hash, data.into_iter().map(|data| hash.leaf(data.as_ref())).collect())
    }

    /// How many leaves the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| self.hash.empty())
    }

    /// What to trust, to check proofs from this tree.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { hash: self.hash, size: self.size(), root: self.root() }
    }

    /// Every level, the leaves first and the root last.
    #[must_use]
    pub fn levels(&self) -> &[Vec<Digest>] {
        &self.levels
    }

    /// Proves that leaf `index` is in this tree.
    ///
    /// # Errors
    /// If there is no such leaf.
    pub fn inclusion(&self, index: u64) -> Result<InclusionProof, ProofError> {
        InclusionProof::build(self.hash, index, self.size(), |node| self.node(node))
    }

    /// Proves that the leaves `indices` are in this tree.
    ///
    /// # Errors
    /// If there is no index, too many of them, or no such leaf.
    pub fn multiproof(&self, indices: &[u64]) -> Result<MultiProof, ProofError> {
        MultiProof::build(self.hash, indices, self.size(), |node| self.node(node))
    }

    /// Proves that this tree begins with the tree of its first `old_size` leaves.
    ///
    /// # Errors
    /// If `old_size` is zero or above this tree's size.
    pub fn consistency(&self, old_size: u64) -> Result<ConsistencyProof, ProofError> {
        ConsistencyProof::build(self.hash, old_size, self.size(), |node| self.node(node))
    }

    /// A node that a proof of this tree needs; those exist.
    fn node(&self, node: Node) -> Digest {
        self.levels[node.level as usize][node.index as usize]
    }
}
