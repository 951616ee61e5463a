//! The state machine: applying what is committed, taking snapshots, handing them out, and taking in those of others.

use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Event, Piece};
use quorate_storage::LogStore as _;
use quorate_storage::log::Log;
use quorate_storage::machine::{Command, Host};
use quorate_storage::snapshot::{self, Receiver, Settled, SnapshotError};

use super::super::jobs::{Installation, Job, Sending};
use super::recent::Recent;
use super::{Around, Partition};

/// How many bytes of entries, and how many, are applied before others have their turn.
const APPLY_BYTES: usize = 256 << 10;
const APPLY_MAX: usize = 4096;

impl Partition {
    /// Whether there is more to be applied.
    pub(crate) fn has_more(&self, log: &Log) -> bool {
        self.is_open() && self.applied < self.committed.min(self.sound(log))
    }

    /// Applies some of what is committed.
    pub(crate) fn apply(&mut self, around: &mut Around<'_>) {
        if !self.has_more(around.log) {
            return;
        }
        let upto = self.committed.min(self.sound(around.log));
        if !self.apply_entries(upto, around) {
            return;
        }
        self.metrics.applied.set(self.applied.0);
        self.step(Event::Applied { index: self.applied }, around);
        self.serve_reads();
        self.look_for_due(around);
        self.begin_snapshot(around);
    }

    /// Returns whether all went well.
    fn apply_entries(&mut self, upto: Height, around: &mut Around<'_>) -> bool {
        let mut responses = std::mem::take(&mut self.responses);
        let next = Height(self.applied.0 + 1);
        let Some(host) = &mut self.host else { return false };
        let outcome = if self.recent.first() == Some(next) {
            let mut bytes = 0;
            let fits = |bytes: &mut usize, len: usize| {
                *bytes += len;
                *bytes <= APPLY_BYTES + len
            };
            let entries = self.recent.iter().take_while(|entry| entry.mark.index <= upto && fits(&mut bytes, entry.data.len()));
            let batch: Vec<_> = entries.take(APPLY_MAX).map(|entry| Command { mark: entry.mark, payload: &entry.data }).collect();
            host.apply_commands(&batch, &mut responses)
        } else {
            let end = self.recent.first().map_or(upto.0 + 1, |first| first.0.clamp(next.0 + 1, upto.0 + 1));
            match around.log.read(self.id, next.0..end, APPLY_BYTES) {
                Ok(entries) => host.apply(&entries, &mut responses),
                Err(error) => {
                    self.responses = responses;
                    self.log_failed("read what it was to apply", &error, around);
                    return false;
                }
            }
        };
        self.applied = host.applied().index;
        self.recent.forget(self.applied);
        self.carried_out(&mut responses, around.now);
        self.responses = responses;
        if let Err(error) = outcome {
            self.stop(format!("it could not apply what is committed: {error}"), around);
            return false;
        }
        true
    }

    /// Freezes the state for a snapshot, if one is due.
    fn begin_snapshot(&mut self, around: &Around<'_>) {
        let Some(host) = &mut self.host else { return };
        let newest = around.snapshots.newest(self.id);
        if self.snapshotting || !self.policy.due(&around.log.span(self.id), host.applied(), newest) {
            return;
        }
        let mut meta = Vec::new();
        self.raft.configuration_at(host.applied().index).encode(&mut meta);
        match snapshot::begin(host, meta) {
            Ok(pending) => {
                self.snapshotting = true;
                around.jobs.start(self.id, Job::Snapshot { pending, policy: self.policy });
            }
            Err(error) => self.stop(format!("it could not freeze its state: {error}"), around),
        }
    }

    /// A snapshot was written, and the log was given up to it.
    pub(super) fn snapshot_written(&mut self, outcome: Result<(Settled, u64), SnapshotError>, around: &mut Around<'_>) {
        self.snapshotting = false;
        match outcome {
            Ok((settled, bytes)) => {
                tracing::info!(partition = self.id.0, floor = settled.floor.index.0, bytes, "took a snapshot");
                self.happen(Event::Compacted { mark: settled.floor }, around);
            }
            // There will be another one when there is room.
            Err(error) if error.is_full() => tracing::warn!(partition = self.id.0, "no snapshot was taken: {error}"),
            Err(error) => self.snapshot_failed("write a snapshot", &error, around),
        }
    }

