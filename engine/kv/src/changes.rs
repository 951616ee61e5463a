//! Watching: what changed from a revision on.
//!
//! A watch is nothing that the store remembers. Whoever watches keeps a [`Cursor`] and asks for what comes behind it; when nothing is new,
//! that costs nothing. The events of a revision are told together. If they are too many for one answer, they come in fragments, and the
//! cursor stands inside the revision.
//!
//! Bytes of a watch: flags (1 no puts, 2 no deletions, 4 previous) ‖ keys. Of changes: revision u64 ‖ next u64 ‖ next sub u32 ‖ fragment ‖
//! number u32 ‖ events, each a key ([`KeyValue`]) ‖ whether there is a previous ‖ it.

use quorate_core::codec::{DecodeError, Reader};
use thiserror::Error;

use crate::codec::{self, flags};
use crate::history::{Place, Record};
use crate::keys::Keys;
use crate::state::State;
use crate::value::{KeyValue, Revision};

/// How many changes are looked through for one answer, to the end of a revision.
const LOOKED_AT: usize = 8192;

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Which keys.
    pub keys: Keys,
    /// Whether writes are left out.
    pub no_put: bool,
    /// Whether deletions are left out.
    pub no_delete: bool,
    /// Whether an event tells what was there before.
    pub prev_kv: bool,
}

impl Watch {
    /// Everything that happens to these keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self { keys, no_put: false, no_delete: false, prev_kv: false }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![flags([self.no_put, self.no_delete, self.prev_kv])];
        self.keys.encode(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no watch.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("watch", bytes);
        let flags = codec::read_flags(&mut reader, 0b111)?;
        let keys = Keys::decode(&mut reader)?;
        reader.finish()?;
        Ok(Self { keys, no_put: flags & 1 != 0, no_delete: flags & 2 != 0, prev_kv: flags & 4 != 0 })
    }

    fn wants(&self, record: &Record) -> bool {
        !(if record.is_deletion() { self.no_delete } else { self.no_put }) && self.keys.contain(&record.key)
    }
}

/// Where a watch stands: before this change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// Of this revision.
    pub revision: Revision,
    /// The so-manieth of its changes, from zero.
    pub sub: u32,
}

impl From<Revision> for Cursor {
    fn from(revision: Revision) -> Self {
        Self { revision, sub: 0 }
    }
}

/// What goes over the wire when somebody begins to watch, or goes on: what, and from where.
///
/// Bytes: revision u64 ‖ sub u32 ‖ the watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// What is watched.
    pub watch: Watch,
    /// From where on; with revision 0, from whatever comes next.
    pub from: Cursor,
}

impl Following {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.from.revision.0.to_le_bytes().to_vec();
        out.extend(self.from.sub.to_le_bytes());
        out.extend(self.watch.encode());
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they do not say from where, and what.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("start of a watch", bytes);
        let from = Cursor { revision: Revision(reader.u64("revision")?), sub: reader.u32("change")? };
        let watch = Watch::decode(reader.bytes("watch", reader.left())?)?;
        Ok(Self { watch, from })
    }
}

/// Something that happened to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The key as it became. If it was deleted, its version is zero, and only the key and the revision of the change are told.
    pub kv: KeyValue,
    /// What was there before, if it was asked for, and there was something that is remembered.
    pub prev: Option<KeyValue>,
}

impl Event {
    /// Whether the key was deleted.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.kv.version == 0
    }
}

/// What happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The store's revision when it was asked.
    pub revision: Revision,
    /// The events, in order.
    pub events: Vec<Event>,
    /// Where to ask from next. If it is not behind [`Self::revision`], there is more to be asked for at once.
    pub next: Cursor,
    /// Whether the last revision that is told of goes on with the next answer.
    pub fragment: bool,
}

impl Changes {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for word in [self.revision.0, self.next.revision.0] {
            out.extend(word.to_le_bytes());
        }
        out.extend(self.next.sub.to_le_bytes());
        out.push(u8::from(self.fragment));
        codec::count(&mut out, self.events.len());
        for event in &self.events {
            event.kv.encode(&mut out);
            out.push(u8::from(event.prev.is_some()));
            event.prev.iter().for_each(|prev| prev.encode(&mut out));
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no changes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("changes", bytes);
        let revision = Revision(reader.u64("revision")?);
        let next = Cursor { revision: Revision(reader.u64("next revision")?), sub: reader.u32("next sub")? };
        let fragment = reader.bool("fragment")?;
        let count = reader.count("events", KeyValue::BYTES_MIN + 1, usize::MAX)?;
        let event = |reader: &mut Reader<'_>| {
            let kv = KeyValue::decode(reader)?;
            let prev = if reader.bool("there is a previous one")? { Some(KeyValue::decode(reader)?) } else { None };
            Ok(Event { kv, prev })
        };
        let events = (0..count).map(|_| event(&mut reader)).collect::<Result<_, DecodeError>>()?;
        reader.finish().map(|()| Self { revision, events, next, fragment })
    }
}

/// What is asked for was compacted away. A watch can go on at the floor, and has missed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("changes were asked for that are compacted; the oldest that are remembered are at revision {floor}")]
pub struct Compacted {
    /// The oldest revision whose changes are remembered.
    pub floor: Revision,
}

impl State {
    /// What a watch sees from a cursor on, in about so many bytes. There is always at least one event, if there is any.
    pub(crate) fn changes_for(&self, watch: &Watch, from: Cursor, bytes_max: usize) -> Result<Changes, Compacted> {
        if from.revision < self.floor {
            return Err(Compacted { floor: self.floor });
        }
        let mut told = Changes { revision: self.revision, events: Vec::new(), next: from, fragment: false };
        if from.revision > self.revision {
            return Ok(told);
        }
        let first = self.first_change(Place { main: from.revision, sub: from.sub });
        let mut focus = self.changes.focus();
        // The revision that is being told, and how many events there were before it.
        let (mut main, mut whole, mut bytes) = (from.revision, 0, 0_usize);
        for nth in first..self.changes.len() {
            let Some(record) = focus.get(nth) else { break };
            if record.place.main != main {
                (main, whole) = (record.place.main, told.events.len());
                if nth - first >= LOOKED_AT {
                    told.next = main.into();
                    return Ok(told);
                }
            }
            if !watch.wants(record) {
                continue;
            }
            let event = self.event(watch, record);
            bytes += event_bytes(&event);
            if bytes > bytes_max && !told.events.is_empty() {
                told.fragment = whole == 0;
                told.next = if told.fragment { Cursor { revision: main, sub: record.place.sub } } else { main.into() };
                if whole > 0 {
                    told.events.truncate(whole);
                }
                return Ok(told);
            }
            told.events.push(event);
        }
        told.next = Revision(self.revision.0 + 1).into();
        Ok(told)
    }

    fn event(&self, watch: &Watch, record: &Record) -> Event {
        // What was before the floor cannot be read any more.
        let before = watch.prev_kv && record.place.main > self.floor;
        let history = before.then(|| self.keys.get(&record.key)).flatten();
        let prev = history.and_then(|history| history.at(Revision(record.place.main.0 - 1)));
        Event { kv: record.kv(true), prev: prev.map(|prev| prev.kv(true)) }
    }
}

fn event_bytes(event: &Event) -> usize {
    let of = |kv: &KeyValue| KeyValue::BYTES_MIN + kv.key.len() + kv.value.len();
    of(&event.kv) + event.prev.as_ref().map_or(0, of) + 1
}
