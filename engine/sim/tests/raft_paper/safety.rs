//! Sections 5.4.2 (figure 8, step by step), 5.4.3 and 5.5.

use quorate_core::ids::{Height, View};
use quorate_protocol::raft::{Body, Peer, Planted, Settings};
use quorate_sim::lab::{Lab, Past};

use super::*;

/// Figure 8 (a): five servers with one entry of term 1. Server 1 leads term 2, and its second entry is on server 2 only.
fn figure_8_a() -> Lab {
    let past = Past { term: 1, vote: None, log: vec![1] };
    let settings = Settings { append_bytes: 1, ..Settings::LAN };
    let mut lab = Lab::with_pasts((1..=5).map(Peer::voter), settings, &(1..=5).map(|id| (id, past.clone())).collect::<Vec<_>>());
    lab.stand(1);
    lab.deliver_where(|mail| !is_append(mail));
    lab.deliver_where(|mail| is_append(mail) && mail.to == 2);
    lab.lose(|_| true);
    assert_eq!((lab.leader(), [1, 2, 3].map(|id| lab.terms(id))), (Some(1), [vec![1, 2], vec![1, 2], vec![1]]));
    lab
}

/// Figure 8 (b): server 1 is down; server 5 is elected in term 3 by 3 and 4, and has an entry of its own at index 2.
fn figure_8_b() -> Lab {
    let mut lab = figure_8_a();
    lab.crash(1);
    lab.part(&[5], &[1, 2]);
    lab.stand(5);
    lab.deliver_where(|mail| !is_append(mail));
    lab.lose(|_| true);
    lab.heal();
    assert_eq!((lab.leader(), term(&lab, 5), lab.terms(5)), (Some(5), 3, vec![1, 3]));
    lab
}

/// Lets a server stand until it leads; the first time it may only learn the others' term.
fn elect_in_the_end(lab: &mut Lab, id: u64) {
    for _ in 0..3 {
        if !lab.leads(id) {
            lab.elect(id);
        }
    }
}

/// Figure 8 (c): server 5 is down; server 1 is back, is elected in term 4, and brings its entry of term 2 to server 3.
fn figure_8_c(plant: Option<Planted>) -> Lab {
    let mut lab = figure_8_b();
    lab.crash(5);
    lab.restart(1);
    if let Some(mistake) = plant {
        lab.plant(1, mistake);
    }
    while !lab.leads(1) {
        lab.stand(1);
        lab.deliver_where(|mail| mail.to != 4 && !is_append(mail));
    }
    // To server 3 one entry after the other, to nobody else anything.
    while lab.terms(3) != [1, 2] {
        lab.deliver_next(|mail| is_append(mail) && mail.to == 3).expect("the leader has more for server 3");
        lab.deliver_link(3, 1);
    }
    // Server 2 has that entry since (a), and says so.
    lab.post(Mail { from: 2, to: 1, message: said(4, Body::Appended { upto: Height(2) }) });
    lab.deliver_link(2, 1);
    lab
}

// 5.4.2: an entry of an older term is not committed by counting who has it; an entry of the own term is, and takes it along.

#[test]
fn an_entry_of_an_older_term_on_a_majority_is_not_committed() {
    let lab = figure_8_c(None);
    assert_eq!((lab.leader(), term(&lab, 1), lab.terms(1)), (Some(1), 4, vec![1, 2, 4]));
    assert_eq!(lab.terms(3), [1, 2]);
    assert_eq!(commit(&lab, 1), 0, "entry 2 of term 2 is on servers 1, 2 and 3");
}

#[test]
fn it_may_still_be_overwritten_by_a_leader_that_never_had_it() {
    let mut lab = figure_8_c(None);
    lab.lose(|_| true);
    lab.crash(1);
    lab.restart(5);
    elect_in_the_end(&mut lab, 5);
    assert_eq!((lab.leader(), lab.raft(5).term()), (Some(5), View(5)));
    for id in 2..=5 {
        assert_eq!(lab.terms(id), [1, 3, 5], "server {id}");
    }
}

