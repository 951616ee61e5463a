//! Section 6: the members change through a joint configuration.

use quorate_core::counting::{Finding, RoundKey, Told};
use quorate_core::vote::{Kind, Raft as RaftKind};
use quorate_protocol::raft::{Answer, Body, Event, Part, Peer, Rejected, Role, Settings};
use quorate_sim::lab::{Deed, Lab};

use super::*;

fn voters(ids: &[u64]) -> Vec<Peer> {
    ids.iter().map(|&id| Peer::voter(id)).collect()
}

fn members(lab: &Lab, id: u64) -> Vec<u64> {
    lab.raft(id).configuration().everyone().map(|id| id.0).collect()
}

fn joint(lab: &Lab, id: u64) -> bool {
    lab.raft(id).configuration().is_joint()
}

fn pending(lab: &Lab, ticket: u64) -> bool {
    lab.answer(ticket) == Some(&Answer::Rejected(Rejected::ChangePending))
}

// A configuration holds from when it is in the log. While it is joint, a majority of both sets decides; then the new one follows.

#[test]
fn a_change_goes_through_a_joint_configuration_and_ends_in_a_simple_one() {
    let mut lab = led(3);
    [4, 5].into_iter().for_each(|id| lab.join(id));
    let ticket = lab.reconfigure(1, voters(&[1, 4, 5]));
    assert!(matches!(lab.answer(ticket), Some(Answer::Accepted { mark }) if mark.index.0 == 2));
    assert!(joint(&lab, 1), "it holds before it is committed");
    assert_eq!(members(&lab, 1), [1, 2, 3, 4, 5]);
    lab.deliver();
    for id in [1, 4, 5] {
        assert_eq!((members(&lab, id), joint(&lab, id), commit(&lab, id)), (vec![1, 4, 5], false, 3), "server {id}");
    }
}

#[test]
fn while_members_change_an_entry_needs_a_majority_of_both_sets() {
    for (reachable, committed) in [([2, 3], false), ([4, 5], false), ([2, 4], true)] {
        let mut lab = led(3);
        [4, 5].into_iter().for_each(|id| lab.join(id));
        lab.deliver();
        let others: Vec<u64> = (2..=5).filter(|id| !reachable.contains(id)).collect();
        others.iter().for_each(|&id| lab.isolate(id));
        lab.reconfigure(1, voters(&[1, 4, 5]));
        lab.deliver();
        assert_eq!(commit(&lab, 1) >= 2, committed, "with {reachable:?} of 1 2 3 and 1 4 5");
    }
}

#[test]
fn while_members_change_a_candidate_needs_a_majority_of_both_sets() {
    for (reachable, elected) in [(&[1, 3][..], false), (&[4, 5], false), (&[3, 4, 5], true)] {
        let mut lab = led(3);
        [4, 5].into_iter().for_each(|id| lab.join(id));
        lab.reconfigure(1, voters(&[1, 4, 5]));
        // Everybody has the joint configuration, and nobody knows it to be committed.
        lab.deliver_where(|mail| mail.to != 1 || matches!(mail.message.body, Body::Refused { .. }));
        lab.lose(|_| true);
        assert!((1..=5).all(|id| joint(&lab, id)));
        let others: Vec<u64> = [1, 3, 4, 5].into_iter().filter(|id| !reachable.contains(id)).collect();
        others.iter().for_each(|&id| lab.isolate(id));
        lab.elect(2);
        let was_elected = lab.take_deeds().iter().any(|deed| matches!(deed, (2, Deed::Became { role: Role::Leader, .. })));
        assert_eq!(was_elected, elected, "2 with {reachable:?} of 1 2 3 and 1 4 5");
    }
}

#[test]
fn a_change_that_was_not_committed_is_undone_with_its_entry() {
    let mut lab = led(3);
    lab.isolate(1);
    lab.reconfigure(1, voters(&[1]));
    assert!(joint(&lab, 1));
    lab.elect(2);
    lab.heal();
    lab.run(ms(300));
    assert_eq!((lab.leader(), members(&lab, 1), joint(&lab, 1)), (Some(2), vec![1, 2, 3], false));
}

#[test]
fn a_new_leader_ends_a_change_that_the_old_one_began() {
    let mut lab = led(3);
    lab.join(4);
    lab.reconfigure(1, voters(&[2, 3, 4]));
    lab.deliver_where(|mail| mail.to != 1 || matches!(mail.message.body, Body::Refused { .. }));
    lab.lose(|_| true);
    lab.crash(1);
    lab.run(ms(1500));
    let leader = lab.leader().expect("two of each set are left");
    assert_eq!((members(&lab, leader), joint(&lab, leader)), (vec![2, 3, 4], false));
}

#[test]
fn one_change_at_a_time() {
    let mut lab = led(3);
    [4, 5].into_iter().for_each(|id| lab.join(id));
    lab.reconfigure(1, voters(&[1, 2, 3, 4]));
    let ticket = lab.reconfigure(1, voters(&[1, 2, 3, 5]));
    assert!(pending(&lab, ticket));
    lab.deliver();
    let ticket = lab.reconfigure(1, voters(&[1, 2, 3, 5]));
    assert!(!pending(&lab, ticket));
    lab.deliver();
    assert_eq!(members(&lab, 5), [1, 2, 3, 5]);
}

