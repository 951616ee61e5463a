//! The native client and real nodes: what one promises holds with the other.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use quorate_core::ids::MemberId;
use quorate_kv::{Command, Keys, Put, Range, Watch};
use quorate_net::identity::Who;
use quorate_net::wire::client::{Member, Part};
use quorate_node::client::{Client, ClientConfig, Profile, SessionOptions, SubmitError};
use quorate_node::{KV, SYSTEM};

use crate::crew::{Crew, PATIENCE};

impl Crew {
    /// A client with a certificate, which knows where the first node is.
    fn client(&self) -> Client {
        let issued = self.authority.issue(&Who::Client("tester".into()), &[], SystemTime::now(), Duration::from_secs(3600)).unwrap();
        issued.write(&self.dir, "client").unwrap();
        let file = |name: &str| Some(self.dir.join(name));
        let endpoints = Some(vec![self.seats[0].client.clone()]);
        let profile = Profile { endpoints, ca: file("ca.pem"), cert: file("client.pem"), key: file("client.key"), ..Profile::default() };
        let mut config: ClientConfig = profile.resolve().unwrap();
        config.timeouts.request = PATIENCE;
        config.window.requests = 256;
        self.control.block_on(Client::connect(config)).unwrap()
    }
}

#[test]
fn commands_in_flight_are_carried_out_once_while_nodes_stop_and_start() {
    let mut crew = Crew::start("native-stops", 3, |_| {});
    let client = crew.client();
    let writing = crew.control.spawn({
        let mut session = client.session(SessionOptions::default());
        async move {
            let (mut given, mut outcomes, mut batch) = (0u64, BTreeMap::new(), Vec::new());
            while outcomes.len() < 20_000 {
                while given < 20_000 {
                    match session.submit(Command::Put(Put::new(given.to_be_bytes(), "x")).encode().into(), given) {
                        Ok(()) => given += 1,
                        Err(SubmitError::Full(_)) => break,
                        Err(error) => panic!("{error}"),
                    }
                }
                session.next_batch(&mut batch).await;
                for (tag, outcome) in batch.drain(..) {
                    assert!(outcome.is_ok(), "command {tag}: {outcome:?}");
                    assert!(outcomes.insert(tag, outcome).is_none(), "command {tag} ends a second time");
                }
            }
        }
    });
    let mut stops = 0;
    while !writing.is_finished() {
        let leader = crew.leader(KV);
        crew.stop(leader);
        stops += 1;
        crew.leader(KV);
        crew.begin(leader);
    }
    crew.control.block_on(writing).unwrap();
    let (_, found) = crew.control.block_on(client.kv().range(Range::new(Keys::all()))).unwrap();
    assert_eq!(found.kvs.len(), 20_000);
    assert!(found.kvs.iter().all(|kv| kv.version == 1));
    assert!(stops > 0 && client.counts(KV).connections > 1, "{stops} stops, {:?}", client.counts(KV));
    crew.control.block_on(client.close());
}

#[test]
fn changes_are_followed_while_nodes_stop_and_start() {
    let mut crew = Crew::start("native-watch", 3, |_| {});
    let client = crew.client();
    let mut follow = crew.control.block_on(client.kv().watch(Watch::new(Keys::one("k")), None)).unwrap();
    let writing = crew.control.spawn({
        let client = client.clone();
        async move {
            for nth in 0..600u64 {
                client.kv().put("k", nth.to_string()).await.unwrap();
            }
        }
    });
    let following = crew.control.spawn(async move {
        let mut seen = 0u64;
        while seen < 600 {
            for event in follow.next().await.unwrap().events {
                assert_eq!(event.kv.value.to_vec(), seen.to_string().into_bytes());
                seen += 1;
            }
        }
    });
    while !writing.is_finished() {
        let leader = crew.leader(KV);
        crew.stop(leader);
        crew.leader(KV);
        crew.begin(leader);
    }
    crew.control.block_on(writing).unwrap();
    crew.control.block_on(async { tokio::time::timeout(PATIENCE, following).await }).unwrap().unwrap();
}

#[test]
fn members_are_added_and_removed_and_leadership_moves() {
    let mut crew = Crew::start("native-members", 3, |_| {});
    let client = crew.client();
    let run = |crew: &Crew, client: &Client, member: Member| {
        let add = async { client.add_member(member).await.unwrap() };
        crew.control.block_on(add)
    };
    assert!(crew.control.block_on(client.settled(PATIENCE)).unwrap());
    let seat = Crew::seat(4);
    let member = Member {
        id: 4,
        name: seat.name.clone(),
        address: seat.address.clone(),
        client_address: seat.client.clone(),
        part: Part::Voter.into(),
        priority: 0,
    };
    let first = run(&crew, &client, member);
    assert!(!crew.control.block_on(client.settled(Duration::ZERO)).unwrap(), "it has not even started");
    crew.begin_new(seat);
    assert!(crew.control.block_on(client.settled(PATIENCE)).unwrap());
    let second = crew.control.block_on(client.remove_member(MemberId(2))).unwrap();
    assert!(second > first);
    assert!(crew.control.block_on(client.settled(PATIENCE)).unwrap());
    let all = crew.control.block_on(client.status_of_all()).unwrap();
    assert_eq!(all.iter().map(|(member, _)| member.id).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(all.iter().all(|(_, answer)| answer.is_ok()), "{all:?}");
    for partition in [SYSTEM, KV] {
        let to = if crew.leader(partition) == 3 { 1 } else { 3 };
        assert_eq!(crew.control.block_on(client.transfer(partition, Some(MemberId(to)))), Ok(MemberId(to)));
        crew.until("the leadership does not move", |crew| (crew.leader(partition) == to).then_some(()));
    }
    crew.control.block_on(client.kv().put("a", "1")).unwrap();
    assert!(crew.control.block_on(client.kv().put_new(Put::new("b", "1"))).unwrap());
    assert!(crew.control.block_on(client.remove_member(MemberId(9))).is_err(), "nobody has this number");
}
