//! Raft's messages: what is written by hand is what prost would write, what was written comes back, and what no server says is refused.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use prost::Message as _;
use quorate_core::ids::{Epoch, Height, View};
use quorate_core::mark::Mark;
use quorate_net::wire::raft as wire;
use quorate_net::{raft, samples};
use quorate_protocol::raft::{Body, Configuration, Entry, Message, Peer, Piece};

fn encoded(message: &Message) -> Bytes {
    let mut out = BytesMut::new();
    raft::encode(message, &mut out);
    out.freeze()
}

fn mark(index: u64, term: u64) -> Mark {
    Mark { index: Height(index), term: View(term) }
}

fn wire_mark(mark: Mark) -> Option<wire::Mark> {
    Some(wire::Mark { index: mark.index.0, term: mark.term.0 })
}

/// What prost makes of an append or a piece.
fn by_prost(message: &Message) -> Vec<u8> {
    let body = match &message.body {
        Body::Append { prev, entries, commit } => wire::message::Body::Append(wire::Append {
            prev: wire_mark(*prev),
            entries: entries.iter().map(|entry| wire::Entry { term: entry.mark.term.0, data: entry.data.to_vec().into() }).collect(),
            commit: commit.0,
        }),
        Body::Snapshot(piece) => {
            let mut configuration = Vec::new();
            piece.configuration.encode(&mut configuration);
            wire::message::Body::Snapshot(wire::Piece {
                mark: wire_mark(piece.mark),
                configuration: configuration.into(),
                manifest: piece.manifest.to_vec().into(),
                nth: piece.nth,
                bytes: piece.bytes.to_vec().into(),
            })
        }
        other => panic!("{} is not written by hand", other.name()),
    };
    wire::Message { term: message.term.0, body: Some(body) }.encode_to_vec()
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1u64..300, any::<u64>().prop_map(|number| number >> 3), (0u32..61).prop_map(|bit| 1 << bit)]
}

fn appends() -> impl Strategy<Value = Message> {
    let entries = prop::collection::vec((0u64..3, prop::collection::vec(any::<u8>(), 0..200), 0..4), 0..12);
    (number(), number(), number(), number(), entries).prop_map(|(index, term, ahead, commit, said)| {
        let prev = mark(index, term);
        let mut at = prev;
        let entries: Vec<Entry> = said
            .into_iter()
            .map(|(terms, command, what)| {
                at = mark(at.index.0 + 1, at.term.0 + terms);
                match what {
                    0 => Entry::begin(at),
                    1 => Entry::command(at, &command).for_witness(),
                    2 => Entry::configuration(at, &Configuration::new(Epoch(term), [Peer::voter(1), Peer::learner(2)]).unwrap()),
                    _ => Entry::command(at, &command),
                }
            })
            .collect();
        Message { term: View(at.term.0 + ahead), body: Body::Append { prev, entries, commit: Height(commit) } }
    })
}

fn pieces() -> impl Strategy<Value = Message> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    (number(), number(), number(), number(), bytes(), bytes()).prop_map(|(term, index, nth, epoch, manifest, bytes)| {
        let configuration = Configuration::new(Epoch(epoch), [Peer::voter(1), Peer::witness(9)]).unwrap();
        let piece = Piece { mark: mark(index, term), configuration, manifest: manifest.into(), nth, bytes: bytes.into() };
        Message { term: View(term), body: Body::Snapshot(piece) }
    })
}

proptest! {
    #[test]
    fn what_is_written_by_hand_is_what_prost_would_write_and_comes_back(message in prop_oneof![appends(), pieces()]) {
        let bytes = encoded(&message);
        prop_assert_eq!(&bytes[..], &by_prost(&message)[..]);
        prop_assert_eq!(raft::decode(&bytes).unwrap(), message);
    }

    #[test]
    fn a_message_that_ends_early_is_no_other_append(message in appends(), at: prop::sample::Index) {
        let bytes = encoded(&message);
        let cut = bytes.slice(..at.index(bytes.len().max(1)).min(bytes.len()));
        prop_assert!(raft::decode(&cut).is_err());
    }
}

#[test]
fn one_message_of_each_kind_comes_back() {
    for message in samples::messages() {
        assert_eq!(raft::decode(&encoded(&message)).as_ref(), Ok(&message));
    }
    let mut names: Vec<&str> = samples::messages().iter().map(|message| message.body.name()).collect();
    names.dedup();
    assert_eq!(names.len(), 14, "there is a sample of each body");
}