#[test]
fn a_leader_that_has_committed_nothing_in_its_term_changes_no_members() {
    let mut lab = Lab::voters(3);
    lab.stand(1);
    lab.deliver_where(|mail| !is_append(mail));
    assert!(lab.leads(1));
    let ticket = lab.reconfigure(1, voters(&[1, 2]));
    assert!(pending(&lab, ticket));
    lab.deliver();
    let ticket = lab.reconfigure(1, voters(&[1, 2]));
    assert!(!pending(&lab, ticket));
}

#[test]
fn forth_and_back_ends_where_it_began() {
    let mut lab = led(3);
    [4, 5].into_iter().for_each(|id| lab.join(id));
    for ids in [&[1, 4, 5][..], &[1, 2, 3], &[1], &[1, 2, 3, 4, 5]] {
        lab.reconfigure(1, voters(ids));
        lab.deliver();
        lab.propose(1, &format!("{ids:?}"));
        lab.run(ms(300));
        for id in ids {
            assert_eq!((members(&lab, *id), lab.machine(*id)), (ids.to_vec(), lab.machine(1)), "server {id} of {ids:?}");
        }
    }
    assert_eq!(lab.machine(1).len(), 4);
}

// New servers come as learners first, so that they are not waited for while they catch up.

#[test]
fn a_learner_that_has_caught_up_becomes_a_voter_and_counts() {
    let mut lab = led(3);
    (0..30).for_each(|nth| _ = lab.propose(1, &format!("{nth}")));
    lab.deliver();
    lab.join(4);
    lab.reconfigure(1, voters(&[1, 2, 3]).into_iter().chain([Peer::learner(4)]));
    lab.deliver();
    assert_eq!((lab.machine(4).len(), lab.raft(4).configuration().votes(quorate_core::ids::MemberId(4))), (30, false));
    lab.reconfigure(1, voters(&[1, 2, 3, 4]));
    lab.deliver();
    lab.isolate(2);
    lab.propose(1, "three of four");
    lab.deliver();
    assert_eq!(lab.machine(1).len(), 31);
    lab.isolate(4);
    lab.propose(1, "two of four");
    lab.deliver();
    assert_eq!(lab.machine(1).len(), 31);
}

#[test]
fn a_voter_can_become_a_learner_and_a_witness_stays_one() {
    let mut lab = Lab::new([Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::witness(4)], Settings::LAN);
    lab.elect(1);
    let ticket = lab.reconfigure(1, voters(&[1, 2, 3, 4]));
    assert!(matches!(lab.answer(ticket), Some(Answer::Rejected(Rejected::Configuration(_)))));
    lab.reconfigure(1, [Peer::voter(1), Peer::voter(2), Peer::learner(3), Peer::witness(4)]);
    lab.deliver();
    let three = lab.raft(1).configuration().peer(quorate_core::ids::MemberId(3)).unwrap();
    assert_eq!((three.part, lab.machine(3)), (Part::Learner, lab.machine(1)));
}

// A leader that is not in the new configuration leads until that is committed, and does not count itself.

#[test]
fn a_leader_that_is_removed_leads_until_the_new_members_have_committed_that() {
    let mut lab = led(3);
    lab.join(4);
    lab.reconfigure(1, voters(&[2, 3, 4]));
    lab.deliver_where(|mail| commit_of(mail) < 2);
    assert!(lab.leads(1));
    lab.deliver();
    assert!(!lab.leads(1));
    lab.run(ms(1000));
    assert!(lab.leader().is_some_and(|id| id != 1));
    for id in 2..=4 {
        assert_eq!((members(&lab, id), commit(&lab, id)), (vec![2, 3, 4], 4), "server {id}");
    }
}

fn commit_of(mail: &Mail) -> u64 {
    if let Body::Append { commit, .. } = &mail.message.body { commit.0 } else { 0 }
}

#[test]
fn a_leader_that_is_removed_does_not_count_itself() {
    let mut lab = led(3);
    lab.reconfigure(1, voters(&[2, 3]));
    // The joint configuration is committed; of the new members one only gets the simple one.
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Append { prev, .. } if prev.index.0 >= 2) || mail.to == 2);
    assert_eq!((commit(&lab, 1), lab.terms(2).len()), (2, 3), "two have it, of whom one is a member");
    assert!(lab.leads(1));
    lab.deliver();
    assert!(!lab.leads(1));
}

// A server that is not in its latest configuration stands for election all the same until it knows that to be committed: perhaps nobody
// else can be elected (dissertation, 4.2.2 and figure 4.6).

