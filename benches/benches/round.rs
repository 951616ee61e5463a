//! Whole rounds, one at a time: opened, filled, run to their decision, and closed.

use criterion::{Criterion, criterion_group, criterion_main};
use quorate::benchmark::world::{Crowd, World};
use quorate_benches::{backend, quick};

fn round(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("round");
    let crowd = Crowd { voters: 4, rounds: 1, shuffled: false, weighted: false, noisy: false };
    let worlds = [
        ("4 unsigned", World::unsigned(backend(), crowd)),
        ("4 signed", World::signed(backend(), 4, 1)),
        ("100 signed", World::signed(backend(), 100, 1)),
    ];
    for (name, world) in worlds {
        let mut world = world.expect("a world");
        group.bench_function(name, |bencher| bencher.iter(|| world.decide().expect("a decision")));
    }
    group.finish();
}

criterion_group!(name = benches; config = quick(); targets = round);
criterion_main!(benches);
