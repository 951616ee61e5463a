//! Figure 2, rule by rule, and section 5.1.

use quorate_core::ids::{Height, MemberId, View};
use quorate_protocol::raft::{Answer, Body, Peer, Rejected, Role, Settings};
use quorate_sim::lab::{Lab, Past};

use super::*;

/// Three servers; the second has this log, and has seen this term.
fn with_log(term: u64, log: &[u64]) -> Lab {
    Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &[(2, Past { term, vote: None, log: log.to_vec() })])
}

// All servers: whoever sees a higher term takes it on and follows; whoever asks in a lower one is refused.

#[test]
fn a_leader_that_sees_a_higher_term_takes_it_on_and_follows() {
    let mut lab = led(3);
    say(&mut lab, 2, 1, 5, Body::HeartbeatReply { beat: 0 });
    assert_eq!((lab.raft(1).role(), term(&lab, 1), voted(&lab, 1)), (Role::Follower, 5, None));
    assert_eq!(lab.durable_hard(1).term, View(5), "a term that was taken on is on disk");
}

#[test]
fn a_candidate_that_sees_a_higher_term_takes_it_on_and_follows() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| matches!(mail.message.body, Body::PreVote { .. } | Body::PreVoteReply { .. }));
    assert_eq!(lab.raft(1).role(), Role::Candidate);
    say(&mut lab, 2, 1, 7, Body::VoteReply { granted: false });
    assert_eq!((lab.raft(1).role(), term(&lab, 1)), (Role::Follower, 7));
}

#[test]
fn entries_of_an_older_term_are_refused_with_the_newer_one() {
    let mut lab = with_log(4, &[1, 1]);
    let answers = say(&mut lab, 1, 2, 3, append((2, 1), &[3], 3));
    assert_eq!(answers, [said(4, Body::HeartbeatReply { beat: 0 })]);
    assert_eq!((lab.terms(2), commit(&lab, 2)), (vec![1, 1], 0));
}

#[test]
fn a_vote_in_an_older_term_is_refused_with_the_newer_one() {
    let mut lab = with_log(4, &[1]);
    assert_eq!(say(&mut lab, 1, 2, 3, vote(9, 3)), [said(4, Body::VoteReply { granted: false })]);
}

// Followers, appending: no entry without the one before it; what conflicts goes, with everything behind it; what does not conflict
// stays; committed is the lesser of what the leader says and of what was just shown to be the leader's.

#[test]
fn entries_do_not_fit_behind_a_place_that_is_not_there() {
    let mut lab = with_log(1, &[1, 1]);
    let answers = say(&mut lab, 1, 2, 1, append((4, 1), &[1], 0));
    assert!(matches!(answers[..], [Message { body: Body::Refused { prev: Height(4), .. }, .. }]), "{answers:?}");
    assert_eq!(lab.terms(2), [1, 1]);
}

#[test]
fn entries_do_not_fit_behind_a_place_of_another_term() {
    let mut lab = with_log(2, &[1, 2]);
    let answers = say(&mut lab, 1, 2, 3, append((2, 1), &[3], 0));
    assert_eq!(answers, [said(3, Body::Refused { prev: Height(2), hint: mark(1, 1) })]);
}

#[test]
fn what_conflicts_goes_with_everything_behind_it() {
    let mut lab = with_log(2, &[1, 2, 2, 2]);
    let answers = say(&mut lab, 1, 2, 3, append((1, 1), &[1, 3], 0));
    assert_eq!((answers, lab.terms(2)), (vec![said(3, Body::Appended { upto: Height(3) })], vec![1, 1, 3]));
}

#[test]
fn a_late_append_takes_nothing_away_that_a_later_one_brought() {
    let mut lab = with_log(1, &[1]);
    say(&mut lab, 1, 2, 1, append((1, 1), &[1, 1, 1], 0));
    assert_eq!(say(&mut lab, 1, 2, 1, append((1, 1), &[1], 0)), [said(1, Body::Appended { upto: Height(2) })]);
    assert_eq!(lab.terms(2), [1, 1, 1, 1]);
}

