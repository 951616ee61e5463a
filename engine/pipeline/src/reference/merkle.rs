//! merkle, node by node.

use quorate_core::hash::TreeHash;

use crate::memory::{Inputs, Memory};

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory, hash: u8) {
    let hash = TreeHash::from_code(hash).unwrap_or_default();
    let nodes = &mut memory.nodes;
    nodes.clear();
    nodes.extend(inputs.leaves.iter().map(|leaf| hash.leaf(leaf)));
    if nodes.is_empty() {
        nodes.push(hash.empty());
    }
    let (mut first, mut len) = (0, nodes.len());
    while len > 1 {
        for pair in 0..len / 2 {
            nodes.push(hash.parent(&nodes[first + 2 * pair], &nodes[first + 2 * pair + 1]));
        }
        if len % 2 == 1 {
            nodes.push(nodes[first + len - 1]);
        }
        (first, len) = (first + len, len.div_ceil(2));
    }
}
