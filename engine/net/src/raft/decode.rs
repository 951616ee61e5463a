//! Bytes into messages.
//!
//! An append is read by hand: an entry that is none is found before the next one is looked at, and its bytes are copied once, into the
//! place where they stay.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use quorate_core::codec::Reader;
use quorate_core::ids::{Height, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Body, Configuration, Entry, Message, Piece, Question, payload};

use super::encode::field;
use crate::wire::{WireError, raft as wire};

/// Reads a message.
///
/// # Errors
/// If it is none, or none that a server would send.
pub fn decode(body: &Bytes) -> Result<Message, WireError> {
    if let Some(message) = append(body)? {
        return Ok(message);
    }
    let message = wire::Message::decode(body.clone()).map_err(|error| WireError::new("raft message", error.to_string()))?;
    let said = message.body.ok_or_else(|| WireError::new("raft message", "it says nothing; expected one of fourteen bodies"))?;
    Ok(Message { term: View(message.term), body: small(said)? })
}

fn small(body: wire::message::Body) -> Result<Body, WireError> {
    use wire::message::Body as Wire;
    Ok(match body {
        Wire::PreVote(body) => {
            Body::PreVote { question: question("raft pre-vote", body.question)?, last: mark("raft pre-vote", "last", body.last)? }
        }
        Wire::PreVoteReply(body) => Body::PreVoteReply { question: question("raft pre-vote reply", body.question)?, granted: body.granted },
        Wire::Vote(body) => Body::Vote { last: mark("raft vote", "last", body.last)?, handed_over: body.handed_over },
        Wire::VoteReply(body) => Body::VoteReply { granted: body.granted },
        Wire::Append(_) => return Err(WireError::new("raft append", "it has another form; expected one field of bytes")),
        Wire::Appended(body) => Body::Appended { upto: Height(body.upto) },
        Wire::Refused(body) => Body::Refused { prev: Height(body.prev), hint: mark("raft refusal", "hint", body.hint)? },
        Wire::Heartbeat(body) => Body::Heartbeat { beat: body.beat, commit: Height(body.commit) },
        Wire::HeartbeatReply(body) => Body::HeartbeatReply { beat: body.beat },
        Wire::StandNow(_) => Body::StandNow,
        Wire::Snapshot(body) => Body::Snapshot(piece(body)?),
        Wire::SnapshotWanted(body) => Body::SnapshotWanted { mark: mark("raft snapshot wanted", "mark", body.mark)?, nth: body.nth },
        Wire::Read(body) => Body::Read { life: body.life, ticket: body.ticket },
        Wire::ReadReply(body) => Body::ReadReply { life: body.life, ticket: body.ticket, index: body.index.map(Height) },
    })
}

fn mark(what: &'static str, name: &str, mark: Option<wire::Mark>) -> Result<Mark, WireError> {
    let mark = mark.ok_or_else(|| WireError::new(what, format!("{name} is missing; expected a mark")))?;
    Ok(Mark { index: Height(mark.index), term: View(mark.term) })
}

fn question(what: &'static str, question: Option<wire::Question>) -> Result<Question, WireError> {
    let question = question.ok_or_else(|| WireError::new(what, "question is missing; expected one"))?;
    Ok(Question { life: question.life, nth: question.nth })
}

fn piece(piece: wire::Piece) -> Result<Piece, WireError> {
    const WHAT: &str = "raft snapshot";
    let mark = mark(WHAT, "mark", piece.mark)?;
    let mut reader = Reader::new("configuration", &piece.configuration);
    let configuration = Configuration::decode(&mut reader).and_then(|configuration| reader.finish().map(|()| configuration));
    Ok(Piece {
        mark,
        configuration: configuration.map_err(|error| WireError::new(WHAT, error.to_string()))?,
        manifest: Arc::from(&piece.manifest[..]),
        nth: piece.nth,
        bytes: Arc::from(&piece.bytes[..]),
    })
}

