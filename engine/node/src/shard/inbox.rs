//! What arrives at a shard between two turns.
//!
//! The tasks that fill it run on the shard's own thread. When it is full they read no more from their connections before the shard had
//! its turn.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use quorate_core::ids::{MemberId, PartitionId};
use quorate_net::class::Class;
use quorate_net::links::LinkEvent;
use quorate_net::wire::client::request;
use quorate_protocol::raft::Message;
use tokio::sync::Notify;

use super::disk::Synced;
use super::jobs::Finished;
use crate::handle::Ask;
use crate::service::Guest;

/// How much may arrive between two turns before readers wait.
const ARRIVALS_MAX: usize = 1 << 16;

/// Something that arrives.
#[expect(clippy::large_enum_variant, reason = "what is large is rare, and all of it lives for a turn")]
pub(crate) enum Arrival {
    /// A member says something.
    Message { from: MemberId, partition: PartitionId, message: Message },
    /// A member's connection to this node has ended.
    Lost(MemberId),
    /// This node's connection to a member is up, or down.
    Link(MemberId, Class, LinkEvent),
    /// A client asks for something.
    Request { partition: PartitionId, guest: Rc<Guest>, number: u64, body: request::Body },
    /// A client has gone.
    Gone(Rc<Guest>),
    /// Somebody in this process asks for something.
    Ask(Ask),
    /// A job is done.
    Finished(PartitionId, Finished),
    /// The log was synced.
    Synced(Synced),
}

/// What has arrived.
#[derive(Default)]
pub(crate) struct Inbox {
    arrivals: RefCell<Vec<Arrival>>,
    filled: Notify,
    closed: Cell<bool>,
    end: Notify,
}

impl Inbox {
    /// Puts something in.
    pub(crate) fn push(&self, arrival: Arrival) {
        if !self.closed.get() {
            self.arrivals.borrow_mut().push(arrival);
            self.filled.notify_one();
        }
    }

    /// Has the shard take a turn although nothing arrives.
    pub(crate) fn nudge(&self) {
        self.filled.notify_one();
    }

    /// Waits until there is something, or somebody nudges.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Whether so much has arrived that the shard should have its turn before more is read.
    pub(crate) fn is_full(&self) -> bool {
        self.arrivals.borrow().len() >= ARRIVALS_MAX
    }

    /// Takes everything.
    pub(super) fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut self.arrivals.borrow_mut())
    }

    /// Nothing is taken any more.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.arrivals.borrow_mut().clear();
        self.end.notify_waiters();
    }

    /// Whether nothing is taken any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Waits until nothing is taken any more.
    pub(crate) async fn closed(&self) {
        while !self.closed.get() {
            self.end.notified().await;
        }
    }
}
