//! merkle: the tree over 64-byte records, in RFC 6962's shape, level by level.
//!
//! Not part of a round's run: it is dispatched when a certificate or a batch root is asked for. What it writes are all levels, one
//! after the other: the leaves' hashes, then each level above, a node without a sibling being carried up as it is, then the root. A
//! tree without leaves has one node, the hash of the empty tree. The dispatch's parameter is the code of the hash.

use super::{Access, Declaration, Over};
use crate::layout::Buffer;

pub(super) const DECLARATION: Declaration =
    Declaration { name: "merkle", bindings: &[(Buffer::Leaves, Access::Read), (Buffer::Nodes, Access::Write)], over: Over::Leaves };

/// How many nodes the stage writes for so many leaves.
#[must_use]
pub fn node_count(leaves: usize) -> usize {
    let (mut len, mut sum) = (leaves.max(1), leaves.max(1));
    while len > 1 {
        len = len.div_ceil(2);
        sum += len;
    }
    sum
}
