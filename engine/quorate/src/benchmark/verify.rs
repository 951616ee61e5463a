//! Signatures by known and by unknown keys, beside the limit of the machine's multipliers.
//!
//! `known` is the verify stage of a signed round in the pipeline, as the backend times it: keys have their tables, the messages are made
//! from the round's template. `unknown` is the backend's verification outside of rounds. `alone` is the verifier called directly on the
//! same signatures. The limit counts the 52-bit multiply-adds that eight signatures need, hashing apart, against the rate at
//! which this core issues them in the same run.

use std::time::Duration;

use miette::{IntoDiagnostic, Result, ensure};
use quorate_pipeline::Isa;
use quorate_pipeline::backend::{Claim, ClaimKey};
use quorate_pipeline::cpu::Settings;
use quorate_pipeline::ed25519::{
    KeyTables, KnownClaim, Shape, UnknownClaim, madd52_ceiling, madd52_per_group, madd52_per_unknown_group, verify_known, verify_unknown,
};
use quorate_pipeline::stages::Stage;

use super::Bench;
use super::line::{Unit, What, count};
use super::pairwise::{Side, measure};
use super::world::{SignedVote, World};

/// Voters a round, and rounds a call.
const SHAPES: [(usize, usize); 4] = [(4, 1), (4, 256), (100, 11), (1_000, 2)];

const UNIT: Unit = Unit::PerSecond("verified/s");

const LIMIT: &str = "the vpmadd52 instructions of a verification, as fast as this core issues them";

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    for (voters, rounds) in SHAPES {
        known(bench, voters, rounds)?;
    }
    for (voters, rounds) in SHAPES {
        unknown(bench, voters, rounds)?;
    }
    Ok(())
}

/// The shape of the tables that a backend builds for so many keys.
pub(super) fn table_shape(voters: usize) -> Option<Shape> {
    Shape::best_within(voters, Settings::default().key_table_bytes)
}

impl Bench<'_> {
    /// Whether what is measured runs on the 52-bit multipliers.
    pub(super) fn has_madd52(&self) -> bool {
        self.isa == Some(Isa::Avx512Ifma)
    }
}

/// Signatures a second, if the multipliers did nothing else.
fn multipliers(needed: Option<u32>) -> Option<Side<'static>> {
    needed.map(|needed| Side::with_rate(move || madd52_ceiling().unwrap_or(f64::NAN) * 8.0 / f64::from(needed)))
}

fn known(bench: &mut Bench<'_>, voters: usize, rounds: usize) -> Result<()> {
    let mut world = World::signed(bench.begin()?, voters, rounds)?;
    world.decide()?;
    world.pipeline().set_timed(true);
    let (votes, signatures) = (world.signed_votes(), world.votes());
    let shape = table_shape(voters);
    let needed = shape.map(madd52_per_group).filter(|_| bench.has_madd52());
    let stage = Side::with_clock(signatures, |clock| {
        let report = clock.pause(|| world.decide())?;
        clock.count(Duration::from_nanos(report.timings.of(Stage::Verify)));
        Ok(())
    });
    let rates = measure(bench.plan, stage, multipliers(needed))?;
    let what = What {
        stage: "verify",
        variant: "known",
        shape: &format!("{} voters, {} signatures a call", count(voters), count(signatures)),
        unit: UNIT,
        limit: needed.is_some().then_some(LIMIT),
        clock: "the verify stage of a pipeline run, one thread",
        target: None,
    };
    let mut alone = None;
    if let Some(isa) = bench.isa {
        let tables = KeyTables::build(&world.keys(), Settings::default().key_table_bytes, isa);
        let claims: Vec<KnownClaim<'_>> = votes.iter().map(known_claim).collect();
        let mut verdicts = vec![false; claims.len()];
        let direct = Side::new(claims.len(), || {
            verify_known(&tables, &claims, &mut verdicts);
            all_verify(&verdicts)
        });
        alone = Some((measure(bench.plan, direct, multipliers(needed))?, tables));
    }
    let mut line = bench.line(&what, rates);
    if let Some((alone, tables)) = alone {
        line = line.beside("alone", "the verifier called directly", alone).with("table_bytes_per_key", tables.footprint_bytes() / voters);
    }
    let line = line.with("pipeline_memory_bytes", world.pipeline().memory_bytes()).with("madd52_for_8_signatures", needed);
    bench.write(&what, &line)
}

fn unknown(bench: &mut Bench<'_>, voters: usize, rounds: usize) -> Result<()> {
    let mut backend = bench.begin()?;
    let votes = World::signed(super::backend(bench.isa)?, voters, rounds)?.signed_votes();
    let strangers: Vec<UnknownClaim<'_>> = votes.iter().map(unknown_claim).collect();
    let claims: Vec<Claim<'_>> = strangers
        .iter()
        .map(|UnknownClaim { key, signature, message }| Claim { key: ClaimKey::Unknown(key), signature, message })
        .collect();
    let mut verdicts = vec![false; claims.len()];
    let needed = bench.has_madd52().then(madd52_per_unknown_group);
    let through = Side::new(claims.len(), || {
        backend.verify(&claims, &mut verdicts).into_diagnostic()?;
        all_verify(&verdicts)
    });
    let rates = measure(bench.plan, through, multipliers(needed))?;
    let what = What {
        stage: "verify",
        variant: "unknown",
        shape: &format!("{} voters, {} signatures a call", count(voters), count(claims.len())),
        unit: UNIT,
        limit: needed.is_some().then_some(LIMIT),
        clock: "the backend's verification outside of rounds, one thread",
        target: None,
    };
    let mut line = bench.line(&what, rates).with("madd52_for_8_signatures", needed);
    if let Some(isa) = bench.isa {
        let mut verdicts = vec![false; strangers.len()];
        let direct = Side::new(strangers.len(), || {
            verify_unknown(isa, &strangers, &mut verdicts);
            all_verify(&verdicts)
        });
        line = line.beside("alone", "the verifier called directly", measure(bench.plan, direct, multipliers(needed))?);
    }
    bench.write(&what, &line)
}

fn known_claim(vote: &SignedVote) -> KnownClaim<'_> {
    KnownClaim { key: u32::from(vote.voter), signature: &vote.signature.0, message: &vote.message }
}

fn unknown_claim(vote: &SignedVote) -> UnknownClaim<'_> {
    UnknownClaim { key: &vote.key, signature: &vote.signature.0, message: &vote.message }
}

fn all_verify(verdicts: &[bool]) -> Result<()> {
    ensure!(verdicts.iter().all(|verdict| *verdict), "a good signature was rejected: run `quorate test --suite zip215`");
    Ok(())
}
