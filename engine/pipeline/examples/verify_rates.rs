//! Signature verifications a second on one core, beside the peer's batch verifier, measured in the same run.
//!
//! Clock: in process, from encoded signatures and messages to verdicts. Each figure is the median of alternating rounds.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey, verify_batch};
use quorate_pipeline::ed25519::{
    Isa, KeyTables, KnownClaim, Shape, UnknownClaim, madd52_ceiling, madd52_per_group, verify_known, verify_unknown,
};
use std::hint::black_box;
use std::time::Instant;

/// Signatures a call, and bytes a message.
const BATCH: usize = 1024;
const MESSAGE: usize = 168;

struct Ballot {
    voter: u32,
    key: [u8; 32],
    parsed: VerifyingKey,
    message: [u8; MESSAGE],
    signature: Signature,
    bytes: [u8; 64],
}

fn ballots(voters: usize) -> Vec<Ballot> {
    let signers: Vec<SigningKey> = (0..voters)
        .map(|i| {
            let mut seed = [7; 32];
            seed[..8].copy_from_slice(&(i as u64).to_le_bytes());
            SigningKey::from_bytes(&seed)
        })
        .collect();
    (0..BATCH)
        .map(|i| {
            let voter = i * 7 % voters;
            let mut message = [9; MESSAGE];
            message[..8].copy_from_slice(&(i as u64).to_le_bytes());
            let signature = signers[voter].sign(&message);
            let parsed = signers[voter].verifying_key();
            Ballot { voter: voter as u32, key: parsed.to_bytes(), parsed, message, signature, bytes: signature.to_bytes() }
        })
        .collect()
}

/// A name, and one call of what it stands for.
type Contestant<'a> = (String, Box<dyn FnMut() + 'a>);

/// Nanoseconds of one run.
fn time(mut run: impl FnMut()) -> f64 {
    let start = Instant::now();
    run();
    start.elapsed().as_nanos() as f64
}

/// Runs all contestants in turn, `rounds` times, and returns the median and the least nanoseconds of each.
fn race(rounds: usize, contestants: &mut [Contestant<'_>]) -> Vec<(f64, f64)> {
    let mut times = vec![Vec::new(); contestants.len()];
    for round in 0..rounds + 2 {
        for ((_, run), times) in contestants.iter_mut().zip(&mut times) {
            let nanoseconds = time(run);
            if round >= 2 {
                times.push(nanoseconds);
            }
        }
    }
    times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            (times[times.len() / 2], times[0])
        })
        .collect()
}

fn known<'a>(ballots: &'a [Ballot]) -> Vec<KnownClaim<'a>> {
    ballots.iter().map(|b| KnownClaim { key: b.voter, signature: &b.bytes, message: &b.message }).collect()
}

