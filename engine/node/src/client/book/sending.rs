//! What goes out, in which order, and again.
//!
//! Requests go out in the order in which they were given, and over one connection they arrive in that order. What has to be sent again is
//! sorted back to its place before anything newer goes out. So the order of two commands can change only if the first was not answered, or
//! refused, when the second was already sent: then the cluster may see the second first.

use std::time::Instant;

use bytes::BytesMut;
use prost::encoding;
use quorate_net::wire::client::{Cancel, Open, Request, Status, Watch, Write, request};

use super::slots::{Slot, Stage};
use super::{Book, Delivery, NOBODY, Repeat, RequestError, To, What};

/// How long a frame's body gets, unless one request alone is longer.
const BODY_BYTES: usize = 128 << 10;
/// The number of the lane's own requests, of which any answer will do. No slot has it.
pub(super) const OWN: u64 = u32::MAX as u64;

/// What there was to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Sending {
    /// A body.
    Body,
    /// Nothing now, but look again then.
    Later(Instant),
    /// Nothing.
    Nothing,
}

impl Book {
    /// Writes the next frame's body.
    pub(in super::super) fn next_body(&mut self, now: Instant, out: &mut BytesMut) -> Sending {
        let sending = self.write_body(now, out);
        self.idle = sending == Sending::Nothing;
        sending
    }

    fn write_body(&mut self, now: Instant, out: &mut BytesMut) -> Sending {
        if self.leave.is_some() {
            return Sending::Nothing;
        }
        if let Some(until) = self.hold.filter(|until| *until > now) {
            return Sending::Later(until);
        }
        self.hold = None;
        self.requeue();
        if std::mem::take(&mut self.probe) {
            encode(&super::request(OWN, request::Body::Status(Status {})), out);
        }
        while let Some(watch) = self.cancels.pop() {
            encode(&super::request(OWN, request::Body::Cancel(Cancel { watch })), out);
        }
        while let Some(number) = self.queue.pop_front() {
            let len = self.slots.get(number).map_or(0, Slot::len);
            if !out.is_empty() && out.len() + len > BODY_BYTES {
                self.queue.push_front(number);
                break;
            }
            self.send(now, number, out);
        }
        if out.is_empty() {
            return Sending::Nothing;
        }
        self.counts.frames += 1;
        Sending::Body
    }

    /// Puts what is to be sent again before everything that is newer.
    fn requeue(&mut self) {
        if self.redo.is_empty() {
            return;
        }
        let mut redo = std::mem::take(&mut self.redo);
        redo.retain(|number| self.slots.get(*number).is_some());
        redo.extend(self.queue.drain(..).filter(|number| self.slots.get(*number).is_some()));
        redo.sort_by_key(|number| self.slots.get(*number).map(|slot| slot.order));
        self.queue.extend(redo);
    }

