//! A partition: the protocol, the state machine, and what waits for either.
//!
//! It is driven by its shard, which hands it events and carries out with it what comes of them. Nothing here waits: what takes time is a
//! [`Job`](super::jobs::Job) on another thread, whose end is an event again. The simulator drives the same parts in the same way.
//!
//! | what | file |
//! |---|---|
//! | a partition begins, from what is on disk | `start.rs` |
//! | what the protocol wants done | `effects.rs` |
//! | writing the log, and a disk that is full or stands still | `durable.rs` |
//! | applying, snapshots of one's own and of others | `state.rs` |
//! | requests, and who waits for what | `requests.rs` |
//! | members that the system partition decided on | `members.rs` |

mod durable;
mod effects;
mod members;
mod recent;
mod requests;
mod start;
mod state;

use std::collections::VecDeque;
use std::sync::Arc;

use quorate_core::ids::{Height, MemberId, PartitionId};
use quorate_env::clock::Moment;
use quorate_pipeline::{Desk, Owner};
use quorate_protocol::raft::{Effect, Event, Persist, Raft, Role};
use quorate_storage::Sequence;
use quorate_storage::log::Log;
use quorate_storage::machine::{Host, Response};
use quorate_storage::snapshot::{Policy, Receiver, Snapshots};

use super::jobs::{Finished, Jobs};
use super::post::Post;
use crate::application::Application;
use crate::metrics::PartitionMetrics;
use recent::Recent;
pub(crate) use requests::Caller;
use requests::Requests;
pub(crate) use start::{Beginning, Genesis, StartError};

/// What a partition needs of its shard while something happens to it.
pub(crate) struct Around<'a> {
    pub(crate) now: Moment,
    pub(crate) log: &'a Arc<Log>,
    pub(crate) snapshots: &'a Snapshots,
    pub(crate) desk: &'a mut Desk,
    pub(crate) post: &'a mut Post,
    pub(crate) jobs: &'a Jobs,
    /// The newest that was appended to the log.
    pub(crate) appended: &'a mut Sequence,
    /// Why the node cannot go on, if it cannot.
    pub(crate) fatal: &'a mut Option<String>,
}

/// What was appended and not reported as durable.
struct Written {
    number: u64,
    upto: Sequence,
}

/// A partition.
pub(crate) struct Partition {
    id: PartitionId,
    me: MemberId,
    raft: Raft,
    /// The machine; none while a snapshot is put in its place.
    host: Option<Host>,
    application: Box<dyn Application>,
    policy: Policy,
    /// How long a request may wait in nanoseconds, how many may, and how many bytes of commands may wait to be proposed.
    patience: u64,
    requests_max: usize,
    bytes_max: usize,
    /// How long a command may be, in its envelope.
    command_max: usize,
    metrics: PartitionMetrics,
    effects: Vec<Effect>,
    written: VecDeque<Written>,
    /// What the log had no room for, in order.
    blocked: VecDeque<Persist>,
    blocked_since: Option<Moment>,
    retry_at: Option<Moment>,
    told_stalled: bool,
    recent: Recent,
    responses: Vec<Response>,
    committed: Height,
    applied: Height,
    /// Whether a snapshot is being written, or a piece of one.
    snapshotting: bool,
    receiving: bool,
    receiver: Option<Receiver>,
    sending: Option<super::jobs::Sending>,
    requests: Requests,
    members: members::Wish,
    /// When the state wants something proposed.
    due: Option<Moment>,
    /// Whom this member took for the leader.
    leader: Option<MemberId>,
    /// Why it stopped, if it did.
    stopped: Option<String>,
}

impl Partition {
    pub(crate) fn id(&self) -> PartitionId {
        self.id
    }

    pub(crate) fn raft(&self) -> &Raft {
        &self.raft
    }

    pub(crate) fn applied(&self) -> Height {
        self.applied
    }

    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.as_deref()
    }

    pub(crate) fn application(&mut self) -> &mut dyn Application {
        self.application.as_mut()
    }

    pub(crate) fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    /// How it is known at the desk.
    fn owner(&self) -> Owner {
        Owner(self.id.0)
    }

    /// Whether events may happen to it.
    fn is_open(&self) -> bool {
        self.host.is_some() && self.stopped.is_none()
    }

    /// Something comes from outside. While a snapshot is put in place nothing may happen, and what comes counts as lost.
    pub(crate) fn happen(&mut self, event: Event, around: &mut Around<'_>) {
        if self.is_open() {
            self.step(event, around);
        }
    }

    /// When it wants to be woken.
    pub(crate) fn wake(&self) -> Moment {
        if !self.is_open() {
            return Moment(u64::MAX);
        }
        let members = self.members.wake().filter(|_| self.leads());
        let own = [self.retry_at, self.due, members].into_iter().flatten();
        own.fold(self.raft.wake(), Moment::min)
    }

    /// The time has come, perhaps, for whatever waits for a time.
    pub(crate) fn tick(&mut self, around: &mut Around<'_>) {
        if !self.is_open() {
            return;
        }
        if around.now >= self.raft.wake() {
            self.step(Event::Tick, around);
        }
        if self.retry_at.is_some_and(|at| around.now >= at) {
            self.retry(around);
        }
        if self.due.is_some_and(|at| around.now >= at) {
            self.look_for_due(around);
        }
        self.requests.expire(around.now, self.patience, &self.metrics);
    }

    /// Asks the state whether time alone has something to be proposed.
    fn look_for_due(&mut self, around: &Around<'_>) {
        let mut commands = Vec::new();
        let leads = self.leads();
        self.due = self.application.due(around.now, leads, &mut commands);
        for command in commands {
            self.requests.gather(requests::Caller::Nobody, &requests::plain(&command), around.now);
        }
    }

    /// It cannot go on: its state machine failed, or what it was told cannot be.
    fn stop(&mut self, why: String, around: &Around<'_>) {
        tracing::error!(partition = self.id.0, "the partition stops: {why}");
        self.stopped = Some(why);
        self.requests.drop_all(&self.metrics, around.now);
    }

    /// Something that was given to another thread is done.
    pub(crate) fn finished(&mut self, finished: Finished, around: &mut Around<'_>) {
        if self.stopped.is_some() {
            return;
        }
        match finished {
            Finished::Loaded { to, entries } => match entries {
                Ok(entries) => self.happen(Event::Loaded { to, entries }, around),
                Err(error) => self.log_failed("read its log", &error, around),
            },
            Finished::SnapshotWritten(outcome) => self.snapshot_written(outcome, around),
            Finished::PieceRead { to, piece, sending } => self.piece_read(to, piece, sending, around),
            Finished::PieceWritten { from, mark, outcome, receiver } => self.piece_written(from, mark, outcome, receiver, around),
            Finished::Installed { from, mark, host, outcome } => self.installed(from, mark, *host, outcome, around),
            Finished::Panicked => self.stop("one of its jobs panicked".into(), around),
        }
    }
}
