//! Messages into bytes.

use bytes::{BufMut, BytesMut};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use quorate_core::ids::{Height, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Body, Entry, Message, Piece, Question};

use crate::wire::raft as wire;

/// The numbers of fields that are written by hand.
pub(super) mod field {
    pub(in crate::raft) const TERM: u32 = 1;
    pub(in crate::raft) const APPEND: u32 = 6;
    pub(in crate::raft) const APPEND_PREV: u32 = 1;
    pub(in crate::raft) const APPEND_ENTRIES: u32 = 2;
    pub(in crate::raft) const APPEND_COMMIT: u32 = 3;
    pub(in crate::raft) const ENTRY_TERM: u32 = 1;
    pub(in crate::raft) const ENTRY_DATA: u32 = 2;
    pub(super) const MARK_INDEX: u32 = 1;
    pub(super) const MARK_TERM: u32 = 2;
    pub(super) const SNAPSHOT: u32 = 12;
    pub(super) const PIECE_MARK: u32 = 1;
    pub(super) const PIECE_CONFIGURATION: u32 = 2;
    pub(super) const PIECE_MANIFEST: u32 = 3;
    pub(super) const PIECE_NTH: u32 = 4;
    pub(super) const PIECE_BYTES: u32 = 5;
}

/// Appends a message's bytes.
pub fn encode(message: &Message, out: &mut BytesMut) {
    match &message.body {
        Body::Append { prev, entries, commit } => append(message.term, *prev, entries, *commit, out),
        Body::Snapshot(piece) => snapshot(message.term, piece, out),
        other => {
            let message = wire::Message { term: message.term.0, body: Some(small(other)) };
            out.reserve(message.encoded_len());
            message.encode_raw(out);
        }
    }
}

/// The messages that are but a few numbers.
fn small(body: &Body) -> wire::message::Body {
    use wire::message::Body as Wire;
    match body {
        Body::PreVote { question, last } => {
            Wire::PreVote(wire::PreVote { question: Some(wire_question(*question)), last: Some(wire_mark(*last)) })
        }
        Body::PreVoteReply { question, granted } => {
            Wire::PreVoteReply(wire::PreVoteReply { question: Some(wire_question(*question)), granted: *granted })
        }
        Body::Vote { last, handed_over } => Wire::Vote(wire::Vote { last: Some(wire_mark(*last)), handed_over: *handed_over }),
        Body::VoteReply { granted } => Wire::VoteReply(wire::VoteReply { granted: *granted }),
        Body::Appended { upto } => Wire::Appended(wire::Appended { upto: upto.0 }),
        Body::Refused { prev, hint } => Wire::Refused(wire::Refused { prev: prev.0, hint: Some(wire_mark(*hint)) }),
        Body::Heartbeat { beat, commit } => Wire::Heartbeat(wire::Heartbeat { beat: *beat, commit: commit.0 }),
        Body::HeartbeatReply { beat } => Wire::HeartbeatReply(wire::HeartbeatReply { beat: *beat }),
        Body::StandNow => Wire::StandNow(wire::StandNow {}),
        Body::SnapshotWanted { mark, nth } => Wire::SnapshotWanted(wire::SnapshotWanted { mark: Some(wire_mark(*mark)), nth: *nth }),
        Body::Read { life, ticket } => Wire::Read(wire::Read { life: *life, ticket: *ticket }),
        Body::ReadReply { life, ticket, index } => {
            Wire::ReadReply(wire::ReadReply { life: *life, ticket: *ticket, index: index.map(|index| index.0) })
        }
        // These are written by hand; here they would be copied.
        Body::Append { .. } | Body::Snapshot(_) => unreachable!("appends and pieces are written by hand"),
    }
}

fn wire_mark(mark: Mark) -> wire::Mark {
    wire::Mark { index: mark.index.0, term: mark.term.0 }
}

fn wire_question(question: Question) -> wire::Question {
    wire::Question { life: question.life, nth: question.nth }
}

fn append(term: View, prev: Mark, entries: &[Entry], commit: Height, out: &mut BytesMut) {
    let of_entries = entries.iter().map(|entry| delimited(field::APPEND_ENTRIES, entry_bytes(entry))).sum::<usize>();
    let body = delimited(field::APPEND_PREV, mark_bytes(prev)) + of_entries + number(field::APPEND_COMMIT, commit.0);
    out.reserve(number(field::TERM, term.0) + delimited(field::APPEND, body));
    put_number(field::TERM, term.0, out);
    put_head(field::APPEND, body, out);
    put_mark(field::APPEND_PREV, prev, out);
    for entry in entries {
        put_head(field::APPEND_ENTRIES, entry_bytes(entry), out);
        put_number(field::ENTRY_TERM, entry.mark.term.0, out);
        put_bytes(field::ENTRY_DATA, &entry.data, out);
    }
    put_number(field::APPEND_COMMIT, commit.0, out);
}

fn snapshot(term: View, piece: &Piece, out: &mut BytesMut) {
    let mut configuration = Vec::new();
    piece.configuration.encode(&mut configuration);
    let parts =
        [(field::PIECE_CONFIGURATION, &configuration[..]), (field::PIECE_MANIFEST, &piece.manifest), (field::PIECE_BYTES, &piece.bytes)];
    let of_parts = parts.iter().map(|(tag, part)| bytes(*tag, part)).sum::<usize>();
    let body = delimited(field::PIECE_MARK, mark_bytes(piece.mark)) + of_parts + number(field::PIECE_NTH, piece.nth);
    out.reserve(number(field::TERM, term.0) + delimited(field::SNAPSHOT, body));
    put_number(field::TERM, term.0, out);
    put_head(field::SNAPSHOT, body, out);
    put_mark(field::PIECE_MARK, piece.mark, out);
    let [configuration, manifest, rest] = parts;
    put_bytes(configuration.0, configuration.1, out);
    put_bytes(manifest.0, manifest.1, out);
    put_number(field::PIECE_NTH, piece.nth, out);
    put_bytes(rest.0, rest.1, out);
}

// How long a field is, and how it is written. What is zero or empty is not, unless it is a message.

fn key(tag: u32) -> usize {
    encoded_len_varint(u64::from(tag << 3))
}

fn number(tag: u32, value: u64) -> usize {
    if value == 0 { 0 } else { key(tag) + encoded_len_varint(value) }
}

fn bytes(tag: u32, value: &[u8]) -> usize {
    if value.is_empty() { 0 } else { delimited(tag, value.len()) }
}

fn delimited(tag: u32, len: usize) -> usize {
    key(tag) + encoded_len_varint(len as u64) + len
}

fn mark_bytes(mark: Mark) -> usize {
    number(field::MARK_INDEX, mark.index.0) + number(field::MARK_TERM, mark.term.0)
}

fn entry_bytes(entry: &Entry) -> usize {
    number(field::ENTRY_TERM, entry.mark.term.0) + bytes(field::ENTRY_DATA, &entry.data)
}

fn put_number(tag: u32, value: u64, out: &mut BytesMut) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

fn put_head(tag: u32, len: usize, out: &mut BytesMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(len as u64, out);
}

fn put_bytes(tag: u32, value: &[u8], out: &mut BytesMut) {
    if !value.is_empty() {
        put_head(tag, value.len(), out);
        out.put_slice(value);
    }
}

fn put_mark(tag: u32, mark: Mark, out: &mut BytesMut) {
    put_head(tag, mark_bytes(mark), out);
    put_number(field::MARK_INDEX, mark.index.0, out);
    put_number(field::MARK_TERM, mark.term.0, out);
}
