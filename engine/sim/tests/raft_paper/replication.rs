//! Section 5.3: how logs become alike, figure 7 among it, and what the design adds: a pipeline, a window, a cap.

use quorate_core::ids::Height;
use quorate_protocol::raft::{Answer, Body, Event, Peer, Rejected, Settings};
use quorate_sim::lab::{Lab, Past};

use super::*;

/// Settings under which every entry goes in a message of its own.
fn one_by_one() -> Settings {
    Settings { append_bytes: 1, ..Settings::LAN }
}

fn appends(lab: &Lab, to: u64) -> Vec<u64> {
    let entries = |mail: &Mail| match &mail.message.body {
        Body::Append { entries, .. } if mail.to == to => entries.iter().map(|entry| entry.mark.index.0).collect(),
        _ => Vec::new(),
    };
    lab.mail().iter().flat_map(entries).collect()
}

// An entry is committed when a majority has it; followers hear of it, and slow ones hold nobody up.

#[test]
fn an_entry_is_committed_when_a_majority_has_it_on_disk_and_not_before() {
    let mut lab = led(5);
    lab.propose(1, "x");
    lab.deliver_link(1, 2);
    lab.deliver_link(2, 1);
    assert_eq!(commit(&lab, 1), 1, "two of five");
    lab.deliver_link(1, 5);
    lab.deliver_link(5, 1);
    assert_eq!(commit(&lab, 1), 2, "three of five");
}

#[test]
fn a_commit_takes_everything_before_it_along() {
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &[(1, Past { term: 3, vote: None, log: vec![1, 1, 3] })]);
    lab.elect(1);
    beat(&mut lab);
    assert_eq!((lab.terms(3), commit(&lab, 3)), (vec![1, 1, 3, 4], 4));
    assert_eq!(lab.machine(3), ["1.1", "2.1", "3.3"]);
}

#[test]
fn a_follower_that_is_down_is_caught_up_when_it_is_back() {
    let mut lab = led(3);
    lab.crash(3);
    for nth in 0..20 {
        lab.propose(1, &format!("{nth}"));
        lab.deliver();
    }
    lab.restart(3);
    lab.run(ms(200));
    assert_eq!((lab.machine(3).len(), lab.terms(3)), (20, lab.terms(1)));
}

#[test]
fn followers_hear_of_a_commit_without_waiting_for_a_heartbeat() {
    let mut lab = led(3);
    lab.propose(1, "x");
    lab.deliver();
    assert_eq!([2, 3].map(|id| commit(&lab, id)), [2, 2]);
}

// A leader never overwrites its own log; followers' logs become the leader's, however they differ (figure 7).

#[test]
fn the_six_logs_of_figure_7_become_the_leaders() {
    let leader = vec![1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    let followers: [&[u64]; 6] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    let past = |log: &[u64]| Past { term: 7, vote: None, log: log.to_vec() };
    let pasts: Vec<(u64, Past)> = (2..).zip(followers).map(|(id, log)| (id, past(log))).chain([(1, past(&leader))]).collect();
    let mut lab = Lab::with_pasts((1..=7).map(Peer::voter), Settings::LAN, &pasts);
    lab.elect(1);
    assert!(lab.leads(1) && term(&lab, 1) == 8);
    beat(&mut lab);
    let expected: Vec<u64> = leader.into_iter().chain([8]).collect();
    for id in 1..=7 {
        assert_eq!((lab.terms(id), commit(&lab, id)), (expected.clone(), 11), "server {id}");
    }
}

#[test]
fn finding_where_logs_meet_takes_a_message_for_each_term_and_not_for_each_entry() {
    let long = |terms: &[u64]| terms.iter().flat_map(|&term| [term; 50]).collect::<Vec<u64>>();
    let pasts = [
        (1, Past { term: 9, vote: None, log: long(&[1, 4, 5, 9]) }),
        (2, Past { term: 9, vote: None, log: long(&[1, 4, 5, 9]) }),
        (3, Past { term: 9, vote: None, log: long(&[1, 2, 3]) }),
    ];
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &pasts);
    lab.elect(1);
    let arrived = lab.deliver();
    assert!(arrived.is_empty(), "an election delivers all");
    assert_eq!(lab.terms(3), lab.terms(1));
    // Again, counting what is refused.
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &pasts);
    lab.stand(1);
    let refusals = lab.deliver().iter().filter(|mail| matches!(mail.message.body, Body::Refused { .. })).count();
    assert!((1..=3).contains(&refusals), "{refusals} refusals for three terms");
}

