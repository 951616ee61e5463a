//! Whole rounds: opened, filled, run to their decision, and closed, one at a time and all on the clock.

use miette::Result;
use quorate_core::vote::Vote;
use quorate_pipeline::ed25519::{madd52_ceiling, madd52_per_group};
use quorate_pipeline::layout::{Counts, RoundHeader, RowTally, Segment, Work};

use super::line::{Target, Unit, What};
use super::pairwise::{Side, measure};
use super::verify::table_shape;
use super::world::{Crowd, World};
use super::{Bench, limits};

const CLOCK: &str = "a round is opened, filled, run to its decision and closed, one thread";

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    unsigned(bench)?;
    signed(bench, 4, Some(Target::Below(40.0)))?;
    signed(bench, 100, None)
}

fn unsigned(bench: &mut Bench<'_>) -> Result<()> {
    const ROUNDS: usize = 64;
    const VOTERS: usize = 4;
    let crowd = Crowd { voters: VOTERS, rounds: 1, shuffled: false, weighted: false, noisy: false };
    let mut world = World::unsigned(bench.begin()?, crowd)?;
    let value = Side::new(ROUNDS, || (0..ROUNDS).try_for_each(|_| world.decide().map(drop)));
    // Each row of the four has a word of state and a tally.
    let bytes = VOTERS * size_of::<Vote>()
        + size_of::<RoundHeader>()
        + size_of::<Work>()
        + size_of::<Segment>()
        + size_of::<Counts>()
        + 4 * (8 + size_of::<RowTally>());
    let rates = measure(bench.plan, value, Some(limits::copying(bytes)))?;
    let what = What {
        stage: "round",
        variant: "unsigned",
        shape: "4 votes",
        unit: Unit::Nanoseconds,
        limit: Some(&format!("copying the {bytes} bytes that a round consists of")),
        clock: CLOCK,
        target: Some(Target::Below(300.0)),
    };
    let line = bench.line(&what, rates).with("pipeline_memory_bytes", world.pipeline().memory_bytes());
    bench.write(&what, &line)
}

fn signed(bench: &mut Bench<'_>, voters: usize, target: Option<Target>) -> Result<()> {
    let mut world = World::signed(bench.begin()?, voters, 1)?;
    let needed = table_shape(voters).map(madd52_per_group).filter(|_| bench.has_madd52());
    let groups = voters.div_ceil(8) as f64;
    let limit = needed.map(|needed| Side::with_rate(move || madd52_ceiling().unwrap_or(f64::NAN) / (f64::from(needed) * groups)));
    let rates = measure(bench.plan, Side::new(1, || world.decide().map(drop)), limit)?;
    let what = What {
        stage: "round",
        variant: "signed, known keys",
        shape: &format!("{voters} votes"),
        unit: Unit::Microseconds,
        limit: needed.is_some().then_some("the vpmadd52 instructions of the signatures, as fast as this core issues them"),
        clock: CLOCK,
        target,
    };
    let line = bench.line(&what, rates).with("pipeline_memory_bytes", world.pipeline().memory_bytes());
    bench.write(&what, &line)
}
