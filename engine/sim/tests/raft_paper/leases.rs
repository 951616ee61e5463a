//! Dissertation 6.4.1: a leader that a majority has heard may answer reads alone for a while.

use quorate_protocol::raft::{Answer, Body, Peer, ReadWay, Settings};
use quorate_sim::lab::Lab;

use super::*;

/// Reads under the lease, if there is one.
fn reads_alone(lab: &mut Lab, id: u64) -> bool {
    let ticket = lab.read(id, ReadWay::Lease);
    matches!(lab.answer(ticket), Some(Answer::ReadAt { .. }))
}

#[test]
fn a_leader_with_a_lease_answers_at_once_and_without_one_asks_first() {
    let mut lab = led(3);
    assert!(reads_alone(&mut lab, 1));
    lab.pass(Settings::LAN.election);
    assert!(!reads_alone(&mut lab, 1));
    let ticket = lab.read(1, ReadWay::Lease);
    lab.deliver();
    assert!(matches!(lab.answer(ticket), Some(Answer::ReadAt { .. })), "by asking");
    assert!(reads_alone(&mut lab, 1), "which renews it");
}

#[test]
fn a_lease_counts_from_when_the_heartbeat_was_sent() {
    let mut lab = led(3);
    lab.pass(Settings::LAN.election);
    lab.tick(1);
    lab.pass(ms(100));
    lab.deliver();
    assert!(reads_alone(&mut lab, 1));
    lab.pass(ms(60));
    assert!(!reads_alone(&mut lab, 1), "160 ms after it was sent");
}

#[test]
fn a_lease_is_shorter_than_a_timeout_by_what_clocks_may_drift() {
    let settings = Settings { drift_ppm: 100_000, ..Settings::LAN };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    lab.pass(ms(136));
    assert!(reads_alone(&mut lab, 1));
    lab.pass(ms(1));
    assert!(!reads_alone(&mut lab, 1), "150 ms on a clock that runs a tenth faster are 136.4 ms on this one");
    // And on that faster clock the others would not yet have helped to elect somebody.
    [2, 3].into_iter().for_each(|id| lab.hurry(id, ms(12)));
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), []);
    [2, 3].into_iter().for_each(|id| lab.hurry(id, ms(1)));
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), [said(2, Body::VoteReply { granted: true })]);
}

#[test]
fn a_new_leader_has_no_lease_before_it_has_committed_something() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| !is_append(mail));
    assert!(lab.leads(1) && !reads_alone(&mut lab, 1));
}

#[test]
fn who_was_told_to_stand_ends_the_lease_for_the_whole_term() {
    let mut lab = led(3);
    lab.transfer(1, 3);
    assert!(!reads_alone(&mut lab, 1));
    lab.lose(|mail| matches!(mail.message.body, Body::StandNow));
    lab.run(Settings::LAN.election * 3);
    assert!(lab.leads(1), "the message was lost, so it still leads");
    assert!(!reads_alone(&mut lab, 1), "but the message may come yet");
}

#[test]
fn a_lease_of_the_old_members_does_not_bind_the_new_ones() {
    let mut lab = led(3);
    [4, 5].into_iter().for_each(|id| lab.join(id));
    lab.reconfigure(1, [Peer::voter(1), Peer::voter(4), Peer::voter(5)]);
    assert!(!reads_alone(&mut lab, 1));
    lab.deliver();
    assert!(reads_alone(&mut lab, 1), "these have heard of it, too");
}

#[test]
fn who_answered_a_heartbeat_helps_nobody_even_in_a_term_that_it_has_taken_on_since() {
    let mut lab = led(3);
    lab.pass(ms(200));
    // Server 3 was in the next term already, and refused server 2's question then; its answer is late.
    let late = Mail { from: 3, to: 2, message: said(2, Body::PreVoteReply { question: Question::default(), granted: false }) };
    lab.tick(1);
    lab.deliver_where(|mail| mail.to != 3 && mail.from != 3);
    assert!(reads_alone(&mut lab, 1), "servers 1 and 2 are a majority");
    lab.isolate(1);
    lab.post(late);
    lab.deliver_link(3, 2);
    assert_eq!(term(&lab, 2), 2);
    let answers = say(&mut lab, 3, 2, 2, vote(9, 1));
    assert!(reads_alone(&mut lab, 1));
    assert!(!answers.contains(&said(2, Body::VoteReply { granted: true })), "with that vote server 3 leads during the lease");
    lab.pass(Settings::LAN.election);
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 1)), [said(2, Body::VoteReply { granted: true })]);
}

#[test]
fn while_a_lease_holds_nobody_else_is_elected() {
    let mut lab = led(5);
    for step in 0..400_u64 {
        let id = 1 + (step * 7) % 5;
        lab.tick_after(id, ms(11));
        lab.deliver_where(|mail| !(mail.from + mail.to + step).is_multiple_of(3));
        if step % 13 == 0 {
            lab.lose(|_| true);
        }
        let leader = lab.leader();
        for id in 1..=5 {
            if lab.leads(id) && reads_alone(&mut lab, id) {
                assert_eq!(Some(id), leader, "server {id} reads under a lease, and {leader:?} leads a later term, at step {step}");
            }
        }
    }
}