#[test]
fn a_refusal_that_comes_late_or_twice_takes_nothing_back() {
    let mut lab = led(3);
    lab.propose(1, "x");
    lab.deliver();
    assert_eq!(say(&mut lab, 2, 1, 1, Body::Refused { prev: Height(1), hint: mark(0, 0) }), []);
    lab.propose(1, "y");
    assert_eq!(appends(&lab, 2), [3]);
}

// Messages follow each other without waiting, and what is lost is sent again.

#[test]
fn appends_do_not_wait_for_answers() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    assert_eq!(appends(&lab, 2), [2, 3, 4]);
}

#[test]
fn appends_that_overtake_each_other_arrive_in_order_in_the_end() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    let mut mail = lab.lose(|_| true);
    mail.reverse();
    mail.into_iter().for_each(|mail| lab.post(mail));
    lab.deliver();
    assert_eq!([1, 2, 3].map(|id| lab.machine(id).len()), [3; 3]);
}

#[test]
fn what_a_reset_connection_lost_is_sent_again_at_once() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    lab.reset(1, 2);
    lab.deliver();
    assert_eq!(lab.terms(2), [1; 4]);
    beat(&mut lab);
    assert_eq!(lab.machine(2), ["a", "b", "c"]);
}

#[test]
fn a_lost_append_is_noticed_by_the_next() {
    let mut lab = led(3);
    lab.propose(1, "a");
    lab.lose(|mail| mail.to == 2);
    lab.propose(1, "b");
    lab.deliver();
    assert_eq!(lab.terms(2), [1; 3]);
}

#[test]
fn the_last_append_of_all_is_noticed_to_be_lost_by_heartbeats() {
    let mut lab = led(3);
    lab.propose(1, "a");
    lab.lose(|mail| mail.to == 2);
    lab.run(Settings::LAN.heartbeat * 4);
    assert_eq!(lab.machine(2), ["a"]);
}

#[test]
fn a_whole_window_that_was_lost_is_noticed_by_heartbeats() {
    let settings = Settings { inflight: 2, ..one_by_one() };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    (0..5).for_each(|nth| _ = lab.propose(1, &format!("{nth}")));
    lab.lose(|mail| mail.to == 2);
    lab.run(settings.heartbeat * 6);
    assert_eq!(lab.machine(2).len(), 5);
}

#[test]
fn no_more_messages_are_under_way_to_one_follower_than_the_window_has() {
    let settings = Settings { inflight: 4, ..one_by_one() };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    (0..10).for_each(|nth| _ = lab.propose(1, &format!("{nth}")));
    assert_eq!(appends(&lab, 2).len(), 4);
    lab.deliver_next(|mail| mail.to == 2);
    lab.deliver_link(2, 1);
    assert_eq!(appends(&lab, 2).len(), 4, "one went, one came");
    lab.deliver();
    assert_eq!(lab.machine(2).len(), 10);
}

#[test]
fn proposals_wait_outside_while_too_much_is_not_committed() {
    let settings = Settings { uncommitted_bytes: 30, command_bytes: 20, ..Settings::LAN };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    let tickets = [(); 4].map(|()| lab.propose(1, "ten bytes."));
    let busy = |lab: &Lab, ticket| matches!(lab.answer(ticket), Some(Answer::Rejected(Rejected::Busy { .. })));
    assert_eq!(tickets.map(|ticket| busy(&lab, ticket)), [false, false, true, true]);
    lab.deliver();
    let again = lab.propose(1, "ten bytes.");
    assert!(!busy(&lab, again));
    lab.deliver();
    assert_eq!(lab.machine(3).len(), 3);
}

#[test]
fn a_leader_whose_own_disk_is_behind_takes_no_more_than_the_cap_either() {
    let settings = Settings { uncommitted_bytes: 30, command_bytes: 20, ..Settings::LAN };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    lab.slow_disk(1);
    let mut taken = 0;
    for _ in 0..20 {
        let ticket = lab.propose(1, "ten bytes.");
        lab.deliver();
        taken += usize::from(matches!(lab.answer(ticket), Some(Answer::Accepted { .. })));
    }
    assert!(taken < 5, "{taken} commands wait for one disk");
    lab.quick_disk(1);
    let ticket = lab.propose(1, "ten bytes.");
    assert!(matches!(lab.answer(ticket), Some(Answer::Accepted { .. })));
}

