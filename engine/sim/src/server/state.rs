//! The state machine: applying what is committed, taking snapshots, handing them out, and taking in those of others.

use std::sync::Arc;

use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Event, Piece};
use quorate_storage::LogStore as _;
use quorate_storage::snapshot::{self, Manifest, Receiver, Sender, SnapshotError};
use quorate_storage::store::Record;
use quorate_telemetry::schema::{SnapshotInstalled, SnapshotTaken};

use super::durable::sync_time;
use super::start::{MEMBERS, decode_meta, encode_meta};
use super::{Around, Failure, PARTITION, Process};
use crate::fact::Fact;
use crate::happening::Local;
use crate::plan::{MS, Planted};
use crate::print;

/// How many bytes of entries are applied at once.
const APPLY_BYTES: usize = 4 << 10;
/// How long until what had to be put off is tried again.
const LATER_NS: u64 = 20 * MS;

/// A snapshot that is being handed out.
pub(super) struct Sending {
    mark: Mark,
    configuration: Configuration,
    manifest: Arc<[u8]>,
    sender: Sender,
}

impl Process {
    /// Sees to it that what is committed is applied some time.
    pub(super) fn arrange_apply(&mut self, around: &mut Around<'_>) {
        if !self.applying && self.applied < self.committed {
            self.applying = true;
            let after = around.rng.below(around.shape.apply_ns) + 1;
            self.later(after, Local::Apply, around);
        }
    }

    /// Applies what is committed and in the log.
    pub(super) fn apply(&mut self, around: &mut Around<'_>) {
        self.applying = false;
        let before = self.applied;
        // While the disk has no room for a cut, the log still has what was to go; that is not what is committed.
        let cuts = self.blocked.iter().filter_map(|waiting| waiting.cut);
        let last = cuts.fold(self.log.span(PARTITION).last.index, |last, Height(from)| last.min(Height(from - 1)));
        let upto = self.committed.min(last);
        if upto <= before {
            return;
        }
        if self.witness {
            self.applied = upto;
        } else if !self.apply_entries(upto, around) {
            return;
        }
        self.step(Event::Applied { index: self.applied }, around);
        self.serve_reads(around);
        if self.witness {
            self.compact_witness(around);
        } else {
            self.begin_snapshot(around);
        }
        self.arrange_apply(around);
    }

    /// Returns whether all went well.
    fn apply_entries(&mut self, upto: Height, around: &mut Around<'_>) -> bool {
        let entries = match self.log.read(PARTITION, self.applied.0 + 1..upto.0 + 1, APPLY_BYTES) {
            Ok(entries) => entries,
            Err(error) => {
                self.log_failed("could not read what it was to apply", &error);
                return false;
            }
        };
        let mut responses = std::mem::take(&mut self.responses);
        if let Err(error) = self.host.apply(&entries, &mut responses) {
            self.broken("could not apply what is committed", &error);
        }
        self.machine.take_trail(&mut self.trail);
        for ((entry, response), state) in entries.iter().zip(responses.drain(..)).zip(self.trail.drain(..)) {
            let print = print::of(&entry.payload);
            around.facts.push(Fact::Applied { node: self.id, mark: entry.mark, print, state });
            self.requests.carried_out(&response, print, around);
        }
        self.responses = responses;
        self.applied = self.host.applied().index;
        self.failed.is_none()
    }

    /// Freezes the state for a snapshot, if one is due.
    fn begin_snapshot(&mut self, around: &mut Around<'_>) {
        let (span, applied) = (self.log.span(PARTITION), self.host.applied());
        if self.pending.is_some() || !self.policy.due(&span, applied, self.snapshots.newest(PARTITION)) {
            return;
        }
        let forget = self.planted == Some(Planted::SessionForgotten);
        let meta = encode_meta(self.raft.configuration_at(applied.index), &self.machine, forget);
        match snapshot::begin(&mut self.host, meta) {
            Ok(pending) => {
                self.pending = Some(pending);
                let after = sync_time(around.shape, around.rng) * 4;
                self.later(after, Local::SnapshotWritten, around);
            }
            Err(error) => self.broken("could not freeze its state", &error),
        }
    }

