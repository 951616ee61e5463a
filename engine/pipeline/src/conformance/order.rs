//! The same votes shuffled, cut into other batches, counted in several places and folded: the same decisions, the same bitmaps.

use quorate_core::ballot::Ballot;

use super::{Make, Script, Seeded, Verdict};
use crate::pipeline::{Limits, Pipeline, PipelineError, RoundId};
use crate::{Batch, RoundState};

/// Checks so many random rounds for independence of order and grouping.
#[must_use]
pub fn order_independence(make: Make<'_>, seed: u64, rounds: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    let mut shards: Vec<Pipeline> = (0..3).map(|_| Pipeline::new(make(), Limits::default())).collect();
    for nth in 0..rounds {
        let script = Script::random(&mut rng, 300);
        let result = check(&mut shards, &script, &mut rng);
        verdict.case(result.map_err(|what| format!("seed {seed}, round {nth}: {what}")));
    }
    verdict
}

fn check(shards: &mut [Pipeline], script: &Script, rng: &mut Seeded) -> Result<(), String> {
    let failed = |error: PipelineError| format!("failed: {error}");
    let rounds = open(shards, script).map_err(failed)?;
    run(&mut shards[0], rounds[0], script, &script.ballots).map_err(failed)?;
    let expected = shards[0].outcome(rounds[0]).map_err(failed)?;
    let expected_state = shards[0].export(rounds[0]).map_err(failed)?;
    close(shards, &rounds).map_err(failed)?;

    let mut ballots = script.ballots.clone();
    rng.shuffle(&mut ballots);
    let rounds = open(shards, script).map_err(failed)?;
    let mut left = ballots.as_slice();
    while !left.is_empty() {
        let (piece, rest) = left.split_at(1 + rng.below(left.len() as u64) as usize);
        let shard = rng.below(shards.len() as u64) as usize;
        run(&mut shards[shard], rounds[shard], script, piece).map_err(failed)?;
        left = rest;
    }
    let mut states: Vec<RoundState> = Vec::new();
    for (shard, &round) in shards.iter_mut().zip(&rounds) {
        states.push(shard.export(round).map_err(failed)?);
    }
    // One shard takes the others in, in either order, or they are folded first.
    let into = rng.below(3) as usize;
    let mut others = states.clone();
    others.remove(into);
    rng.shuffle(&mut others);
    if rng.one_in(2) {
        let second = others.remove(1);
        others[0].fold(&second).map_err(failed)?;
    }
    for other in &others {
        shards[into].absorb(rounds[into], other).map_err(failed)?;
    }
    let found = shards[into].outcome(rounds[into]).map_err(failed)?;
    let found_state = shards[into].export(rounds[into]).map_err(failed)?;
    close(shards, &rounds).map_err(failed)?;
    if found != expected {
        return Err(format!("outcome {found:?}; expected {expected:?}"));
    }
    if found_state != expected_state {
        return Err("the bitmaps or signatures differ".into());
    }
    Ok(())
}

fn open(shards: &mut [Pipeline], script: &Script) -> Result<Vec<RoundId>, PipelineError> {
    shards
        .iter_mut()
        .map(|shard| {
            let electorate = shard.admit(&script.cast.electorate)?;
            shard.open(electorate, &script.spec, &script.candidates)
        })
        .collect()
}

fn close(shards: &mut [Pipeline], rounds: &[RoundId]) -> Result<(), PipelineError> {
    for (shard, &round) in shards.iter_mut().zip(rounds) {
        let electorate = shard.electorate_of(round)?;
        shard.close(round)?;
        shard.dismiss(electorate)?;
    }
    Ok(())
}

fn run(shard: &mut Pipeline, round: RoundId, script: &Script, ballots: &[Ballot]) -> Result<(), PipelineError> {
    let mut batch = Batch::new();
    if script.spec.signed() {
        batch.add_ballots(round, ballots);
    } else {
        let votes: Vec<_> = ballots.iter().map(|ballot| ballot.vote).collect();
        batch.add_votes(round, &votes);
    }
    shard.run(&batch).map(drop)
}