#[test]
fn no_more_is_committed_than_was_shown_to_be_the_leaders() {
    let mut lab = with_log(2, &[1, 2, 2]);
    say(&mut lab, 1, 2, 3, append((1, 1), &[], 3));
    assert_eq!(commit(&lab, 2), 1, "entries 2 and 3 may be of a leader that lost");
    say(&mut lab, 1, 2, 3, append((1, 1), &[3], 3));
    assert_eq!((commit(&lab, 2), lab.terms(2)), (2, vec![1, 3]));
}

#[test]
fn an_entry_whose_terms_fall_is_never_taken() {
    let mut lab = with_log(3, &[1, 3]);
    assert_eq!(say(&mut lab, 1, 2, 3, append((2, 3), &[3, 2], 0)), []);
    assert_eq!(lab.terms(2), [1, 3]);
}

// Voting: once a term, for whoever comes first, if its log is no older.

#[test]
fn a_vote_is_given_once_a_term_and_again_to_the_same_only() {
    let mut lab = with_log(0, &[]);
    let granted = |granted| [said(1, Body::VoteReply { granted })];
    assert_eq!(say(&mut lab, 1, 2, 1, vote(0, 0)), granted(true));
    assert_eq!(say(&mut lab, 3, 2, 1, vote(0, 0)), granted(false));
    assert_eq!(say(&mut lab, 1, 2, 1, vote(0, 0)), granted(true), "the answer may have been lost");
}

#[test]
fn a_vote_survives_a_restart() {
    let mut lab = with_log(0, &[]);
    say(&mut lab, 1, 2, 1, vote(0, 0));
    lab.crash(2);
    lab.restart(2);
    lab.pass(ms(1000));
    assert_eq!(say(&mut lab, 3, 2, 1, vote(8, 1)), [said(1, Body::VoteReply { granted: false })]);
}

#[test]
fn nobody_hears_of_a_vote_before_it_is_on_disk() {
    let mut lab = with_log(0, &[]);
    lab.slow_disk(2);
    assert_eq!(say(&mut lab, 1, 2, 1, vote(0, 0)), []);
    lab.settle(2, 1);
    assert_eq!(replies(&mut lab, 2, 1), [said(1, Body::VoteReply { granted: true })]);
}

#[test]
fn nobody_hears_of_entries_before_they_are_on_disk() {
    let mut lab = with_log(1, &[1]);
    lab.slow_disk(2);
    assert_eq!(say(&mut lab, 1, 2, 1, append((1, 1), &[1], 0)), []);
    assert_eq!(say(&mut lab, 1, 2, 1, append((2, 1), &[1], 0)), []);
    lab.settle(2, 1);
    assert_eq!(replies(&mut lab, 2, 1), [said(1, Body::Appended { upto: Height(2) })], "the second is still under way");
    lab.crash(2);
    lab.restart(2);
    assert_eq!(lab.terms(2), [1, 1], "and is lost by a crash");
}

#[test]
fn a_candidate_counts_its_own_vote_only_when_that_is_on_disk() {
    let mut lab = Lab::voters(1);
    lab.slow_disk(1);
    lab.elect(1);
    assert_eq!(lab.raft(1).role(), Role::Candidate);
    lab.settle(1, 1);
    assert!(lab.leads(1));
}

// Leaders: an entry is committed when a majority has it, and applied in the order of the log, everywhere.

#[test]
fn a_leader_begins_with_an_entry_of_its_term_and_tells_everyone_at_once() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| !is_append(mail) && !matches!(mail.message.body, Body::Heartbeat { .. }));
    let told: Vec<u64> = lab.mail().iter().filter(|mail| is_append(mail)).map(|mail| mail.to).collect();
    assert_eq!((lab.terms(1), told), (vec![1], vec![2, 3]));
}

#[test]
fn commands_are_applied_everywhere_in_the_order_of_the_log() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    lab.deliver();
    for id in 1..=3 {
        assert_eq!(lab.machine(id), ["a", "b", "c"], "server {id}");
    }
}

#[test]
fn a_group_of_one_decides_alone() {
    let mut lab = led(1);
    lab.propose(1, "alone");
    assert_eq!(lab.machine(1), ["alone"]);
}

#[test]
fn whoever_does_not_lead_says_who_does() {
    let mut lab = led(3);
    let ticket = lab.propose(2, "x");
    let Some(Answer::Rejected(Rejected::NotLeader { leader })) = lab.answer(ticket) else { panic!("{:?}", lab.answer(ticket)) };
    assert_eq!(*leader, Some(MemberId(1)));
}
