//! Rounds from outside: what a caller may ask of them, and what must hold when it asks for something odd.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quorate_core::ballot::Ballot;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundError, RoundSpec};
use quorate_core::vote::{Engine, Kind, Pbft, Raft, Vote};
use quorate_pipeline::backend::{BackendError, Claim, Descriptor, Timings};
use quorate_pipeline::conformance::Cast;
use quorate_pipeline::layout::Buffer;
use quorate_pipeline::recording::Recording;
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Backend, Batch, Limits, Pipeline, PipelineError, What};

const PREPARE: Kind = Kind::Pbft(Pbft::Prepare);
const COMMIT: Kind = Kind::Pbft(Pbft::Commit);
const REPLY: Kind = Kind::Pbft(Pbft::Reply);
const ACK: Kind = Kind::Raft(Raft::Ack);
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

/// A backend that is lost in the recording that the countdown names, after the work was done: nobody can tell how far it came.
struct Flaky {
    inner: Reference,
    countdown: Arc<AtomicUsize>,
}

impl Backend for Flaky {
    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError> {
        let done = self.inner.execute(recording)?;
        match self.countdown.fetch_sub(1, Ordering::Relaxed) {
            1 => Err(BackendError::Lost { backend: "flaky", reason: "its time had come".into() }),
            _ => Ok(done),
        }
    }

    fn descriptor(&self) -> Descriptor {
        self.inner.descriptor()
    }

    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        self.inner.reserve(buffer, records)
    }

    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError> {
        self.inner.admit_keys(electorate, keys)
    }

    fn evict_keys(&mut self, electorate: u32) {
        self.inner.evict_keys(electorate);
    }

    fn downloaded(&self, buffer: Buffer) -> &[u8] {
        self.inner.downloaded(buffer)
    }

    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError> {
        self.inner.read(buffer, first, count, into)
    }

    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError> {
        self.inner.write(buffer, first, bytes)
    }

    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        self.inner.verify(claims, verdicts)
    }

    fn memory_bytes(&self) -> usize {
        self.inner.memory_bytes()
    }
}

#[test]
fn what_failed_can_be_done_again_and_no_vote_is_lost_or_counted_twice() {
    let members = equals(5);
    let countdown = Arc::new(AtomicUsize::new(0));
    let flaky = Flaky { inner: Reference::new(), countdown: Arc::clone(&countdown) };
    let mut shards = [Pipeline::new(Box::new(flaky), Limits::default()), Pipeline::new(Box::new(Reference::new()), Limits::default())];
    let form = Form::Candidates { rows: 2 };
    let spec = RoundSpec::new(context(&members, Engine::Pbft), form, false, &[(COMMIT, Rule::Majority)]).unwrap();
    let rounds = shards.each_mut().map(|shard| {
        let electorate = shard.admit(&members).unwrap();
        shard.open(electorate, &spec, &BLOCKS).unwrap()
    });
    let votes = |voters: std::ops::Range<u16>| voters.map(|voter| Vote::new(COMMIT, Voter(voter), 0)).collect::<Vec<_>>();
    let mut batch = Batch::new();
    batch.add_votes(rounds[1], &votes(0..3));
    shards[1].run(&batch).unwrap();
    let other = shards[1].export(rounds[1]).unwrap();

    let [shard, _] = &mut shards;
    batch.clear();
    batch.add_votes(rounds[0], &votes(2..4));
    countdown.store(1, Ordering::Relaxed);
    shard.run(&batch).unwrap_err();
    shard.run(&batch).unwrap();
    for lost_at in [1, 2] {
        countdown.store(lost_at, Ordering::Relaxed);
        shard.absorb(rounds[0], &other).unwrap_err();
    }
    assert_eq!(shard.absorb(rounds[0], &other).unwrap().len(), 1);
    let outcome = shard.outcome(rounds[0]).unwrap();
    assert_eq!((outcome.valid, outcome.repeated), (5, 1));
    assert_eq!(outcome.standings[0].supporters.len(), 4);
}

#[test]
fn asking_how_a_round_stands_does_not_swallow_what_the_last_run_found_out() {
    let members = equals(3);
    let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
    let electorate = pipeline.admit(&members).unwrap();
    let form = Form::Candidates { rows: 1 };
    let spec = RoundSpec::new(context(&members, Engine::Pbft), form, false, &[(COMMIT, Rule::Majority)]).unwrap();
    let round = pipeline.open(electorate, &spec, &BLOCKS[..1]).unwrap();
    let mut batch = Batch::new();
    batch.add_votes(round, &[Vote::new(COMMIT, Voter(0), 0), Vote::new(COMMIT, Voter(2), 0)]);
    pipeline.run(&batch).unwrap();
    assert!(pipeline.outcome(round).unwrap().standings[0].decided);
    assert_eq!(pipeline.events().iter().map(|event| event.what).collect::<Vec<_>>(), [What::Decided { row: 0 }]);
    pipeline.run(&Batch::new()).unwrap();
    assert!(pipeline.events().is_empty());
}

#[test]
fn a_round_that_takes_in_offsets_above_its_last_also_takes_votes_for_them() {
    let members = equals(3);
    let spec = |last| {
        let form = Form::Cumulative { base: 100, last };
        RoundSpec::new(context(&members, Engine::Raft), form, false, &[(ACK, Rule::Majority)]).unwrap()
    };
    let open = |spec: &RoundSpec| {
        let mut pipeline = Pipeline::new(Box::new(Reference::new()), Limits::default());
        let electorate = pipeline.admit(&members).unwrap();
        let round = pipeline.open(electorate, spec, &[]).unwrap();
        (pipeline, round)
    };
    let (mut ahead, there) = open(&spec(110));
    ahead.extend(there, 120).unwrap();
    let mut batch = Batch::new();
    batch.add_votes(there, &[Vote::new(ACK, Voter(0), 20)]);
    ahead.run(&batch).unwrap();

    let (mut behind, here) = open(&spec(110));
    let state = ahead.export(there).unwrap();
    behind.absorb(here, &state).unwrap();
    batch.clear();
    batch.add_votes(here, &[Vote::new(ACK, Voter(1), 20), Vote::new(ACK, Voter(1), 21)]);
    behind.run(&batch).unwrap();
    let outcome = behind.outcome(here).unwrap();
    assert_eq!((outcome.reached, outcome.rejections.total()), (Some(120), 1));
}
