//! Every proof of every small tree, against RFC 6962's own recursive definitions; large sizes; and any flipped bit fails.

use proptest::prelude::*;
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::{self, ConsistencyProof, Frontier, InclusionProof, MultiProof, Node, ProofError, Tree, TreeHead};

/// Leaves that are all different.
fn leaves(hash: TreeHash, count: usize) -> Vec<Digest> {
    (0..count as u64).map(|i| hash.leaf(&i.to_le_bytes())).collect()
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

/// PATH(m, D[n]) of RFC 6962, section 2.1.1.
fn path(hash: TreeHash, m: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut nodes, other) = match m.checked_sub(left.len()) {
        None => (path(hash, m, left), right),
        Some(m) => (path(hash, m, right), left),
    };
    nodes.push(merkle::root(hash, other));
    nodes
}

/// SUBPROOF(m, D[n], b) of RFC 6962, section 2.1.2.
fn subproof(hash: TreeHash, m: usize, leaves: &[Digest], known: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if known { Vec::new() } else { vec![merkle::root(hash, leaves)] };
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut nodes, other) = match m.checked_sub(left.len()) {
        None | Some(0) => (subproof(hash, m, left, known), right),
        Some(m) => (subproof(hash, m, right, false), left),
    };
    nodes.push(merkle::root(hash, other));
    nodes
}

#[test]
fn every_inclusion_proof_of_every_tree_up_to_130_leaves_is_the_one_of_the_rfc_and_verifies() {
    for hash in TreeHash::ALL {
        let all = leaves(hash, 130);
        for size in 0..=130 {
            let tree = Tree::new(hash, all[..size].to_vec());
            assert_eq!(tree.root(), merkle::root(hash, &all[..size]));
            for (index, leaf) in all[..size].iter().enumerate() {
                let proof = tree.inclusion(index as u64).unwrap();
                assert_eq!(proof.path, path(hash, index, &all[..size]));
                assert_eq!(proof.verify(&tree.head(), leaf), Ok(()));
                assert_eq!(InclusionProof::decode(&proof.encode()), Ok(proof));
            }
            let beyond = size as u64;
            assert_eq!(tree.inclusion(beyond), Err(ProofError::NoSuchLeaf { index: beyond, size: beyond }));
        }
    }
}

#[test]
fn every_consistency_proof_between_trees_up_to_130_leaves_is_the_one_of_the_rfc_and_verifies() {
    for hash in TreeHash::ALL {
        let all = leaves(hash, 130);
        let trees: Vec<Tree> = (0..=130).map(|size| Tree::new(hash, all[..size].to_vec())).collect();
        for (new_size, new) in trees.iter().enumerate() {
            assert_eq!(new.consistency(0), Err(ProofError::EmptyPast));
            for (old_size, old) in trees[..=new_size].iter().enumerate().skip(1) {
                let proof = new.consistency(old_size as u64).unwrap();
                assert_eq!(proof.path, subproof(hash, old_size, &all[..new_size], true));
                assert_eq!(proof.verify(&old.head(), &new.head()), Ok(()));
                assert_eq!(ConsistencyProof::decode(&proof.encode()), Ok(proof));
            }
        }
    }
}

#[test]
fn every_multiproof_of_every_tree_up_to_10_leaves_verifies() {
    let hash = TreeHash::Blake3;
    let all = leaves(hash, 10);
    for size in 1..=10u64 {
        let tree = Tree::new(hash, all[..size as usize].to_vec());
        for set in 1u64..1 << size {
            let indices: Vec<u64> = (0..size).filter(|i| (set >> i) & 1 == 1).collect();
            let named: Vec<Digest> = indices.iter().map(|i| all[*i as usize]).collect();
            let proof = tree.multiproof(&indices).unwrap();
            assert_eq!(proof.verify(&tree.head(), &named), Ok(()));
            assert_eq!(MultiProof::decode(&proof.encode()), Ok(proof.clone()));
            if let [index] = indices[..] {
                assert_eq!(proof.nodes, tree.inclusion(index).unwrap().path);
            }
            if indices.len() as u64 == size {
                assert_eq!(proof.nodes, []);
            }
        }
    }
}

