//! A small round costs no memory: once the pipeline has seen one, the next of its kind allocates nothing.
//!
//! The allocator of this binary counts, so it has one test and nothing else runs beside it.

use std::alloc::System;
use std::sync::Arc;

use cap::Cap;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft, Vote};
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::{Batch, Event, Isa, Limits, Pipeline, What};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn a_warm_round_of_four_unsigned_votes_allocates_nothing() {
    for &isa in Isa::available() {
        let cpu = Cpu::new(Settings { threads: 1, isa, ..Settings::default() }).unwrap();
        let mut pipeline = Pipeline::new(Box::new(cpu), Limits::default());
        let members = (0..4).map(|id| Member::new(id, 1));
        let members = Arc::new(Electorate::new(Epoch(0), Rule::TwoThirds, members).unwrap());
        let electorate = pipeline.admit(&members).unwrap();
        let kind = Kind::Pbft(Pbft::Prepare);
        let mut batch = Batch::new();
        let mut decide = |height: u64| {
            let context = Context {
                cluster: ClusterId(Digest([9; 32])),
                engine: Engine::Pbft,
                partition: PartitionId(1),
                electorate: members.root(),
                height: Height(height),
                view: View(0),
            };
            let spec = RoundSpec::new(context, Form::Candidates { rows: 2 }, false, &[(kind, Rule::TwoThirds)]).unwrap();
            let round = pipeline.open(electorate, &spec, &[Digest([1; 32]), Digest([2; 32])]).unwrap();
            let votes: [Vote; 4] = std::array::from_fn(|voter| Vote::new(kind, Voter(voter as u16), 0));
            batch.clear();
            batch.add_votes(round, &votes);
            pipeline.run(&batch).unwrap();
            assert_eq!(pipeline.events(), [Event { round, kind, what: What::Decided { row: 0 } }]);
            pipeline.close(round).unwrap();
        };
        let cold = ALLOCATOR.total_allocated();
        decide(0);
        let warm = ALLOCATOR.total_allocated();
        assert!(warm > cold, "the first round allocates nothing either: the allocator counts nothing");
        (1..1_000).for_each(&mut decide);
        assert_eq!(ALLOCATOR.total_allocated() - warm, 0, "bytes allocated by 999 warm rounds, {}", isa.name());
    }
}
