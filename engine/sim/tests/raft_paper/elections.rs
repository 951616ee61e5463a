//! Section 5.2, with section 5.4.1 and section 5.6 as far as they are about elections.

use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Body, Peer, Role, Settings};
use quorate_sim::lab::{Lab, Past};

use super::*;

/// A group in which each server has a log of its own, all in one term.
fn with_logs(term: u64, logs: &[&[u64]]) -> Lab {
    let pasts: Vec<(u64, Past)> = (1..).zip(logs).map(|(id, log)| (id, Past { term, vote: None, log: log.to_vec() })).collect();
    Lab::with_pasts((1..=logs.len() as u64).map(Peer::voter), Settings::LAN, &pasts)
}

// 5.2: servers begin as followers; one that hears of nobody for a timeout stands; it wins with a majority, loses when it hears of a
// leader, and tries again when neither happens.

#[test]
fn servers_begin_as_followers_and_wait_a_whole_timeout() {
    let mut lab = Lab::voters(3);
    lab.tick_after(1, Settings::LAN.election - ms(1));
    assert_eq!((lab.raft(1).role(), lab.mail().len()), (Role::Follower, 0));
    lab.tick_after(1, ms(1));
    assert_eq!((lab.raft(1).role(), lab.mail().len()), (Role::PreCandidate, 2));
}

#[test]
fn a_majority_elects_and_less_does_not() {
    let mut lab = Lab::voters(5);
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. } | Body::Vote { .. }));
    lab.deliver_link(2, 1);
    assert_eq!(lab.raft(1).role(), Role::Candidate, "two of five");
    let doubled = Mail { from: 2, to: 1, message: said(1, Body::VoteReply { granted: true }) };
    lab.post(doubled);
    lab.deliver_link(2, 1);
    assert_eq!(lab.raft(1).role(), Role::Candidate, "one voter's answer counts once");
    lab.deliver_link(3, 1);
    assert!(lab.leads(1), "three of five");
}

#[test]
fn votes_of_servers_that_do_not_vote_do_not_elect() {
    let mut lab = Lab::new([Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4), Peer::learner(5)], Settings::LAN);
    lab.stand(1);
    assert!(lab.mail().iter().all(|mail| mail.to < 4), "learners are not asked");
    let question = asked(&lab, 1);
    lab.isolate(2);
    lab.isolate(3);
    for id in [4, 5] {
        say(&mut lab, id, 1, 1, Body::PreVoteReply { question, granted: true });
    }
    assert_eq!((lab.raft(1).role(), term(&lab, 1)), (Role::PreCandidate, 0));
}

#[test]
fn a_candidate_that_hears_of_the_leader_of_its_term_follows_it() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. }));
    assert_eq!((lab.raft(1).role(), term(&lab, 1)), (Role::Candidate, 1));
    say(&mut lab, 3, 1, 1, Body::Heartbeat { beat: 1, commit: quorate_core::ids::Height(0) });
    assert_eq!((lab.raft(1).role(), lab.raft(1).leader()), (Role::Follower, Some(MemberId(3))));
}

#[test]
fn a_candidate_whose_messages_are_lost_tries_again_in_time() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.lose(|_| true);
    lab.run(ms(1000));
    assert!(lab.leader().is_some());
}

#[test]
fn a_split_vote_elects_nobody_and_is_over_after_a_while() {
    let mut lab = Lab::voters(4);
    lab.pass(ms(1000));
    lab.tick(1);
    lab.tick(4);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. }));
    assert_eq!([1, 4].map(|id| lab.raft(id).role()), [Role::Candidate; 2]);
    // Each gets the vote of one of the others.
    for (from, to) in [(1, 2), (4, 3), (4, 2), (1, 3), (1, 4), (4, 1)] {
        lab.deliver_link(from, to);
    }
    lab.deliver();
    assert_eq!(lab.leader(), None);
    lab.run(ms(1500));
    assert_eq!(lab.leader(), Some(1));
}

#[test]
fn an_answer_from_an_earlier_election_elects_nobody() {
    let mut lab = Lab::voters(3);
    lab.part(&[1], &[3]);
    lab.stand(1);
    lab.deliver_where(|mail| !matches!(mail.message.body, Body::VoteReply { .. }));
    let late = lab.lose(|_| true);
    assert_eq!((late.len(), term(&lab, 1)), (1, 1));
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. }));
    assert_eq!((lab.raft(1).role(), term(&lab, 1)), (Role::Candidate, 2));
    late.into_iter().for_each(|mail| lab.post(mail));
    lab.deliver_where(|mail| mail.to == 1);
    assert_eq!(lab.raft(1).role(), Role::Candidate);
}

#[test]
fn votes_that_are_counted_when_the_candidate_already_follows_elect_nobody() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. } | Body::Vote { .. }));
    lab.count_later(1);
    lab.deliver_where(|mail| mail.to == 1);
    say(&mut lab, 3, 1, 2, Body::Heartbeat { beat: 1, commit: quorate_core::ids::Height(0) });
    lab.count_now(1);
    assert_eq!((lab.raft(1).role(), term(&lab, 1)), (Role::Follower, 2));
}

// 5.4.1: nobody votes for a candidate whose log is older than its own; the later last term is newer, and among equals the longer.

#[test]
fn of_two_logs_the_one_with_the_later_last_term_is_newer_and_then_the_longer() {
    let logs: [(&[u64], bool); 6] =
        [(&[1, 2], true), (&[1, 1, 1], true), (&[1, 2, 2], true), (&[1, 2, 2, 2], false), (&[1, 3], false), (&[], true)];
    for (log, granted) in logs {
        let mut lab = with_logs(3, &[&[1, 2, 2], log, &[]]);
        let answers = say(&mut lab, 1, 2, 4, vote(3, 2));
        assert_eq!(answers, [said(4, Body::VoteReply { granted })], "{log:?}");
    }
}

#[test]
fn who_lacks_what_is_committed_is_not_elected() {
    let mut lab = with_logs(2, &[&[1, 2], &[1, 2], &[1], &[1], &[1, 2]]);
    lab.elect(3);
    assert!(!lab.leads(3) && term(&lab, 3) == 2, "the question before was enough to tell");
    lab.elect(1);
    assert!(lab.leads(1));
}

// 5.6: a group with a leader keeps it while messages take less time than a timeout.

#[test]
fn a_leader_that_is_heard_of_stays() {
    let mut lab = led(5);
    lab.run(ms(10_000));
    assert_eq!((lab.leader(), term(&lab, 5)), (Some(1), 1));
}

#[test]
fn a_leader_that_is_gone_is_replaced_within_a_timeout_and_the_staggers() {
    let mut lab = led(3);
    lab.crash(1);
    lab.run(Settings::LAN.election + Settings::LAN.stagger * 3);
    assert_eq!((lab.leader(), term(&lab, 2)), (Some(2), 2));
}

#[test]
fn the_order_of_priority_says_who_stands_first() {
    let priorities = [(1, 0), (2, 5), (3, 9), (4, 5)];
    let mut lab = Lab::new(priorities.map(|(id, priority)| Peer::voter(id).with_priority(priority)), Settings::LAN);
    let first = |lab: &Lab| (1..=4).filter(|&id| lab.runs(id)).min_by_key(|&id| lab.raft(id).wake()).unwrap();
    assert_eq!(first(&lab), 3);
    lab.crash(3);
    assert_eq!(first(&lab), 2);
    lab.crash(2);
    lab.run(ms(100));
    assert_eq!(first(&lab), 4);
}