/// Reads a message that is an append; none if it is something else.
fn append(body: &[u8]) -> Result<Option<Message>, WireError> {
    const WHAT: &str = "raft append";
    let mut fields = Fields { what: WHAT, left: body };
    let (mut term, mut inner, mut others) = (0, None, 0);
    while let Some((tag, value)) = fields.next()? {
        match (tag, value) {
            (field::TERM, Value::Number(number)) => term = number,
            (field::APPEND, Value::Bytes(bytes)) if inner.is_none() => inner = Some(bytes),
            _ => others += 1,
        }
    }
    let Some(inner) = inner else { return Ok(None) };
    if others > 0 {
        return Err(WireError::new(WHAT, format!("{others} fields beside it; expected none but the term")));
    }
    let (mut prev, mut commit, mut entries) = (None, 0, Vec::new());
    let mut fields = Fields { what: WHAT, left: inner };
    while let Some((tag, value)) = fields.next()? {
        match (tag, value) {
            (field::APPEND_PREV, Value::Bytes(bytes)) if prev.is_none() && entries.is_empty() => {
                let read = wire::Mark::decode(bytes).map_err(|error| WireError::new(WHAT, error.to_string()))?;
                prev = Some(mark(WHAT, "prev", Some(read))?);
            }
            (field::APPEND_ENTRIES, Value::Bytes(bytes)) => {
                let before = entries.last().map_or(prev, |entry: &Entry| Some(entry.mark));
                let before = before.ok_or_else(|| WireError::new(WHAT, "prev is missing; expected it before the entries"))?;
                entries.push(entry(bytes, before, View(term))?);
            }
            (field::APPEND_COMMIT, Value::Number(number)) => commit = number,
            (tag, _) => return Err(WireError::new(WHAT, format!("field {tag} has no place there; expected prev, entries, commit"))),
        }
    }
    let prev = prev.ok_or_else(|| WireError::new(WHAT, "prev is missing; expected a mark"))?;
    Ok(Some(Message { term: View(term), body: Body::Append { prev, entries, commit: Height(commit) } }))
}

/// Reads the entry that comes behind `before`.
fn entry(bytes: &[u8], before: Mark, newest: View) -> Result<Entry, WireError> {
    const WHAT: &str = "raft append";
    let index = before.index.0.checked_add(1).map(Height);
    let index = index.ok_or_else(|| WireError::new(WHAT, format!("an entry behind {}; expected a lower index", before.index)))?;
    let wrong = |problem: String| WireError::new(WHAT, format!("entry {index}: {problem}"));
    let (mut term, mut data) = (0, &[][..]);
    let mut fields = Fields { what: WHAT, left: bytes };
    while let Some((tag, value)) = fields.next()? {
        match (tag, value) {
            (field::ENTRY_TERM, Value::Number(number)) => term = number,
            (field::ENTRY_DATA, Value::Bytes(bytes)) => data = bytes,
            (tag, _) => return Err(wrong(format!("field {tag} has no place there; expected term and data"))),
        }
    }
    let term = View(term);
    if term < before.term || term > newest {
        return Err(wrong(format!("its term is {term}; expected {} to {newest}, from the one before it to the sender's", before.term)));
    }
    if let Err(error) = payload(data) {
        return Err(wrong(error.to_string()));
    }
    Ok(Entry { mark: Mark { index, term }, data: Arc::from(data) })
}

/// The fields of a protobuf, one after the other.
struct Fields<'a> {
    what: &'static str,
    left: &'a [u8],
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<(u32, Value<'a>)>, WireError> {
        if self.left.is_empty() {
            return Ok(None);
        }
        let what = self.what;
        let malformed = |error: prost::DecodeError| WireError::new(what, error.to_string());
        let (tag, wire_type) = decode_key(&mut self.left).map_err(malformed)?;
        let value = match wire_type {
            WireType::Varint => Value::Number(decode_varint(&mut self.left).map_err(malformed)?),
            WireType::LengthDelimited => {
                let len = decode_varint(&mut self.left).map_err(malformed)?;
                let parts = usize::try_from(len).ok().and_then(|len| self.left.split_at_checked(len));
                let short = || WireError::new(what, format!("field {tag} needs {len} bytes, {} are left", self.left.len()));
                let (bytes, left) = parts.ok_or_else(short)?;
                self.left = left;
                Value::Bytes(bytes)
            }
            _ => {
                skip_field(wire_type, tag, &mut self.left, DecodeContext::default()).map_err(malformed)?;
                Value::Other
            }
        };
        Ok(Some((tag, value)))
    }
}
