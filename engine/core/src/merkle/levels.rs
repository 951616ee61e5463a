//! Which nodes a proof consists of, as a matter of sizes and indices alone.
//!
//! No hash is computed here. Whoever holds the nodes of a tree, in whatever form (the reference tree, the pipeline's
//! level buffer, a store on disk), asks which ones a proof needs and looks them up. The checking side asks the same
//! functions, so that it knows how many nodes to expect before it looks at any.

use super::error::ProofError;
use super::multiproof::INDICES_MAX;

/// The most nodes that one leaf's, or one old root's, way to a root can call for: one for each level below the root of
/// `u64::MAX` leaves, and the seam of a consistency proof.
pub(super) const PATH_NODES_MAX: usize = 65;

/// A node of a tree: number `index` of the nodes at `level`, where level 0 is the leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// How many levels above the leaves.
    pub level: u32,
    /// Which of that level's nodes, counted from the left.
    pub index: u64,
}

/// One step of the walk from a node up to the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The sibling stands on the left; its parent hashes it first.
    Left(Node),
    /// The sibling stands on the right.
    Right(Node),
}

/// The siblings on the way from `from` up to the root of a tree of `size` leaves. Levels on which there is no
/// sibling, because the node is its level's last, are passed over.
pub(super) fn steps(from: Node, size: u64) -> impl Iterator<Item = Step> {
    let Node { mut level, mut index } = from;
    let mut last = (size - 1).checked_shr(level).unwrap_or(0);
    std::iter::from_fn(move || {
        while last > 0 {
            let (here, right_edge) = (index, index == last);
            let sibling = Node { level, index: here ^ 1 };
            (level, index, last) = (level + 1, index >> 1, last >> 1);
            if here & 1 == 1 {
                return Some(Step::Left(sibling));
            } else if !right_edge {
                return Some(Step::Right(sibling));
            }
        }
        None
    })
}

/// The nodes of an inclusion proof for leaf `index` of `size`, from the leaf up.
///
/// # Errors
/// If there is no such leaf.
pub fn inclusion_nodes(index: u64, size: u64) -> Result<impl Iterator<Item = Node>, ProofError> {
    inclusion_steps(index, size).map(siblings)
}

/// The nodes of a consistency proof between the trees of `old` and of `new` leaves, from the leaves up.
///
/// # Errors
/// If `old` is zero or above `new`.
pub fn consistency_nodes(old: u64, new: u64) -> Result<impl Iterator<Item = Node>, ProofError> {
    let (seam, steps) = consistency_steps(old, new)?;
    let start = seam.carried.then_some(seam.node);
    Ok(start.into_iter().chain(siblings(steps)))
}

/// The nodes of a multi-proof for the leaves `indices` of `size`: level by level from the leaves up, each level from
/// left to right; only those that cannot be computed from the leaves and from one another.
///
/// # Errors
/// If there is no index or more than [`INDICES_MAX`], if they do not rise, or if one is not below `size`.
pub fn multiproof_nodes(indices: &[u64], size: u64) -> Result<Vec<Node>, ProofError> {
    let mut nodes = Vec::new();
    visit_multiproof(indices, size, |node| nodes.push(node))?;
    Ok(nodes)
}

