//! Section 8 and dissertation 6.4: reads without a log entry, which see everything that was acknowledged before them.

use quorate_core::ids::{Height, MemberId};
use quorate_protocol::raft::{Answer, Body, Peer, ReadWay, Rejected, Settings};
use quorate_sim::lab::Lab;

use super::*;

fn read_at(lab: &Lab, ticket: u64) -> Option<u64> {
    match lab.answer(ticket)? {
        Answer::ReadAt { index } => Some(index.0),
        _ => None,
    }
}

fn refused(lab: &Lab, ticket: u64) -> bool {
    matches!(lab.answer(ticket), Some(Answer::Rejected(Rejected::NotLeader { .. })))
}

fn is_beat(mail: &Mail) -> bool {
    matches!(mail.message.body, Body::Heartbeat { .. } | Body::HeartbeatReply { .. })
}

// A leader answers a read when a majority has confirmed, after the question, that it leads.

#[test]
fn a_read_waits_for_a_majority_and_for_no_heartbeat_interval() {
    let mut lab = led(3);
    lab.propose(1, "x");
    lab.deliver();
    let ticket = lab.read(1, ReadWay::Index);
    assert_eq!(read_at(&lab, ticket), None);
    lab.deliver();
    assert_eq!(read_at(&lab, ticket), Some(2));
}

#[test]
fn an_answer_to_a_heartbeat_from_before_the_question_confirms_nothing() {
    let mut lab = led(3);
    lab.tick_after(1, Settings::LAN.heartbeat);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::Heartbeat { .. }));
    let ticket = lab.read(1, ReadWay::Index);
    lab.isolate_incoming_beats();
    lab.deliver_next(|mail| mail.to == 1 && is_beat(mail));
    assert_eq!(read_at(&lab, ticket), None);
    lab.deliver();
    assert_eq!(read_at(&lab, ticket), Some(1));
}

trait Beats {
    fn isolate_incoming_beats(&mut self);
}

impl Beats for Lab {
    /// Nothing but the answers to heartbeats that are under way arrives from here on: those to later ones cannot be there yet.
    fn isolate_incoming_beats(&mut self) {
        self.lose(|mail| !is_beat(mail));
    }
}

#[test]
fn a_leader_that_was_replaced_answers_no_read() {
    let mut lab = led(3);
    lab.isolate(1);
    lab.elect(2);
    lab.propose(2, "newer");
    lab.deliver();
    let ticket = lab.read(1, ReadWay::Index);
    lab.deliver();
    assert_eq!(lab.answered(ticket), 0);
    lab.heal();
    lab.run(ms(500));
    assert!(refused(&lab, ticket) && lab.answered(ticket) == 1);
}

// A new leader does not know what is committed until it has committed an entry of its term.

#[test]
fn a_new_leader_answers_no_read_before_it_has_committed_something() {
    let mut lab = led(3);
    lab.propose(1, "x");
    lab.deliver_where(|mail| mail.from != 1 || mail.to == 2);
    assert_eq!((commit(&lab, 1), commit(&lab, 2)), (2, 2));
    lab.lose(|_| true);
    lab.isolate(1);
    lab.stand(2);
    lab.deliver_where(|mail| !is_append(mail));
    assert!(lab.leads(2));
    let ticket = lab.read(2, ReadWay::Index);
    lab.deliver_where(is_beat);
    assert_eq!(read_at(&lab, ticket), None, "a majority confirmed, but entry 2 might not be the last that was committed");
    lab.deliver();
    assert_eq!(read_at(&lab, ticket), Some(3));
}

#[test]
fn reads_come_through_while_nothing_is_written() {
    let mut lab = led(3);
    for _ in 0..100 {
        let ticket = lab.read(1, ReadWay::Index);
        lab.deliver();
        assert_eq!((read_at(&lab, ticket), lab.answered(ticket)), (Some(1), 1));
    }
}

#[test]
fn many_reads_share_one_heartbeat() {
    let mut lab = led(3);
    let tickets: Vec<u64> = (0..50).map(|_| lab.read(1, ReadWay::Index)).collect();
    let beats = lab.deliver().iter().filter(|mail| matches!(mail.message.body, Body::Heartbeat { .. })).count();
    assert!(tickets.iter().all(|&ticket| read_at(&lab, ticket) == Some(1)));
    assert_eq!(beats, 4, "one for the first, and one for all that came while that was under way; to two followers each");
}

