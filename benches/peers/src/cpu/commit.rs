//! Raft's commit index for many partitions: our cumulative rounds beside raft's `MajorityConfig`.
//!
//! 10,000 partitions of five voters, all with the same five; each has acknowledged a new index. `quorum` compares the step itself:
//! every voter's highest index is in its place, in our rounds here and in raft's own map there, and what a majority holds is
//! asked for. `acks` compares all of it: taking in each ack, recording it, and finding out which partitions moved.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::hint::black_box;
use std::time::Duration;

use fxhash::FxHasher;
use quorate_core::ids::Voter;
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Raft, Vote};
use quorate_pipeline::stages::Stage;
use quorate_pipeline::{Batch, Report, RoundId, What};
use raft::{MajorityConfig, Progress};

use super::{Numbers, Ours};
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

const PARTITIONS: usize = 10_000;
const VOTERS: usize = 5;

/// raft's own map from voters to their progress, with its own hasher.
type Tracked = HashMap<u64, Progress, BuildHasherDefault<FxHasher>>;

/// How far every index moves from call to call.
const STEP: u64 = 1_000;

type Indices = [u64; VOTERS];

pub(super) fn run(format: Format) {
    let mut numbers = Numbers(5);
    let indices: Vec<Indices> = (0..PARTITIONS).map(|_| std::array::from_fn(|_| STEP + numbers.next() % STEP)).collect();
    let shape = format!("{PARTITIONS} partitions of {VOTERS} voters");

    let peer = format!("{} MajorityConfig::committed_index", versioned("raft"));
    let what = Comparison { stage: "quorum", variant: "quorum", shape: &shape, unit: "partitions/s", peer: &peer };
    line(format, &what, compare(Some(quorum_stage(&indices)), majority(&indices)));

    let peer = format!("{} Progress::maybe_update, MajorityConfig::committed_index", versioned("raft"));
    let what = Comparison { variant: "acks", peer: &peer, ..what };
    line(format, &what, compare(Some(acks(&indices)), recorded_majority(&indices)));
}

fn majority(indices: &[Indices]) -> Side<'_> {
    let config = MajorityConfig::new((1..=VOTERS as u64).collect::<HashSet<_, _>>());
    let partitions: Vec<Tracked> = indices.iter().map(tracked).collect();
    for (partition, indices) in partitions.iter().zip(indices) {
        assert_eq!(config.committed_index(false, partition).0, held_by_majority(*indices), "the rival computes something else");
    }
    Side::new(PARTITIONS, move || {
        for partition in &partitions {
            black_box(config.committed_index(false, partition));
        }
    })
}

fn recorded_majority(indices: &[Indices]) -> Side<'_> {
    let config = MajorityConfig::new((1..=VOTERS as u64).collect::<HashSet<_, _>>());
    let mut partitions: Vec<Tracked> = indices.iter().map(tracked).collect();
    let mut later = 0;
    Side::new(PARTITIONS, move || {
        later += STEP;
        for (partition, indices) in partitions.iter_mut().zip(indices) {
            for (voter, index) in (1..).zip(indices) {
                if let Some(progress) = partition.get_mut(&voter) {
                    black_box(progress.maybe_update(index + later));
                }
            }
            black_box(config.committed_index(false, partition));
        }
    })
}

/// Our side of both: a round for each partition, and the acks of all partitions in one batch.
struct Partitions<'a> {
    ours: Ours,
    rounds: Vec<RoundId>,
    indices: &'a [Indices],
    votes: Vec<[Vote; VOTERS]>,
    later: u64,
}

impl<'a> Partitions<'a> {
    fn new(indices: &'a [Indices]) -> Self {
        let mut ours = Ours::new(VOTERS, Engine::Raft);
        let last = u64::from(u32::MAX) - 1;
        let kinds = [(Kind::Raft(Raft::Ack), Rule::Majority)];
        let spec = RoundSpec::new(ours.context, Form::Cumulative { base: 0, last }, false, &kinds).expect("a cumulative round");
        let open = |_| ours.pipeline.open(ours.electorate, &spec, &[]).expect("there is room for a round");
        Self { rounds: (0..indices.len()).map(open).collect(), ours, indices, votes: Vec::new(), later: 0 }
    }

    /// Every voter acknowledges more.
    fn advance(&mut self) {
        self.later += STEP;
        let later = self.later;
        let ack = |voter: usize, index: u64| Vote::new(Kind::Raft(Raft::Ack), Voter(voter as u16), (index + later) as u32);
        self.votes.clear();
        self.votes.extend(self.indices.iter().map(|indices| std::array::from_fn(|voter| ack(voter, indices[voter]))));
    }

    fn fill(&self, batch: &mut Batch) {
        batch.clear();
        for (&round, votes) in self.rounds.iter().zip(&self.votes) {
            batch.add_votes(round, votes);
        }
    }

    fn run(&mut self, batch: &Batch) -> Report {
        let report = self.ours.pipeline.run(batch).expect("the batch is sound");
        assert_eq!(self.ours.pipeline.events().len(), self.rounds.len(), "not every partition moved");
        report
    }

    /// That each partition has come to where a majority is.
    fn check(&self) {
        for event in self.ours.pipeline.events() {
            let at = self.rounds.iter().position(|&round| round == event.round).expect("an event of a round of ours");
            let expected = held_by_majority(self.indices[at]) + self.later;
            assert_eq!(event.what, What::Reached { index: expected }, "we compute something else");
        }
    }
}

/// The quorum stage by itself, as the backend times it.
fn quorum_stage(indices: &[Indices]) -> Side<'_> {
    let (mut partitions, mut batch) = (Partitions::new(indices), Batch::new());
    partitions.ours.pipeline.set_timed(true);
    partitions.advance();
    partitions.fill(&mut batch);
    partitions.run(&batch);
    partitions.check();
    Side::with_clock(PARTITIONS, move |clock| {
        let report = clock.pause(|| {
            partitions.advance();
            partitions.fill(&mut batch);
            partitions.run(&batch)
        });
        clock.count(Duration::from_nanos(report.timings.of(Stage::Quorum)));
    })
}

/// From acks to news, with every stage fused.
fn acks(indices: &[Indices]) -> Side<'_> {
    let (mut partitions, mut batch) = (Partitions::new(indices), Batch::new());
    Side::with_clock(PARTITIONS, move |clock| {
        clock.pause(|| partitions.advance());
        partitions.fill(&mut batch);
        partitions.run(&batch);
    })
}

fn tracked(indices: &Indices) -> Tracked {
    let progress = |&index: &u64| {
        let mut progress = Progress::new(1, 1);
        progress.matched = index;
        progress
    };
    (1..).zip(indices.iter().map(progress)).collect()
}

fn held_by_majority(mut indices: Indices) -> u64 {
    indices.sort_unstable();
    indices[VOTERS / 2]
}
