//! Votes for candidates that have no row yet: what waits, what opens a row, and what cannot.

use std::sync::Arc;

use quorate_core::ballot::Signature;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, Rejection, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft, Raft};
use quorate_pipeline::conformance::Cast;
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Backend, Batch, Limits, Offered, Pipeline, RoundId, Said, What};

const COMMIT: Kind = Kind::Pbft(Pbft::Commit);
const PREPARE: Kind = Kind::Pbft(Pbft::Prepare);

struct World {
    cast: Cast,
    context: Context,
    pipeline: Pipeline,
    round: RoundId,
}

/// Seven members of weight one, of whom two may be faulty.
fn world(backend: Box<dyn Backend>, rows: u8) -> World {
    world_under(backend, rows, Rule::TwoThirds)
}

/// As [`world`], with another rule for commits.
fn world_under(backend: Box<dyn Backend>, rows: u8, commits: Rule) -> World {
    let cast = Cast::signers(7, Rule::TwoThirds, 9);
    let root = cast.electorate.root();
    let context = Context {
        cluster: ClusterId(root),
        engine: Engine::Pbft,
        partition: PartitionId(3),
        electorate: root,
        height: Height(8),
        view: View(1),
    };
    let mut pipeline = Pipeline::new(backend, Limits::default());
    let electorate = pipeline.admit(&cast.electorate).unwrap();
    let kinds = [(PREPARE, Rule::TwoThirds), (COMMIT, commits)];
    let spec = RoundSpec::new(context, Form::Candidates { rows }, true, &kinds).unwrap();
    let round = pipeline.open(electorate, &spec, &[]).unwrap();
    World { cast, context, pipeline, round }
}

fn backends() -> [Box<dyn Backend>; 2] {
    [Box::new(Reference::new()), Box::new(Cpu::new(Settings { threads: 1, ..Settings::default() }).unwrap())]
}

impl World {
    fn said(&self, kind: Kind, voter: u16, candidate: u8) -> Said {
        let (candidate, body) = (Digest([candidate; 32]), Digest::ZERO);
        let ballot = self.cast.ballot(&self.context, kind, Voter(voter), 0, &candidate, body);
        Said { kind, voter: Voter(voter), candidate, body, signature: ballot.signature }
    }

    fn offer(&mut self, batch: &mut Batch, kind: Kind, voter: u16, candidate: u8) -> Offered {
        let said = self.said(kind, voter, candidate);
        self.pipeline.offer(self.round, &said, batch).unwrap()
    }
}

#[test]
fn a_digest_gets_a_row_when_more_weight_than_can_be_faulty_names_it() {
    for backend in backends() {
        let mut world = world(backend, 4);
        let mut batch = Batch::new();
        assert_eq!(world.offer(&mut batch, COMMIT, 0, 1), Offered::Waits);
        assert_eq!(world.offer(&mut batch, COMMIT, 1, 1), Offered::Waits);
        assert_eq!(world.offer(&mut batch, COMMIT, 1, 1), Offered::Waits, "said twice is said once");
        assert!(batch.is_empty());
        assert_eq!(world.offer(&mut batch, COMMIT, 2, 1), Offered::Opened { row: 0 });
        assert_eq!(batch.len(), 3);
        for voter in 3..5 {
            assert_eq!(world.offer(&mut batch, COMMIT, voter, 1), Offered::Counted { row: 0 });
        }
        world.pipeline.run(&batch).unwrap();
        assert_eq!(world.pipeline.events().len(), 1);
        assert_eq!(world.pipeline.events()[0].what, What::Decided { row: 0 });
        // Those that waited left their signatures too, so that a certificate can be made.
        for voter in 0..5 {
            assert!(world.pipeline.signed(world.round, COMMIT, 0, Voter(voter)).unwrap().is_some(), "voter {voter}");
        }
    }
}

#[test]
fn liars_open_no_rows_and_hold_no_more_than_two_places_each() {
    for backend in backends() {
        let mut world = world(backend, 64);
        let mut batch = Batch::new();
        for candidate in 0..50 {
            for voter in 0..2 {
                let expected = if candidate < 2 { Offered::Waits } else { Offered::Dropped };
                assert_eq!(world.offer(&mut batch, PREPARE, voter, candidate), expected);
            }
        }
        assert_eq!(world.pipeline.candidates(world.round).unwrap().len(), 0);
        assert_eq!(world.pipeline.waiting(world.round).unwrap(), 4);
        assert!(batch.is_empty());
    }
}

#[test]
fn forgeries_take_nobodys_place() {
    for backend in backends() {
        let mut world = world(backend, 4);
        let mut batch = Batch::new();
        for candidate in 0..10 {
            let mut forged = world.said(COMMIT, 5, candidate);
            forged.signature.0[40] ^= 1;
            let offered = world.pipeline.offer(world.round, &forged, &mut batch).unwrap();
            assert_eq!(offered, Offered::Rejected(Rejection::Signature));
        }
        assert_eq!(world.offer(&mut batch, COMMIT, 5, 1), Offered::Waits);
        assert_eq!(world.pipeline.outcome(world.round).unwrap().rejections[Rejection::Signature], 10);
    }
}

