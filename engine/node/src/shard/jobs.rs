//! What takes its time and is done on other threads: reading and writing files of unknown length.
//!
//! A job is started with all that it needs, and its end comes back as [`Finished`], in the shard's own time. A partition has at most one
//! of a kind under way, or one for each follower, so that their number is bounded.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use quorate_core::codec::{DecodeError, Reader as Decoder};
use quorate_core::ids::{Height, MemberId, PartitionId};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Entry, Piece};
use quorate_storage::log::Log;
use quorate_storage::machine::Host;
use quorate_storage::snapshot::{self, Manifest, Pending, Policy, Receiver, Sender, Settled, SnapshotError, Snapshots};
use quorate_storage::{LogError, LogStore as _};
use tokio::sync::mpsc;

/// A snapshot that is being handed out.
pub(crate) struct Sending {
    pub(crate) mark: Mark,
    configuration: Configuration,
    manifest: Arc<[u8]>,
    sender: Sender,
}

/// A snapshot that is put in the place of state and log.
pub(crate) struct Installation {
    pub(crate) from: MemberId,
    pub(crate) mark: Mark,
    pub(crate) receiver: Receiver,
    pub(crate) host: Host,
    pub(crate) policy: Policy,
}

/// Something to be done.
pub(crate) enum Job {
    Load { to: MemberId, from: Height, upto: Height, bytes_max: usize },
    Snapshot { pending: Pending, policy: Policy },
    ReadPiece { to: MemberId, mark: Mark, nth: u64, sending: Option<Sending> },
    WritePiece { from: MemberId, piece: Piece, receiver: Option<Receiver> },
    Install(Box<Installation>),
}

/// Something that is done.
pub(crate) enum Finished {
    Loaded {
        to: MemberId,
        entries: Result<Vec<Entry>, LogError>,
    },
    SnapshotWritten(Result<(Settled, u64), SnapshotError>),
    PieceRead {
        to: MemberId,
        piece: Result<Option<Piece>, SnapshotError>,
        sending: Option<Sending>,
    },
    PieceWritten {
        from: MemberId,
        mark: Mark,
        outcome: Result<Option<u64>, SnapshotError>,
        receiver: Option<Receiver>,
    },
    Installed {
        from: MemberId,
        mark: Mark,
        host: Box<Host>,
        outcome: Result<(Configuration, u64), SnapshotError>,
    },
    /// A job of the partition's came to no end, and what it had is lost.
    Panicked,
}

/// Where jobs are started.
#[derive(Clone)]
pub(crate) struct Jobs {
    log: Arc<Log>,
    snapshots: Snapshots,
    finished: mpsc::UnboundedSender<(PartitionId, Finished)>,
}

impl Jobs {
    /// Jobs on a log and a folder of snapshots, and where one hears of their ends.
    pub(crate) fn new(log: Arc<Log>, snapshots: Snapshots) -> (Self, mpsc::UnboundedReceiver<(PartitionId, Finished)>) {
        let (finished, ends) = mpsc::unbounded_channel();
        (Self { log, snapshots, finished }, ends)
    }

    /// Starts a job. Nobody waits for it who does not listen any more.
    pub(crate) fn start(&self, partition: PartitionId, job: Job) {
        let jobs = self.clone();
        tokio::task::spawn_blocking(move || {
            let finished = catch_unwind(AssertUnwindSafe(|| jobs.work(partition, job)));
            let finished = finished.unwrap_or_else(|_| Finished::Panicked);
            let _ = jobs.finished.send((partition, finished));
        });
    }

    fn work(&self, partition: PartitionId, job: Job) -> Finished {
        match job {
            Job::Load { to, from, upto, bytes_max } => {
                let entries = match self.log.read(partition, from.0..upto.0 + 1, bytes_max) {
                    Ok(read) => Ok(read.into_iter().map(|entry| Entry { mark: entry.mark, data: entry.payload.into() }).collect()),
                    // They are gone; a snapshot has them.
                    Err(LogError::Missing { .. }) => Ok(Vec::new()),
                    Err(error) => Err(error),
                };
                Finished::Loaded { to, entries }
            }
            Job::Snapshot { pending, policy } => Finished::SnapshotWritten(self.write_snapshot(partition, pending, &policy)),
            Job::ReadPiece { to, mark, nth, sending } => {
                let mut sending = sending;
                let piece = self.read_piece(partition, mark, nth, &mut sending);
                Finished::PieceRead { to, piece, sending }
            }
            Job::WritePiece { from, piece, receiver } => {
                let (mark, mut receiver) = (piece.mark, receiver);
                let outcome = self.write_piece(&piece, &mut receiver);
                Finished::PieceWritten { from, mark, outcome, receiver }
            }
            Job::Install(installation) => self.install(*installation),
        }
    }

    fn write_snapshot(&self, partition: PartitionId, pending: Pending, policy: &Policy) -> Result<(Settled, u64), SnapshotError> {
        let manifest = pending.write(&self.snapshots)?;
        let settled = snapshot::give_up(partition, self.log.as_ref(), &self.snapshots, &manifest, policy)?;
        Ok((settled, manifest.total()))
    }

    fn read_piece(
        &self,
        partition: PartitionId,
        mark: Mark,
        nth: u64,
        sending: &mut Option<Sending>,
    ) -> Result<Option<Piece>, SnapshotError> {
        if mark.index.0 == 0 {
            return Ok(None);
        }
        if sending.as_ref().is_none_or(|sending| sending.mark != mark) {
            let reader = self.snapshots.reader(partition, mark)?;
            let configuration = members_of(reader.manifest())?;
            let manifest = reader.manifest().encode().into();
            *sending = Some(Sending { mark, configuration, manifest, sender: Sender::new(reader, nth) });
        }
        let Some(sending) = sending else { return Ok(None) };
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

    /// The next piece that is wanted; none, if that was the last.
    fn write_piece(&self, piece: &Piece, receiver: &mut Option<Receiver>) -> Result<Option<u64>, SnapshotError> {
        let other = |receiver: &Receiver| receiver.manifest().mark() != piece.mark || *receiver.manifest().encode() != *piece.manifest;
        if receiver.as_ref().is_none_or(other) {
            *receiver = None;
            *receiver = Some(Receiver::begin(&self.snapshots, Manifest::decode(&piece.manifest)?)?);
        }
        let Some(receiver) = receiver else { return Ok(Some(0)) };
        if receiver.wanted() == Some(piece.nth) {
            receiver.chunk(piece.nth, &piece.bytes)?;
        }
        Ok(receiver.wanted())
    }

    fn install(&self, installation: Installation) -> Finished {
        let Installation { from, mark, receiver, mut host, policy } = installation;
        let outcome = receiver.finish().and_then(|reader| {
            let configuration = members_of(reader.manifest())?;
            snapshot::install(&mut host, self.log.as_ref(), &self.snapshots, &reader, &policy)?;
            Ok((configuration, reader.manifest().total()))
        });
        Finished::Installed { from, mark, host: Box::new(host), outcome }
    }
}

/// The members as of a snapshot, which go with its state.
pub(crate) fn members_of(manifest: &Manifest) -> Result<Configuration, DecodeError> {
    decode_members(manifest.meta())
}

/// Reads what goes with a snapshot's state.
pub(crate) fn decode_members(meta: &[u8]) -> Result<Configuration, DecodeError> {
    let mut reader = Decoder::new("snapshot meta", meta);
    let configuration = Configuration::decode(&mut reader)?;
    reader.finish().map(|()| configuration)
}
