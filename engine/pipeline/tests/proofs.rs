//! From votes to proofs: what the pipeline kept is enough for a certificate and for evidence, and no more than true.

use quorate_core::anchor::TrustAnchor;
use quorate_core::ballot::Ballot;
use quorate_core::context::Context;
use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft};
use quorate_pipeline::conformance::Cast;
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::{Batch, Limits, Pipeline, RoundId};

const COMMIT: Kind = Kind::Pbft(Pbft::Commit);
const BLOCKS: [Digest; 2] = [Digest([1; 32]), Digest([2; 32])];

fn context(electorate: &Electorate) -> Context {
    Context {
        cluster: ClusterId(electorate.root()),
        engine: Engine::Pbft,
        partition: PartitionId(0),
        electorate: electorate.root(),
        height: Height(1),
        view: View(0),
    }
}

fn round(cast: &Cast) -> (Pipeline, RoundId) {
    let mut pipeline = Pipeline::new(Box::new(Cpu::new(Settings { threads: 1, ..Settings::default() }).unwrap()), Limits::default());
    let electorate = pipeline.admit(&cast.electorate).unwrap();
    let spec = RoundSpec::new(context(&cast.electorate), Form::Candidates { rows: 2 }, true, &[(COMMIT, Rule::TwoThirds)]).unwrap();
    let round = pipeline.open(electorate, &spec, &BLOCKS).unwrap();
    (pipeline, round)
}

fn ballot(cast: &Cast, voter: u16, row: u32) -> Ballot {
    cast.ballot(&context(&cast.electorate), COMMIT, Voter(voter), row, &BLOCKS[row as usize], Digest::ZERO)
}

#[test]
fn a_decided_round_gives_a_certificate_that_holds_under_its_own_anchor_only() {
    let cast = Cast::signers(10, Rule::TwoThirds, 1);
    let (mut pipeline, round) = round(&cast);
    let mut ballots: Vec<Ballot> = (0..7).map(|voter| ballot(&cast, voter, 0)).collect();
    ballots[3].signature.0[5] ^= 1;
    let mut batch = Batch::new();
    batch.add_ballots(round, &ballots);
    pipeline.run(&batch).unwrap();
    assert!(pipeline.certificate(round, COMMIT, 0).is_err(), "six of ten are not enough");
    batch.clear();
    batch.add_ballots(round, &[ballot(&cast, 9, 0)]);
    pipeline.run(&batch).unwrap();
    let certificate = pipeline.certificate(round, COMMIT, 0).unwrap();
    assert_eq!(certificate.signers().len(), 7);
    certificate.verify(&TrustAnchor::genesis(ClusterId(cast.electorate.root()))).unwrap();
    certificate.verify(&TrustAnchor::genesis(ClusterId(Digest([7; 32])))).unwrap_err();
    assert!(pipeline.certificate(round, COMMIT, 2).is_err());
    assert!(pipeline.certificate(round, Kind::Pbft(Pbft::Prepare), 0).is_err());
}

#[test]
fn whoever_names_two_candidates_is_proved_to_have_done_so_and_nobody_else() {
    let cast = Cast::signers(10, Rule::TwoThirds, 2);
    let (mut pipeline, round) = round(&cast);
    let mut batch = Batch::new();
    for (voter, row) in [(0, 0), (1, 1), (2, 0), (2, 1), (4, 0), (4, 0), (8, 1), (8, 0)] {
        batch.add_ballots(round, &[ballot(&cast, voter, row)]);
    }
    pipeline.run(&batch).unwrap();
    let anchor = TrustAnchor::genesis(ClusterId(cast.electorate.root()));
    let evidence = pipeline.evidence(round).unwrap();
    assert_eq!(evidence.iter().map(|evidence| evidence.voter()).collect::<Vec<_>>(), [Voter(2), Voter(8)]);
    for evidence in evidence {
        evidence.verify(&anchor).unwrap();
    }
}
