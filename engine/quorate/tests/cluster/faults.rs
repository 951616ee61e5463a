//! Nodes are killed, stopped and restarted while clients work. Nothing that was acknowledged is lost, nobody is told what is not so, and
//! when the faults are over the clients get on.

use std::time::{Duration, Instant};

use quorate_kv::{Command, Put};
use quorate_net::wire::client::{Sureness, Write, request, response};
use quorate_node::KV;

use crate::crew::{Crew, Plan};
use crate::load::{Load, Seen};
use crate::number;
use crate::probe::{Probe, found, get};
use crate::sights::Sights;

/// How many operations each client does before a fault, and after the last.
const OPERATIONS: u64 = 5;

/// So many rounds, and more until the time of a soak is over.
pub(crate) fn rounds(least: u64) -> impl Iterator<Item = u64> {
    let end = Instant::now() + Duration::from_secs(number("QUORATE_SOAK_S").unwrap_or(0));
    (0..).take_while(move |round| *round < least || Instant::now() < end)
}

/// Lets clients work while something happens, and says what they saw.
pub(crate) fn under_load(crew: &mut Crew, name: &str, happens: impl FnOnce(&mut Crew, &Load)) -> Seen {
    let load = Load::begin(crew, name);
    load.progress(crew, OPERATIONS);
    load.forget_times();
    happens(crew, &load);
    load.progress(crew, OPERATIONS);
    crew.all_live();
    let seen = load.end(crew);
    println!("{name}: {seen}");
    seen
}

#[test]
fn leaders_are_killed_under_load_and_nothing_is_lost() {
    let mut crew = Crew::start("leaders", Plan::default());
    let sights = Sights::begin(&crew);
    for round in rounds(4) {
        under_load(&mut crew, &format!("leader-{round}"), |crew, load| {
            let leader = crew.leader(KV);
            crew.kill(leader);
            load.progress(crew, OPERATIONS);
            crew.begin(leader);
        });
    }
    let terms = sights.end(&crew);
    assert!(terms > 4, "four leaders were killed, and only {terms} terms had one");
}

#[test]
fn followers_are_killed_under_load_one_and_then_both_and_nothing_is_lost() {
    let mut crew = Crew::start("followers", Plan::default());
    let sights = Sights::begin(&crew);
    for round in rounds(2) {
        under_load(&mut crew, &format!("follower-{round}"), |crew, load| {
            let leader = crew.leader(KV);
            let followers: Vec<u64> = crew.running().into_iter().filter(|id| *id != leader).collect();
            crew.kill(followers[0]);
            load.progress(crew, OPERATIONS);
            // From here on nothing can be committed.
            crew.kill(followers[1]);
            crew.begin(followers[0]);
            load.progress(crew, OPERATIONS);
            crew.begin(followers[1]);
        });
    }
    sights.end(&crew);
}

fn all_are_killed(durability: &'static str) {
    let mut crew = Crew::start(&format!("all-{durability}"), Plan { durability, ..Plan::default() });
    let sights = Sights::begin(&crew);
    for round in rounds(2) {
        under_load(&mut crew, &format!("all-{round}"), |crew, _| {
            crew.kill_all();
            crew.begin_all();
        });
    }
    sights.end(&crew);
}

#[test]
fn all_nodes_are_killed_at_once_and_everything_acknowledged_is_on_disk() {
    all_are_killed("fsync");
}

#[test]
fn all_nodes_are_killed_at_once_and_what_the_system_has_outlives_them() {
    all_are_killed("memory");
}

#[test]
fn nodes_are_restarted_one_by_one_and_clients_hardly_notice() {
    let mut crew = Crew::start("rolling", Plan::default());
    let sights = Sights::begin(&crew);
    for round in rounds(1) {
        let seen = under_load(&mut crew, &format!("rolling-{round}"), |crew, load| {
            for id in crew.running() {
                let status = crew.terminate(id);
                assert!(status.success(), "node {id} was told to end, and ended with {status}");
                load.progress(crew, 1);
                crew.begin(id);
                crew.caught_up(KV);
            }
        });
        // Leadership is handed over, so nobody waits for an election.
        assert!(seen.gap < Duration::from_secs(1), "nobody led for long: {seen}");
        assert!(seen.longest < Duration::from_secs(2), "somebody waited for long: {seen}");
    }
    sights.end(&crew);
}

