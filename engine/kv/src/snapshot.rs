//! The bytes of a state.
//!
//! They say what can be seen of it and nothing else, so equal states have equal bytes, whatever was forgotten already and however the maps
//! lie in memory:
//!
//! `QRKV` ‖ version 1 ‖ revision u64 ‖ floor u64 ‖ last name u64 ‖ number of leases u32 ‖ leases by rising name: lease u64 ‖ seconds u64 ‖
//! renewals u64 ‖ base ‖ changes. The base has, by rising key, what is read at the floor and was written before it; the changes are
//! those from the floor on, in order. Either is a list of 1 ‖ record, ended by 0. A record: revision u64 ‖ sub u32 ‖ created u64 ‖ version
//! u64 ‖ lease u64 ‖ key ‖ value, the last two each as a length u32 and bytes. Which keys go with a lease follows from the records.
//!
//! Whatever is read is checked against what came before it: each record must be one that the store would have written.

use std::io::{self, Read, Write};

use quorate_storage::machine::SnapshotSource;

use crate::history::{History, Place, Record};
use crate::key::Key;
use crate::state::State;
use crate::value::{LeaseId, Revision};

const MAGIC: [u8; 4] = *b"QRKV";
const VERSION: u8 = 1;

/// More than any number that only rises gets to.
const MOST: u64 = i64::MAX as u64;

/// A state as it was, to be written out.
pub(crate) struct Frozen(pub(crate) State);

impl SnapshotSource for Frozen {
    fn write_to(&mut self, to: &mut dyn Write) -> io::Result<()> {
        let state = &self.0;
        let mut to = io::BufWriter::with_capacity(1 << 16, to);
        to.write_all(&MAGIC)?;
        to.write_all(&[VERSION])?;
        words(&mut to, &[state.revision.0, state.floor.0, state.named])?;
        let leases = u32::try_from(state.leases.len()).map_err(|_| invalid(format!("there are {} leases", state.leases.len())))?;
        to.write_all(&leases.to_le_bytes())?;
        for (lease, what) in &state.leases {
            words(&mut to, &[lease.0, what.ttl_seconds, what.renewals])?;
        }
        let base = state.keys.iter().filter_map(|(_, history)| history.at(state.floor)).filter(|record| record.place.main < state.floor);
        base.into_iter().try_for_each(|record| write_record(&mut to, record))?;
        to.write_all(&[0])?;
        let mut changes = state.changes.focus();
        for nth in state.first_change(Place { main: state.floor, sub: 0 })..state.changes.len() {
            changes.get(nth).into_iter().try_for_each(|record| write_record(&mut to, record))?;
        }
        to.write_all(&[0])?;
        to.flush()
    }
}

fn words(to: &mut dyn Write, words: &[u64]) -> io::Result<()> {
    words.iter().try_for_each(|word| to.write_all(&word.to_le_bytes()))
}

fn write_record(to: &mut dyn Write, record: &Record) -> io::Result<()> {
    to.write_all(&[1])?;
    words(to, &[record.place.main.0])?;
    to.write_all(&record.place.sub.to_le_bytes())?;
    words(to, &[record.created.0, record.version, record.lease.0])?;
    for bytes in [&*record.key, &*record.value] {
        let len = u32::try_from(bytes.len()).map_err(|_| invalid(format!("a text has {} bytes; at most {}", bytes.len(), u32::MAX)))?;
        to.write_all(&len.to_le_bytes())?;
        to.write_all(bytes)?;
    }
    Ok(())
}

/// Reads a state.
pub(crate) fn read(from: &mut dyn Read) -> io::Result<State> {
    let mut from = io::BufReader::with_capacity(1 << 16, from);
    let from = &mut from;
    let head: [u8; 5] = array(from)?;
    if head[..4] != MAGIC || head[4] != VERSION {
        return Err(invalid(format!("the state begins with {head:?}; expected {MAGIC:?} and version {VERSION}")));
    }
    let mut state = State::new();
    (state.revision, state.floor, state.named) = (Revision(word(from)?), Revision(word(from)?), word(from)?);
    if state.floor > state.revision || state.revision.0 == 0 || state.revision.0 > MOST || state.named > MOST {
        return Err(invalid(format!(
            "the state is at revision {}, with floor {} and last name {}",
            state.revision, state.floor, state.named
        )));
    }
    read_leases(from, &mut state)?;
    let mut last = None::<Key>;
    while let Some(record) = read_record(from)? {
        if last.as_ref().is_some_and(|last| *last >= record.key) || !fits_base(&state, &record) {
            return Err(invalid(format!("{record:?} cannot be what is read at the floor, behind key {last:?}")));
        }
        last = Some(record.key.clone());
        state.add_base(record);
    }
    let mut next = Place { main: state.floor.max(Revision(2)), sub: 0 };
    while let Some(record) = read_record(from)? {
        let follows = record.place == next || next.sub > 0 && record.place == Place { main: Revision(next.main.0 + 1), sub: 0 };
        if !follows || record.place.main > state.revision || !fits(&state, &record) {
            return Err(invalid(format!("{record:?} cannot be the change at {next:?}")));
        }
        let sub = record.place.sub.checked_add(1).ok_or_else(|| invalid(format!("revision {} has too many changes", record.place.main)))?;
        next = Place { main: record.place.main, sub };
        state.add(record);
    }
    let newest = state.changes.last().map_or(Revision(1), |last| last.place.main);
    if newest != state.revision {
        return Err(invalid(format!("the last change is at revision {newest}; expected {}", state.revision)));
    }
    match from.read(&mut [0])? {
        0 => attached(state),
        _ => Err(invalid("bytes follow the last change; expected none".into())),
    }
}

