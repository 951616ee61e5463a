//! Messages and deeds in words, short enough to be read one below the other.

use quorate_core::mark::Mark;
use quorate_protocol::raft::{Answer, Body, Configuration, Entry, Part, Payload, Peer, Rejected, Role};
use quorate_sim::lab::{Deed, Mail};

/// Index and term.
pub(crate) fn mark(mark: Mark) -> String {
    format!("{}/{}", mark.index, mark.term)
}

pub(crate) fn entry(entry: &Entry) -> String {
    let what = match entry.payload() {
        Ok(Payload::Begin) => "begin".to_owned(),
        Ok(Payload::Command(command)) => String::from_utf8_lossy(command).into_owned(),
        Ok(Payload::Configuration(configuration)) => format!("({})", members(&configuration)),
        Ok(Payload::Withheld) => "-".to_owned(),
        Err(error) => format!("{error}"),
    };
    format!("{} {what}", mark(entry.mark))
}

fn peer(peer: &Peer) -> String {
    let part = match peer.part {
        Part::Voter => "",
        Part::Witness => "w",
        Part::Learner => "l",
    };
    format!("{}{part}", peer.id)
}

/// The members by id, learners with an `l` and witnesses with a `w`; while they change, the old ones first.
pub(crate) fn members(configuration: &Configuration) -> String {
    let list = |peers: &[Peer]| peers.iter().map(peer).collect::<Vec<_>>().join(" ");
    match configuration.is_joint() {
        true => format!("{} and {}", list(configuration.outgoing()), list(configuration.peers())),
        false => list(configuration.peers()),
    }
}

fn body(body: &Body) -> String {
    let yes = |granted: &bool| if *granted { "yes" } else { "no" };
    match body {
        Body::PreVote { last, .. } => format!("would you vote for me? my log ends at {}", mark(*last)),
        Body::PreVoteReply { granted, .. } => format!("{}, I would{}", yes(granted), if *granted { "" } else { " not" }),
        Body::Vote { last, handed_over } => {
            let why = if *handed_over { ", the leader asked me to stand" } else { "" };
            format!("vote for me; my log ends at {}{why}", mark(*last))
        }
        Body::VoteReply { granted } => format!("{}, my vote is {}", yes(granted), if *granted { "yours" } else { "not yours" }),
        Body::Append { prev, entries, commit } => {
            let entries: Vec<String> = entries.iter().map(entry).collect();
            let what = if entries.is_empty() { "nothing".to_owned() } else { entries.join(", ") };
            format!("append behind {}: {what}; committed {commit}", mark(*prev))
        }
        Body::Appended { upto } => format!("appended up to {upto}"),
        Body::Refused { prev, hint } => format!("refused behind {prev}; perhaps {}", mark(*hint)),
        Body::Heartbeat { beat, commit } => format!("heartbeat {beat}; committed {commit}"),
        Body::HeartbeatReply { beat } => format!("heard {beat}"),
        Body::StandNow => "stand now".to_owned(),
        Body::Snapshot(piece) => format!("snapshot as of {}, piece {}", mark(piece.mark), piece.nth),
        Body::SnapshotWanted { mark: whole, nth } => format!("of the snapshot as of {} I want piece {nth}", mark(*whole)),
        Body::Read { life, ticket } => format!("read {ticket} of my life {life}"),
        Body::ReadReply { life, ticket, index: Some(index) } => format!("read {ticket} of your life {life} at {index}"),
        Body::ReadReply { life, ticket, index: None } => format!("read {ticket} of your life {life} elsewhere"),
    }
}

pub(crate) fn mail(mail: &Mail) -> String {
    format!("{}>{} [{}] {}", mail.from, mail.to, mail.message.term, body(&mail.message.body))
}

fn answer(answer: &Answer) -> String {
    match answer {
        Answer::Accepted { mark: at } => format!("accepted at {}", mark(*at)),
        Answer::ReadAt { index } => format!("read at {index}"),
        Answer::Transferring => "leadership is being handed over".to_owned(),
        Answer::Rejected(Rejected::Busy { waiting, limit }) => format!("busy: {waiting} wait and {limit} may"),
        Answer::Rejected(why) => format!("rejected: {why}"),
    }
}

pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Follower => "follows",
        Role::PreCandidate => "asks",
        Role::Candidate => "stands",
        Role::Leader => "leads",
    }
}

/// What a server did, but for what it sent, which is told when it arrives.
pub(crate) fn deed(id: u64, deed: &Deed) -> Option<String> {
    let what = match deed {
        Deed::Sent(_) | Deed::Applied(_) => return None,
        Deed::Became { role: Role::Follower, term, leader: Some(leader) } => format!("follows {leader} in term {term}"),
        Deed::Became { role: became, term, .. } => format!("{} in term {term}", role(*became)),
        Deed::Committed(index) => format!("commits up to {index}"),
        Deed::Members(configuration) => format!("acts under {}", members(configuration)),
        Deed::Restored(at) => format!("takes on the snapshot as of {}", mark(*at)),
        Deed::Answered(ticket, said) => format!("answers {ticket}: {}", answer(said)),
    };
    Some(format!("{id} {what}"))
}