#[test]
fn a_frontier_has_its_trees_root_at_every_size_and_survives_its_encoding() {
    for hash in TreeHash::ALL {
        let all = leaves(hash, 130);
        let mut frontier = Frontier::new(hash);
        for size in 0..=130 {
            assert_eq!(frontier.head(), Tree::new(hash, all[..size].to_vec()).head());
            assert_eq!(Frontier::decode(&frontier.encode()), Ok(frontier.clone()));
            if let Some(leaf) = all.get(size) {
                frontier.push(*leaf);
            }
        }
    }
}

/// A tree all of whose leaves are equal, which can be as large as a u64 counts.
struct UniformTree {
    hash: TreeHash,
    size: u64,
    /// The root of 2^i leaves.
    complete: Vec<Digest>,
}

impl UniformTree {
    fn new(hash: TreeHash, size: u64) -> Self {
        let complete = std::iter::successors(Some(hash.leaf(b"")), |node| Some(hash.parent(node, node)));
        Self { hash, size, complete: complete.take(64).collect() }
    }

    /// The root of `count` leaves, by the definition.
    fn root(&self, count: u64) -> Digest {
        if count.is_power_of_two() {
            return self.complete[count.ilog2() as usize];
        }
        let below = count.ilog2();
        self.hash.parent(&self.complete[below as usize], &self.root(count - (1 << below)))
    }

    fn node(&self, node: Node) -> Digest {
        let first = node.index << node.level;
        self.root((self.size - first).min(1 << node.level))
    }

    fn head(&self) -> TreeHead {
        TreeHead { hash: self.hash, size: self.size, root: self.root(self.size) }
    }
}

#[test]
fn proofs_hold_in_trees_near_2_to_the_63_and_up_to_the_largest_u64() {
    let hash = TreeHash::Blake3;
    let top = 1u64 << 63;
    for size in [top - 1, top, top + 1, top + (1 << 40) + 5, u64::MAX - 1, u64::MAX] {
        let tree = UniformTree::new(hash, size);
        let indices = [0, 1, 1 << 32, top - 2, size / 3, size - 2, size - 1];
        for index in indices {
            let proof = InclusionProof::build(hash, index, size, |node| tree.node(node)).unwrap();
            assert_eq!(proof.verify(&tree.head(), &tree.complete[0]), Ok(()), "{index} of {size}");
            assert_eq!(InclusionProof::decode(&proof.encode()), Ok(proof));
        }
        for old in [1, 2, 3, top - 1, size / 3, size - 1, size] {
            let proof = ConsistencyProof::build(hash, old, size, |node| tree.node(node)).unwrap();
            let past = TreeHead { hash, size: old, root: tree.root(old) };
            assert_eq!(proof.verify(&past, &tree.head()), Ok(()), "{old} of {size}");
            assert_eq!(ConsistencyProof::decode(&proof.encode()), Ok(proof));
        }
        let proof = MultiProof::build(hash, &indices, size, |node| tree.node(node)).unwrap();
        let named = vec![tree.complete[0]; proof.indices.len()];
        assert_eq!(proof.verify(&tree.head(), &named), Ok(()));
    }
}

#[test]
fn a_frontier_near_2_to_the_63_goes_on_growing() {
    let hash = TreeHash::Sha256;
    let size = (1u64 << 63) - 1;
    let tree = UniformTree::new(hash, size);
    let mut bytes = Frontier::new(hash).encode()[..2].to_vec();
    bytes.extend(size.to_le_bytes());
    bytes.extend(63u32.to_le_bytes());
    tree.complete[..63].iter().rev().for_each(|peak| bytes.extend(peak.0));
    let mut frontier = Frontier::decode(&bytes).unwrap();
    for grown in size..size + 3 {
        assert_eq!(frontier.head(), TreeHead { hash, size: grown, root: tree.root(grown) });
        frontier.push(tree.complete[0]);
    }
}

#[test]
fn a_proof_about_another_tree_says_which() {
    let [blake3, sha256] = TreeHash::ALL.map(|hash| Tree::new(hash, leaves(hash, 7)));
    let all = leaves(TreeHash::Blake3, 7);
    let proof = blake3.inclusion(3).unwrap();
    let other_hash = ProofError::OtherHash { expected: TreeHash::Sha256, found: TreeHash::Blake3 };
    assert_eq!(proof.verify(&sha256.head(), &all[3]), Err(other_hash));
    // The size belongs to what is trusted: with the root alone, the last of seven leaves would pass for the last of four.
    let forged = InclusionProof { index: 3, size: 4, ..blake3.inclusion(6).unwrap() };
    assert_eq!(forged.root(&all[6]), Ok(blake3.root()));
    assert_eq!(forged.verify(&blake3.head(), &all[6]), Err(ProofError::OtherSize { expected: 7, found: 4 }));
}

