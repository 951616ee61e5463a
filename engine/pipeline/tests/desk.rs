//! The desk at which protocols hand in their votes: many owners, one run.

use std::sync::Arc;

use quorate_core::context::Context;
use quorate_core::counting::{Ask, Finding, Opening, RoundKey, Told};
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, RoundSpec};
use quorate_core::vote::{Engine, Kind, Raft, Vote};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Desk, Limits, Owner, Pipeline, PipelineError};

const GRANT: Kind = Kind::Raft(Raft::Grant);
const ACK: Kind = Kind::Raft(Raft::Ack);
const LIMITS: Limits = Limits { rounds: 64, state_bytes: 1 << 20, electorates: 3, members: 64 };

fn desk(limits: Limits) -> Desk {
    Desk::new(Pipeline::new(Box::new(Reference::new()), limits))
}

fn group(epoch: u64, count: u64) -> Arc<Electorate> {
    Arc::new(Electorate::new(Epoch(epoch), Rule::Majority, (1..=count).map(|id| Member::new(id, 1))).expect("equals are an electorate"))
}

fn open(key: u64, electorate: &Arc<Electorate>, form: Form, kind: Kind) -> Ask {
    let context = Context {
        cluster: ClusterId(electorate.root()),
        engine: Engine::Raft,
        partition: PartitionId(0),
        electorate: electorate.root(),
        height: Height(0),
        view: View(1),
    };
    let candidates = if matches!(form, Form::Cumulative { .. }) { Vec::new() } else { vec![Digest([7; 32])] };
    let spec = RoundSpec::new(context, form, false, &[(kind, Rule::Majority)]).expect("the round is well-formed");
    Ask::Open(Box::new(Opening { key: RoundKey(key), electorate: Arc::clone(electorate), spec, candidates }))
}

fn election(key: u64, electorate: &Arc<Electorate>) -> Ask {
    open(key, electorate, Form::Candidates { rows: 1 }, GRANT)
}

fn acks(key: u64, electorate: &Arc<Electorate>, base: u64) -> Ask {
    open(key, electorate, Form::Cumulative { base, last: base + 10 }, ACK)
}

fn vote(key: u64, kind: Kind, voter: u16, candidate: u32) -> Ask {
    Ask::Vote { key: RoundKey(key), vote: Vote::new(kind, Voter(voter), candidate) }
}

fn close(key: u64) -> Ask {
    Ask::Close { key: RoundKey(key) }
}

fn ask(desk: &mut Desk, owner: u32, asks: impl IntoIterator<Item = Ask>) {
    for ask in asks {
        desk.ask(Owner(owner), ask).expect("there is room");
    }
}

/// Runs what waits, and gives what was told, by owner and round.
fn run(desk: &mut Desk) -> Vec<(u32, u64, Finding)> {
    let mut told = Vec::new();
    desk.run(&mut told).expect("the reference backend does not fail");
    told.sort_by_key(|(owner, told)| (*owner, told.key));
    told.into_iter().map(|(owner, Told { key, what, .. })| (owner.0, key.0, what)).collect()
}

#[test]
fn many_owners_are_decided_in_one_run_and_each_is_told_its_own() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    for owner in 0..20 {
        ask(&mut desk, owner, [acks(1, &three, 100), vote(1, ACK, 0, owner % 10 + 1), vote(1, ACK, 2, 10)]);
    }
    assert_eq!(desk.waiting(), 40);
    let expected: Vec<_> = (0..20).map(|owner| (owner, 1, Finding::Reached { index: 101 + u64::from(owner % 10) })).collect();
    assert_eq!(run(&mut desk), expected);
    assert_eq!((desk.waiting(), run(&mut desk)), (0, vec![]));
}

#[test]
fn one_name_means_another_round_for_each_owner() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    ask(&mut desk, 1, [election(5, &three), vote(5, GRANT, 0, 0)]);
    ask(&mut desk, 2, [election(5, &three), vote(5, GRANT, 1, 0)]);
    assert_eq!(run(&mut desk), [], "one vote each");
    ask(&mut desk, 2, [vote(5, GRANT, 2, 0), close(4)]);
    assert_eq!(run(&mut desk), [(2, 5, Finding::Decided { row: 0 })]);
    ask(&mut desk, 2, [close(5)]);
    ask(&mut desk, 1, [vote(5, GRANT, 1, 0)]);
    assert_eq!(run(&mut desk), [(1, 5, Finding::Decided { row: 0 })], "the other's is still open");
}

#[test]
fn an_electorate_is_admitted_once_and_dismissed_with_its_last_round() {
    let mut desk = desk(Limits { electorates: 1, ..LIMITS });
    let (three, five) = (group(1, 3), group(2, 5));
    ask(&mut desk, 1, [election(1, &three), election(2, &three)]);
    ask(&mut desk, 2, [election(1, &three), close(1)]);
    let full = desk.ask(Owner(2), election(2, &five)).unwrap_err();
    assert!(matches!(full, PipelineError::Full { what: "electorate", .. }), "{full}");
    ask(&mut desk, 1, [close(1)]);
    assert!(desk.ask(Owner(2), election(3, &five)).is_err(), "one round is left");
    ask(&mut desk, 1, [close(2)]);
    ask(&mut desk, 2, [election(4, &five)]);
    assert_eq!(desk.pipeline().open_rounds(), 1);
}