fn append(prev: Option<wire::Mark>, entries: Vec<(u64, &'static [u8])>) -> Result<Message, String> {
    let entries = entries.into_iter().map(|(term, data)| wire::Entry { term, data: Bytes::from_static(data) }).collect();
    let body = Some(wire::message::Body::Append(wire::Append { prev, entries, commit: 3 }));
    read(wire::Message { term: 7, body })
}

fn read(message: wire::Message) -> Result<Message, String> {
    raft::decode(&message.encode_to_vec().into()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(result: Result<Message, String>, with: &str) {
    let error = result.expect_err("it was read");
    assert!(error.contains(with), "{error}");
}

#[test]
fn what_no_server_says_is_refused_with_what_was_expected() {
    use wire::message::Body as Wire;
    let prev = wire_mark(mark(5, 4));
    assert!(append(prev, vec![(4, &[0]), (7, &[1, 2])]).is_ok());
    refused(append(None, vec![]), "prev is missing; expected a mark");
    refused(append(None, vec![(4, &[0])]), "prev is missing; expected it before the entries");
    refused(append(prev, vec![(3, &[0])]), "entry 6: its term is 3; expected 4 to 7");
    refused(append(prev, vec![(5, &[0]), (4, &[0])]), "entry 7: its term is 4; expected 5 to 7");
    refused(append(prev, vec![(8, &[0])]), "entry 6: its term is 8; expected 4 to 7");
    refused(append(prev, vec![(4, &[])]), "entry 6: raft entry, byte 0: payload needs 1 bytes");
    refused(append(prev, vec![(4, &[9])]), "payload is 9; expected 0 to 3");
    refused(append(prev, vec![(4, &[2, 1])]), "epoch needs 8 bytes");
    refused(append(wire_mark(mark(u64::MAX, 4)), vec![(4, &[0])]), "expected a lower index");
    refused(read(wire::Message { term: 7, body: None }), "expected one of fourteen bodies");
    let body = |body| read(wire::Message { term: 7, body: Some(body) });
    refused(body(Wire::PreVote(wire::PreVote { question: None, last: prev })), "question is missing");
    refused(body(Wire::PreVote(wire::PreVote { question: Some(wire::Question::default()), last: None })), "last is missing");
    refused(body(Wire::PreVoteReply(wire::PreVoteReply::default())), "question is missing");
    refused(body(Wire::Vote(wire::Vote::default())), "last is missing");
    refused(body(Wire::Refused(wire::Refused::default())), "hint is missing");
    refused(body(Wire::SnapshotWanted(wire::SnapshotWanted::default())), "mark is missing");
    refused(body(Wire::Snapshot(wire::Piece::default())), "mark is missing");
    let configuration = Bytes::from_static(&[0; 16]);
    refused(body(Wire::Snapshot(wire::Piece { mark: prev, configuration, ..Default::default() })), "at least one voter");
    let configuration = Bytes::from_static(&[0; 15]);
    refused(body(Wire::Snapshot(wire::Piece { mark: prev, configuration, ..Default::default() })), "peers needs 4 bytes, 3 are left");
}

#[test]
fn an_append_of_any_other_form_is_refused() {
    let good = encoded(&samples::messages().into_iter().find(|message| matches!(message.body, Body::Append { .. })).unwrap());
    assert!(raft::decode(&good).is_ok());
    let twice = Bytes::from([&good[..], &good[..]].concat());
    assert!(raft::decode(&twice).unwrap_err().to_string().contains("expected none but the term"));
    let vote = encoded(&Message { term: View(7), body: Body::VoteReply { granted: true } });
    for both in [[&good[..], &vote[..]].concat(), [&vote[..], &good[..]].concat()] {
        assert!(raft::decode(&both.into()).is_err());
    }
}

#[test]
fn an_entry_is_kept_in_memory_of_its_own() {
    let message = Message {
        term: View(1),
        body: Body::Append { prev: mark(0, 0), entries: vec![Entry::command(mark(1, 1), &[7; 100])], commit: Height(0) },
    };
    let Body::Append { entries, .. } = raft::decode(&encoded(&message)).unwrap().body else { panic!("an append") };
    assert_eq!(Arc::strong_count(&entries[0].data), 1);
}