#[test]
#[should_panic(expected = "applied something else")]
fn a_leader_that_counts_old_entries_loses_what_it_committed() {
    let mut lab = figure_8_c(Some(Planted::CommitOldTerm));
    assert_eq!(commit(&lab, 1), 2);
    lab.lose(|_| true);
    lab.crash(1);
    lab.restart(5);
    elect_in_the_end(&mut lab, 5);
}

#[test]
fn once_an_entry_of_the_own_term_is_on_a_majority_the_older_is_committed_with_it() {
    let mut lab = figure_8_c(None);
    lab.deliver_where(|mail| mail.to <= 3 && mail.from <= 3);
    assert_eq!(commit(&lab, 1), 3);
    lab.lose(|_| true);
    lab.crash(1);
    lab.restart(5);
    elect_in_the_end(&mut lab, 5);
    assert!(!lab.leads(5), "servers 2 and 3 have a newer log");
    lab.elect(2);
    assert_eq!((lab.leader(), &lab.terms(5)[..3]), (Some(2), &[1, 2, 4][..]));
}

// 5.4.3: what was committed once is in the log of every later leader.

#[test]
fn every_later_leader_has_what_was_committed() {
    let mut lab = led(5);
    for round in 0..10 {
        let leader = lab.leader().expect("somebody leads");
        lab.propose(leader, &format!("{round}"));
        // A majority gets it, another one each time.
        let left_out = [1 + (leader + round) % 5, 1 + (leader + round + 2) % 5];
        lab.deliver_where(|mail| !left_out.contains(&mail.to));
        lab.lose(|_| true);
        let committed = commit(&lab, leader);
        lab.isolate(leader);
        for id in (1..=5).filter(|&id| id != leader) {
            lab.elect(id);
        }
        lab.heal();
        lab.run(ms(1000));
        let next = lab.leader().expect("somebody leads again");
        assert!(lab.raft(next).last().index.0 >= committed);
    }
    assert_eq!(lab.machine(1), (0..10).map(|round| round.to_string()).collect::<Vec<_>>());
}

// 5.5: messages may be repeated and late without harm.

#[test]
fn every_message_may_come_twice() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    let mut commands = 0;
    while let Some(mail) = lab.mail().first().cloned() {
        lab.deliver_next(|_| true);
        lab.happen(mail.to, quorate_protocol::raft::Event::Message { from: quorate_core::ids::MemberId(mail.from), message: mail.message });
        if lab.leads(1) && commands < 5 {
            commands += 1;
            lab.propose(1, &format!("{commands}"));
        }
    }
    assert_eq!([1, 2, 3].map(|id| lab.machine(id).len()), [5; 3]);
}

#[test]
fn messages_of_a_whole_election_ago_do_no_harm() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    let mut old = Vec::new();
    old.extend(lab.deliver());
    lab.propose(1, "a");
    old.extend(lab.deliver());
    lab.elect(2);
    lab.propose(2, "b");
    old.into_iter().for_each(|mail| lab.post(mail));
    lab.deliver();
    lab.run(ms(500));
    assert_eq!([1, 2, 3].map(|id| lab.machine(id)), [(); 3].map(|()| vec!["a".to_owned(), "b".to_owned()]));
}

#[test]
fn an_acknowledgement_of_an_earlier_term_does_not_count_in_this_one() {
    let mut lab = led(3);
    lab.isolate(1);
    lab.elect(2);
    lab.lose(|_| true);
    let index = lab.raft(2).last().index;
    lab.propose(2, "x");
    lab.lose(|_| true);
    let next = Height(index.0 + 1);
    say(&mut lab, 3, 2, 1, Body::Appended { upto: next });
    assert_eq!(lab.raft(2).commit(), index);
    say(&mut lab, 3, 2, 2, Body::Appended { upto: next });
    assert_eq!(lab.raft(2).commit(), next, "of this term it would");
}
