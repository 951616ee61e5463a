//! "This leaf is number `index` of the tree with this head": RFC 6962, section 2.1.1.
//!
//! The proof carries the siblings on the way from the leaf to the root, lowest first. Encoding (`0x11`):
//! version u8 ‖ hash u8 ‖ index u64 ‖ size u64 ‖ count u32 ‖ nodes 32 × count.

use super::TreeHead;
use super::error::ProofError;
use super::levels::{Node, PATH_NODES_MAX, Step, inclusion_nodes, inclusion_steps};
use super::wire::{Format, get_nodes, put_nodes};
use crate::codec::DecodeError;
use crate::hash::{Digest, TreeHash};

const FORMAT: Format = Format { what: "inclusion proof", version: 0x11 };

/// Proves that one leaf stands at one place of one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The rule by which the tree is hashed.
    pub hash: TreeHash,
    /// The number of the leaf, counted from zero.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The siblings on the way up, lowest first.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Makes the proof for leaf `index` of a tree of `size` leaves, looking nodes up in `tree`.
    ///
    /// # Errors
    /// If there is no such leaf.
    pub fn build(hash: TreeHash, index: u64, size: u64, tree: impl FnMut(Node) -> Digest) -> Result<Self, ProofError> {
        let path = inclusion_nodes(index, size)?.map(tree).collect();
        Ok(Self { hash, index, size, path })
    }

    /// Checks that the leaf whose hash is `leaf` is number `self.index` of the tree with `head`.
    ///
    /// # Errors
    /// If it is not, or if the proof is about another tree or has a wrong number of nodes.
    pub fn verify(&self, head: &TreeHead, leaf: &Digest) -> Result<(), ProofError> {
        head.admits(self.hash, self.size)?;
        head.confirms(self.root(leaf)?)
    }

    /// The root to which the proof leads from `leaf`. Nothing is proved until it is compared with a trusted one
    /// *of the same size*; [`InclusionProof::verify`] does both.
    ///
    /// # Errors
    /// If the proof has a wrong number of nodes for its index and size.
    pub fn root(&self, leaf: &Digest) -> Result<Digest, ProofError> {
        self.check_shape()?;
        let steps = inclusion_steps(self.index, self.size)?;
        Ok(steps.zip(&self.path).fold(*leaf, |node, (step, sibling)| match step {
            Step::Left(_) => self.hash.parent(sibling, &node),
            Step::Right(_) => self.hash.parent(&node, sibling),
        }))
    }

    /// The canonical bytes of this proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = FORMAT.begin(self.hash, 22 + 32 * self.path.len());
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
        put_nodes(&mut bytes, &self.path);
        bytes
    }

    /// Reads a proof from exactly `bytes`.
    ///
    /// # Errors
    /// If `bytes` are not the encoding of a proof with as many nodes as its index and size call for.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (hash, mut reader) = FORMAT.read(bytes)?;
        let index = reader.u64("the index")?;
        let size = reader.u64("the size")?;
        let path = get_nodes(&mut reader, PATH_NODES_MAX)?;
        let proof = Self { hash, index, size, path };
        proof.check_shape().map_err(|error| reader.invalid(error))?;
        reader.finish()?;
        Ok(proof)
    }

    fn check_shape(&self) -> Result<(), ProofError> {
        let expected = inclusion_nodes(self.index, self.size)?.count();
        let found = self.path.len();
        if found == expected { Ok(()) } else { Err(ProofError::NodeCount { expected, found }) }
    }
}
