//! What the queue delivers: everything that can happen in the world, and the print that the auditor takes of it.

use std::sync::Arc;

use quorate_core::counting::{Finding, Told};
use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Body, Message, Piece, ReadWay};

use crate::fact::Print;
use crate::machine::Said;
use crate::network::Transit;
use crate::print::{mix, of};

/// Something that happens to one server's process, and to no later one of the same server.
#[derive(Clone, Debug)]
pub(crate) enum Local {
    /// The protocol wanted to be woken at this moment.
    Tick { due: u64 },
    /// A sync of the log would be done now.
    Synced,
    /// The votes that wait are counted.
    Count,
    /// The protocol hears what was found out about a round.
    Told(Told),
    /// Entries that the protocol wanted are read.
    Load { to: MemberId, from: Height, upto: Height, bytes_max: usize },
    /// Committed entries are applied.
    Apply,
    /// A snapshot would be written now.
    SnapshotWritten,
    /// A piece of a snapshot is read.
    ReadPiece { to: MemberId, mark: Option<Mark>, nth: u64 },
    /// A piece of a snapshot is written.
    WritePiece { from: MemberId, piece: Box<Piece> },
    /// The connection to a member was reset.
    Reset { peer: MemberId },
    /// Somebody looks whether the disk stands still.
    Watch,
    /// The commands that were gathered are proposed.
    Propose,
    /// What the disk had no room for is tried again.
    Retry,
    /// An operator wants something.
    Order(Order),
}

/// What an operator wants of whoever leads.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// Other members.
    Reconfigure(Vec<quorate_protocol::raft::Peer>),
    /// Another leader.
    Transfer(MemberId),
}

/// What a client asks of a server.
#[derive(Clone, Debug)]
pub(crate) enum Ask {
    /// To carry a command out.
    Write(Arc<[u8]>),
    /// For the value of a key.
    Read { key: u16, way: ReadWay },
}

/// A request of a client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) client: u32,
    /// Which of its operations.
    pub(crate) operation: u64,
    /// Which attempt at it.
    pub(crate) attempt: u32,
    pub(crate) ask: Ask,
}

/// What a server says to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reply {
    /// The command was carried out by the entry at this place.
    Written { said: Said, mark: Mark, print: Print },
    /// The key's value, and whether it comes from somebody who leads.
    Value { value: Option<u64>, leads: bool },
    /// Somebody else leads, if anybody.
    Elsewhere(Option<MemberId>),
    /// Not now.
    TryAgain,
}

/// Something that ends.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Cut(MemberId, MemberId),
    Lossy(u64),
    Slow(MemberId),
    Full(u16, u32),
    Adversary(u32),
    Leave(u16),
}

/// Everything that can happen.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A message arrives.
    Message(Transit),
    /// Something happens to a process.
    Local { nth: u16, life: u32, what: Local },
    /// A request arrives at a server.
    Request { nth: u16, request: Request },
    /// A reply arrives at a client.
    Reply { client: u32, operation: u64, attempt: u32, reply: Reply },
    /// A client has waited long enough, for an answer or before its next operation.
    Client { client: u32, turn: u64 },
    /// A fault of the plan begins.
    Fault(u32),
    /// Something that a fault began ends.
    End(End),
    /// A server starts, if it has not been started or taken away since.
    Start { nth: u16, life: u32 },
    /// The time of faults is over.
    Heal,
    /// Somebody looks whether the world is well again.
    Probe,
}

impl Happening {
    /// Which kind, at whom, with which content: what the auditor hears.
    pub(crate) fn account(&self) -> (u8, u16, Print) {
        match self {
            Self::Message(transit) => (0, transit.to.0 as u16, mix(transit.from.0, message(&transit.message))),
            Self::Local { nth, life, what } => {
                let (kind, content) = local(what);
                (kind, *nth, mix(content, u64::from(*life)))
            }
            Self::Request { nth, request } => {
                let ask = match &request.ask {
                    Ask::Write(command) => of(command),
                    Ask::Read { key, way } => mix(u64::from(*key), *way as u64),
                };
                (1, *nth, mix(mix(ask, u64::from(request.client)), request.operation))
            }
            Self::Reply { client, operation, attempt, reply } => {
                let content = match reply {
                    Reply::Written { said, mark, print } => mix(mix(of(&said.encode()), mark.index.0), *print),
                    Reply::Value { value, leads } => mix(1 + (u64::from(*leads) << 8), value.map_or(0, |value| mix(2, value))),
                    Reply::Elsewhere(leader) => mix(3, leader.map_or(0, |leader| leader.0)),
                    Reply::TryAgain => 4,
                };
                (2, *client as u16, mix(mix(content, *operation), u64::from(*attempt)))
            }
            Self::Client { client, turn } => (3, *client as u16, *turn),
            Self::Fault(number) => (4, 0, u64::from(*number)),
            Self::End(end) => (5, 0, ending(end)),
            Self::Start { nth, life } => (6, *nth, u64::from(*life)),
            Self::Heal => (7, 0, 0),
            Self::Probe => (8, 0, 0),
        }
    }
}

