//! What a trace tells beside facts, gathered only while somebody listens.
//!
//! Facts are what invariants need. A trace has more in it: each round and each vote, each message, what the disk was asked for, which
//! machine a fault really hit. Whoever records a run makes the world listen ([`crate::World::listen`]); everybody else pays a branch.

use quorate_core::ids::MemberId;
use quorate_protocol::raft;
use quorate_telemetry::schema::{self, Body, Fate};

/// Something to be told.
#[derive(Clone, Debug)]
pub struct Sight {
    /// Which server it was seen at; none, if it is the world that tells it.
    pub source: Option<MemberId>,
    /// What it is.
    pub body: Body,
}

/// A message, and what becomes of it.
pub(crate) fn message(from: MemberId, to: MemberId, body: &raft::Body, fate: Fate, delay_ns: Option<u64>) -> schema::Message {
    schema::Message { from, to, class: body.name().into(), bytes: body.bytes() as u64, fate, delay_ns }
}

/// The sights of an event.
#[derive(Debug, Default)]
pub(crate) struct Sights {
    listening: bool,
    seen: Vec<Sight>,
}

impl Sights {
    pub(crate) fn listen(&mut self) {
        self.listening = true;
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.listening
    }

    pub(crate) fn clear(&mut self) {
        self.seen.clear();
    }

    pub(crate) fn seen(&self) -> &[Sight] {
        &self.seen
    }

    /// Something was seen at a server.
    pub(crate) fn at<B: Into<Body>>(&mut self, source: MemberId, body: impl FnOnce() -> B) {
        self.tell(Some(source), body);
    }

    /// Something was seen by the world.
    pub(crate) fn of_world<B: Into<Body>>(&mut self, body: impl FnOnce() -> B) {
        self.tell(None, body);
    }

    fn tell<B: Into<Body>>(&mut self, source: Option<MemberId>, body: impl FnOnce() -> B) {
        if self.listening {
            self.seen.push(Sight { source, body: body().into() });
        }
    }
}
