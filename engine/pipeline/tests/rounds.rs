//! Rounds from outside: what a caller may ask of them, and what must hold when it asks for something odd.

use std::sync::Arc;

use quorate_core::ballot::Ballot;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundError, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft};
use quorate_pipeline::conformance::Cast;
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Batch, Limits, Pipeline, PipelineError};

const PREPARE: Kind = Kind::Pbft(Pbft::Prepare);
const COMMIT: Kind = Kind::Pbft(Pbft::Commit);
const REPLY: Kind = Kind::Pbft(Pbft::Reply);
const BLOCKS: [Digest; 2] = [Digest([1; 32]), Digest([2; 32])];

fn context(electorate: &Electorate, engine: Engine) -> Context {
    Context {
        cluster: ClusterId(electorate.root()),
        engine,
        partition: PartitionId(0),
        electorate: electorate.root(),
        height: Height(1),
        view: View(0),
    }
}

fn equals(count: u64) -> Arc<Electorate> {
    Arc::new(Electorate::new(Epoch(0), Rule::Majority, (0..count).map(|id| Member::new(id, 1))).unwrap())
}

fn ballot(cast: &Cast, kind: Kind, voter: u16, row: u32) -> Ballot {
    cast.ballot(&context(&cast.electorate, Engine::Pbft), kind, Voter(voter), row, &BLOCKS[row as usize], Digest::ZERO)
}

#[test]
fn a_candidate_has_one_row_from_the_start_or_naming_it_would_look_like_a_fault() {
    let members = equals(4);
    let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
    let electorate = pipeline.admit(&members).unwrap();
    let form = Form::Candidates { rows: 4 };
    let spec = RoundSpec::new(context(&members, Engine::Pbft), form, false, &[(COMMIT, Rule::TwoThirds)]).unwrap();
    let refused = pipeline.open(electorate, &spec, &[BLOCKS[0], BLOCKS[1], BLOCKS[0]]).unwrap_err();
    assert_eq!(refused, PipelineError::Round(RoundError::CandidateTwice(BLOCKS[0])));
    assert_eq!(pipeline.open_rounds(), 0);
    pipeline.dismiss(electorate).unwrap();
}

#[test]
fn nobody_signed_for_a_row_or_as_a_voter_that_is_not_there() {
    let cast = Cast::signers(4, Rule::TwoThirds, 3);
    let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
    let electorate = pipeline.admit(&cast.electorate).unwrap();
    let kinds = [(PREPARE, Rule::TwoThirds), (COMMIT, Rule::TwoThirds)];
    let form = Form::Candidates { rows: 2 };
    let spec = RoundSpec::new(context(&cast.electorate, Engine::Pbft), form, true, &kinds).unwrap();
    let round = pipeline.open(electorate, &spec, &BLOCKS).unwrap();
    let mut batch = Batch::new();
    batch.add_ballots(round, &[ballot(&cast, COMMIT, 1, 0), ballot(&cast, COMMIT, 2, 1)]);
    pipeline.run(&batch).unwrap();
    assert!(pipeline.signed(round, COMMIT, 0, Voter(1)).unwrap().is_some());
    assert_eq!(pipeline.signed(round, PREPARE, 2, Voter(1)).unwrap(), None, "the third row of prepares is no row of commits");
    assert_eq!(pipeline.signed(round, COMMIT, 0, Voter(64 + 2)).unwrap(), None, "voter 66 is not voter 2 of the next row");
}

#[test]
fn saying_two_things_that_prove_nothing_hides_no_evidence() {
    let cast = Cast::signers(4, Rule::TwoThirds, 4);
    let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
    let electorate = pipeline.admit(&cast.electorate).unwrap();
    let kinds = [(REPLY, Rule::TwoThirds), (COMMIT, Rule::TwoThirds)];
    let form = Form::Candidates { rows: 2 };
    let spec = RoundSpec::new(context(&cast.electorate, Engine::Pbft), form, true, &kinds).unwrap();
    let round = pipeline.open(electorate, &spec, &BLOCKS).unwrap();
    let mut batch = Batch::new();
    for (kind, voter) in [(REPLY, 0), (COMMIT, 0), (REPLY, 1)] {
        batch.add_ballots(round, &[ballot(&cast, kind, voter, 0), ballot(&cast, kind, voter, 1)]);
    }
    pipeline.run(&batch).unwrap();
    let evidence = pipeline.evidence(round).unwrap();
    assert_eq!(evidence.iter().map(|evidence| (evidence.claim().kind(), evidence.voter())).collect::<Vec<_>>(), [(COMMIT, Voter(0))]);
}
