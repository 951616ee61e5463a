//! What clients may rely on.

use quorate_kv::{Command, Put};
use quorate_net::wire::client::{Sureness, Transfer, Why, Write, request, response};
use quorate_node::{KV, SYSTEM};

use crate::crew::Crew;
use crate::why;

#[test]
fn what_was_written_is_read_from_every_node() {
    let crew = Crew::start("written", 3, |_| {});
    crew.put("colour", "blue");
    for id in 1..=3 {
        let value = crew.until("a read is not answered", |crew| crew.get(id, "colour", Sureness::Linearizable).ok());
        assert_eq!(value.as_deref(), Some("blue"), "from node {id}");
    }
}

#[test]
fn a_follower_says_who_leads_and_where() {
    let crew = Crew::start("elsewhere", 3, |_| {});
    crew.put("a", "b");
    let leader = crew.leader(KV);
    let other = (1..=3).find(|id| *id != leader).unwrap();
    let write = Write { session: 0, sequence: 0, settled: 0, command: Command::Put(Put::new("x", "y")).encode().into() };
    match crew.ask(other, KV, request::Body::Write(write)) {
        response::Body::Refused(refused) => {
            assert_eq!((refused.why(), refused.leader), (Why::NotLeader, leader));
            assert_eq!(refused.leader_address, crew.seats[leader as usize - 1].client);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_repeated_request_is_carried_out_once() {
    let crew = Crew::start("once", 3, |_| {});
    let session = crew.open_session();
    let ask = |sequence, settled| {
        let command = Command::Put(Put::new("counted", "x")).encode();
        let write = Write { session, sequence, settled, command: command.into() };
        crew.ask(crew.leader(KV), KV, request::Body::Write(write))
    };
    let response::Body::Written(first) = ask(1, 0) else { panic!() };
    let response::Body::Written(again) = ask(1, 0) else { panic!() };
    assert_eq!(first.answer, again.answer, "and not a later revision");
    assert!(matches!(ask(2, 1), response::Body::Written(_)));
    assert_eq!(why(&ask(1, 1)), Some(Why::Settled));
}

#[test]
fn leadership_goes_where_it_is_sent_and_nothing_is_lost() {
    let crew = Crew::start("transfer", 3, |_| {});
    for round in 0..6 {
        crew.put("round", &round.to_string());
        let leader = crew.leader(KV);
        let to = leader % 3 + 1;
        crew.until("leadership does not go", |crew| {
            crew.ask(leader, KV, request::Body::Transfer(Transfer { to }));
            (crew.leader(KV) == to).then_some(())
        });
        let value = crew.until("a read is not answered", |crew| crew.get(to, "round", Sureness::Linearizable).ok());
        assert_eq!(value, Some(round.to_string()));
    }
}

#[test]
fn a_cluster_that_stops_and_starts_has_everything_that_it_had() {
    let mut crew = Crew::start("again", 3, |config| config.snapshot.interval = 50);
    for nth in 0..120 {
        crew.put(&format!("key-{nth}"), "value");
    }
    for id in 1..=3 {
        crew.stop(id);
    }
    for id in 1..=3 {
        crew.begin(id);
    }
    for nth in 0..120 {
        let leader = crew.leader(KV);
        let value = crew.until("a read is not answered", |crew| crew.get(leader, &format!("key-{nth}"), Sureness::Linearizable).ok());
        assert_eq!(value.as_deref(), Some("value"), "key {nth}");
    }
    let floor = crew.status(1).partitions[KV.0 as usize].floor;
    assert!(floor >= 50, "snapshots were taken: the log begins behind {floor}");
}

#[test]
fn a_follower_that_was_away_for_long_gets_a_snapshot() {
    let mut crew = Crew::start("snapshot", 3, |config| config.snapshot.interval = 20);
    crew.put("first", "1");
    let away = (1..=3).find(|id| *id != crew.leader(KV)).unwrap();
    crew.stop(away);
    for nth in 0..100 {
        crew.put("key", &nth.to_string());
    }
    crew.begin(away);
    let value = crew.until("the follower does not catch up", |crew| {
        crew.get(away, "key", Sureness::Local).ok().flatten().filter(|value| value == "99")
    });
    assert_eq!(value, "99");
    assert_eq!(crew.get(away, "first", Sureness::Local).unwrap().as_deref(), Some("1"));
}

#[test]
fn what_makes_no_sense_is_refused_with_a_reason_and_changes_nothing() {
    let crew = Crew::start("sense", 1, |_| {});
    crew.put("a", "b");
    let leader = crew.leader(KV);
    let before = crew.status(leader).partitions[1].last;
    let nowhere = crew.ask(leader, quorate_core::ids::PartitionId(9), request::Body::Open(Default::default()));
    assert_eq!(why(&nowhere), Some(Why::BadRequest));
    let into_system = Write { session: 0, sequence: 0, settled: 0, command: vec![1, 2, 3].into() };
    assert_eq!(why(&crew.ask(leader, SYSTEM, request::Body::Write(into_system))), Some(Why::Forbidden));
    assert_eq!(why(&crew.ask(leader, KV, request::Body::Transfer(Transfer { to: 77 }))), Some(Why::BadRequest));
    assert_eq!(crew.status(leader).partitions[1].last, before);
}

#[test]
fn a_command_that_is_too_long_is_refused_alone() {
    let crew = Crew::start("long", 1, |_| {});
    crew.put("a", "b");
    let write = |bytes: usize| {
        let command = Command::Put(Put::new("long", vec![b'x'; bytes])).encode();
        request::Body::Write(Write { session: 0, sequence: 0, settled: 0, command: command.into() })
    };
    let handle = crew.handle(1);
    let answers = crew.control.block_on(async {
        let asked = [8, 2 << 20, 9].map(|bytes| handle.request(KV, write(bytes)));
        let [short, long, other] = asked;
        tokio::join!(short, long, other)
    });
    assert!(matches!((&answers.0, &answers.2), (response::Body::Written(_), response::Body::Written(_))), "{answers:?}");
    assert_eq!(why(&answers.1), Some(Why::BadRequest));
}
