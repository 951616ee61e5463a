//! Trees over 64-byte records, with every kernel that this processor has: the root alone, and all levels. An element is a
//! compression: a BLAKE3 node is one, a SHA-256 node two.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quorate_benches::quick;
use quorate_core::hash::TreeHash;
use quorate_pipeline::merkle::{Kernel, Leaves, Levels, RootBuilder, Threads};

const LEAVES: usize = 1 << 16;

fn merkle(criterion: &mut Criterion) {
    let mut records = vec![[0u8; 64]; LEAVES];
    for (nth, record) in (0u64..).zip(&mut records) {
        record[..8].copy_from_slice(&nth.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    }
    for hash in TreeHash::ALL {
        let mut group = criterion.benchmark_group(format!("merkle/{hash}"));
        let nodes = 2 * LEAVES as u64 - 1;
        group.throughput(Throughput::Elements(if hash == TreeHash::Sha256 { 2 * nodes } else { nodes }));
        for kernel in Kernel::available() {
            let mut builder = RootBuilder::with_kernel(kernel, Threads::One);
            group.bench_function(BenchmarkId::new("root", format!("{kernel:?}")), |bencher| {
                bencher.iter(|| black_box(builder.root(hash, Leaves::Records(&records))));
            });
            let mut levels = Levels::with_kernel(kernel, Threads::One);
            group.bench_function(BenchmarkId::new("all levels", format!("{kernel:?}")), |bencher| {
                bencher.iter(|| {
                    levels.build(hash, Leaves::Records(&records));
                    black_box(levels.head());
                });
            });
        }
        group.finish();
    }
}

criterion_group!(name = benches; config = quick(); targets = merkle);
criterion_main!(benches);
