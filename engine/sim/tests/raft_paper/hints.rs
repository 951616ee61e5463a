//! Beyond the sources: a reset connection as a hint that the leader is gone, and what dissertation 6.4.1 then forbids.

use quorate_protocol::raft::{Answer, Body, Peer, ReadWay, Role, Settings};
use quorate_sim::lab::Lab;

use super::*;

const STEP: Duration = ms(5);

/// As [`led`], where resets are hints.
fn hinted(count: u64) -> Lab {
    let mut lab = Lab::new((1..=count).map(Peer::voter), Settings { reset_hint: Some(STEP), ..Settings::LAN });
    lab.elect(1);
    assert!(lab.leads(1) && lab.raft(1).commit() == Height(1));
    lab
}

/// A server's process ends, and those hear of it from its system.
fn kill(lab: &mut Lab, id: u64, who_hears: &[u64]) {
    lab.crash(id);
    who_hears.iter().for_each(|&other| lab.reset(id, other));
}

#[test]
fn followers_ask_in_the_order_of_priority_with_the_leader_left_out() {
    for (leader, order) in [(1, [2, 3]), (2, [1, 3]), (3, [1, 2])] {
        let mut lab = Lab::new((1..=3).map(Peer::voter), Settings { reset_hint: Some(STEP), ..Settings::LAN });
        lab.elect(leader);
        kill(&mut lab, leader, &order);
        let waits = order.map(|id| lab.raft(id).wake().since(lab.now()));
        assert_eq!(waits, [STEP, STEP * 2], "behind server {leader}");
    }
}

#[test]
fn without_the_setting_a_reset_changes_nothing_for_a_follower() {
    let mut lab = led(3);
    let wake = lab.raft(2).wake();
    kill(&mut lab, 1, &[2, 3]);
    assert_eq!(lab.raft(2).wake(), wake);
    lab.tick_after(2, ms(100));
    assert!(lab.mail().is_empty());
}

#[test]
fn a_reset_of_another_follower_is_no_hint() {
    let mut lab = hinted(3);
    let wake = lab.raft(2).wake();
    kill(&mut lab, 3, &[1, 2]);
    assert_eq!(lab.raft(2).wake(), wake);
}

#[test]
fn whoever_hears_its_leader_again_doubts_it_no_more() {
    let mut lab = hinted(3);
    lab.reset(1, 2);
    lab.reset(1, 3);
    lab.deliver();
    [2, 3].into_iter().for_each(|id| lab.tick_after(id, STEP * 4));
    assert!(lab.leads(1) && lab.mail().is_empty());
    let refused = say(&mut lab, 3, 2, 2, Body::PreVote { question: Question::default(), last: mark(9, 1) });
    assert_eq!(refused, [said(1, Body::PreVoteReply { question: Question::default(), granted: false })]);
}

#[test]
fn a_leader_that_a_majority_hears_is_kept_and_its_term_with_it() {
    let mut lab = hinted(5);
    lab.part(&[1], &[2, 3]);
    [2, 3].into_iter().for_each(|id| lab.reset(1, id));
    for _ in 0..20 {
        [1, 2, 3, 4, 5].into_iter().for_each(|id| lab.tick(id));
        lab.deliver();
        lab.pass(STEP);
    }
    assert!(lab.leads(1) && term(&lab, 4) == 1);
    assert_eq!((lab.raft(2).role(), term(&lab, 2)), (Role::PreCandidate, 1));
}

#[test]
fn doubt_is_over_after_an_election_timeout() {
    let mut lab = hinted(3);
    lab.isolate(2);
    lab.reset(1, 2);
    let mut asked = 0;
    while lab.now() < lab.raft(2).wake() && asked < 1000 {
        let wait = lab.raft(2).wake().since(lab.now());
        lab.tick_after(2, wait);
        asked += 1;
        if wait > STEP * 3 {
            break;
        }
    }
    // Its turn comes after one step, and then every third; at the end of the timeout it waits for a whole one.
    assert_eq!(asked, 12);
    assert!(lab.raft(2).wake().since(lab.now()) >= Settings::LAN.election);
}

#[test]
fn who_voted_waits_a_whole_timeout_for_the_one_it_voted_for() {
    let mut lab = hinted(3);
    kill(&mut lab, 1, &[2, 3]);
    lab.tick_after(2, STEP);
    lab.deliver_where(|mail| !matches!(mail.message.body, Body::VoteReply { .. }));
    assert_eq!((term(&lab, 3), lab.raft(3).vote()), (2, Some(MemberId(2))));
    assert!(lab.raft(3).wake().since(lab.now()) >= Settings::LAN.election);
}

#[test]
fn where_resets_are_hints_a_read_by_lease_asks_a_quorum() {
    let mut lab = hinted(3);
    assert_eq!(lab.raft(1).lease_until(), None);
    let ticket = lab.read(1, ReadWay::Lease);
    assert_eq!(lab.answer(ticket), None);
    lab.deliver();
    assert!(matches!(lab.answer(ticket), Some(Answer::ReadAt { .. })));
    // With a lease this would be answered from what is no longer current.
    lab.isolate(1);
    [2, 3].into_iter().for_each(|id| lab.reset(1, id));
    lab.tick_after(2, STEP);
    lab.deliver();
    assert!(lab.leads(1) && lab.leads(2));
    let ticket = lab.read(1, ReadWay::Lease);
    lab.deliver();
    assert_eq!(lab.answer(ticket), None);
}
