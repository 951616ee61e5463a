//! decode, aggregate and quorum of unsigned votes in one pass: rounds are opened before and closed after the clock runs.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quorate::benchmark::world::{Crowd, World};
use quorate_benches::{backend, quick, timed};

fn aggregate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("aggregate");
    for (voters, rounds) in [(4, 16_384), (100, 656), (1_000, 66), (65_536, 1)] {
        for (weighted, weights) in [(false, "uniform"), (true, "weighted")] {
            let crowd = Crowd { voters, rounds, shuffled: false, weighted, noisy: true };
            let mut world = World::unsigned(backend(), crowd).expect("a crowd");
            group.throughput(Throughput::Elements(world.votes() as u64));
            group.bench_function(BenchmarkId::new(weights, voters), |bencher| {
                bencher.iter_custom(|times| {
                    let open = |world: &mut World| world.open().expect("there is room");
                    let run = |world: &mut World| world.run().expect("the batch is sound");
                    let close = |world: &mut World| world.close().expect("the rounds are open");
                    timed(times, &mut world, open, run, close)
                });
            });
        }
    }
    group.finish();
}

criterion_group!(name = benches; config = quick(); targets = aggregate);
criterion_main!(benches);
