//! What can be wrong with a proof.

use crate::hash::{Digest, TreeHash};

/// Why a proof cannot be made, or does not prove what it is checked against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// There is no such leaf.
    #[error("leaf {index} does not exist in a tree of {size} leaves")]
    NoSuchLeaf {
        /// The index asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one.
    #[error("a tree of {old} leaves cannot have grown into one of {new}")]
    Shrunk {
        /// The size of the older tree.
        old: u64,
        /// The size of the newer tree.
        new: u64,
    },
    /// Every tree continues the empty one, so nothing can be proved about it.
    #[error("a consistency proof from the empty tree says nothing: start from a tree that has a leaf")]
    EmptyPast,
    /// A multi-proof for no leaf at all.
    #[error("a multi-proof must name at least one leaf")]
    NoIndices,
    /// A multi-proof for more leaves than are allowed.
    #[error("a multi-proof names {found} leaves, and {max} are allowed: make several proofs")]
    TooManyIndices {
        /// How many leaves it names.
        found: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The indices of a multi-proof must rise from one to the next.
    #[error("the indices of a multi-proof must rise, and number {position} does not")]
    IndicesNotRising {
        /// Which of the indices, counted from zero, is not above the one before.
        position: usize,
    },
    /// A multi-proof is checked against as many leaves as it names.
    #[error("the multi-proof names {expected} leaves and was given the hashes of {found}")]
    LeafCount {
        /// How many leaves the proof names.
        expected: usize,
        /// How many leaf hashes were given.
        found: usize,
    },
    /// A proof has exactly the nodes that its indices and sizes call for.
    #[error("the proof carries {found} nodes where its indices and sizes call for {expected}")]
    NodeCount {
        /// How many nodes the sizes call for.
        expected: usize,
        /// How many nodes there are.
        found: usize,
    },
    /// The proof is about a tree under another hash.
    #[error("the proof is for a tree under {found}, and the trusted head is under {expected}")]
    OtherHash {
        /// The hash of the trusted head.
        expected: TreeHash,
        /// The hash of the proof.
        found: TreeHash,
    },
    /// The proof is about a tree of another size.
    #[error("the proof is for a tree of {found} leaves, and the trusted head has {expected}")]
    OtherSize {
        /// The size of the trusted head.
        expected: u64,
        /// The size in the proof.
        found: u64,
    },
    /// The proof leads to another root.
    #[error("the proof leads to root {computed}, and the trusted head of {size} leaves has root {expected}")]
    OtherRoot {
        /// The size of the trusted head.
        size: u64,
        /// The root of the trusted head.
        expected: Digest,
        /// The root that the proof leads to.
        computed: Digest,
    },
}
