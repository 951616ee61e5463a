//! What one server of the laboratory has on disk, and what is only on its way there.
//!
//! Two logs stand for one: `seen` has everything that was written, `durable` what a crash would leave. What lies between is a queue
//! that the test empties.

use std::collections::VecDeque;

use quorate_core::ids::{Height, PartitionId};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Entry, HardState, Persist, Piece};
use quorate_storage::{LogStore, MemoryLog, Record};

use super::machine::{Machine, Snapshot};

const PARTITION: PartitionId = PartitionId(0);
const HARD: u8 = 0;

/// A snapshot of which some pieces have come.
struct Partial {
    mark: Mark,
    configuration: Configuration,
    pieces: Vec<Vec<u8>>,
}

/// What became of a piece that was written.
pub(super) enum Written {
    /// Another is wanted.
    Wanted(u64),
    /// The snapshot is whole, and in its place.
    Whole(Snapshot),
}

#[derive(Default)]
pub(super) struct Disk {
    seen: MemoryLog,
    durable: MemoryLog,
    waiting: VecDeque<Persist>,
    snapshot: Option<Snapshot>,
    partial: Option<Partial>,
}

/// Puts a request to one of the two logs.
fn put(log: &MemoryLog, persist: &Persist) {
    let hard = persist.hard.map(|hard| hard.encode());
    let mut records = Vec::new();
    records.extend(hard.as_ref().map(|value| Record::State { partition: PARTITION, slot: HARD, value }));
    records.extend(persist.cut.map(|from| Record::Cut { partition: PARTITION, from }));
    records.extend(persist.entries.iter().map(|entry| Record::Entry { partition: PARTITION, mark: entry.mark, payload: &entry.data }));
    log.append(&records).expect("what the protocol writes fits to what it wrote before");
}

/// Entries of one of the two logs.
fn read(log: &MemoryLog, from: Height, upto: Height, bytes_max: usize) -> Vec<Entry> {
    let read = log.read(PARTITION, from.0..upto.0 + 1, bytes_max).unwrap_or_default();
    read.into_iter().map(|entry| Entry { mark: entry.mark, data: entry.payload.into() }).collect()
}

fn all(log: &MemoryLog) -> Vec<Entry> {
    let span = log.span(PARTITION);
    read(log, Height(span.floor.index.0 + 1), span.last.index, usize::MAX)
}

impl Disk {
    /// Writes, and makes nothing durable yet.
    pub(super) fn write(&mut self, persist: Persist) {
        put(&self.seen, &persist);
        self.waiting.push_back(persist);
    }

    /// Makes the oldest request durable, and gives its number.
    pub(super) fn settle(&mut self) -> Option<u64> {
        let persist = self.waiting.pop_front()?;
        put(&self.durable, &persist);
        Some(persist.number)
    }

    /// How many requests are under way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Loses what was not durable.
    pub(super) fn crash(&mut self) {
        self.waiting.clear();
        self.seen = MemoryLog::new();
        let floor = self.durable.span(PARTITION).floor;
        self.seen.append(&[Record::Floor { partition: PARTITION, mark: floor }]).expect("an empty log begins anywhere");
        put(&self.seen, &Persist { number: 0, hard: Some(self.hard()), cut: None, entries: all(&self.durable) });
    }

    /// Term and vote, as they are durable.
    pub(super) fn hard(&self) -> HardState {
        let state = self.durable.state(PARTITION, HARD);
        state.map_or_else(HardState::default, |bytes| HardState::decode(&bytes).expect("it was encoded here"))
    }

    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// Everything above the floor, durable or not.
    pub(super) fn entries(&self) -> Vec<Entry> {
        all(&self.seen)
    }

    pub(super) fn load(&self, from: Height, upto: Height, bytes_max: usize) -> Vec<Entry> {
        read(&self.seen, from, upto, bytes_max)
    }

    /// Puts a snapshot in the place of the log up to its mark. All that was under way is durable with it.
    pub(super) fn install(&mut self, snapshot: Snapshot) -> Option<u64> {
        let last = std::iter::from_fn(|| self.settle()).last();
        for log in [&self.seen, &self.durable] {
            log.append(&[Record::Floor { partition: PARTITION, mark: snapshot.mark }]).expect("floors only rise");
        }
        self.snapshot = Some(snapshot);
        last
    }

    /// Puts a piece to those that are there. They are durable, so that a transfer goes on after a restart.
    pub(super) fn take_piece(&mut self, piece: Piece) -> Written {
        let other = self.partial.as_ref().is_none_or(|partial| partial.mark != piece.mark);
        if other {
            self.partial = Some(Partial { mark: piece.mark, configuration: piece.configuration.clone(), pieces: Vec::new() });
        }
        let Some(partial) = &mut self.partial else { return Written::Wanted(0) };
        if piece.nth == partial.pieces.len() as u64 {
            partial.pieces.push(piece.bytes.to_vec());
        }
        if partial.pieces.len() as u64 != Snapshot::pieces_of(&piece.manifest) {
            return Written::Wanted(partial.pieces.len() as u64);
        }
        let machine = Machine::from_pieces(&partial.pieces);
        let snapshot = Snapshot { mark: partial.mark, configuration: partial.configuration.clone(), machine };
        self.partial = None;
        Written::Whole(snapshot)
    }
}