/// [`multiproof_nodes`], one by one, for a decoder that must not reserve what a hostile set of indices would call for.
pub(super) fn visit_multiproof(indices: &[u64], size: u64, mut visit: impl FnMut(Node)) -> Result<(), ProofError> {
    if indices.is_empty() {
        return Err(ProofError::NoIndices);
    }
    if indices.len() > INDICES_MAX {
        return Err(ProofError::TooManyIndices { found: indices.len(), max: INDICES_MAX });
    }
    if let Some(i) = indices.windows(2).position(|pair| pair[0] >= pair[1]) {
        return Err(ProofError::IndicesNotRising { position: i + 1 });
    }
    if let Some(&index) = indices.last().filter(|last| **last >= size) {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    let mut known = indices.to_vec();
    let mut last = size - 1;
    for level in 0.. {
        if last == 0 {
            break;
        }
        for (i, index) in known.iter().enumerate() {
            let sibling = index ^ 1;
            let neighbour = if sibling < *index { i.checked_sub(1) } else { Some(i + 1) };
            let is_known = neighbour.and_then(|i| known.get(i)) == Some(&sibling);
            if sibling <= last && !is_known {
                visit(Node { level, index: sibling });
            }
        }
        known.iter_mut().for_each(|index| *index >>= 1);
        known.dedup();
        last >>= 1;
    }
    Ok(())
}

/// [`inclusion_nodes`], with the side on which each stands.
pub(super) fn inclusion_steps(index: u64, size: u64) -> Result<impl Iterator<Item = Step>, ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchLeaf { index, size });
    }
    Ok(steps(Node { level: 0, index }, size))
}

/// The last complete subtree of the older tree: where the walk of a consistency proof begins.
#[derive(Clone, Copy)]
pub(super) struct Seam {
    pub(super) node: Node,
    /// Whether the proof carries the node. It does not where the node is the whole older tree, whose root is known.
    pub(super) carried: bool,
}

/// Where the walk of a consistency proof begins, and its steps.
pub(super) fn consistency_steps(old: u64, new: u64) -> Result<(Seam, impl Iterator<Item = Step>), ProofError> {
    if old == 0 {
        return Err(ProofError::EmptyPast);
    }
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    // Between equal trees there is nothing to prove: the walk begins at the root, which both sides know.
    let level = if old == new { u64::BITS - (new - 1).leading_zeros() } else { old.trailing_zeros() };
    let node = Node { level, index: (old - 1).checked_shr(level).unwrap_or(0) };
    let seam = Seam { node, carried: node.index > 0 };
    Ok((seam, steps(node, new)))
}

fn siblings(steps: impl Iterator<Item = Step>) -> impl Iterator<Item = Node> {
    steps.map(|step| match step {
        Step::Left(node) | Step::Right(node) => node,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(level: u32, index: u64) -> Node {
        Node { level, index }
    }

    #[test]
    fn the_examples_of_rfc_6962_section_2_1_3_need_the_nodes_it_lists() {
        // The tree of seven leaves d0 … d6: a … f and j are its leaves, g h i the pairs, k and l the root's children.
        let path = |index| inclusion_nodes(index, 7).map(Iterator::collect::<Vec<_>>);
        assert_eq!(path(0), Ok(vec![node(0, 1), node(1, 1), node(2, 1)]));
        assert_eq!(path(3), Ok(vec![node(0, 2), node(1, 0), node(2, 1)]));
        assert_eq!(path(4), Ok(vec![node(0, 5), node(1, 3), node(2, 0)]));
        assert_eq!(path(6), Ok(vec![node(1, 2), node(2, 0)]));
        let growth = |old| consistency_nodes(old, 7).map(Iterator::collect::<Vec<_>>);
        assert_eq!(growth(3), Ok(vec![node(0, 2), node(0, 3), node(1, 0), node(2, 1)]));
        assert_eq!(growth(4), Ok(vec![node(2, 1)]));
        assert_eq!(growth(6), Ok(vec![node(1, 2), node(1, 3), node(2, 0)]));
    }

    #[test]
    fn the_largest_sizes_neither_overflow_nor_exceed_64_nodes() {
        for size in [1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX] {
            for index in [0, 1, size / 2, size - 2, size - 1] {
                assert!(inclusion_nodes(index, size).is_ok_and(|nodes| nodes.count() <= 64));
                assert!(consistency_nodes(index.max(1), size).is_ok_and(|nodes| nodes.count() <= 65));
            }
            assert_eq!(consistency_nodes(size, size).map(Iterator::count), Ok(0));
        }
    }
}
