//! One of each message and each frame: what golden files, fuzz seeds and tests are made of.

use bytes::{Bytes, BytesMut};
use quorate_core::ids::{Epoch, Height, PartitionId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Body, Configuration, Entry, Message, Peer, Piece, Question};

use crate::frame::{Agreed, Frame, FrameReader, FrameWriter, Kind};
use crate::raft;
use crate::wire::{client, link};

/// One message of each kind, with every form that a field can take.
#[must_use]
pub fn messages() -> Vec<Message> {
    let mark = |index, term| Mark { index: Height(index), term: View(term) };
    let question = Question { life: 0x0102_0304_0506_0708, nth: 3 };
    let peers = [Peer::voter(1), Peer::voter(2).with_priority(9), Peer::witness(3), Peer::learner(4)];
    let members = Configuration::new(Epoch(1), peers).and_then(|simple| simple.towards([Peer::voter(2), Peer::witness(3), Peer::voter(5)]));
    let members = members.unwrap_or_else(|error| unreachable!("these make a group: {error}"));
    let entries = vec![
        Entry::begin(mark(8, 6)),
        Entry::command(mark(9, 6), b"a command"),
        Entry::command(mark(10, 7), b"kept from a witness").for_witness(),
        Entry::configuration(mark(11, 7), &members),
    ];
    let piece = |nth, bytes: &[u8]| Piece {
        mark: mark(300, 6),
        configuration: members.clone(),
        manifest: b"what the whole is"[..].into(),
        nth,
        bytes: bytes.into(),
    };
    let bodies = vec![
        Body::PreVote { question, last: mark(7, 5) },
        Body::PreVoteReply { question, granted: true },
        Body::Vote { last: mark(7, 5), handed_over: false },
        Body::Vote { last: Mark::default(), handed_over: true },
        Body::VoteReply { granted: true },
        Body::VoteReply { granted: false },
        Body::Append { prev: mark(7, 5), entries, commit: Height(6) },
        Body::Append { prev: Mark::default(), entries: Vec::new(), commit: Height(0) },
        Body::Appended { upto: Height(11) },
        Body::Refused { prev: Height(7), hint: mark(5, 4) },
        Body::Heartbeat { beat: 17, commit: Height(6) },
        Body::HeartbeatReply { beat: 17 },
        Body::StandNow,
        Body::Snapshot(piece(0, b"a piece")),
        Body::Snapshot(piece(1, b"")),
        Body::SnapshotWanted { mark: mark(300, 6), nth: 1 },
        Body::Read { life: 2, ticket: 99 },
        Body::ReadReply { life: 2, ticket: 99, index: Some(Height(0)) },
        Body::ReadReply { life: 2, ticket: 99, index: None },
    ];
    bodies.into_iter().map(|body| Message { term: View(7), body }).collect()
}

/// The body of each kind of frame, by name.
#[must_use]
pub fn bodies() -> Vec<(String, Kind, Bytes)> {
    let hello = link::Hello {
        oldest_version: 1,
        newest_version: 1,
        cluster: "demo".into(),
        cluster_id: Bytes::from_static(&[0xc1; 32]),
        member: 2,
        class: link::Class::Log.into(),
        address: "127.0.0.1:7000".into(),
        compression: true,
        client: String::new(),
    };
    let client = link::Hello { member: 0, class: link::Class::Client.into(), client: "ops".into(), ..hello.clone() };
    let cluster_id = Bytes::from_static(&[0xc1; 32]);
    let welcome = link::Welcome { version: 1, cluster_id, member: 1, salt: 0x1122_3344_5566_7788, compression: true };
    let refusal = link::Refusal { reason: "the hello says member 3; expected member 2, as in its certificate".into() };
    let write = client::Write { session: 5, sequence: 2, settled: 1, command: Bytes::from_static(b"a command") };
    let read = client::Read { sureness: client::Sureness::Local.into(), query: Bytes::from_static(b"a query") };
    let request = |number, body| client::Request { number, body: Some(body) };
    let requests = vec![request(1, client::request::Body::Write(write)), request(2, client::request::Body::Read(read))];
    let written = client::Written { index: 9, term: 7, answer: Bytes::from_static(b"an answer") };
    let refused = client::Refused { why: client::Why::NotLeader.into(), text: "member 1 leads".into(), leader: 1, ..Default::default() };
    let response = |number, body| client::Response { number, body: Some(body) };
    let responses = vec![response(1, client::response::Body::Written(written)), response(2, client::response::Body::Refused(refused))];
    let mut all = vec![
        ("hello of a member".to_owned(), Kind::Hello, encoded(&hello)),
        ("hello of a client".to_owned(), Kind::Hello, encoded(&client)),
        ("welcome".to_owned(), Kind::Welcome, encoded(&welcome)),
        ("refusal".to_owned(), Kind::Refusal, encoded(&refusal)),
        ("requests".to_owned(), Kind::Requests, encoded(&client::Requests { requests })),
        ("responses".to_owned(), Kind::Responses, encoded(&client::Responses { responses })),
    ];
    for message in messages() {
        let mut body = BytesMut::new();
        raft::encode(&message, &mut body);
        all.push((format!("raft {}", message.body.name()), Kind::Raft, body.freeze()));
    }
    all
}

/// What two ends agreed on, in the samples.
#[must_use]
pub fn agreed(kind: Kind) -> Agreed {
    Agreed { version: 1, salt: 0x1122_3344_5566_7788, kind: Some(kind), limit: 1 << 20, compression: false }
}

/// A frame of each kind as it is sent, each the second of its connection but for greetings, which come first.
#[must_use]
pub fn frames() -> Vec<(String, Vec<u8>)> {
    let sent = |kind: Kind, body: &Bytes| {
        let mut out = BytesMut::new();
        let mut writer = FrameWriter::greeting(kind);
        let write = |writer: &mut FrameWriter, out: &mut BytesMut| {
            let written = writer.push(out, kind, partition_of(kind), |out| out.extend_from_slice(body));
            written.unwrap_or_else(|error| unreachable!("samples are short: {error}"));
        };
        write(&mut writer, &mut out);
        if !is_greeting(kind) {
            writer.agree(agreed(kind));
            out.clear();
            write(&mut writer, &mut out);
        }
        out.to_vec()
    };
    bodies().into_iter().map(|(name, kind, body)| (name, sent(kind, &body))).collect()
}

/// Reads one of [`frames`] back.
#[must_use]
pub fn read(kind: Kind, bytes: &[u8]) -> Option<Frame> {
    let mut reader = FrameReader::greeting(if is_greeting(kind) { kind } else { Kind::Hello });
    if !is_greeting(kind) {
        let mut first = BytesMut::new();
        FrameWriter::greeting(Kind::Hello).push(&mut first, Kind::Hello, PartitionId(0), |_| ()).ok()?;
        reader.next(&mut first).ok()?;
        reader.agree(agreed(kind));
    }
    reader.next(&mut BytesMut::from(bytes)).ok()?
}

fn is_greeting(kind: Kind) -> bool {
    matches!(kind, Kind::Hello | Kind::Welcome | Kind::Refusal)
}

fn partition_of(kind: Kind) -> PartitionId {
    PartitionId(if is_greeting(kind) { 0 } else { 0x0708_090a })
}

fn encoded(message: &impl prost::Message) -> Bytes {
    message.encode_to_vec().into()
}
