//! "These leaves are numbers `i, j, …` of the tree with this head", in fewer nodes than one proof for each.
//!
//! The proof carries only the nodes that cannot be computed from the leaves and from one another: level by level from
//! the leaves up, each level from left to right. That order is the order in which the check needs them, so there is one
//! proof for a set of leaves and nothing in it to permute. Encoding (`0x31`):
//! version u8 ‖ hash u8 ‖ size u64 ‖ count u32 ‖ indices 8 × count ‖ count u32 ‖ nodes 32 × count.

use super::TreeHead;
use super::error::ProofError;
use super::levels::{Node, PATH_NODES_MAX, multiproof_nodes, visit_multiproof};
use super::wire::{Format, get_indices, get_nodes, put_count, put_nodes};
use crate::codec::DecodeError;
use crate::hash::{Digest, TreeHash};

const FORMAT: Format = Format { what: "multi-proof", version: 0x31 };

/// How many leaves one multi-proof may name.
pub const INDICES_MAX: usize = 65_536;

/// Proves that several leaves stand at their places of one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiProof {
    /// The rule by which the tree is hashed.
    pub hash: TreeHash,
    /// How many leaves the tree has.
    pub size: u64,
    /// The numbers of the leaves, rising, each once.
    pub indices: Vec<u64>,
    /// The nodes, level by level from the leaves up, each level from left to right.
    pub nodes: Vec<Digest>,
}

impl MultiProof {
    /// Makes the proof for the leaves `indices`, in any order, of a tree of `size` leaves, looking nodes up in `tree`.
    ///
    /// # Errors
    /// If there is no index or more than [`INDICES_MAX`], or no such leaf.
    pub fn build(hash: TreeHash, indices: &[u64], size: u64, tree: impl FnMut(Node) -> Digest) -> Result<Self, ProofError> {
        let mut indices = indices.to_vec();
        indices.sort_unstable();
        indices.dedup();
        let nodes = multiproof_nodes(&indices, size)?.into_iter().map(tree).collect();
        Ok(Self { hash, size, indices, nodes })
    }

    /// Checks that the leaves whose hashes are `leaves`, in the order of `self.indices`, stand at those places of the
    /// tree with `head`.
    ///
    /// # Errors
    /// If they do not, or if the proof is about another tree or has a wrong number of nodes.
    pub fn verify(&self, head: &TreeHead, leaves: &[Digest]) -> Result<(), ProofError> {
        head.admits(self.hash, self.size)?;
        self.check_shape()?;
        if leaves.len() != self.indices.len() {
            return Err(ProofError::LeafCount { expected: self.indices.len(), found: leaves.len() });
        }
        head.confirms(self.climb(leaves))
    }

    /// The canonical bytes of this proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = FORMAT.begin(self.hash, 18 + 8 * self.indices.len() + 32 * self.nodes.len());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        put_count(&mut bytes, self.indices.len());
        self.indices.iter().for_each(|index| bytes.extend_from_slice(&index.to_le_bytes()));
        put_nodes(&mut bytes, &self.nodes);
        bytes
    }

    /// Reads a proof from exactly `bytes`.
    ///
    /// # Errors
    /// If `bytes` are not the encoding of a proof with rising indices, at most [`INDICES_MAX`] of them, and as many nodes as
    /// those call for.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (hash, mut reader) = FORMAT.read(bytes)?;
        let size = reader.u64("the size")?;
        let indices = get_indices(&mut reader, INDICES_MAX)?;
        let nodes = get_nodes(&mut reader, INDICES_MAX * PATH_NODES_MAX)?;
        let proof = Self { hash, size, indices, nodes };
        proof.check_shape().map_err(|error| reader.invalid(error))?;
        reader.finish()?;
        Ok(proof)
    }

    fn check_shape(&self) -> Result<(), ProofError> {
        let mut expected = 0;
        visit_multiproof(&self.indices, self.size, |_| expected += 1)?;
        let found = self.nodes.len();
        if found == expected { Ok(()) } else { Err(ProofError::NodeCount { expected, found }) }
    }

    /// Hashes the known nodes of each level together, with the proof's nodes where a sibling is not known, up to the root.
    /// The shape was checked, so the nodes are exactly as many as are asked for.
    fn climb(&self, leaves: &[Digest]) -> Digest {
        let mut carried = self.nodes.iter().copied();
        let mut known: Vec<(u64, Digest)> = self.indices.iter().copied().zip(leaves.iter().copied()).collect();
        let mut above = Vec::with_capacity(known.len());
        let mut last = self.size - 1;
        while last > 0 {
            let mut level = known.drain(..).peekable();
            while let Some((index, node)) = level.next() {
                let parent = if index & 1 == 1 {
                    // Its left sibling is not known, or the pair would have been taken together.
                    carried.next().map_or(node, |left| self.hash.parent(&left, &node))
                } else if index == last {
                    node
                } else {
                    let right = level.next_if(|(next, _)| *next == index + 1).map(|(_, right)| right);
                    right.or_else(|| carried.next()).map_or(node, |right| self.hash.parent(&node, &right))
                };
                above.push((index >> 1, parent));
            }
            drop(level);
            std::mem::swap(&mut known, &mut above);
            last >>= 1;
        }
        known[0].1
    }
}
