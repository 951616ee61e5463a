//! Dissertation: pre-vote (9.6), followers that stick to their leader (4.2.3), check-quorum (6.2), handing leadership over (3.10); and
//! what the design adds to these: priorities, and a leader whose disk stands still.

use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Answer, Body, Peer, Rejected, Role, Settings};
use quorate_sim::lab::Lab;

use super::*;

// 9.6: who would not win does not raise its term, so that it disturbs nobody when it comes back.

#[test]
fn a_server_that_was_cut_off_comes_back_in_the_term_that_it_left() {
    let mut lab = led(3);
    lab.isolate(3);
    lab.run(ms(5000));
    assert_eq!((term(&lab, 3), lab.raft(3).role()), (1, Role::PreCandidate));
    lab.heal();
    lab.run(ms(500));
    assert_eq!((lab.leader(), term(&lab, 1), lab.raft(3).leader()), (Some(1), 1, Some(MemberId(1))));
}

#[test]
fn a_question_changes_neither_the_term_nor_the_vote_of_whoever_is_asked() {
    let mut lab = Lab::voters(3);
    lab.pass(ms(1000));
    let question = Question { life: 7, nth: 1 };
    let ask = Body::PreVote { question, last: mark(0, 0) };
    assert_eq!(say(&mut lab, 1, 2, 1, ask.clone()), [said(1, Body::PreVoteReply { question, granted: true })]);
    assert_eq!(say(&mut lab, 3, 2, 1, ask), [said(1, Body::PreVoteReply { question, granted: true })], "it is no promise");
    assert_eq!((term(&lab, 2), voted(&lab, 2)), (0, None));
}

#[test]
fn who_asks_in_an_old_term_learns_the_newer_one() {
    let mut lab = led(3);
    lab.isolate(3);
    lab.elect(2);
    lab.isolate(2);
    lab.elect(1);
    assert_eq!(term(&lab, 3), 1);
    lab.crash(1);
    lab.heal();
    lab.run(ms(1500));
    assert_eq!(lab.leader(), Some(2));
}

// 4.2.3: who hears of a leader helps nobody to depose it.

#[test]
fn who_hears_of_a_leader_grants_no_question_and_no_vote() {
    let mut lab = led(3);
    let question = Question { life: 7, nth: 1 };
    let ask = Body::PreVote { question, last: mark(9, 9) };
    assert_eq!(say(&mut lab, 3, 2, 2, ask), [said(1, Body::PreVoteReply { question, granted: false })]);
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), []);
    assert_eq!(term(&lab, 2), 1);
    lab.pass(Settings::LAN.election);
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), [said(2, Body::VoteReply { granted: true })]);
}

#[test]
fn a_server_that_starts_again_behaves_as_if_it_had_just_heard_of_a_leader() {
    let mut lab = led(3);
    lab.pass(ms(1000));
    lab.crash(2);
    lab.restart(2);
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), []);
    lab.pass(Settings::LAN.election);
    assert_eq!(say(&mut lab, 3, 2, 2, vote(9, 9)), [said(2, Body::VoteReply { granted: true })]);
}

// 6.2: a leader that hears of no majority steps down.

#[test]
fn a_leader_that_hears_of_no_majority_steps_down() {
    let mut lab = led(3);
    lab.isolate(1);
    lab.run(Settings::LAN.election * 3);
    assert_eq!((lab.raft(1).role() == Role::Leader, lab.raft(1).leader()), (false, None));
    let ticket = lab.propose(1, "nobody would hear of it");
    assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::NotLeader { leader: None })));
}

#[test]
fn a_leader_that_only_one_of_four_others_hears_steps_down_and_two_keep_it() {
    for (cut_off, stays) in [(vec![3, 4], true), (vec![3, 4, 5], false)] {
        let mut lab = led(5);
        cut_off.iter().for_each(|&id| lab.isolate(id));
        lab.run(Settings::LAN.election * 3);
        assert_eq!(lab.leads(1), stays, "without {cut_off:?}");
    }
}

#[test]
fn a_leader_that_can_send_and_not_hear_steps_down() {
    let mut lab = led(3);
    [2, 3].into_iter().for_each(|id| lab.cut(id, 1));
    lab.run(Settings::LAN.election * 3);
    assert!(!lab.leads(1));
}

// 3.10: leadership is handed over to a server that has everything, which then need not wait.

#[test]
fn leadership_is_handed_over_at_once() {
    let mut lab = led(3);
    let ticket = lab.transfer(1, 3);
    lab.deliver();
    assert_eq!((lab.leader(), term(&lab, 3), lab.answer(ticket)), (Some(3), 2, Some(&Answer::Transferring)));
}

#[test]
fn who_shall_lead_gets_what_it_lacks_first() {
    let mut lab = led(3);
    lab.isolate(3);
    propose(&mut lab, &["a", "b"]);
    lab.deliver();
    lab.heal();
    lab.transfer(1, 3);
    lab.run(Settings::LAN.heartbeat * 2);
    assert_eq!((lab.leader(), lab.machine(3)), (Some(3), vec!["a".into(), "b".into()]));
}

#[test]
fn while_leadership_is_handed_over_nothing_is_proposed_and_then_it_is_again() {
    let mut lab = led(3);
    lab.isolate(3);
    lab.transfer(1, 3);
    let during = [lab.propose(1, "x"), lab.reconfigure(1, [Peer::voter(1)]), lab.transfer(1, 2)];
    for ticket in during {
        assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::Transferring { to: MemberId(3) })));
    }
    lab.run(Settings::LAN.election + ms(1));
    let after = lab.propose(1, "y");
    assert!(lab.leads(1) && matches!(lab.answer(after), Some(Answer::Accepted { .. })));
}

