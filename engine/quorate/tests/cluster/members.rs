//! Members come and go under load, and one that was away for long gets a snapshot over the wire.

use quorate_core::ids::MemberId;
use quorate_net::wire::client::{Member, Part, Sureness};
use quorate_node::client::{Client, Window};
use quorate_node::{KV, SYSTEM};

use crate::crew::{Crew, PATIENCE, Plan};
use crate::faults::{rounds, under_load};
use crate::probe::{Probe, found, get};
use crate::sights::Sights;

/// Waits until a decision about members is in force.
fn settled(crew: &Crew, client: &Client) {
    let settled = crew.wait(client.settled(PATIENCE)).unwrap();
    assert!(settled, "the members do not settle: {:#?}", crew.running().iter().map(|id| crew.status(*id)).collect::<Vec<_>>());
}

#[test]
fn a_node_is_added_under_load_and_then_whoever_leads_is_removed() {
    let mut crew = Crew::start("members", Plan { snapshot_interval: 500, ..Plan::default() });
    let admin = crew.client("admin", Window::default());
    for round in rounds(2) {
        let sights = Sights::begin(&crew);
        under_load(&mut crew, &format!("members-{round}"), |crew, load| {
            let id = crew.new_seat();
            crew.begin(id);
            let seat = crew.seats[&id].clone();
            let member =
                Member { id, name: seat.name, address: seat.address, client_address: seat.client, part: Part::Voter.into(), priority: 0 };
            crew.wait(admin.add_member(member)).unwrap();
            settled(crew, &admin);
            load.progress(crew, 3);
            let gone = crew.leader(KV);
            crew.wait(admin.remove_member(MemberId(gone))).unwrap();
            settled(crew, &admin);
            let left: Vec<u64> = crew.running().into_iter().filter(|id| *id != gone).collect();
            for partition in [SYSTEM, KV] {
                let (leader, _) = crew.leader_among(&left, partition);
                let voters = crew.partition(leader, partition).unwrap().voters;
                assert_eq!(voters, left, "of partition {partition}");
            }
            load.progress(crew, 3);
            crew.kill(gone);
        });
        sights.end(&crew);
    }
}

#[test]
fn a_follower_that_was_away_gets_a_snapshot_over_the_wire() {
    let mut crew = Crew::start("snapshot", Plan { snapshot_interval: 100, ..Plan::default() });
    let sights = Sights::begin(&crew);
    for round in rounds(1) {
        let key = format!("before-{round}");
        let client = crew.client("writer", Window::default());
        crew.wait(client.kv().put(key.as_str(), "1")).unwrap();
        let mut away = 0;
        under_load(&mut crew, &format!("snapshot-{round}"), |crew, load| {
            let leader = crew.leader(KV);
            away = crew.running().into_iter().find(|id| *id != leader).unwrap();
            crew.kill(away);
            let last = crew.partition(leader, KV).unwrap().last;
            crew.until("the log is not cut", || {
                let floors = crew.running().into_iter().filter_map(|id| Some(crew.partition(id, KV)?.floor));
                floors.min().filter(|floor| *floor > last)
            });
            load.progress(crew, 1);
            crew.begin(away);
        });
        let line = crew.logged(away, &["put a snapshot in place"]);
        assert_eq!(line["partition"], KV.0);
        let value = crew.wait(async {
            let mut probe = Probe::dial(crew.tester(), &crew.seats[&away].client).await.unwrap();
            found(&probe.ask(KV, get(&key, Sureness::Local)).await.unwrap())
        });
        assert_eq!(value.flatten().as_deref(), Some(&b"1"[..]), "what was in the snapshot");
    }
    sights.end(&crew);
}