fn ending(end: &End) -> Print {
    match end {
        End::Cut(from, to) => mix(mix(1, from.0), to.0),
        End::Lossy(ppm) => mix(2, *ppm),
        End::Slow(whom) => mix(3, whom.0),
        End::Full(nth, life) => mix(mix(4, u64::from(*nth)), u64::from(*life)),
        End::Adversary(number) => mix(5, u64::from(*number)),
        End::Leave(nth) => mix(6, u64::from(*nth)),
    }
}

fn local(what: &Local) -> (u8, Print) {
    match what {
        Local::Tick { due } => (16, *due),
        Local::Synced => (17, 0),
        Local::Count => (18, 0),
        Local::Told(told) => (30, told_of(told)),
        Local::Load { to, from, upto, .. } => (19, mix(mix(to.0, from.0), upto.0)),
        Local::Apply => (20, 0),
        Local::SnapshotWritten => (21, 0),
        Local::ReadPiece { to, mark, nth } => (22, mix(mix(to.0, mark.map_or(0, |mark| mark.index.0)), *nth)),
        Local::WritePiece { from, piece } => (23, mix(from.0, piece_of(piece))),
        Local::Reset { peer } => (24, peer.0),
        Local::Watch => (25, 0),
        Local::Retry => (26, 0),
        Local::Propose => (29, 0),
        Local::Order(Order::Transfer(to)) => (27, to.0),
        Local::Order(Order::Reconfigure(peers)) => {
            let print =
                |print, peer: &quorate_protocol::raft::Peer| mix(mix(print, peer.id.0), u64::from(peer.priority) << 8 | peer.part as u64);
            (28, peers.iter().fold(0, print))
        }
    }
}

fn told_of(told: &Told) -> Print {
    let what = match told.what {
        Finding::Decided { row } => mix(1, u64::from(row)),
        Finding::Reached { index } => mix(2, index),
        Finding::Conflict => 3,
    };
    mix(mix(told.key.0, told.kind.code().into()), what)
}

fn mark_of(mark: Mark) -> Print {
    mix(mark.index.0, mark.term.0)
}

fn piece_of(piece: &Piece) -> Print {
    mix(mix(mark_of(piece.mark), piece.nth), mix(of(&piece.manifest), of(&piece.bytes)))
}

/// The print of a message.
fn message(message: &Message) -> Print {
    let body = match &message.body {
        Body::PreVote { question, last } => mix(mix(1, mark_of(*last)), mix(question.life, question.nth)),
        Body::PreVoteReply { question, granted } => mix(mix(2, u64::from(*granted)), mix(question.life, question.nth)),
        Body::Vote { last, handed_over } => mix(mix(3, mark_of(*last)), u64::from(*handed_over)),
        Body::VoteReply { granted } => mix(4, u64::from(*granted)),
        Body::Append { prev, entries, commit } => {
            let head = mix(mix(5, mark_of(*prev)), commit.0);
            entries.iter().fold(head, |print, entry| mix(mix(print, mark_of(entry.mark)), of(&entry.data)))
        }
        Body::Appended { upto } => mix(6, upto.0),
        Body::Refused { prev, hint } => mix(mix(7, prev.0), mark_of(*hint)),
        Body::Heartbeat { beat, commit } => mix(mix(8, *beat), commit.0),
        Body::HeartbeatReply { beat } => mix(9, *beat),
        Body::StandNow => 10,
        Body::Snapshot(piece) => mix(11, piece_of(piece)),
        Body::SnapshotWanted { mark, nth } => mix(mix(12, mark_of(*mark)), *nth),
        Body::Read { life, ticket } => mix(mix(13, *life), *ticket),
        Body::ReadReply { life, ticket, index } => mix(mix(14, mix(*life, *ticket)), index.map_or(0, |index| index.0 + 1)),
    };
    mix(message.term.0, body)
}
