//! Members come and go, by joint consensus in every partition, while the cluster works.

use quorate_net::wire::client::{Change, Member, Part, Sureness, Why, change, request, response};
use quorate_node::{KV, SYSTEM};

use crate::crew::Crew;

impl Crew {
    fn change(&self, what: change::What) -> u64 {
        self.until("a change of members is not decided", |crew| {
            match crew.ask(crew.leader(SYSTEM), SYSTEM, request::Body::Change(Change { what: Some(what.clone()) })) {
                response::Body::Changed(changed) => Some(changed.revision),
                response::Body::Refused(refused) if refused.why() == Why::BadRequest && !refused.text.contains("try again") => {
                    panic!("{}", refused.text)
                }
                _ => None,
            }
        })
    }

    /// Waits until every partition has these voters, and is not changing.
    fn settled(&self, voters: &[u64]) {
        self.until("the partitions do not get there", |crew| {
            let settled = [SYSTEM, KV].into_iter().all(|partition| {
                let status = crew.status(crew.leader(partition));
                let there = &status.partitions[partition.0 as usize];
                there.voters == voters && there.learners.is_empty() && !there.joint
            });
            settled.then_some(())
        });
    }
}

#[test]
fn a_node_is_added_and_another_removed_and_nothing_is_lost() {
    let mut crew = Crew::start("members", 3, |config| config.snapshot.interval = 64);
    for nth in 0..200 {
        crew.put(&format!("key-{nth}"), "value");
    }
    let seat = Crew::seat(4);
    crew.begin_new(seat.clone());
    let member = Member {
        id: 4,
        name: seat.name.clone(),
        address: seat.address.clone(),
        client_address: seat.client.clone(),
        part: Part::Voter.into(),
        priority: 0,
    };
    crew.change(change::What::Add(member));
    crew.settled(&[1, 2, 3, 4]);
    let gone = crew.leader(KV);
    crew.change(change::What::Remove(gone));
    let left: Vec<u64> = (1..=4).filter(|id| *id != gone).collect();
    // Who has gone may lead in its own eyes for a moment, and is not asked any more.
    crew.until("the one who leads does not go", |crew| {
        let leads = |id: &u64| crew.status(*id).partitions.iter().any(|partition| partition.leader == gone && partition.term > 0);
        (!left.iter().any(leads)).then_some(())
    });
    crew.stop(gone);
    crew.settled(&left);
    crew.put("after", "all");
    for id in left {
        let read = |key: &str| crew.until("a read is not answered", |crew| crew.get(id, key, Sureness::Linearizable).ok());
        assert_eq!(read("after").as_deref(), Some("all"));
        assert_eq!(read("key-7").as_deref(), Some("value"));
    }
}

#[test]
fn a_newcomer_that_nobody_ever_heard_of_gets_no_vote_and_can_be_taken_back() {
    let crew = Crew::start("nobody", 1, |_| {});
    crew.put("a", "b");
    let seat = Crew::seat(2);
    let member = Member { id: 2, name: seat.name, address: seat.address, part: Part::Voter.into(), ..Member::default() };
    crew.change(change::What::Add(member));
    crew.until("it does not become a learner", |crew| {
        let status = crew.status(1);
        status.partitions.iter().all(|partition| partition.learners == [2]).then_some(())
    });
    for nth in 0..20 {
        crew.put("while it is awaited", &nth.to_string());
        assert!(crew.status(1).partitions.iter().all(|partition| partition.voters == [1]), "it has a vote");
    }
    crew.change(change::What::Remove(2));
    crew.settled(&[1]);
    crew.put("after", "all");
}
