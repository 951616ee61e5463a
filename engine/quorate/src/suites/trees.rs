//! A backend's merkle stage against the scalar trees of `quorate_core`: every node of every level.

use quorate_core::hash::{Digest, TreeHash};
use quorate_core::merkle::Tree;
use quorate_pipeline::Backend;
use quorate_pipeline::conformance::{Seeded, Verdict};
use quorate_pipeline::layout::Buffer;
use quorate_pipeline::recording::{Command, Recording};
use quorate_pipeline::stages::{Stage, merkle};

use super::Bench;

/// Sizes at which something ends: a pair, a level, the lanes, a chunk; and some in between.
fn sizes() -> impl Iterator<Item = usize> {
    (0..=70).chain([127, 128, 129, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 4097, 10_007])
}

/// Checks the stage on trees of many sizes, a case each.
pub(super) fn check(bench: &Bench<'_>, hash: TreeHash, verdict: &mut Verdict) {
    let mut backend = bench.backend();
    let mut rng = Seeded::new(bench.seed);
    let most = sizes().max().unwrap_or(0);
    let records: Vec<[u8; 64]> = (0..most)
        .map(|_| {
            let mut record = [0; 64];
            record[..32].copy_from_slice(&rng.bytes32());
            record[32..].copy_from_slice(&rng.bytes32());
            record
        })
        .collect();
    for size in sizes() {
        let result = compare(&mut *backend, hash, &records[..size]);
        verdict.case(result.map_err(|what| format!("{hash} tree of {size} records: {what}")));
    }
}

fn compare(backend: &mut dyn Backend, hash: TreeHash, records: &[[u8; 64]]) -> Result<(), String> {
    let mut recording = Recording::new(false);
    recording.push(Command::Upload { to: Buffer::Leaves, bytes: records.as_flattened() });
    recording.push(Command::Dispatch { stage: Stage::Merkle, items: records.len(), parameter: hash.code() });
    let nodes = merkle::node_count(records.len());
    recording.push(Command::Download { from: Buffer::Nodes, bytes: nodes * size_of::<Digest>() });
    backend.execute(&recording).map_err(|error| error.to_string())?;
    let found = backend.downloaded(Buffer::Nodes);
    let tree = Tree::of_data(hash, records);
    let mut expected: Vec<Digest> = tree.levels().concat();
    if expected.is_empty() {
        expected.push(tree.root());
    }
    if found.len() < nodes * size_of::<Digest>() {
        return Err(format!("{} bytes of nodes; expected {}", found.len(), nodes * size_of::<Digest>()));
    }
    let differs = expected.iter().zip(found.chunks_exact(size_of::<Digest>())).position(|(expected, found)| expected.0 != found);
    differs.map_or(Ok(()), |at| Err(format!("node {at} differs from the scalar tree's")))
}