#[test]
fn a_removed_server_that_alone_has_the_entry_which_removes_it_is_elected_to_commit_that() {
    let mut lab = led(4);
    lab.join(5);
    lab.reconfigure(1, [Peer::learner(2), Peer::voter(3), Peer::voter(4), Peer::voter(5)]);
    // The joint configuration is committed; the simple one comes to server 2 only, which is a learner by it.
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Append { prev, .. } if prev.index.0 >= 2) || mail.to == 2);
    lab.lose(|_| true);
    assert_eq!([1, 2, 3, 4].map(|id| joint(&lab, id)), [false, false, true, true]);
    lab.crash(1);
    lab.restart(1);
    lab.run(ms(3000));
    let leader = lab.leader().expect("3 and 4 need a vote of 1 or 2, whose logs are longer");
    assert_eq!((members(&lab, leader), joint(&lab, leader)), (vec![2, 3, 4, 5], false));
    assert!([3, 4, 5].contains(&leader), "who was removed lets go again");
}

// Servers that were removed hear no heartbeats and ask to be elected; nobody who hears of a leader listens.

#[test]
fn a_removed_server_disturbs_nobody() {
    let mut lab = led(4);
    lab.reconfigure(1, voters(&[1, 2, 3]));
    lab.deliver_where(|mail| mail.to != 4);
    lab.lose(|_| true);
    assert_eq!(members(&lab, 4), [1, 2, 3, 4], "it does not know");
    lab.run(ms(5000));
    assert_eq!((lab.leader(), term(&lab, 1), term(&lab, 2)), (Some(1), 1, 1));
}

#[test]
fn a_removed_server_that_has_a_higher_term_is_not_listened_to_either() {
    let mut lab = led(4);
    lab.reconfigure(1, voters(&[1, 2, 3]));
    lab.deliver();
    lab.tick_after(1, Settings::LAN.heartbeat);
    lab.deliver();
    for to in 1..=3 {
        assert_eq!(say(&mut lab, 4, to, 9, vote(99, 9)), [], "server {to}");
        assert_eq!(term(&lab, to), 1);
    }
}

#[test]
fn what_is_told_of_a_round_that_is_closed_commits_nothing_and_confirms_nothing() {
    let mut lab = led(3);
    lab.isolate(1);
    lab.reconfigure(1, [1, 2, 3, 4].map(Peer::voter));
    assert_eq!((lab.raft(1).last().index, lab.raft(1).commit(), lab.raft(1).lease_until()), (Height(2), Height(1), None));
    for key in (1..=4).map(RoundKey) {
        for kind in [RaftKind::Ack, RaftKind::HeartbeatAck] {
            let what = Finding::Reached { index: 2 };
            lab.happen(1, Event::Told(Told { key, kind: Kind::Raft(kind), what }));
        }
    }
    assert_eq!((lab.raft(1).commit(), lab.raft(1).lease_until()), (Height(1), None));
}

#[test]
fn a_leader_sees_how_far_its_followers_are_and_when_a_learner_has_caught_up() {
    let followers =
        |lab: &Lab, id: u64| lab.raft(id).followers().map(|peer| (peer.id.0, peer.matched.0, peer.snapshot)).collect::<Vec<_>>();
    let mut lab = led(3);
    propose(&mut lab, &["a", "b"]);
    lab.deliver();
    lab.compact(1, 3);
    lab.join(4);
    lab.reconfigure(1, voters(&[1, 2, 3]).into_iter().chain([Peer::learner(4)]));
    // The learner's log has nothing that the leader's has not given up.
    lab.deliver_where(|mail| mail.from != 4 || !matches!(mail.message.body, Body::SnapshotWanted { .. } | Body::Appended { .. }));
    assert_eq!(followers(&lab, 1), [(2, 5, false), (3, 5, false), (4, 0, true)]);
    lab.deliver();
    assert_eq!(followers(&lab, 1), [(2, 5, false), (3, 5, false), (4, 5, false)]);
    assert_eq!(followers(&lab, 2), []);
    lab.reconfigure(1, voters(&[1, 2, 3, 4]));
    lab.deliver();
    lab.part(&[1, 2, 4], &[3]);
    lab.propose(1, "c");
    lab.deliver();
    assert_eq!((commit(&lab, 1), followers(&lab, 1)), (8, vec![(2, 8, false), (3, 7, false), (4, 8, false)]), "its part counts");
}

#[test]
fn a_leader_that_is_removed_hands_over_at_once_and_disturbs_nobody() {
    for mut lab in [led(3), led(5)] {
        let rest: Vec<u64> = lab.ids().into_iter().filter(|&id| id != 1).collect();
        let change = lab.reconfigure(1, voters(&rest));
        let ticket = lab.propose(1, "a");
        lab.deliver();
        assert!(matches!(lab.answer(change), Some(Answer::Accepted { .. })));
        assert_eq!((lab.raft(1).role(), lab.leader(), term(&lab, 2)), (Role::Follower, Some(2), 2), "no time has passed");
        assert!(matches!(lab.answer(ticket), Some(Answer::Accepted { .. })));
        assert!(rest.iter().all(|&id| lab.machine(id) == ["a"] && members(&lab, id) == rest));
        lab.run(ms(2000));
        assert_eq!((lab.leader(), term(&lab, 2), term(&lab, 1)), (Some(2), 2, 1));
    }
}
