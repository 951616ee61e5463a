//! Trees over 64-byte records, beside the raw rate of the hash in the same run.
//!
//! A BLAKE3 node is one compression, a SHA-256 node two. The raw hashes are yardsticks rather than limits: a tree that keeps more hashes
//! in flight than they do is faster than they are.

use miette::{IntoDiagnostic, Result};
use quorate_core::hash::TreeHash;
use quorate_pipeline::layout::Buffer;
use quorate_pipeline::merkle::{Kernel, Leaves, RootBuilder, Threads};
use quorate_pipeline::recording::{Command, Recording};
use quorate_pipeline::stages::Stage;
use quorate_pipeline::stages::merkle::node_count;
use std::hint::black_box;

use super::Bench;
use super::limits;
use super::line::{Target, Unit, What, count};
use super::pairwise::{Side, measure};

const LEAVES: usize = 1 << 20;

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    for hash in TreeHash::ALL {
        line(bench, hash)?;
    }
    Ok(())
}

fn line(bench: &mut Bench<'_>, hash: TreeHash) -> Result<()> {
    let mut backend = bench.begin()?;
    let nodes = node_count(LEAVES);
    // As many blocks as there are nodes, of which the first are the leaves.
    let blocks: Vec<[u8; 64]> = (0..nodes as u64).map(|nth| bytemuck::cast([nth.wrapping_mul(0x9e37_79b9_7f4a_7c15); 8])).collect();
    let leaves = &blocks[..LEAVES];
    // Each node, and a part of it that the limit can do in a slice.
    let (compressions, sample) = if hash == TreeHash::Blake3 { (nodes, 1 << 14) } else { (2 * nodes, 1 << 13) };
    let mut build = || {
        let mut recording = Recording::new(false);
        recording.push(Command::Upload { to: Buffer::Leaves, bytes: leaves.as_flattened() });
        recording.push(Command::Dispatch { stage: Stage::Merkle, items: LEAVES, parameter: hash.code() });
        recording.push(Command::Download { from: Buffer::Nodes, bytes: 32 * nodes });
        backend.execute(&recording).into_diagnostic()?;
        black_box(backend.downloaded(Buffer::Nodes));
        Ok(())
    };
    let (limit, other) = if hash == TreeHash::Blake3 {
        (
            "raw hash_many, the same 256 blocks of 64 bytes again and again",
            "yardstick: raw hash_many over as many blocks as there are nodes",
        )
    } else {
        ("raw compress256 of one long message", "yardstick: raw compress256, two blocks a message")
    };
    let raw = || if hash == TreeHash::Blake3 { limits::hash_many(&blocks[..256], sample) } else { limits::compress(1024, sample) };
    let rates = measure(bench.plan, Side::new(compressions, &mut build), Some(raw()))?;
    let mut builder = RootBuilder::new(Threads::One);
    let root = || {
        black_box(builder.root(hash, Leaves::Records(leaves)));
        Ok(())
    };
    let root = measure(bench.plan, Side::new(compressions, root), Some(raw()))?;
    let yardstick = if hash == TreeHash::Blake3 { limits::hash_many(&blocks, nodes) } else { limits::compress(2, sample) };
    let yardstick = measure(bench.plan, yardstick, Some(raw()))?;
    let what = What {
        stage: "merkle",
        variant: hash.name(),
        shape: &format!("{} leaves of 64 bytes, all levels kept", count(LEAVES)),
        unit: Unit::PerSecond("compressions/s"),
        limit: Some(limit),
        clock: "from records to the levels of the tree, one thread",
        target: Some(Target::Ratio(if hash == TreeHash::Blake3 { 0.6 } else { 0.8 })),
    };
    let line = bench
        .line(&what, rates)
        .beside("root", "the root alone, nothing below it kept", root)
        .beside("raw", other, yardstick)
        .with("kernel", format!("{:?}", Kernel::detect()))
        .with("pipeline_memory_bytes", backend.memory_bytes());
    bench.write(&what, &line)
}