#[test]
fn a_read_that_waits_while_the_members_change_is_answered_by_the_new_ones() {
    let mut lab = led(3);
    let ticket = lab.read(1, ReadWay::Index);
    let old = lab.lose(is_beat);
    assert_eq!(old.len(), 2);
    [4, 5].into_iter().for_each(|id| lab.join(id));
    lab.reconfigure(1, [Peer::voter(1), Peer::voter(4), Peer::voter(5)]);
    lab.lose(is_beat);
    for mail in old {
        lab.post(mail);
    }
    lab.deliver_where(is_beat);
    assert_eq!(read_at(&lab, ticket), None, "2 and 3 alone confirm nothing any more");
    lab.run(ms(500));
    assert!(read_at(&lab, ticket).is_some_and(|index| index >= 1));
}

#[test]
fn no_more_reads_wait_than_may() {
    let mut lab = Lab::new((1..=3).map(Peer::voter), Settings { reads: 2, ..Settings::LAN });
    lab.elect(1);
    let tickets = [(); 3].map(|()| lab.read(1, ReadWay::Index));
    assert!(matches!(lab.answer(tickets[2]), Some(Answer::Rejected(Rejected::Busy { waiting: 2, limit: 2 }))));
    let passed_on = [(); 3].map(|()| lab.read(2, ReadWay::Index));
    assert!(matches!(lab.answer(passed_on[2]), Some(Answer::Rejected(Rejected::Busy { .. }))));
}

// Others pass a read on, and answer with the leader's index.

#[test]
fn a_follower_passes_a_read_on_and_answers_with_the_leaders_index() {
    let mut lab = led(3);
    lab.propose(1, "x");
    lab.deliver();
    let ticket = lab.read(3, ReadWay::Lease);
    lab.deliver();
    assert_eq!(read_at(&lab, ticket), Some(2));
}

#[test]
fn a_read_that_was_passed_on_and_lost_is_given_up() {
    let mut lab = led(3);
    let ticket = lab.read(3, ReadWay::Index);
    lab.lose(|_| true);
    lab.run(Settings::LAN.election * 3);
    assert!(refused(&lab, ticket) && lab.answered(ticket) == 1);
}

#[test]
fn who_knows_of_no_leader_answers_no_read() {
    let mut lab = Lab::voters(3);
    let ticket = lab.read(2, ReadWay::Index);
    assert!(refused(&lab, ticket));
}

#[test]
fn an_answer_to_an_earlier_life_of_the_asker_is_ignored() {
    let mut lab = led(3);
    let before = Body::ReadReply { life: 1, ticket: 7, index: Some(Height(1)) };
    lab.crash(3);
    lab.restart(3);
    lab.run(ms(200));
    lab.happen(3, quorate_protocol::raft::Event::Read { ticket: 7, way: ReadWay::Index });
    say(&mut lab, 1, 3, 1, before);
    assert_eq!(lab.answered(7), 0);
    say(&mut lab, 1, 3, 1, Body::ReadReply { life: 2, ticket: 7, index: Some(Height(1)) });
    assert_eq!(read_at(&lab, 7), Some(1));
}

#[test]
fn an_answer_that_comes_twice_is_given_once() {
    let mut lab = led(3);
    let ticket = lab.read(3, ReadWay::Index);
    let replies: Vec<Mail> = lab.deliver().into_iter().filter(|mail| matches!(mail.message.body, Body::ReadReply { .. })).collect();
    replies.into_iter().for_each(|mail| lab.post(mail));
    lab.deliver();
    assert_eq!(lab.answered(ticket), 1);
}

#[test]
fn a_leader_that_steps_down_leaves_no_read_without_an_answer() {
    let mut lab = led(3);
    let own = lab.read(1, ReadWay::Index);
    let passed_on = lab.read(3, ReadWay::Index);
    lab.deliver_next(|mail| matches!(mail.message.body, Body::Read { .. }));
    lab.lose(is_beat);
    say(&mut lab, 2, 1, 8, Body::HeartbeatReply { beat: 0 });
    lab.deliver();
    assert!([own, passed_on].iter().all(|&ticket| refused(&lab, ticket)));
    let ticket = lab.read(1, ReadWay::Index);
    assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::NotLeader { leader: None::<MemberId> })));
}