#[test]
fn a_command_that_is_too_long_is_refused_with_its_whole_group() {
    let settings = Settings { command_bytes: 4, ..Settings::LAN };
    let mut lab = Lab::new([Peer::voter(1)], settings);
    lab.elect(1);
    lab.happen(1, Event::Propose { ticket: 70, commands: vec![b"fits"[..].into(), b"it does not"[..].into()] });
    for ticket in [70, 71] {
        assert_eq!(lab.answer(ticket), Some(&Answer::Rejected(Rejected::TooLong { bytes: 11, limit: 4 })));
    }
    assert!(lab.machine(1).is_empty());
}

#[test]
fn entries_that_are_not_in_memory_any_more_come_from_disk() {
    let settings = Settings { cache_bytes: 1, ..Settings::LAN };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    lab.isolate(3);
    for nth in 0..10 {
        lab.propose(1, &format!("{nth}"));
        lab.deliver();
    }
    lab.heal();
    lab.run(ms(300));
    assert_eq!(lab.machine(3).len(), 10);
}

// Dissertation 10.2.1: the leader writes to its own disk while it sends.

#[test]
fn a_leader_may_commit_what_its_own_disk_does_not_have_yet() {
    let mut lab = led(3);
    lab.slow_disk(1);
    lab.propose(1, "x");
    lab.deliver();
    assert_eq!((commit(&lab, 1), lab.unsettled(1)), (2, 1));
}

#[test]
fn a_leaders_own_disk_counts_like_any_other_and_not_before_it_has_written() {
    let mut lab = led(3);
    lab.slow_disk(1);
    lab.isolate(3);
    lab.slow_disk(2);
    lab.propose(1, "x");
    lab.deliver();
    assert_eq!(commit(&lab, 1), 1);
    lab.settle(2, 1);
    lab.deliver();
    assert_eq!(commit(&lab, 1), 1, "one of three");
    lab.settle(1, 1);
    assert_eq!(commit(&lab, 1), 2);
}

// Witnesses and learners.

#[test]
fn a_witness_keeps_the_place_of_a_command_and_not_what_it_says() {
    let mut lab = Lab::new([Peer::voter(1), Peer::voter(2), Peer::witness(3)], Settings::LAN);
    lab.elect(1);
    lab.isolate(2);
    lab.propose(1, "secret");
    lab.deliver();
    assert_eq!((commit(&lab, 1), lab.machine(1)), (2, vec!["secret".to_owned()]));
    assert!(lab.machine(3).is_empty() && lab.log(3).iter().all(|entry| !entry.data.ends_with(b"secret")));
    assert_eq!(lab.terms(3), lab.terms(1));
    lab.elect(3);
    assert!(!lab.leads(3), "a witness never leads");
}

#[test]
fn a_learner_gets_everything_and_its_acknowledgements_count_for_nothing() {
    let mut lab = Lab::new([Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4), Peer::learner(5)], Settings::LAN);
    lab.elect(1);
    lab.isolate(2);
    lab.isolate(3);
    lab.propose(1, "x");
    lab.deliver();
    assert_eq!((lab.terms(4), commit(&lab, 1)), (vec![1, 1], 1));
    lab.heal();
    lab.run(ms(200));
    assert_eq!(lab.machine(5), ["x"]);
}

// What no server that follows the paper sends must not bring another down either.

#[test]
fn entries_whose_terms_would_fall_are_not_believed_and_do_no_harm() {
    let past = Past { term: 3, vote: None, log: vec![1, 1, 3] };
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &[(1, past.clone()), (2, past.clone()), (3, past)]);
    lab.elect(1);
    lab.compact(2, 4);
    // From before the floor, where nothing can be compared, on to behind the end, in an older term than the end has.
    let answers = say(&mut lab, 1, 2, 4, append((0, 0), &[1, 1, 1, 1, 1], 5));
    assert_eq!(answers, []);
    assert_eq!((lab.raft(2).last(), commit(&lab, 2)), (mark(4, 4), 4));
}