    fn send(&mut self, now: Instant, number: u64, out: &mut BytesMut) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let body = match &slot.what {
            What::Command(command) => {
                let command = command.clone();
                let Some((session, sequence, settled)) = self.stub(now, number, out) else { return };
                request::Body::Write(Write { session, sequence, settled, command })
            }
            What::Open => request::Body::Open(Open {}),
            What::Ask(body, _) => body.clone(),
            What::Watch(query) => request::Body::Watch(Watch { query: query.clone() }),
        };
        encode(&super::request(number, body), out);
        if let Some(slot) = self.slots.get_mut(number) {
            slot.stage = Stage::Sent;
            *if matches!(slot.what, What::Watch(_)) { &mut self.watches } else { &mut self.in_flight } += 1;
        }
        self.counts.sent += 1;
    }

    /// A command's session and its numbers there. None if it cannot be sent now, or has ended.
    fn stub(&mut self, now: Instant, number: u64, out: &mut BytesMut) -> Option<(u64, u64, u64)> {
        let slot = self.slots.get_mut(number)?;
        let at = slot.session;
        let session = self.sessions.get_mut(at as usize)?.as_mut()?;
        if session.options.delivery == Delivery::AtMostOnce {
            return Some((0, 0, 0));
        }
        if slot.sequence != 0 && (slot.life != session.life || session.id.is_none()) {
            if slot.doubtful {
                self.forgotten(number);
                return None;
            }
            slot.sequence = 0;
        }
        let Some(id) = session.id else {
            session.parked.push_back(number);
            if !session.opening {
                session.opening = true;
                session.entered(0);
                self.open(now, at, out);
            }
            return None;
        };
        if slot.sequence == 0 {
            slot.sequence = session.number();
            slot.life = session.life;
        }
        Some((id, slot.sequence, session.settled()))
    }

    /// Asks for a session.
    fn open(&mut self, now: Instant, session: u32, out: &mut BytesMut) {
        self.order += 1;
        let deadline = Some(now + self.timeouts.request);
        let number = self.slots.insert(Slot::new(self.order, session, What::Open, To::Session, deadline));
        self.send(now, number, out);
    }

    /// What waited for a session goes out, or back to be told why not.
    pub(super) fn unpark(&mut self, session: u32) {
        let Some(session) = self.session(session) else { return };
        let mut parked = std::mem::take(&mut session.parked);
        self.redo.extend(parked.drain(..));
    }

    /// A session that could not be had. What waited for it ends the same way.
    pub(super) fn not_opened(&mut self, session: u32, error: &RequestError) {
        let Some(session) = self.session(session) else { return };
        session.opening = false;
        for number in std::mem::take(&mut session.parked) {
            // A session that was asked for in vain leaves no doubt about what would have been done in it.
            let error = match error {
                RequestError::Unknown { why } => RequestError::NotDone { why: why.clone() },
                other => other.clone(),
            };
            self.finish(number, Err(error));
        }
    }

    /// Nobody knows what became of a request: its session is gone.
    pub(super) fn forgotten(&mut self, number: u64) {
        let why = "an attempt got no answer, and the cluster has forgotten the session since".into();
        self.finish(number, Err(RequestError::Unknown { why }));
    }

    /// Puts a request back, to be sent again under another number.
    pub(super) fn again(&mut self, number: u64) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let was = std::mem::replace(&mut slot.stage, Stage::Waiting);
        let watch = matches!(slot.what, What::Watch(_));
        self.returned(was, watch);
        self.counts.again += 1;
        if let Some(number) = self.slots.renumber(number) {
            self.redo.push(number);
        }
    }

    /// What was out, if it was, is out no more.
    pub(super) fn returned(&mut self, stage: Stage, watch: bool) {
        if stage == Stage::Sent {
            *if watch { &mut self.watches } else { &mut self.in_flight } -= 1;
        }
    }

    /// An attempt was made, and nobody knows what came of it. Sends it again, if twice is like once.
    pub(super) fn doubt(&mut self, number: u64, why: &str) {
        let Some(slot) = self.slots.get_mut(number) else { return };
        let Some(Some(session)) = self.sessions.get(slot.session as usize) else { return };
        let again = match &slot.what {
            What::Command(_) => session.options.delivery == Delivery::ExactlyOnce,
            What::Open | What::Ask(_, Repeat::Freely) | What::Watch(_) => true,
            What::Ask(_, Repeat::IfNotDone) => false,
        };
        if again && !session.abandoned {
            // Twice is like once for what is asked freely; nothing is done that one would have to know of.
            slot.doubtful |= matches!(slot.what, What::Command(_));
            self.again(number);
        } else {
            self.finish(number, Err(RequestError::Unknown { why: why.into() }));
        }
    }

    /// The connection is gone, and with it every answer that would have come.
    pub(in super::super) fn lost(&mut self, why: &str) {
        self.leave = None;
        self.cancels.clear();
        self.troubled(why);
        for number in self.slots.numbers(|slot| slot.stage == Stage::Sent) {
            if matches!(self.slots.get(number), Some(Slot { what: What::Watch(_), .. })) {
                // Who follows it asks again, from where they are.
                self.unwatched(number);
            } else {
                self.doubt(number, why);
            }
        }
    }

    /// A new connection stands.
    pub(in super::super) fn connected(&mut self) {
        self.counts.connections += 1;
        self.leave = None;
        self.probe = true;
    }

    /// Asks whoever is connected how it is, to learn where the members are, or whether anybody is there at all.
    pub(in super::super) fn probe(&mut self) {
        self.probe = true;
    }

    /// Lets a watch go, without a word to the cluster.
    pub(super) fn unwatched(&mut self, number: u64) {
        let Some(slot) = self.slots.remove(number) else { return };
        self.counts.ended += 1;
        self.returned(slot.stage, true);
        let len = slot.len();
        if let Some(nobody) = &mut self.sessions[NOBODY as usize] {
            nobody.left(len);
            super::wake(&mut self.wake, &nobody.room);
        }
    }

    /// Lets a watch go, and says so to the cluster if it knows of it.
    pub(super) fn cancel(&mut self, number: u64) {
        if self.slots.get(number).is_some_and(|slot| slot.stage == Stage::Sent) {
            self.cancels.push(number);
        }
        self.unwatched(number);
    }

    /// What is left of a request's number in its session.
    pub(super) fn settle(&mut self, slot: &Slot) {
        if let Some(session) = self.session(slot.session)
            && slot.sequence != 0
            && slot.life == session.life
        {
            session.settle(slot.sequence);
        }
    }
}

/// Appends a request to a body of [`quorate_net::wire::client::Requests`].
fn encode(request: &Request, out: &mut BytesMut) {
    encoding::message::encode(1, request, out);
}
