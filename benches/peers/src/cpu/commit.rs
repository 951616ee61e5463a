//! Raft's commit index for many partitions: our cumulative rounds beside raft's `MajorityConfig`.
//!
//! 10,000 partitions of five voters, all with the same five. `quorum`: every voter's index is already in its place on both
//! sides, and only the index that a majority holds is asked for. `acks`: each call first records a new index from each voter.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::hint::black_box;

use fxhash::FxHasher;
use raft::{MajorityConfig, Progress};

use super::Numbers;
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

const PARTITIONS: usize = 10_000;
const VOTERS: usize = 5;

/// raft's own map from voters to their progress, with its own hasher.
type Tracked = HashMap<u64, Progress, BuildHasherDefault<FxHasher>>;

pub(super) fn run(format: Format) {
    let peer = format!("{} MajorityConfig::committed_index", versioned("raft"));
    let mut numbers = Numbers(5);
    let indices: Vec<[u64; VOTERS]> = (0..PARTITIONS).map(|_| std::array::from_fn(|_| 1_000 + numbers.next() % 1_000)).collect();
    let config = MajorityConfig::new((1..=VOTERS as u64).collect::<HashSet<_, _>>());
    let mut partitions: Vec<Tracked> = indices.iter().map(tracked).collect();
    for (partition, indices) in partitions.iter().zip(&indices) {
        assert_eq!(config.committed_index(false, partition).0, held_by_majority(*indices), "the rival computes something else");
    }

    let shape = format!("{PARTITIONS} partitions of {VOTERS} voters");
    let what = Comparison { stage: "quorum", variant: "quorum", shape: &shape, unit: "partitions/s", peer: &peer };
    let asked = Side::new(PARTITIONS, || {
        for partition in &partitions {
            black_box(config.committed_index(false, partition));
        }
    });
    line(format, &what, compare(None, asked));

    let mut later = 0;
    let recorded = Side::new(PARTITIONS, || {
        later += 1_000;
        for (partition, indices) in partitions.iter_mut().zip(&indices) {
            for (voter, index) in (1..).zip(indices) {
                if let Some(progress) = partition.get_mut(&voter) {
                    black_box(progress.maybe_update(index + later));
                }
            }
            black_box(config.committed_index(false, partition));
        }
    });
    let peer = format!("{} Progress::maybe_update, MajorityConfig::committed_index", versioned("raft"));
    let what = Comparison { variant: "acks", peer: &peer, ..what };
    line(format, &what, compare(None, recorded));
}

fn tracked(indices: &[u64; VOTERS]) -> Tracked {
    let progress = |&index: &u64| {
        let mut progress = Progress::new(1, 1);
        progress.matched = index;
        progress
    };
    (1..).zip(indices.iter().map(progress)).collect()
}

fn held_by_majority(mut indices: [u64; VOTERS]) -> u64 {
    indices.sort_unstable();
    indices[VOTERS / 2]
}