    /// A snapshot would be written now, unless the disk stands still.
    pub(super) fn snapshot_written(&mut self, stalled_until: u64, around: &mut Around<'_>) {
        if stalled_until > around.now {
            return self.later(stalled_until - around.now, Local::SnapshotWritten, around);
        }
        let Some(pending) = self.pending.take() else { return };
        if pending.mark() <= self.snapshots.newest(PARTITION) {
            return;
        }
        let before = self.log.span(PARTITION).floor;
        let mark = pending.mark();
        let settled = pending.write(&self.snapshots).and_then(|manifest| {
            let settled = snapshot::settle(&mut self.host, &self.log, &self.snapshots, &manifest, &self.policy)?;
            Ok((settled, manifest.total()))
        });
        match settled {
            Ok((settled, bytes)) => {
                around.tally.snapshots += 1;
                around.sights.at(self.id, || SnapshotTaken { partition: PARTITION, index: mark.index.0, bytes });
                if settled.floor > before {
                    around.facts.push(Fact::Floor { node: self.id, mark: settled.floor });
                    self.step(Event::Compacted { mark: settled.floor }, around);
                }
            }
            Err(error) => self.snapshot_failed("could not write a snapshot", &error),
        }
    }

    fn snapshot_failed(&mut self, doing: &str, error: &SnapshotError) {
        match error {
            // There will be another one when there is room.
            error if error.is_full() => {}
            SnapshotError::Log(error) => self.log_failed(doing, error),
            // A damaged file and a disk that failed show again when the process begins.
            SnapshotError::Io { .. } | SnapshotError::Source { .. } | SnapshotError::Damaged(_) => self.fail(Failure::Died),
            other => self.broken(doing, other),
        }
    }

    /// A witness has no state to take a snapshot of: it gives entries up and keeps who the members were.
    fn compact_witness(&mut self, around: &mut Around<'_>) {
        let floor = self.log.span(PARTITION).floor;
        if self.applied.0 < floor.index.0 + self.policy.interval {
            return;
        }
        let Some(term) = self.raft.term_at(self.applied) else { return };
        let mark = Mark { index: self.applied, term };
        let members = self.raft.configuration_at(mark.index).clone();
        if self.raise_floor(mark, &members) {
            around.facts.push(Fact::Floor { node: self.id, mark });
            self.step(Event::Compacted { mark }, around);
        }
    }

    /// Gives up a witness's log up to a mark. Returns whether all went well.
    fn raise_floor(&mut self, mark: Mark, members: &Configuration) -> bool {
        let mut value = Vec::new();
        members.encode(&mut value);
        let partition = PARTITION;
        let records = [Record::State { partition, slot: MEMBERS, value: &value }, Record::Floor { partition, mark }];
        let done = self.log.append(&records).and_then(|sequence| self.log.sync(sequence)).and_then(|()| self.log.release());
        if let Err(error) = &done {
            self.log_failed("could not give up old entries", error);
        }
        done.is_ok()
    }

    /// Reads a piece of a snapshot for a follower.
    pub(super) fn read_piece(&mut self, to: MemberId, mark: Option<Mark>, nth: u64, around: &mut Around<'_>) {
        let piece = match self.piece(mark, nth) {
            Ok(piece) => piece,
            Err(SnapshotError::Missing { .. } | SnapshotError::NoChunk { .. }) => None,
            Err(error) => {
                self.sending = None;
                return self.snapshot_failed("could not read a snapshot", &error);
            }
        };
        self.step(Event::PieceRead { to, piece }, around);
    }

    fn piece(&mut self, mark: Option<Mark>, nth: u64) -> Result<Option<Piece>, SnapshotError> {
        let mark = mark.unwrap_or(self.snapshots.newest(PARTITION));
        if mark.index.0 == 0 {
            return Ok(None);
        }
        if self.sending.as_ref().is_none_or(|sending| sending.mark != mark) {
            let reader = self.snapshots.reader(PARTITION, mark)?;
            let (configuration, _) = decode_meta(reader.manifest().meta())?;
            let manifest = reader.manifest().encode().into();
            self.sending = Some(Sending { mark, configuration, manifest, sender: Sender::new(reader, nth) });
        }
        let Some(sending) = &mut self.sending else { return Ok(None) };
        sending.sender.seek(nth);
        let chunk = sending.sender.next_chunk()?;
        Ok(chunk.map(|(nth, bytes)| Piece {
            mark,
            configuration: sending.configuration.clone(),
            manifest: Arc::clone(&sending.manifest),
            nth,
            bytes: bytes.into(),
        }))
    }