fn all_true(verdicts: &[bool]) {
    assert!(verdicts.iter().all(|verdict| *verdict));
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let rounds = if quick { 15 } else { 41 };
    for voters in [100, 1000] {
        let ballots = ballots(voters);
        let keys: Vec<[u8; 32]> =
            (0..voters as u32).map(|voter| ballots.iter().find(|b| b.voter == voter).expect("everyone votes").key).collect();
        let messages: Vec<&[u8]> = ballots.iter().map(|b| &b.message[..]).collect();
        let signatures: Vec<Signature> = ballots.iter().map(|b| b.signature).collect();
        let parsed: Vec<VerifyingKey> = ballots.iter().map(|b| b.parsed).collect();
        let claims = known(&ballots);
        let strangers: Vec<UnknownClaim<'_>> =
            ballots.iter().map(|b| UnknownClaim { key: &b.key, signature: &b.bytes, message: &b.message }).collect();
        let forged: Vec<[u8; 64]> = ballots
            .iter()
            .map(|b| {
                let mut bytes = b.bytes;
                bytes[40] ^= 1;
                bytes
            })
            .collect();
        let forgeries: Vec<KnownClaim<'_>> =
            ballots.iter().zip(&forged).map(|(b, signature)| KnownClaim { key: b.voter, signature, message: &b.message }).collect();

        let mut built: Vec<(String, KeyTables, f64)> = Vec::new();
        let mut build = |shape: Shape, isa: Isa| {
            let start = Instant::now();
            let tables = KeyTables::build_shape(&keys, Some(shape), isa);
            let micros = start.elapsed().as_secs_f64() * 1e6 / keys.len() as f64;
            let name = format!("known {} w={} phases={}", isa.name(), shape.width(), shape.phases());
            built.push((name, tables, micros));
        };
        let chosen = Shape::best_within(voters, usize::MAX);
        let best = Isa::detect();
        for shape in Shape::all() {
            if shape.phases() < 8 {
                build(shape, best);
            }
        }
        for isa in Isa::available().iter().filter(|isa| **isa != best) {
            build(Shape::best_within(voters, voters << 17).expect("fits"), *isa);
        }

        let mut verdicts = vec![false; BATCH];
        let mut contestants: Vec<Contestant<'_>> = Vec::new();
        contestants.push((
            "ed25519-dalek verify_batch".into(),
            Box::new(|| assert!(verify_batch(black_box(&messages), &signatures, &parsed).is_ok())),
        ));
        for (name, tables, _) in &built {
            let (mut verdicts, claims) = (verdicts.clone(), &claims);
            let run = move || {
                verify_known(tables, black_box(claims), &mut verdicts);
                all_true(&verdicts);
            };
            contestants.push((name.clone(), Box::new(run)));
        }
        let (name, tables, _) = built.iter().find(|(_, t, _)| t.shape() == chosen).expect("built");
        contestants.push((format!("{name}, all forged"), Box::new(|| verify_known(tables, black_box(&forgeries), &mut verdicts))));
        for isa in Isa::available() {
            let (mut verdicts, strangers) = (vec![false; BATCH], &strangers);
            let run = move || {
                verify_unknown(*isa, black_box(strangers), &mut verdicts);
                all_true(&verdicts);
            };
            contestants.push((format!("unknown {}", isa.name()), Box::new(run)));
        }
        let times = race(rounds, &mut contestants);
        println!("\n{voters} voters, {BATCH} signatures of {MESSAGE} bytes a call");
        println!("{:44} {:>12} {:>8} {:>12} {:>12}", "", "verified/s", "x peer", "KiB/key", "build us/key");
        for (i, ((name, _), (median, least))) in contestants.iter().zip(&times).enumerate() {
            let rate = |nanoseconds: f64| BATCH as f64 / nanoseconds * 1e9;
            print!("{name:44} {:12.0} {:8.2} {:12.0}", rate(*median), times[0].0 / median, rate(*least));
            if let Some((_, tables, micros)) = i.checked_sub(1).and_then(|i| built.get(i)) {
                print!(" {:12.1} {micros:12.1}", tables.footprint_bytes() as f64 / 1024.0 / voters as f64);
            }
            println!();
        }
        let (_, tables, _) = built.iter().find(|(_, t, _)| t.shape() == chosen).expect("built");
        let mut four = [false; 4];
        let latency = race(
            401,
            &mut [(
                "4 votes".into(),
                Box::new(|| {
                    verify_known(tables, black_box(&claims[..4]), &mut four);
                    all_true(&four);
                }),
            )],
        );
        println!("4 known signatures in one call: {:.1} us", latency[0].0 / 1e3);
        if let Some(ceiling) = madd52_ceiling() {
            println!("vpmadd52 ceiling of this run: {:.2} G/s of 8 lanes", ceiling / 1e9);
            for (i, (name, tables, _)) in built.iter().enumerate() {
                if let (Some(shape), Isa::Avx512Ifma) = (tables.shape(), tables.isa()) {
                    let groups = BATCH as f64 / 8.0 / times[i + 1].1 * 1e9;
                    let needed = f64::from(madd52_per_group(shape));
                    println!("  {name}: {needed} for 8 signatures, {:.0}% of it", 100.0 * groups * needed / ceiling);
                }
            }
        }
    }
}