    fn snapshot_failed(&mut self, doing: &str, error: &SnapshotError, around: &mut Around<'_>) {
        match error {
            SnapshotError::Log(error) => self.log_failed(doing, error, around),
            SnapshotError::Io { .. } | SnapshotError::Source { .. } => {
                around.fatal.get_or_insert(format!("partition {} could not {doing}: {error}", self.id));
            }
            other => self.stop(format!("it could not {doing}: {other}"), around),
        }
    }

    /// Reads a piece of a snapshot for a follower.
    pub(super) fn read_piece(&mut self, to: MemberId, mark: Option<Mark>, nth: u64, around: &Around<'_>) {
        let mark = mark.unwrap_or(around.snapshots.newest(self.id));
        let sending = self.sending.take_if(|sending| sending.mark == mark);
        around.jobs.start(self.id, Job::ReadPiece { to, mark, nth, sending });
    }

    pub(super) fn piece_read(
        &mut self,
        to: MemberId,
        piece: Result<Option<Piece>, SnapshotError>,
        sending: Option<Sending>,
        around: &mut Around<'_>,
    ) {
        // Of several that read at the same time, the last one's reader is kept.
        self.sending = sending;
        match piece {
            Ok(piece) => self.happen(Event::PieceRead { to, piece }, around),
            Err(SnapshotError::Missing { .. } | SnapshotError::NoChunk { .. }) => {
                self.happen(Event::PieceRead { to, piece: None }, around);
            }
            Err(error) => self.snapshot_failed("read a snapshot", &error, around),
        }
    }

    /// Puts a piece to its snapshot. One at a time: what comes in between is asked for again.
    pub(super) fn write_piece(&mut self, from: MemberId, piece: Piece, around: &Around<'_>) {
        let obsolete = piece.mark.index <= around.log.span(self.id).floor.index;
        if self.receiving || obsolete || !self.blocked.is_empty() {
            return;
        }
        self.receiving = true;
        around.jobs.start(self.id, Job::WritePiece { from, piece, receiver: self.receiver.take() });
    }

    pub(super) fn piece_written(
        &mut self,
        from: MemberId,
        mark: Mark,
        outcome: Result<Option<u64>, SnapshotError>,
        receiver: Option<Receiver>,
        around: &mut Around<'_>,
    ) {
        self.receiving = false;
        match outcome {
            Ok(Some(wanted)) => {
                self.receiver = receiver;
                self.happen(Event::PieceWritten { from, mark, wanted }, around);
            }
            Ok(None) => self.install(from, mark, receiver, around),
            // It is asked for again.
            Err(SnapshotError::WrongChunk { .. } | SnapshotError::OtherChunk { .. } | SnapshotError::Manifest(_)) => {
                self.receiver = receiver;
            }
            Err(error) if error.is_full() => tracing::warn!(partition = self.id.0, "a snapshot was not taken in: {error}"),
            Err(error) => self.snapshot_failed("take in a snapshot", &error, around),
        }
    }

    /// Puts a snapshot that is whole in the place of state and log. Until that is done, nothing else may happen to this partition.
    fn install(&mut self, from: MemberId, mark: Mark, receiver: Option<Receiver>, around: &Around<'_>) {
        let Some(receiver) = receiver else { return };
        if !self.blocked.is_empty() || self.snapshotting {
            // What waits to be written belongs before it, and one snapshot is enough. The last piece comes again, and then it is tried again.
            self.receiver = Some(receiver);
            return;
        }
        let Some(host) = self.host.take() else { return };
        let policy = self.policy;
        around.jobs.start(self.id, Job::Install(Box::new(Installation { from, mark, receiver, host, policy })));
    }

    pub(super) fn installed(
        &mut self,
        from: MemberId,
        mark: Mark,
        host: Host,
        outcome: Result<(Configuration, u64), SnapshotError>,
        around: &mut Around<'_>,
    ) {
        self.applied = self.applied.max(host.applied().index);
        self.host = Some(host);
        match outcome {
            Ok((configuration, bytes)) => {
                tracing::info!(partition = self.id.0, index = mark.index.0, bytes, "put a snapshot in place");
                self.committed = self.committed.max(mark.index);
                // The log ends here now, or what is behind is read again.
                self.recent = Recent::default();
                self.metrics.applied.set(self.applied.0);
                self.passed_over(self.applied);
                self.step(Event::Installed { from, mark, configuration }, around);
                self.serve_reads();
                self.due = Some(around.now);
            }
            Err(error) if error.is_full() => tracing::warn!(partition = self.id.0, "a snapshot was not put in place: {error}"),
            Err(error) => self.snapshot_failed("put a snapshot in place", &error, around),
        }
    }
}
