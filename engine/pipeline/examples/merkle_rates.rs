//! How fast trees are built, against the raw rate of the hash in the same run.
//!
//! `cargo run --release -p quorate-pipeline --example merkle_rates [log2 of the leaves, 20] [rounds, 9]`
//!
//! One thread, in process, 64-byte records. Each round runs every line once, so that a disturbance hits all alike; a
//! line shows the median over the rounds of its compressions a second and of its ratio to the raw line above it *in the
//! same round*. A BLAKE3 node is one compression, a SHA-256 node two. The raw lines:
//!
//! - `hash_many, cached`: BLAKE3's many-at-a-time function over the same 256 blocks again and again;
//! - `hash_many, streamed`: the same over as many different blocks as the tree has nodes, each digest written out;
//! - `compress256, one state`: SHA-256's block function over one long message (the same 1024 blocks again and again);
//! - `compress256, independent`: the same, two blocks to a message, each message with a state of its own.

use std::hint::black_box;
use std::time::Instant;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use quorate_core::hash::{Digest, PARENT_KEY, TreeHash};
use quorate_pipeline::merkle::{Kernel, Leaves, Levels, RootBuilder, Threads};
use sha2::block_api::compress256;

type Block = [u8; 64];

struct Line<'a> {
    name: String,
    compressions: usize,
    run: Box<dyn FnMut() + 'a>,
    seconds: Vec<f64>,
}

impl<'a> Line<'a> {
    fn new(name: impl Into<String>, compressions: usize, run: impl FnMut() + 'a) -> Self {
        Self { name: name.into(), compressions, run: Box::new(run), seconds: Vec::new() }
    }

    fn rates(&self) -> impl Iterator<Item = f64> {
        self.seconds.iter().map(|seconds| self.compressions as f64 / seconds)
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse().expect("a number"));
    let leaves = 1usize << arguments.next().unwrap_or(20);
    let rounds = arguments.next().unwrap_or(9);
    let nodes = 2 * leaves - 1;
    let blocks: Vec<Block> = (0..2 * leaves as u64).map(|i| bytemuck::cast([i.wrapping_mul(0x9e37_79b9_7f4a_7c15); 8])).collect();
    println!("{leaves} leaves of 64 bytes, {rounds} rounds, one thread, kernel by default: {:?}", Kernel::detect());

    let (mut cached_out, mut streamed_out) = ([Digest::ZERO; 256], vec![Digest::ZERO; nodes]);
    let mut lines = vec![
        Line::new("hash_many, cached", nodes.div_ceil(256) * 256, || {
            (0..nodes.div_ceil(256)).for_each(|_| hash_many(&blocks[..256], &mut cached_out))
        }),
        Line::new("hash_many, streamed", nodes, || {
            blocks.chunks(256).zip(streamed_out.chunks_mut(256)).for_each(|(blocks, out)| hash_many(&blocks[..out.len()], out));
        }),
    ];
    trees(&mut lines, TreeHash::Blake3, &blocks[..leaves], nodes);
    report(lines, 2, rounds);

    let runs = (2 * nodes).div_ceil(1024);
    let lines_of = |blocks: usize, messages: usize| vec![vec![[7u8; 64]; blocks]; messages];
    let (long, short) = (lines_of(1024, 1), lines_of(2, 512));
    let mut lines = vec![
        Line::new("compress256, one state", 1024 * runs, || compress_all(&long, runs)),
        Line::new("compress256, independent", 1024 * runs, || compress_all(&short, runs)),
    ];
    trees(&mut lines, TreeHash::Sha256, &blocks[..leaves], 2 * nodes);
    report(lines, 2, rounds);
}

fn hash_many(blocks: &[Block], out: &mut [Digest]) {
    let mut inputs = [&blocks[0]; 256];
    inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
    let out = bytemuck::cast_slice_mut(out);
    let key = &bytemuck::cast(PARENT_KEY);
    Platform::detect().hash_many(&inputs[..blocks.len()], key, 0, IncrementCounter::No, 16, 1, 10, out);
}

fn compress_all(messages: &[Vec<Block>], times: usize) {
    let mut state = [0; 8];
    for _ in 0..times {
        for message in messages {
            if messages.len() > 1 {
                state = [0; 8];
            }
            compress256(&mut state, message);
            black_box(&state);
        }
    }
}

/// Adds a line for each kernel and output.
fn trees<'a>(lines: &mut Vec<Line<'a>>, hash: TreeHash, records: &'a [Block], compressions: usize) {
    for kernel in Kernel::available() {
        let mut builder = RootBuilder::with_kernel(kernel, Threads::One);
        lines.push(Line::new(format!("{hash} root, {kernel:?}"), compressions, move || {
            black_box(builder.root(hash, Leaves::Records(records)));
        }));
        let mut levels = Levels::with_kernel(kernel, Threads::One);
        lines.push(Line::new(format!("{hash} all levels, {kernel:?}"), compressions, move || {
            levels.build(hash, Leaves::Records(records));
            black_box(levels.head());
        }));
    }
}

/// Runs all lines in turn and prints them, with their ratios to each of the first `raw`.
fn report(mut lines: Vec<Line<'_>>, raw: usize, rounds: usize) {
    for round in 0..=rounds {
        for line in &mut lines {
            let start = Instant::now();
            (line.run)();
            // The first round warms up.
            if round > 0 {
                line.seconds.push(start.elapsed().as_secs_f64());
            }
        }
    }
    println!();
    for line in &lines {
        print!("{:32} {:8.1} M compressions/s", line.name, median(line.rates()) / 1e6);
        for against in &lines[..raw] {
            let ratio = median(line.rates().zip(against.rates()).map(|(rate, raw)| rate / raw));
            print!("   {ratio:5.2} × {}", against.name);
        }
        println!();
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
