//! Merkle roots over leaves, in RFC 6962's shape.

use crate::hash::{Digest, TreeHash};

/// The root over `leaves`.
#[must_use]
pub fn root<L: AsRef<[u8]>>(hash: TreeHash, leaves: &[L]) -> Digest {
    match leaves {
        [] => hash.empty(),
        [leaf] => hash.leaf(leaf.as_ref()),
        more => {
            let (left, right) = more.split_at(more.len().next_power_of_two() / 2);
            hash.parent(&root(hash, left), &root(hash, right))
        }
    }
}
