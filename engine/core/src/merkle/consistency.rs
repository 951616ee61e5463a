//! "The tree with the new head begins with all of the tree with the old head": RFC 6962, section 2.1.2.
//!
//! The old tree's right edge is a seam inside the new tree. The proof carries the last complete subtree left of
//! that seam (unless it is the whole old tree) and then the siblings on its way to the new root, lowest first: the left ones
//! rebuild the old root, all of them the new one. Encoding (`0x21`):
//! version u8 ‖ hash u8 ‖ old size u64 ‖ new size u64 ‖ count u32 ‖ nodes 32 × count.

use super::TreeHead;
use super::error::ProofError;
use super::levels::{Node, PATH_NODES_MAX, Step, consistency_nodes, consistency_steps};
use super::wire::{Format, get_nodes, put_nodes};
use crate::codec::DecodeError;
use crate::hash::{Digest, TreeHash};

const FORMAT: Format = Format { what: "consistency proof", version: 0x21 };

/// Proves that one tree is the past of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The rule by which both trees are hashed.
    pub hash: TreeHash,
    /// How many leaves the older tree has.
    pub old_size: u64,
    /// How many leaves the newer tree has.
    pub new_size: u64,
    /// The nodes, lowest first.
    pub path: Vec<Digest>,
}

impl ConsistencyProof {
    /// Makes the proof between the first `old_size` and the first `new_size` leaves, looking nodes up in `tree`, the
    /// tree of `new_size` leaves.
    ///
    /// # Errors
    /// If the older tree is empty or larger than the newer one.
    pub fn build(hash: TreeHash, old_size: u64, new_size: u64, tree: impl FnMut(Node) -> Digest) -> Result<Self, ProofError> {
        let path = consistency_nodes(old_size, new_size)?.map(tree).collect();
        Ok(Self { hash, old_size, new_size, path })
    }

    /// Checks that the tree with head `new` begins with all the leaves of the tree with head `old`.
    ///
    /// # Errors
    /// If it does not, or if the proof is about other trees or has a wrong number of nodes.
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ProofError> {
        old.admits(self.hash, self.old_size)?;
        new.admits(self.hash, self.new_size)?;
        self.check_shape()?;
        let (seam, steps) = consistency_steps(self.old_size, self.new_size)?;
        let (start, path) = match self.path.split_first() {
            Some((start, path)) if seam.carried => (*start, path),
            _ => (old.root, &self.path[..]),
        };
        let (mut old_root, mut new_root) = (start, start);
        for (step, sibling) in steps.zip(path) {
            match step {
                Step::Left(_) => {
                    old_root = self.hash.parent(sibling, &old_root);
                    new_root = self.hash.parent(sibling, &new_root);
                }
                Step::Right(_) => new_root = self.hash.parent(&new_root, sibling),
            }
        }
        old.confirms(old_root)?;
        new.confirms(new_root)
    }

    /// The canonical bytes of this proof.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = FORMAT.begin(self.hash, 22 + 32 * self.path.len());
        bytes.extend_from_slice(&self.old_size.to_le_bytes());
        bytes.extend_from_slice(&self.new_size.to_le_bytes());
        put_nodes(&mut bytes, &self.path);
        bytes
    }

    /// Reads a proof from exactly `bytes`.
    ///
    /// # Errors
    /// If `bytes` are not the encoding of a proof with as many nodes as its sizes call for.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (hash, mut reader) = FORMAT.read(bytes)?;
        let old_size = reader.u64("the old size")?;
        let new_size = reader.u64("the new size")?;
        let path = get_nodes(&mut reader, PATH_NODES_MAX)?;
        let proof = Self { hash, old_size, new_size, path };
        proof.check_shape().map_err(|error| reader.invalid(error))?;
        reader.finish()?;
        Ok(proof)
    }

    fn check_shape(&self) -> Result<(), ProofError> {
        let expected = consistency_nodes(self.old_size, self.new_size)?.count();
        let found = self.path.len();
        if found == expected { Ok(()) } else { Err(ProofError::NodeCount { expected, found }) }
    }
}
