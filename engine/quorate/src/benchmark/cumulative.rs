//! Rounds of "all up to here", as Raft's acknowledgements are: what a majority of each of 10,000 partitions has.
//!
//! Every voter of every partition acknowledges a new index in each call, so that every partition moves. `acks` takes all of that in
//! and decides; `quorum` is the last stage by itself, as the backend times it.

use std::time::Duration;

use miette::{IntoDiagnostic, Result, ensure};
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Raft, Vote};
use quorate_pipeline::conformance::Seeded;
use quorate_pipeline::layout::{Counts, RoundHeader, Segment, Work};
use quorate_pipeline::stages::Stage;
use quorate_pipeline::{Backend, Batch, Limits, Pipeline, Report, RoundId};

use super::Bench;
use super::limits;
use super::line::{Unit, What, count};
use super::pairwise::{Side, measure};

const PARTITIONS: usize = 10_000;
const VOTERS: usize = 5;

/// How far every index moves from call to call.
const STEP: u32 = 1_000;

/// A cumulative round for each partition.
pub struct Partitions {
    pipeline: Pipeline,
    rounds: Vec<RoundId>,
    votes: Vec<[Vote; VOTERS]>,
    batch: Batch,
}

impl Partitions {
    /// Opens the rounds.
    ///
    /// # Errors
    /// If the backend has no memory for them.
    pub fn new(backend: Box<dyn Backend>) -> Result<Self> {
        let members = (0..VOTERS as u64).map(|id| Member::new(id, 1));
        let members = std::sync::Arc::new(Electorate::new(Epoch(0), Rule::Majority, members).into_diagnostic()?);
        let mut pipeline = Pipeline::new(backend, Limits::default());
        let electorate = pipeline.admit(&members).into_diagnostic()?;
        let (mut rng, kind) = (Seeded::new(4), Kind::Raft(Raft::Ack));
        let (mut rounds, mut votes) = (Vec::new(), Vec::new());
        for partition in 0..PARTITIONS as u32 {
            let context = Context {
                cluster: ClusterId(members.root()),
                engine: Engine::Raft,
                partition: PartitionId(partition),
                electorate: members.root(),
                height: Height(0),
                view: View(1),
            };
            let form = Form::Cumulative { base: 0, last: u64::from(u32::MAX) - 1 };
            let spec = RoundSpec::new(context, form, false, &[(kind, Rule::Majority)]).into_diagnostic()?;
            rounds.push(pipeline.open(electorate, &spec, &[]).into_diagnostic()?);
            votes.push(std::array::from_fn(|voter| Vote::new(kind, Voter(voter as u16), rng.below(u64::from(STEP)) as u32)));
        }
        Ok(Self { pipeline, rounds, votes, batch: Batch::new() })
    }

    /// How many rounds there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rounds.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rounds.is_empty()
    }

    /// The pipeline.
    pub fn pipeline(&mut self) -> &mut Pipeline {
        &mut self.pipeline
    }

    /// Every voter acknowledges more.
    pub fn advance(&mut self) {
        for vote in self.votes.as_flattened_mut() {
            *vote = Vote::from_raw(vote.engine(), vote.kind(), vote.voter().0, vote.candidate() + STEP);
        }
    }

    /// Takes the acknowledgements in and decides; every partition must have moved.
    ///
    /// # Errors
    /// If the backend fails, or a partition stands still.
    pub fn run(&mut self) -> Result<Report> {
        self.batch.clear();
        for (&round, votes) in self.rounds.iter().zip(&self.votes) {
            self.batch.add_votes(round, votes);
        }
        let report = self.pipeline.run(&self.batch).into_diagnostic()?;
        let (moved, all) = (self.pipeline.events().len(), self.rounds.len());
        ensure!(moved == all, "{moved} of {all} partitions moved; expected all of them");
        Ok(report)
    }
}

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    let state = VOTERS.div_ceil(2) * 8;
    let decided = state + size_of::<RoundHeader>() + size_of::<Work>() + size_of::<Counts>();
    let taken_in = decided + VOTERS * size_of::<Vote>() + size_of::<Segment>();
    line(bench, "acks", taken_in, "from acknowledgements to events: a batch is filled and run, one thread", false)?;
    line(bench, "quorum", decided, "the quorum stage of a pipeline run, one thread", true)
}

fn line(bench: &mut Bench<'_>, variant: &str, bytes: usize, clock: &'static str, stage_only: bool) -> Result<()> {
    let mut partitions = Partitions::new(bench.begin()?)?;
    partitions.pipeline().set_timed(stage_only);
    let words = vec![7u32; PARTITIONS * bytes / 4];
    let value = Side::with_clock(PARTITIONS, |clock| {
        clock.pause(|| partitions.advance());
        if stage_only {
            let report = clock.pause(|| partitions.run())?;
            clock.count(Duration::from_nanos(report.timings.of(Stage::Quorum)));
        } else {
            partitions.run()?;
        }
        Ok(())
    });
    let rates = measure(bench.plan, value, Some(limits::reading(&words, PARTITIONS)))?;
    let what = What {
        stage: "cumulative",
        variant,
        shape: &format!("{} partitions of {VOTERS} voters", count(PARTITIONS)),
        unit: Unit::PerSecond("partitions/s"),
        limit: Some(&format!("reading the {bytes} bytes a partition that must be touched")),
        clock,
        target: None,
    };
    let line = bench.line(&what, rates).with("pipeline_memory_bytes", partitions.pipeline().memory_bytes());
    bench.write(&what, &line)
}
