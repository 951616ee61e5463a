//! A Raft election as a round: three members, two grants, a decision.

use std::sync::Arc;

use quorate::core::context::Context;
use quorate::core::electorate::{Electorate, Member};
use quorate::core::hash::Digest;
use quorate::core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate::core::quorum::Rule;
use quorate::core::round::{Form, RoundSpec};
use quorate::core::vote::{Engine, Kind, Raft, Vote};
use quorate::pipeline::cpu::{Cpu, Settings};
use quorate::pipeline::{Batch, Limits, Pipeline};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let electorate = Arc::new(Electorate::new(Epoch(0), Rule::Majority, (1..=3).map(|id| Member::new(id, 1)))?);
    let context = Context {
        cluster: ClusterId(electorate.root()),
        engine: Engine::Raft,
        partition: PartitionId(0),
        electorate: electorate.root(),
        height: Height(0),
        view: View(7),
    };
    let grant = Kind::Raft(Raft::Grant);
    let spec = RoundSpec::new(context, Form::Candidates { rows: 3 }, false, &[(grant, Rule::Majority)])?;

    let mut pipeline = Pipeline::new(Box::new(Cpu::new(Settings::default())?), Limits::default());
    let members = pipeline.admit(&electorate)?;
    let round = pipeline.open(members, &spec, &[Digest([1; 32])])?;
    let mut batch = Batch::new();
    batch.add_votes(round, &[Vote::new(grant, Voter(0), 0), Vote::new(grant, Voter(2), 0)]);
    pipeline.run(&batch)?;
    for event in pipeline.events() {
        println!("{event:?}");
    }
    Ok(())
}