#[test]
fn a_leader_that_was_stopped_answers_nothing_that_is_old_when_it_goes_on() {
    let mut crew = Crew::start("stopped", Plan::default());
    let sights = Sights::begin(&crew);
    for round in rounds(2) {
        under_load(&mut crew, &format!("stopped-{round}"), |crew, load| stop_and_go_on(crew, load, round));
    }
    sights.end(&crew);
}

#[test]
fn a_follower_that_was_stopped_hears_its_leader_before_it_stands_for_election() {
    let mut crew = Crew::start("follower-stopped", Plan { level: "info,quorate_node=debug", ..Plan::default() });
    let sights = Sights::begin(&crew);
    crew.caught_up(KV);
    let before = crew.leader_among(&crew.running(), KV);
    let follower = crew.running().into_iter().find(|id| *id != before.0).unwrap();
    let stands = |crew: &Crew| crew.log(follower).iter().filter(|line| line["message"] == "stands for election").count();
    let stood = stands(&crew);
    for round in rounds(3) {
        under_load(&mut crew, &format!("follower-stopped-{round}"), |crew, load| {
            crew.pause(follower);
            // Longer than an election timeout.
            std::thread::sleep(Duration::from_millis(400));
            crew.resume(follower);
            load.progress(crew, OPERATIONS);
            crew.caught_up(KV);
        });
    }
    assert_eq!(stands(&crew), stood, "it stood for election, and its leader had spoken all the time");
    assert_eq!(crew.leader_among(&crew.running(), KV), before, "the leader and its term");
    sights.end(&crew);
}

fn put(key: &str, value: &str) -> request::Body {
    let command = Command::Put(Put::new(key, value)).encode();
    request::Body::Write(Write { session: 0, sequence: 0, settled: 0, command: command.into() })
}

fn stop_and_go_on(crew: &Crew, load: &Load, round: u64) {
    let (key, orphan) = (format!("truth-{round}"), format!("orphan-{round}"));
    let (old, term) = crew.leader_among(&crew.running(), KV);
    let mut probe = crew.wait(Probe::dial(crew.tester(), &crew.seats[&old].client)).unwrap();
    assert!(matches!(crew.wait(probe.ask(KV, put(&key, "old"))), Ok(response::Body::Written(_))));
    crew.pause(old);
    let others: Vec<u64> = crew.running().into_iter().filter(|id| *id != old).collect();
    let (new, newer) = crew.leader_among(&others, KV);
    assert!(newer > term, "another leads, in a later term");
    let mut other = crew.wait(Probe::dial(crew.tester(), &crew.seats[&new].client)).unwrap();
    assert!(matches!(crew.wait(other.ask(KV, put(&key, "new"))), Ok(response::Body::Written(_))));
    // All this is with the old leader's system when it goes on, and is the first thing that it gets to see.
    let asked: Vec<u64> = (0..20).map(|_| crew.wait(probe.send(KV, get(&key, Sureness::Linearizable))).unwrap()).collect();
    let write = crew.wait(probe.send(KV, put(&orphan, "x"))).unwrap();
    load.progress(crew, OPERATIONS);
    crew.resume(old);
    for number in asked {
        let answer = crew.wait(probe.answer(number)).unwrap();
        match found(&answer) {
            Some(value) => assert_eq!(value.as_deref(), Some(&b"new"[..]), "the old leader answered what is not so any more"),
            None => assert!(matches!(answer, response::Body::Refused(_)), "{answer:?}"),
        }
    }
    let acknowledged = matches!(crew.wait(probe.answer(write)).unwrap(), response::Body::Written(_));
    let there = crew.wait(other.ask(KV, get(&orphan, Sureness::Linearizable))).unwrap();
    assert!(!acknowledged || found(&there).is_none_or(|value| value.is_some()), "the old leader acknowledged what is not there");
}
