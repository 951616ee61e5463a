//! Signatures by known keys with tables of every shape, by forgers, a few at a time, and by unknown keys, with every instruction set
//! that this processor has.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use quorate::benchmark::world::{SignedVote, World};
use quorate_benches::{backend, quick};
use quorate_pipeline::Isa;
use quorate_pipeline::ed25519::{KeyTables, KnownClaim, Shape, UnknownClaim, verify_known, verify_unknown};

/// Voters a round, and rounds a call.
const CALLS: [(usize, usize); 3] = [(4, 256), (100, 11), (1_000, 2)];

fn known_claims(votes: &[SignedVote]) -> Vec<KnownClaim<'_>> {
    votes.iter().map(|vote| KnownClaim { key: u32::from(vote.voter), signature: &vote.signature.0, message: &vote.message }).collect()
}

fn known(criterion: &mut Criterion) {
    for (voters, rounds) in CALLS {
        let mut group = criterion.benchmark_group(format!("verify/known/{voters} voters"));
        let world = World::signed(backend(), voters, rounds).expect("signers");
        let (keys, votes) = (world.keys(), world.signed_votes());
        let claims = known_claims(&votes);
        let mut verdicts = vec![false; claims.len()];
        group.throughput(Throughput::Elements(claims.len() as u64));
        let mut run = |name: &str, tables: &KeyTables, claims: &[KnownClaim<'_>], good: bool| {
            // Before it is timed, since a filter may leave it out.
            verify_known(tables, claims, &mut verdicts[..claims.len()]);
            assert!(verdicts[..claims.len()].iter().all(|&verdict| verdict == good));
            group.bench_function(name, |bencher| bencher.iter(|| verify_known(tables, black_box(claims), &mut verdicts[..claims.len()])));
        };
        let chosen = Shape::best_within(voters, usize::MAX);
        for shape in Shape::all().filter(|shape| shape.phases() < 8) {
            let tables = KeyTables::build_shape(&keys, Some(shape), Isa::detect());
            let mark = if Some(shape) == chosen { ", chosen" } else { "" };
            run(&format!("width {}, phases {}{mark}", shape.width(), shape.phases()), &tables, &claims, true);
        }
        for &isa in Isa::available() {
            run(isa.name(), &KeyTables::build_shape(&keys, chosen, isa), &claims, true);
        }
        let mut forged = votes.clone();
        forged.iter_mut().for_each(|vote| vote.signature.0[40] ^= 1);
        run("all forged", &KeyTables::build_shape(&keys, chosen, Isa::detect()), &known_claims(&forged), false);
        group.finish();
    }
}

fn four(criterion: &mut Criterion) {
    let world = World::signed(backend(), 4, 1).expect("signers");
    let votes = world.signed_votes();
    let (claims, tables) = (known_claims(&votes), KeyTables::build(&world.keys(), usize::MAX, Isa::detect()));
    let mut verdicts = [false; 4];
    criterion.bench_function("verify/4 signatures in a call", |bencher| {
        bencher.iter(|| verify_known(&tables, black_box(&claims), &mut verdicts));
    });
}

fn tables(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify/tables");
    let keys = World::signed(backend(), 100, 1).expect("signers").keys();
    group.throughput(Throughput::Elements(keys.len() as u64));
    for shape in Shape::all().filter(|shape| shape.phases() == 2) {
        group.bench_function(BenchmarkId::from_parameter(format!("width {}, phases 2", shape.width())), |bencher| {
            bencher.iter(|| KeyTables::build_shape(black_box(&keys), Some(shape), Isa::detect()));
        });
    }
    group.finish();
}

fn unknown(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify/unknown");
    let votes = World::signed(backend(), 100, 11).expect("signers").signed_votes();
    let claims: Vec<UnknownClaim<'_>> =
        votes.iter().map(|vote| UnknownClaim { key: &vote.key, signature: &vote.signature.0, message: &vote.message }).collect();
    let mut verdicts = vec![false; claims.len()];
    group.throughput(Throughput::Elements(claims.len() as u64));
    for &isa in Isa::available() {
        group.bench_function(isa.name(), |bencher| bencher.iter(|| verify_unknown(isa, black_box(&claims), &mut verdicts)));
    }
    group.finish();
}

criterion_group!(name = benches; config = quick(); targets = known, four, tables, unknown);
criterion_main!(benches);
