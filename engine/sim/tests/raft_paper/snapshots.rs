//! Section 7: logs are given up to snapshots, and followers that are too far behind get one, in pieces.

use quorate_core::ids::Height;
use quorate_protocol::raft::{Body, Peer, ReadWay, Settings};
use quorate_sim::lab::{Lab, Past};

use super::*;

/// Three servers of which the third is cut off and needs what the leader's log has given up. There are `count` commands.
fn behind(count: u64) -> Lab {
    let mut lab = led(3);
    lab.isolate(3);
    for nth in 0..count {
        lab.propose(1, &format!("{nth}"));
    }
    lab.deliver();
    lab.compact(1, count);
    lab.heal();
    lab.reset(1, 3);
    lab
}

fn pieces(mail: &[Mail]) -> Vec<u64> {
    let nth = |mail: &Mail| if let Body::Snapshot(piece) = &mail.message.body { Some(piece.nth) } else { None };
    mail.iter().filter_map(nth).collect()
}

// Each server takes snapshots of its own, of what is committed; the log begins behind them.

#[test]
fn a_log_that_was_given_up_goes_on_as_before() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    lab.deliver();
    (1..=3).for_each(|id| lab.compact(id, 3));
    assert_eq!((lab.raft(2).floor(), lab.terms(2)), (mark(3, 1), vec![1]));
    lab.propose(1, "d");
    lab.deliver();
    assert_eq!(lab.machine(3), ["a", "b", "c", "d"]);
}

#[test]
fn a_server_starts_again_from_its_snapshot_and_the_log_behind_it() {
    let mut lab = led(3);
    propose(&mut lab, &["a", "b", "c"]);
    lab.deliver();
    lab.compact(2, 3);
    lab.crash(2);
    lab.restart(2);
    assert_eq!((lab.machine(2), commit(&lab, 2), lab.raft(2).last()), (vec!["a".into(), "b".into()], 3, mark(4, 1)));
    lab.run(ms(200));
    assert_eq!(lab.machine(2), ["a", "b", "c"]);
}

#[test]
fn a_follower_that_needs_what_is_gone_gets_a_snapshot_and_then_entries() {
    let mut lab = behind(6);
    lab.run(ms(300));
    assert_eq!((lab.raft(3).floor(), lab.machine(3)), (mark(6, 1), lab.machine(1)));
    assert_eq!(lab.terms(3), [1], "entry 7 came as an entry");
}

