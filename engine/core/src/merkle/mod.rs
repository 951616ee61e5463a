//! Merkle trees in RFC 6962's shape, and the proofs that they allow.
//!
//! The root of one leaf is the leaf's hash. The root of `n > 1` leaves is the parent of two roots: that of the first
//! `k` leaves, where `k` is the largest power of two below `n`, and that of the rest. Nothing is padded and nothing
//! is repeated, so no two lists of leaves share a root.
//!
//! The same tree seen level by level: level 0 is the leaves; each level above has the parents of the pairs below;
//! a last node without a partner moves up as it is. So node `i` of level `l` stands for the leaves from `i·2^l` to
//! `(i+1)·2^l` or to the end, and a level has `⌈n / 2^l⌉` nodes. Every proof here is a list of such nodes, and is
//! made and checked by the same short walk from the leaves up (`levels.rs`).
//!
//! This is the scalar reference: it does no I/O, decides what is right, and is not in a hurry. The pipeline's merkle
//! stage builds the same trees fast, and is held to this one bit for bit.
//!
//! | proof | says | file |
//! |---|---|---|
//! | [`InclusionProof`] | this leaf is number `i` of the tree with this head | `inclusion.rs` |
//! | [`ConsistencyProof`] | the tree with this head begins with all of the tree with that head | `consistency.rs` |
//! | [`MultiProof`] | these leaves are numbers `i, j, …` of the tree with this head | `multiproof.rs` |
//!
//! **A root alone does not fix the number of leaves**: a proof that may choose its own size can move a leaf. Therefore
//! proofs are checked against a [`TreeHead`], whose hash rule, size and root all come from something trusted.

mod consistency;
mod error;
mod frontier;
mod inclusion;
mod levels;
mod multiproof;
mod tree;
mod wire;

pub use consistency::ConsistencyProof;
pub use error::ProofError;
pub use frontier::Frontier;
pub use inclusion::InclusionProof;
pub use levels::{Node, consistency_nodes, inclusion_nodes, multiproof_nodes};
pub use multiproof::{INDICES_MAX, MultiProof};
pub use tree::{Tree, root};

use crate::hash::{Digest, TreeHash};

/// What a trusted party commits to when it commits to a tree, and what proofs are checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// The rule by which the tree is hashed.
    pub hash: TreeHash,
    /// How many leaves the tree has.
    pub size: u64,
    /// The root over all of them.
    pub root: Digest,
}

impl TreeHead {
    /// Whether a proof that says it is about a tree of `size` leaves under `hash` is about this tree.
    fn admits(&self, hash: TreeHash, size: u64) -> Result<(), ProofError> {
        if hash != self.hash {
            return Err(ProofError::OtherHash { expected: self.hash, found: hash });
        }
        if size != self.size {
            return Err(ProofError::OtherSize { expected: self.size, found: size });
        }
        Ok(())
    }

    /// Whether the root that a proof leads to is this tree's.
    fn confirms(&self, computed: Digest) -> Result<(), ProofError> {
        if computed != self.root {
            return Err(ProofError::OtherRoot { size: self.size, expected: self.root, computed });
        }
        Ok(())
    }
}