    /// How long it takes until a piece is written. The last one, after which the snapshot comes into force, may take as long as it takes
    /// others to elect somebody.
    pub(super) fn writes_piece_after(&self, piece: &Piece, around: &mut Around<'_>) -> u64 {
        let is_last = |receiver: &Receiver| receiver.manifest().count() == piece.nth + 1;
        if self.receiver.as_ref().is_some_and(is_last) && around.rng.one_in(3) {
            around.rng.below(around.shape.settings.election.as_nanos() as u64) + 1
        } else {
            around.rng.below(around.shape.sync_ns) + 1
        }
    }

    /// Puts a piece to its snapshot.
    pub(super) fn write_piece(&mut self, from: MemberId, piece: Box<Piece>, stalled_until: u64, around: &mut Around<'_>) {
        if stalled_until > around.now || !self.blocked.is_empty() {
            let after = stalled_until.saturating_sub(around.now).max(LATER_NS);
            return self.later(after, Local::WritePiece { from, piece }, around);
        }
        if piece.mark.index <= self.log.span(PARTITION).floor.index {
            return;
        }
        let mark = piece.mark;
        match self.take_piece(&piece) {
            Ok(Some(wanted)) => self.step(Event::PieceWritten { from, mark, wanted }, around),
            Ok(None) => self.install(from, mark, around),
            // It is asked for again.
            Err(SnapshotError::WrongChunk { .. } | SnapshotError::OtherChunk { .. } | SnapshotError::Manifest(_)) => {}
            Err(error) => {
                self.receiver = None;
                self.snapshot_failed("could not take in a snapshot", &error);
            }
        }
    }

    /// The next piece that is wanted; none, if that was the last.
    fn take_piece(&mut self, piece: &Piece) -> Result<Option<u64>, SnapshotError> {
        let other = |receiver: &Receiver| receiver.manifest().mark() != piece.mark || *receiver.manifest().encode() != *piece.manifest;
        if self.receiver.as_ref().is_none_or(other) {
            self.receiver = None;
            self.receiver = Some(Receiver::begin(&self.snapshots, Manifest::decode(&piece.manifest)?)?);
        }
        let Some(receiver) = &mut self.receiver else { return Ok(Some(0)) };
        if receiver.wanted() == Some(piece.nth) {
            receiver.chunk(piece.nth, &piece.bytes)?;
        }
        Ok(receiver.wanted())
    }

    /// Puts a snapshot that is whole in the place of state and log.
    fn install(&mut self, from: MemberId, mark: Mark, around: &mut Around<'_>) {
        let Some(receiver) = self.receiver.take() else { return };
        let done = receiver.finish().and_then(|reader| {
            let (configuration, sessions) = decode_meta(reader.manifest().meta())?;
            let restores = mark.index > self.host.applied().index;
            if self.witness && !self.raise_floor(mark, &configuration) {
                return Ok(None);
            }
            snapshot::install(&mut self.host, &self.log, &self.snapshots, &reader, &self.policy)?;
            if restores {
                self.machine.set_sessions(sessions);
            }
            Ok(Some((configuration, restores, reader.manifest().total())))
        });
        match done {
            Ok(Some((configuration, restores, bytes))) => {
                around.tally.installed += 1;
                around.sights.at(self.id, || SnapshotInstalled { partition: PARTITION, index: mark.index.0, bytes });
                around.facts.push(Fact::Floor { node: self.id, mark });
                if restores && !self.witness {
                    around.facts.push(Fact::Restored { node: self.id, mark, state: self.machine.print() });
                }
                self.applied = self.applied.max(mark.index);
                self.committed = self.committed.max(mark.index);
                self.pending = None;
                self.requests.passed_over(self.applied, around);
                self.step(Event::Installed { from, mark, configuration }, around);
                self.serve_reads(around);
                self.arrange_apply(around);
            }
            Ok(None) => {}
            Err(error) => self.snapshot_failed("could not put a snapshot in place", &error),
        }
    }
}