#[test]
fn a_snapshot_goes_piece_by_piece_and_each_is_asked_for() {
    let mut lab = behind(6);
    assert_eq!(pieces(&lab.deliver()), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_was() {
    let mut lab = behind(6);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.reset(1, 3);
    assert_eq!(pieces(&lab.deliver()), [3, 4, 5]);
    assert_eq!(lab.machine(3), lab.machine(1));
}

#[test]
fn a_lost_piece_is_sent_again_after_a_while() {
    let mut lab = behind(6);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.lose(|_| true);
    lab.run(Settings::LAN.election * 2);
    assert_eq!(lab.machine(3), lab.machine(1));
}

#[test]
fn a_lost_piece_is_sent_again_also_while_reads_never_stop() {
    let mut lab = behind(6);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.lose(|_| true);
    for _ in 0..50 {
        lab.read(1, ReadWay::Index);
        lab.run(ms(10));
    }
    assert_eq!(lab.machine(3), lab.machine(1));
}

#[test]
fn a_window_that_was_lost_and_is_not_in_the_log_any_more_gives_way_to_a_snapshot() {
    let settings = Settings { append_bytes: 1, inflight: 2, ..Settings::LAN };
    let mut lab = Lab::new((1..=3).map(Peer::voter), settings);
    lab.elect(1);
    propose(&mut lab, &["a", "b", "c", "d", "e"]);
    lab.lose(|mail| mail.to == 3);
    lab.deliver_where(|mail| mail.to != 3);
    lab.lose(|_| true);
    lab.compact(1, 5);
    lab.run(ms(500));
    assert_eq!((lab.machine(3), lab.raft(3).floor()), (lab.machine(1), mark(5, 1)));
}

#[test]
fn a_receiver_that_starts_again_asks_for_the_piece_that_it_lacks() {
    let mut lab = behind(6);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.lose(|_| true);
    lab.crash(3);
    lab.restart(3);
    let mut sent = Vec::new();
    for _ in 0..8 {
        lab.tick_after(1, Settings::LAN.heartbeat);
        sent.extend(pieces(&lab.deliver()));
    }
    assert_eq!((sent, lab.machine(3)), (vec![3, 4, 5], lab.machine(1)));
}

#[test]
fn a_snapshot_that_is_replaced_while_it_is_sent_gives_way_to_the_newer() {
    let mut lab = behind(6);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.lose(|_| true);
    lab.compact(1, 7);
    lab.run(ms(500));
    assert_eq!((lab.raft(3).floor(), lab.machine(3)), (mark(7, 1), lab.machine(1)));
}

#[test]
fn a_new_leader_goes_on_with_a_snapshot_of_its_own() {
    let mut lab = behind(6);
    lab.compact(2, 7);
    lab.deliver_where(|mail| !matches!(&mail.message.body, Body::Snapshot(piece) if piece.nth == 3));
    lab.lose(|_| true);
    lab.crash(1);
    lab.run(ms(1000));
    assert_eq!((lab.leader(), lab.machine(3)), (Some(2), lab.machine(2)));
}

// A snapshot that tells of what the receiver has anyway takes nothing away; one of another history replaces everything.

#[test]
fn a_snapshot_of_what_is_there_keeps_the_entries_behind_it() {
    let past = |log: &[u64]| Past { term: 1, vote: None, log: log.to_vec() };
    let pasts = [(1, past(&[1, 1, 1])), (2, past(&[1, 1, 1])), (3, past(&[1, 1, 1, 1, 1]))];
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &pasts);
    lab.isolate(3);
    lab.elect(1);
    lab.compact(1, 2);
    lab.heal();
    let piece = |lab: &Lab, nth: u64| {
        let configuration = lab.raft(1).configuration().clone();
        let bytes = if nth < 2 { [&(nth + 1).to_le_bytes()[..], format!("{}.1", nth + 1).as_bytes()].concat() } else { Vec::new() };
        quorate_protocol::raft::Piece { mark: mark(2, 1), configuration, manifest: 3_u64.to_le_bytes().into(), nth, bytes: bytes.into() }
    };
    for nth in 0..3 {
        let piece = piece(&lab, nth);
        say(&mut lab, 1, 3, 2, Body::Snapshot(piece));
    }
    assert_eq!((lab.raft(3).floor(), lab.terms(3)), (mark(2, 1), vec![1, 1, 1]));
}

#[test]
fn a_snapshot_of_another_history_replaces_the_log() {
    let past = |log: &[u64]| Past { term: 2, vote: None, log: log.to_vec() };
    let pasts = [(1, past(&[2, 2, 2])), (2, past(&[2, 2, 2])), (3, past(&[1, 1, 1, 1, 1]))];
    let mut lab = Lab::with_pasts((1..=3).map(Peer::voter), Settings::LAN, &pasts);
    lab.isolate(3);
    lab.elect(1);
    lab.compact(1, 4);
    lab.heal();
    lab.run(ms(300));
    assert_eq!((lab.raft(3).floor(), lab.terms(3), lab.machine(3)), (mark(4, 3), vec![], lab.machine(1)));
    lab.propose(1, "next");
    lab.deliver();
    assert_eq!(lab.machine(3).last().map(String::as_str), Some("next"));
}

#[test]
fn a_snapshot_that_was_installed_over_writes_under_way_settles_nothing_that_is_gone() {
    let mut lab = behind(6);
    lab.slow_disk(3);
    lab.deliver();
    lab.propose(1, "late");
    lab.deliver();
    assert_eq!((commit(&lab, 1), lab.raft(3).last().index), (8, Height(8)));
    lab.isolate(2);
    lab.propose(1, "later");
    lab.deliver();
    assert_eq!(commit(&lab, 1), 8, "server 3 has it in memory only");
    lab.settle(3, 8);
    lab.deliver();
    assert_eq!(commit(&lab, 1), 9);
}

#[test]
fn the_members_as_of_a_snapshot_come_with_it() {
    let mut lab = led(3);
    lab.isolate(3);
    lab.join(4);
    lab.reconfigure(1, [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4)]);
    lab.deliver();
    lab.propose(1, "x");
    lab.deliver();
    let upto = commit(&lab, 1);
    lab.compact(1, upto);
    lab.heal();
    lab.run(ms(500));
    assert_eq!((lab.raft(3).configuration(), lab.raft(3).floor().index), (lab.raft(1).configuration(), Height(upto)));
    lab.crash(3);
    lab.restart(3);
    assert_eq!(lab.raft(3).configuration(), lab.raft(1).configuration(), "and are still there after a restart");
}