fn read_leases(from: &mut dyn Read, state: &mut State) -> io::Result<()> {
    let mut last = LeaseId::NONE;
    for _ in 0..u32::from_le_bytes(array(from)?) {
        let (lease, ttl_seconds, renewals) = (LeaseId(word(from)?), word(from)?, word(from)?);
        if lease <= last || lease.0 > MOST || ttl_seconds == 0 || renewals > MOST {
            return Err(invalid(format!("lease {lease} of {ttl_seconds} seconds follows lease {last}; expected rising ones that live")));
        }
        last = lease;
        state.add_lease(lease, ttl_seconds, renewals);
    }
    Ok(())
}

/// Attaches the keys to their leases.
fn attached(mut state: State) -> io::Result<State> {
    let keys = state.keys.clone();
    for record in keys.iter().filter_map(|(_, history)| history.live()).filter(|record| record.lease != LeaseId::NONE) {
        if !state.leases.contains_key(&record.lease) {
            return Err(invalid(format!("key {:?} goes with lease {}, and there is none", record.key, record.lease)));
        }
        state.attach(&record.key, record.lease);
    }
    Ok(state)
}

/// Whether a record can be what is read at the floor, written before it.
fn fits_base(state: &State, record: &Record) -> bool {
    record.place.main < state.floor && record.place.main.0 > 1 && fits_alone(record) && !record.is_deletion()
}

/// Whether a record follows from what is known of its key.
fn fits(state: &State, record: &Record) -> bool {
    let history = state.keys.get(&record.key);
    if record.place.main == state.floor {
        // What was before the floor is forgotten, if there was anything.
        return history.is_none() && fits_alone(record);
    }
    match (history.and_then(History::live), record.is_deletion()) {
        (Some(before), false) => record.created == before.created && record.version == before.version + 1,
        (None, false) => record.created == record.place.main && record.version == 1,
        (Some(_), true) => fits_alone(record),
        (None, true) => false,
    }
}

fn fits_alone(record: &Record) -> bool {
    let Record { key, place, created, version, lease, value } = record;
    if key.is_empty() || *version > MOST {
        return false;
    }
    if record.is_deletion() {
        return *created == Revision(0) && *lease == LeaseId::NONE && value.is_empty();
    }
    created.0 > 1 && if *version == 1 { created == &place.main } else { *created < place.main }
}

fn read_record(from: &mut dyn Read) -> io::Result<Option<Record>> {
    match array(from)? {
        [0] => return Ok(None),
        [1] => {}
        [found] => return Err(invalid(format!("a record begins with {found}; expected 1, or 0 at the end"))),
    }
    let place = Place { main: Revision(word(from)?), sub: u32::from_le_bytes(array(from)?) };
    let (created, version, lease) = (Revision(word(from)?), word(from)?, LeaseId(word(from)?));
    let key = Key::from(text(from)?.as_slice());
    Ok(Some(Record { key, place, created, version, lease, value: text(from)?.into() }))
}

/// Reads a text, which takes as much room as is really there.
fn text(from: &mut dyn Read) -> io::Result<Vec<u8>> {
    let len = u64::from(u32::from_le_bytes(array(from)?));
    let mut text = Vec::new();
    match from.take(len).read_to_end(&mut text)? as u64 {
        read if read == len => Ok(text),
        read => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the state ends after {read} of a text's {len} bytes"))),
    }
}

fn word(from: &mut dyn Read) -> io::Result<u64> {
    array(from).map(u64::from_le_bytes)
}

fn array<const N: usize>(from: &mut dyn Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map(|()| bytes)
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
