//! The fast trees are the reference's trees, on every kernel of this processor, bit for bit.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::{Frontier, Tree};
use quorate_pipeline::merkle::{Kernel, Levels, RootBuilder, Threads};

/// Records that are all different and use every byte.
fn records(count: usize) -> Vec<[u8; 64]> {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut word = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
    };
    (0..count).map(|_| std::array::from_fn::<_, 8, _>(|_| word())).map(bytemuck::cast).collect()
}

/// Sizes at which something ends: a pair, the lanes, a chunk, a pass; and some in between.
const LARGE_SIZES: [usize; 13] = [511, 512, 513, 1023, 1024, 1025, 4_095, 4_097, 8_209, 16_384, 16_385, 65_537, 140_003];

fn each_kernel(mut test: impl FnMut(Kernel, Threads, TreeHash)) {
    for kernel in Kernel::available() {
        for threads in [Threads::One, Threads::Pool] {
            for hash in TreeHash::ALL {
                test(kernel, threads, hash);
            }
        }
    }
}

#[test]
fn every_size_up_to_300_gives_the_reference_tree_from_records_and_from_hashes() {
    let all = records(300);
    each_kernel(|kernel, threads, hash| {
        let mut builder = RootBuilder::with_kernel(kernel, threads);
        let mut levels = Levels::with_kernel(kernel, threads);
        for size in 0..=300 {
            let tree = Tree::of_data(hash, &all[..size]);
            assert_eq!(builder.head(hash, &all[..size]), tree.head(), "{kernel:?} {hash} {size} records");
            assert_eq!(builder.head(hash, &tree.levels()[0][..]), tree.head(), "{kernel:?} {hash} {size} hashes");
            for from_hashes in [false, true] {
                if from_hashes {
                    levels.build(hash, &tree.levels()[0][..]);
                } else {
                    levels.build(hash, &all[..size]);
                }
                assert_eq!(levels.level_count(), tree.levels().len());
                for (i, level) in tree.levels().iter().enumerate() {
                    assert_eq!(levels.level(i), level, "{kernel:?} {hash} {size} level {i}");
                }
                assert_eq!(levels.head(), tree.head());
            }
        }
    });
}

#[test]
fn large_sizes_give_the_reference_tree_and_its_proofs() {
    let all = records(140_003);
    for hash in TreeHash::ALL {
        let leaves: Vec<Digest> = all.iter().map(|record| hash.leaf(record)).collect();
        for size in LARGE_SIZES {
            let tree = Tree::new(hash, leaves[..size].to_vec());
            each_kernel(|kernel, threads, which| {
                if which != hash {
                    return;
                }
                let mut levels = Levels::with_kernel(kernel, threads);
                levels.build(hash, &all[..size]);
                for (i, level) in tree.levels().iter().enumerate() {
                    assert!(levels.level(i) == level, "{kernel:?} {hash} {size} level {i}");
                }
                let mut builder = RootBuilder::with_kernel(kernel, threads);
                assert_eq!(builder.head(hash, &all[..size]), tree.head());
                assert_eq!(builder.head(hash, &leaves[..size]), tree.head());
                levels.build(hash, &leaves[..size]);
                let (size, middle) = (size as u64, size as u64 / 3);
                assert_eq!(levels.inclusion(middle), tree.inclusion(middle));
                assert_eq!(levels.consistency(middle), tree.consistency(middle));
                let some = [0, middle, size - 1];
                assert_eq!(levels.multiproof(&some), tree.multiproof(&some));
                assert_eq!(levels.inclusion(size), tree.inclusion(size));
            });
        }
    }
}

#[test]
fn a_tree_that_was_larger_before_leaves_nothing_behind() {
    let all = records(5_000);
    each_kernel(|kernel, threads, hash| {
        let mut levels = Levels::with_kernel(kernel, threads);
        let mut builder = RootBuilder::with_kernel(kernel, threads);
        for size in [5_000, 7, 0, 1, 300, 2] {
            let mut frontier = Frontier::new(hash);
            all[..size].iter().for_each(|record| frontier.push(hash.leaf(record)));
            levels.build(hash, &all[..size]);
            assert_eq!(levels.head(), frontier.head());
            assert_eq!(builder.head(hash, &all[..size]), frontier.head());
        }
    });
}

#[test]
fn one_wrong_bit_anywhere_in_the_leaves_changes_the_root_on_every_kernel() {
    let good = records(600);
    each_kernel(|kernel, threads, hash| {
        let mut builder = RootBuilder::with_kernel(kernel, threads);
        let root = builder.root(hash, &good[..]);
        for at in (0..600).step_by(7) {
            let mut bad = good.clone();
            bad[at][at % 64] ^= 1 << (at % 8);
            assert_ne!(builder.root(hash, &bad[..]), root, "record {at}");
        }
    });
}