#[test]
fn votes_that_wait_are_released_when_the_protocol_opens_their_row() {
    for backend in backends() {
        let mut world = world(backend, 1);
        let mut batch = Batch::new();
        assert_eq!(world.offer(&mut batch, PREPARE, 0, 1), Offered::Waits);
        assert_eq!(world.offer(&mut batch, COMMIT, 0, 2), Offered::Waits);
        world.pipeline.add_candidate(world.round, Digest([1; 32])).unwrap();
        assert_eq!(world.pipeline.release(world.round, &mut batch).unwrap(), 1);
        world.pipeline.run(&batch).unwrap();
        let outcome = world.pipeline.outcome(world.round).unwrap();
        assert_eq!(outcome.valid, 1);
        assert_eq!(outcome.standing(PREPARE, &Digest([1; 32])).unwrap().supporters.len(), 1);
        // The table is full: even an honest digest has to wait now, and nothing breaks.
        for voter in 1..7 {
            assert_eq!(world.offer(&mut batch, COMMIT, voter, 2), Offered::Waits);
        }
    }
}

#[test]
fn what_is_no_vote_of_the_round_is_rejected_with_its_reason() {
    for backend in backends() {
        let mut world = world(backend, 4);
        let mut batch = Batch::new();
        let good = world.said(COMMIT, 0, 1);
        for (said, reason) in [
            (Said { kind: Kind::Raft(Raft::Ack), ..good }, Rejection::Engine),
            (Said { kind: Kind::Pbft(Pbft::Checkpoint), ..good }, Rejection::Kind),
            (Said { voter: Voter(7), ..good }, Rejection::Voter),
        ] {
            assert_eq!(world.pipeline.offer(world.round, &said, &mut batch).unwrap(), Offered::Rejected(reason));
        }
        assert_eq!(world.pipeline.outcome(world.round).unwrap().rejections.total(), 3);
    }
}

#[test]
fn which_kind_comes_last_does_not_say_whether_a_row_opens() {
    for last in [PREPARE, COMMIT] {
        let mut world = world_under(Box::new(Reference::new()), 4, Rule::Majority);
        let mut batch = Batch::new();
        let first = if last == PREPARE { COMMIT } else { PREPARE };
        assert_eq!(world.offer(&mut batch, first, 0, 1), Offered::Waits);
        assert_eq!(world.offer(&mut batch, last, 0, 1), Offered::Waits, "both of its kinds are one voter");
        assert_eq!(world.offer(&mut batch, first, 1, 1), Offered::Waits);
        assert_eq!(world.offer(&mut batch, last, 2, 1), Offered::Opened { row: 0 }, "{last:?}");
        assert_eq!(batch.len(), 4);
        assert_eq!(world.pipeline.waiting(world.round).unwrap(), 0);
    }
}

#[test]
fn the_largest_electorate_may_wait_with_all_that_it_can_say() {
    let members = Arc::new(Electorate::new(Epoch(0), Rule::Majority, (0..1 << 16).map(|id| Member::new(id, 1))).unwrap());
    let context = Context {
        cluster: ClusterId(members.root()),
        engine: Engine::Pbft,
        partition: PartitionId(3),
        electorate: members.root(),
        height: Height(8),
        view: View(1),
    };
    let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
    let electorate = pipeline.admit(&members).unwrap();
    let spec = RoundSpec::new(context, Form::Candidates { rows: 1 }, false, &[(COMMIT, Rule::Majority)]).unwrap();
    let round = pipeline.open(electorate, &spec, &[]).unwrap();
    let mut batch = Batch::new();
    let mut said = |voter: u16, what: u32| {
        let mut candidate = Digest::ZERO;
        candidate.0[..4].copy_from_slice(&what.to_le_bytes());
        let said = Said { kind: COMMIT, voter: Voter(voter), candidate, body: Digest::ZERO, signature: Signature::NONE };
        pipeline.offer(round, &said, &mut batch).unwrap()
    };
    // Each says something that nobody else says, and then what all say.
    for voter in 0..=u16::MAX {
        assert_eq!(said(voter, u32::from(voter)), Offered::Waits);
    }
    for voter in 0..(1 << 15) - 1 {
        assert_eq!(said(voter, u32::MAX), Offered::Waits);
    }
    assert_eq!(said(u16::MAX, u32::MAX), Offered::Opened { row: 0 });
    assert_eq!(batch.len(), 1 << 15);
    assert_eq!(pipeline.waiting(round).unwrap(), 1 << 16);
}
