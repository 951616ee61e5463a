//! Raft held against its sources, section by section: the extended paper (Ongaro and Ousterhout, 2014), and Ongaro's dissertation
//! where the design goes beyond the paper. Each file opens its sections with what the source claims, in our own words.

mod beyond;
mod clients;
mod disorder;
mod elections;
mod figure_2;
mod hints;
mod leases;
mod membership;
mod replication;
mod safety;
mod snapshots;

use std::time::Duration;

use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Body, Entry, Message, Question};
use quorate_sim::lab::{Lab, Mail};

const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn mark(index: u64, term: u64) -> Mark {
    Mark { index: Height(index), term: View(term) }
}

/// A group of voters that server 1 leads, in term 1, with one entry in every log, committed.
fn led(count: u64) -> Lab {
    let mut lab = Lab::voters(count);
    lab.elect(1);
    assert!(lab.leads(1) && lab.raft(1).commit() == Height(1));
    lab
}

/// Says something to a server in another's name, and gives what it answers to that.
fn say(lab: &mut Lab, from: u64, to: u64, term: u64, body: Body) -> Vec<Message> {
    lab.lose(|mail| (mail.from, mail.to) == (to, from));
    lab.post(Mail { from, to, message: Message { term: View(term), body } });
    while lab.deliver_next(|mail| (mail.from, mail.to) == (from, to)).is_some() {}
    replies(lab, to, from)
}

/// Takes what is on a link off it.
fn replies(lab: &mut Lab, from: u64, to: u64) -> Vec<Message> {
    lab.lose(|mail| (mail.from, mail.to) == (from, to)).into_iter().map(|mail| mail.message).collect()
}

/// Entries from a place on, by their terms.
fn append(prev: (u64, u64), terms: &[u64], commit: u64) -> Body {
    let place = |(index, &term): (u64, &u64)| Entry::command(mark(index, term), format!("{index}.{term}").as_bytes());
    Body::Append { prev: mark(prev.0, prev.1), entries: (prev.0 + 1..).zip(terms).map(place).collect(), commit: Height(commit) }
}

fn said(term: u64, body: Body) -> Message {
    Message { term: View(term), body }
}

/// The question that a server has under way.
fn asked(lab: &Lab, id: u64) -> Question {
    let question = |mail: &Mail| match mail.message.body {
        Body::PreVote { question, .. } if mail.from == id => Some(question),
        _ => None,
    };
    lab.mail().iter().find_map(question).expect("it asks")
}

fn vote(index: u64, term: u64) -> Body {
    Body::Vote { last: mark(index, term), handed_over: false }
}

/// Proposes commands to server 1.
fn propose(lab: &mut Lab, commands: &[&str]) {
    for command in commands {
        lab.propose(1, command);
    }
}

/// Lets the leader's next heartbeat go out, by which those who were behind hear what is committed.
fn beat(lab: &mut Lab) {
    let leader = lab.leader().expect("somebody leads");
    lab.tick_after(leader, lab.settings().heartbeat);
    lab.deliver();
}

fn is_append(mail: &Mail) -> bool {
    matches!(mail.message.body, Body::Append { .. })
}

fn voted(lab: &Lab, id: u64) -> Option<u64> {
    lab.raft(id).vote().map(|id: MemberId| id.0)
}

fn commit(lab: &Lab, id: u64) -> u64 {
    lab.raft(id).commit().0
}

fn term(lab: &Lab, id: u64) -> u64 {
    lab.raft(id).term().0
}
