//! Acknowledgements of 10,000 partitions of 5 voters, taken in and decided.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use quorate::benchmark::cumulative::Partitions;
use quorate_benches::{backend, quick, timed};

fn cumulative(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cumulative");
    let mut partitions = Partitions::new(backend()).expect("room for all partitions");
    group.throughput(Throughput::Elements(partitions.len() as u64));
    group.bench_function("acks", |bencher| {
        bencher.iter_custom(|times| {
            let run = |partitions: &mut Partitions| partitions.run().expect("every partition moves");
            timed(times, &mut partitions, Partitions::advance, run, |_| {})
        });
    });
    group.finish();
}

criterion_group!(name = benches; config = quick(); targets = cumulative);
criterion_main!(benches);