#[test]
fn votes_for_rounds_that_are_not_open_are_dropped() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    ask(&mut desk, 1, [vote(1, GRANT, 0, 0), close(1), Ask::Extend { key: RoundKey(1), last: 9 }]);
    assert_eq!(desk.waiting(), 0);
    ask(&mut desk, 1, [election(1, &three), close(1), vote(1, GRANT, 0, 0)]);
    assert_eq!((desk.waiting(), run(&mut desk)), (0, vec![]));
}

#[test]
fn votes_whose_round_is_closed_before_the_run_harm_nobody() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    ask(&mut desk, 1, [election(1, &three), vote(1, GRANT, 0, 0), vote(1, GRANT, 1, 0), close(1)]);
    // The place of the closed round is taken by another, which must not inherit the votes.
    ask(&mut desk, 2, [election(1, &three), vote(1, GRANT, 2, 0)]);
    assert_eq!(run(&mut desk), []);
    ask(&mut desk, 2, [vote(1, GRANT, 0, 0)]);
    assert_eq!(run(&mut desk), [(2, 1, Finding::Decided { row: 0 })]);
}

#[test]
fn what_cannot_be_opened_leaves_nothing_behind() {
    let mut desk = desk(Limits { electorates: 1, ..LIMITS });
    let (three, five) = (group(1, 3), group(2, 5));
    let Ask::Open(mut wrong) = election(1, &three) else { unreachable!("it opens a round") };
    wrong.candidates = vec![Digest([7; 32]); 2];
    for _ in 0..5 {
        assert!(desk.ask(Owner(1), Ask::Open(wrong.clone())).is_err());
    }
    assert_eq!((desk.pipeline().open_rounds(), desk.waiting()), (0, 0));
    ask(&mut desk, 1, [vote(1, GRANT, 0, 0), election(1, &five)]);
    assert_eq!(desk.waiting(), 0, "the electorate's only place is free, and the name too");
}

#[test]
fn an_error_with_one_round_leaves_the_others_of_its_electorate_alone() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    ask(&mut desk, 1, [acks(1, &three, 0)]);
    let Ask::Open(mut wrong) = election(2, &three) else { unreachable!("it opens a round") };
    wrong.candidates = vec![Digest([7; 32]); 2];
    assert!(desk.ask(Owner(1), Ask::Open(wrong)).is_err());
    assert!(desk.ask(Owner(1), Ask::Extend { key: RoundKey(1), last: 1 << 40 }).is_err(), "further than a vote can name");
    ask(&mut desk, 1, [vote(1, ACK, 0, 4), vote(1, ACK, 1, 6)]);
    assert_eq!(run(&mut desk), [(1, 1, Finding::Reached { index: 4 })]);
}

#[test]
fn no_more_is_open_than_the_limits_allow_and_what_is_closed_makes_room() {
    let mut desk = desk(Limits { rounds: 4, ..LIMITS });
    let three = group(1, 3);
    for key in 0..100 {
        ask(&mut desk, 1, [election(key, &three)]);
        if key >= 3 {
            assert!(desk.ask(Owner(2), election(key, &three)).is_err());
            ask(&mut desk, 1, [close(key - 3)]);
        }
    }
    assert_eq!(desk.pipeline().open_rounds(), 3);
    let before = desk.pipeline().memory_bytes();
    for key in 100..1000 {
        ask(&mut desk, 1, [election(key, &three), vote(key, GRANT, 0, 0), close(key)]);
        run(&mut desk);
    }
    assert!(desk.pipeline().memory_bytes() <= before + (1 << 12), "{before} and then {}", desk.pipeline().memory_bytes());
}

#[test]
fn a_round_may_be_extended_while_it_is_open_and_counts_no_further() {
    let mut desk = desk(LIMITS);
    let three = group(1, 3);
    ask(&mut desk, 1, [acks(1, &three, 50), vote(1, ACK, 0, 11), vote(1, ACK, 1, 11)]);
    assert_eq!(run(&mut desk), [], "61 is above 60");
    ask(&mut desk, 1, [Ask::Extend { key: RoundKey(1), last: 70 }, vote(1, ACK, 0, 11), vote(1, ACK, 1, 20)]);
    assert_eq!(run(&mut desk), [(1, 1, Finding::Reached { index: 61 })]);
    ask(&mut desk, 1, [vote(1, ACK, 0, 20), vote(1, ACK, 2, 3)]);
    assert_eq!(run(&mut desk), [(1, 1, Finding::Reached { index: 70 })], "what was reached only rises");
}
