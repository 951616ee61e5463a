//! A tree that only grows, in as many digests as its size has one-bits.
//!
//! The frontier keeps the roots of the complete subtrees that its leaves divide into, largest first: 13 leaves are
//! 8 + 4 + 1, so three digests. That is all it takes to append and to know the root, which is why it is what a snapshot
//! carries of a log's tree. Encoding (`0x41`): version u8 ‖ hash u8 ‖ size u64 ‖ count u32 ‖ nodes 32 × count.

use super::TreeHead;
use super::error::ProofError;
use super::levels::PATH_NODES_MAX;
use super::wire::{Format, get_nodes, put_nodes};
use crate::codec::DecodeError;
use crate::hash::{Digest, TreeHash};

const FORMAT: Format = Format { what: "frontier", version: 0x41 };

/// Sizes that are read stay below this, so that no number of appends that anyone lives to see can overflow.
const SIZE_LIMIT: u64 = 1 << 63;

/// The right edge of a growing tree: enough to append leaves and to know the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    hash: TreeHash,
    size: u64,
    /// The roots of the complete subtrees, largest first: one for each one-bit of `size`.
    peaks: Vec<Digest>,
}

impl Frontier {
    /// The frontier of a tree without leaves.
    #[must_use]
    pub const fn new(hash: TreeHash) -> Self {
        Self { hash, size: 0, peaks: Vec::new() }
    }

    /// Appends a leaf, given its hash.
    pub fn push(&mut self, leaf: Digest) {
        // Each low one-bit of the size is a subtree as large as the one that now ends here.
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each one-bit of the size");
            node = self.hash.parent(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
        debug_assert_eq!(self.peaks.len(), self.size.count_ones() as usize);
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The rule by which the tree is hashed.
    #[must_use]
    pub const fn hash(&self) -> TreeHash {
        self.hash
    }

    /// The root over all leaves so far.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else {
            return self.hash.empty();
        };
        peaks.fold(*last, |right, left| self.hash.parent(left, &right))
    }

    /// What to trust, to check proofs about the tree as it is now.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead { hash: self.hash, size: self.size, root: self.root() }
    }

    /// The canonical bytes of this frontier.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = FORMAT.begin(self.hash, 14 + 32 * self.peaks.len());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        put_nodes(&mut bytes, &self.peaks);
        bytes
    }

    /// Reads a frontier from exactly `bytes`.
    ///
    /// # Errors
    /// If `bytes` are not the encoding of a frontier below 2^63 leaves with one node for each one-bit of its size.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (hash, mut reader) = FORMAT.read(bytes)?;
        let at = reader.at();
        let size = reader.u64("the size")?;
        if size >= SIZE_LIMIT {
            return Err(reader.unexpected_at(at, "the size", size, format!("below {SIZE_LIMIT}")));
        }
        let peaks = get_nodes(&mut reader, PATH_NODES_MAX)?;
        let (expected, found) = (size.count_ones() as usize, peaks.len());
        if found != expected {
            return Err(reader.invalid(ProofError::NodeCount { expected, found }));
        }
        reader.finish()?;
        Ok(Self { hash, size, peaks })
    }
}