/// A size, a past size and some indices of it.
fn shapes() -> impl Strategy<Value = (TreeHash, usize, usize, Vec<u64>)> {
    (1usize..200).prop_flat_map(|size| {
        let hash = prop::sample::select(&TreeHash::ALL[..]);
        let indices = prop::collection::vec(0..size as u64, 1..12);
        (hash, Just(size), 1..=size, indices)
    })
}

proptest! {
    #[test]
    fn whatever_bit_of_a_proof_flips_it_does_not_verify((hash, size, old_size, indices) in shapes(), at in any::<prop::sample::Index>()) {
        let all = leaves(hash, size);
        let tree = Tree::new(hash, all.clone());
        let past = Tree::new(hash, all[..old_size].to_vec());
        let flipped = |mut bytes: Vec<u8>| {
            let bit = at.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            bytes
        };

        let leaf = all[indices[0] as usize];
        let proof = tree.inclusion(indices[0]).unwrap();
        prop_assert_eq!(proof.verify(&tree.head(), &leaf), Ok(()));
        if let Ok(proof) = InclusionProof::decode(&flipped(proof.encode())) {
            prop_assert!(proof.verify(&tree.head(), &leaf).is_err());
        }

        let proof = tree.consistency(old_size as u64).unwrap();
        prop_assert_eq!(proof.verify(&past.head(), &tree.head()), Ok(()));
        if let Ok(proof) = ConsistencyProof::decode(&flipped(proof.encode())) {
            prop_assert!(proof.verify(&past.head(), &tree.head()).is_err());
        }

        let proof = tree.multiproof(&indices).unwrap();
        let named: Vec<Digest> = proof.indices.iter().map(|i| all[*i as usize]).collect();
        prop_assert_eq!(proof.verify(&tree.head(), &named), Ok(()));
        if let Ok(proof) = MultiProof::decode(&flipped(proof.encode())) {
            prop_assert!(proof.verify(&tree.head(), &named).is_err());
        }
    }

    #[test]
    fn whatever_bit_of_a_leaf_or_of_a_root_flips_nothing_verifies((hash, size, old_size, indices) in shapes(), bit in 0usize..256) {
        let all = leaves(hash, size);
        let tree = Tree::new(hash, all.clone());
        let past = Tree::new(hash, all[..old_size].to_vec());
        let flip = |mut digest: Digest| {
            digest.0[bit / 8] ^= 1 << (bit % 8);
            digest
        };
        let spoiled = |head: TreeHead| TreeHead { root: flip(head.root), ..head };

        let leaf = all[indices[0] as usize];
        let proof = tree.inclusion(indices[0]).unwrap();
        prop_assert!(proof.verify(&tree.head(), &flip(leaf)).is_err());
        prop_assert!(proof.verify(&spoiled(tree.head()), &leaf).is_err());

        let proof = tree.consistency(old_size as u64).unwrap();
        prop_assert!(proof.verify(&spoiled(past.head()), &tree.head()).is_err());
        prop_assert!(proof.verify(&past.head(), &spoiled(tree.head())).is_err());

        let proof = tree.multiproof(&indices).unwrap();
        let mut named: Vec<Digest> = proof.indices.iter().map(|i| all[*i as usize]).collect();
        let one = bit % named.len();
        named[one] = flip(named[one]);
        prop_assert!(proof.verify(&tree.head(), &named).is_err());
    }

    #[test]
    fn a_multiproof_does_not_depend_on_the_order_of_the_question_and_is_never_longer_than_single_proofs(
        (hash, size, _, indices) in shapes()
    ) {
        let tree = Tree::new(hash, leaves(hash, size));
        let proof = tree.multiproof(&indices).unwrap();
        let backwards: Vec<u64> = indices.iter().rev().chain(&indices).copied().collect();
        prop_assert_eq!(tree.multiproof(&backwards).unwrap(), proof.clone());
        let single: usize = proof.indices.iter().map(|i| tree.inclusion(*i).unwrap().path.len()).sum();
        prop_assert!(proof.nodes.len() <= single);
    }
}
