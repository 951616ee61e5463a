//! decode, aggregate and quorum of unsigned votes, in one pass, beside reading the same votes.
//!
//! Votes have full semantics: of those that a batch holds, 2 % are repeated, 1 % contradict an earlier one and 1 % are rejected.
//! Rounds are opened and filled before the clock starts and closed after it stopped; a second figure has all that on the clock.

use miette::Result;

use super::Bench;
use super::limits;
use super::line::{Target, Unit, What, count};
use super::pairwise::{Side, measure};
use super::world::{Crowd, World};

/// How many votes a call counts at least: small rounds come many at a time.
const VOTES_A_CALL: usize = 1 << 16;

const TARGET: Target = Target::AtLeast(400e6);

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    for voters in [4, 100, 1_000, 65_536] {
        for (shuffled, weighted) in [(false, false), (true, false), (false, true), (true, true)] {
            let rounds = VOTES_A_CALL.div_ceil(voters);
            line(bench, Crowd { voters, rounds, shuffled, weighted, noisy: true })?;
        }
    }
    Ok(())
}

fn line(bench: &mut Bench<'_>, crowd: Crowd) -> Result<()> {
    let mut world = World::unsigned(bench.begin()?, crowd)?;
    world.decide()?;
    let (votes, words) = (world.votes(), world.words());
    let order = if crowd.shuffled { "shuffled" } else { "in order" };
    let weights = if crowd.weighted { "weighted" } else { "uniform" };
    let what = What {
        stage: "decode+aggregate+quorum",
        variant: &format!("{order}, {weights}"),
        shape: &format!("{} voters a round, {} a call", count(crowd.voters), count(crowd.rounds)),
        unit: Unit::PerSecond("votes/s"),
        limit: Some("a sum over the same votes in memory"),
        clock: "votes aggregated only; a pipeline run, one thread; rounds are opened before and closed after",
        target: (crowd.voters >= 100).then_some(TARGET),
    };
    let run = Side::with_clock(votes, |clock| {
        clock.pause(|| world.open())?;
        world.run()?;
        clock.pause(|| world.close())
    });
    let rates = measure(bench.plan, run, Some(limits::reading(&words, votes)))?;
    let whole = Side::new(votes, || {
        world.open()?;
        world.run()?;
        world.close()
    });
    let whole = measure(bench.plan, whole, Some(limits::reading(&words, votes)))?;
    let line = bench
        .line(&what, rates)
        .beside("whole", "open, add, run, close", whole)
        .with("pipeline_memory_bytes", world.pipeline().memory_bytes());
    bench.write(&what, &line)
}