#[test]
fn leadership_goes_to_nobody_who_cannot_lead() {
    let mut lab = Lab::new([Peer::voter(1), Peer::voter(2), Peer::witness(3), Peer::learner(4)], Settings::LAN);
    lab.elect(1);
    for to in [3, 4, 9] {
        let ticket = lab.transfer(1, to);
        assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::CannotLead { to: MemberId(to) })));
    }
    let ticket = lab.transfer(2, 1);
    assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::NotLeader { leader: Some(MemberId(1)) })));
}

#[test]
fn to_be_told_to_stand_by_who_does_not_lead_means_nothing() {
    let mut lab = led(3);
    assert_eq!(say(&mut lab, 2, 3, 1, Body::StandNow), []);
    assert_eq!((lab.raft(3).role(), term(&lab, 3)), (Role::Follower, 1));
}

// Priorities: leadership goes to who has more of it, when that has everything.

#[test]
fn leadership_goes_to_the_highest_priority_there_is() {
    let peers = [(1, 0), (2, 3), (3, 7)].map(|(id, priority)| Peer::voter(id).with_priority(priority));
    let mut lab = Lab::new(peers, Settings::LAN);
    lab.elect(1);
    assert!(lab.leads(1));
    lab.run(Settings::LAN.election * 6);
    assert_eq!((lab.leader(), term(&lab, 3)), (Some(3), 2), "in one step");
}

#[test]
fn equal_priorities_leave_leadership_where_it_is() {
    let mut lab = led(3);
    lab.transfer(1, 3);
    lab.deliver();
    lab.run(Settings::LAN.election * 20);
    assert_eq!(lab.leader(), Some(3));
}

// A disk that stands still.

#[test]
fn a_leader_whose_disk_stands_still_lets_another_lead() {
    let mut lab = led(3);
    lab.slow_disk(1);
    lab.stall(1, true);
    lab.deliver();
    assert!(lab.leader().is_some_and(|id| id != 1), "{:?}", lab.leader());
    lab.run(ms(1000));
    assert!(!lab.leads(1));
}

#[test]
fn a_server_whose_disk_stands_still_does_not_stand_until_it_moves_again() {
    let mut lab = led(3);
    lab.crash(1);
    lab.stall(2, true);
    lab.stall(3, true);
    lab.run(ms(2000));
    assert_eq!(lab.leader(), None);
    lab.stall(3, false);
    lab.run(ms(1000));
    assert_eq!(lab.leader(), Some(3));
}

#[test]
fn a_candidate_whose_disk_stands_still_does_not_come_to_lead() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. } | Body::Vote { .. }));
    assert_eq!(lab.raft(1).role(), Role::Candidate);
    lab.slow_disk(1);
    lab.stall(1, true);
    lab.deliver();
    assert!(!lab.leads(1), "it would hold everyone up");
}

#[test]
fn an_answer_to_an_earlier_question_lets_nobody_stand() {
    let mut lab = led(3);
    // Nobody hears the leader for a while, so 2 would help 3; that answer is long under way.
    lab.isolate(1);
    lab.pass(Settings::LAN.election + Settings::LAN.stagger * 2);
    lab.tick(3);
    lab.deliver_link(3, 2);
    let late = lab.lose(|mail| (mail.from, mail.to) == (2, 3));
    assert!(late.iter().any(|mail| matches!(mail.message.body, Body::PreVoteReply { granted: true, .. })));
    // The leader is heard again, by both; and then by 2 alone.
    lab.heal();
    lab.tick(1);
    lab.deliver();
    assert_eq!((lab.leader(), lab.raft(3).role(), term(&lab, 3)), (Some(1), Role::Follower, 1));
    lab.cut(1, 3);
    for _ in 0..6 {
        lab.pass(Settings::LAN.heartbeat);
        lab.tick(1);
        lab.deliver();
    }
    lab.tick(3);
    lab.deliver();
    late.into_iter().for_each(|mail| lab.post(mail));
    lab.deliver();
    assert!(lab.raft(1).lease_until().is_some_and(|until| lab.now() < until), "2 hears of its leader");
    assert_eq!(term(&lab, 3), 1, "so that 3 may not stand");
}

#[test]
fn no_number_in_a_message_ends_a_server() {
    let end = mark(u64::MAX, u64::MAX);
    let last = Entry { mark: end, data: std::sync::Arc::from([0]) };
    let bodies = [
        (u64::MAX, Body::VoteReply { granted: false }),
        (1, Body::Refused { prev: end.index, hint: end }),
        (1, Body::Append { prev: end, entries: vec![last], commit: end.index }),
        (1, Body::Appended { upto: end.index }),
        (1, Body::HeartbeatReply { beat: u64::MAX }),
    ];
    let mut ended = Vec::new();
    for (term, body) in bodies {
        for to in [1, 2] {
            let words = format!("{body:?} to {to}");
            let body = body.clone();
            let run = move || {
                let mut lab = Lab::voters(3);
                lab.stand(1);
                lab.deliver_where(|mail| !is_append(mail));
                say(&mut lab, 3, to, term, body);
                lab.run(ms(2000));
            };
            if std::panic::catch_unwind(run).is_err() {
                ended.push(words);
            }
        }
    }
    assert!(ended.is_empty(), "{ended:#?}");
}

#[test]
fn a_leader_counts_of_its_own_log_what_is_on_disk_and_no_more() {
    let mut lab = led(3);
    lab.slow_disk(1);
    lab.isolate(3);
    propose(&mut lab, &["a", "b"]);
    lab.deliver();
    assert_eq!(lab.raft(1).commit(), Height(1));
    lab.settle(1, 1);
    assert_eq!(lab.raft(1).commit(), Height(2), "the second is still under way");
    lab.settle(1, 1);
    assert_eq!(lab.raft(1).commit(), Height(3));
}
