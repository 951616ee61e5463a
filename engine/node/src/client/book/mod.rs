//! Every request of a client from its beginning to its end, without a socket, a clock or a task: those are the lane's ([`super::lane`]).
//!
//! The rule: **each request ends exactly once**, and what its end says of it is true. To know what may be said, the book keeps for each
//! request whether an attempt was made whose fate is open (`doubtful`): it was sent, and the connection went away, or the answer was that
//! nobody knows. Without doubt, a refusal means that nothing was done. In doubt, only the cluster's session can tell, as long as it
//! remembers; a request that has none, or whose session was forgotten, ends as unknown.
//!
//! Requests are numbered by slot and generation. Each attempt has a number of its own, so that an answer to an earlier attempt, or a
//! second one, finds nothing.

mod answers;
mod sending;
mod sessions;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_env::rng::Seeded;
use quorate_net::wire::client::{Request, Why, request, response};
use tokio::sync::{Notify, mpsc, oneshot};

use super::outcome::{Counts, Outcome, RequestError, SubmitError};
pub(super) use sending::Sending;
use sessions::Session;
pub use sessions::{Delivery, OnBusy, SessionOptions};
use slots::{Slot, Slots, Stage};

use super::limits::{Timeouts, Window};
use super::route::jittered;

/// Whether a request may be sent again after an attempt whose fate is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is like once.
    Freely,
    /// Only if nothing was done.
    IfNotDone,
}

/// What is asked.
pub(super) enum What {
    /// A command of a session.
    Command(Bytes),
    /// That a session be opened.
    Open,
    /// Something with one answer.
    Ask(request::Body, Repeat),
    /// To follow changes.
    Watch(Bytes),
}

/// Who waits for the end.
pub(super) enum To {
    /// The session's owner, who knows it by this tag.
    Tag(u64),
    /// Somebody who awaits this very command.
    Write(oneshot::Sender<Outcome>),
    /// Somebody who awaits this very answer.
    Ask(oneshot::Sender<Result<response::Body, RequestError>>),
    /// Somebody who follows changes, as far as they keep up.
    Watch(mpsc::Sender<Result<Bytes, RequestError>>),
    /// The session that wants to be opened.
    Session,
}

/// Which connection is to be left, and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leave {
    /// Who leads, if somebody said so.
    pub(super) to: Option<String>,
    /// Since when.
    pub(super) since: Instant,
}

/// The book of one lane.
pub(super) struct Book {
    timeouts: Timeouts,
    slots: Slots,
    /// What is to be sent, in this order; by number, some of which may have ended.
    queue: VecDeque<u64>,
    /// What is to be sent again, once that may be.
    redo: Vec<u64>,
    /// The first session is nobody's: reads and the like, which have no session.
    sessions: Vec<Option<Session>>,
    /// Counts requests, in the order in which they were given.
    order: u64,
    /// How many were sent and not answered.
    in_flight: usize,
    /// How many watches are running.
    watches: usize,
    /// Numbers of watches that nobody follows any more.
    cancels: Vec<u64>,
    /// Whether to ask how the other end is.
    probe: bool,
    /// Where members serve clients, as was last heard.
    members: Option<Vec<String>>,
    /// Something was asked and done since this was last looked at.
    worked: bool,
    /// Whoever sends has seen that there is nothing to send.
    idle: bool,
    /// Nothing is sent before.
    hold: Option<Instant>,
    leave: Option<Leave>,
    closed: bool,
    /// Whom to wake, once the book is let go.
    wake: Vec<Arc<Notify>>,
    /// What was in the way at last, for requests that end without an answer.
    trouble: Arc<str>,
    rng: Seeded,
    counts: Counts,
}

/// The session that stands for none.
const NOBODY: u32 = 0;

impl Book {
    pub(super) fn new(timeouts: Timeouts, window: Window, seed: u64) -> Self {
        let nobody = SessionOptions { delivery: Delivery::AtMostOnce, on_busy: OnBusy::Wait };
        Self {
            timeouts,
            slots: Slots::default(),
            queue: VecDeque::new(),
            redo: Vec::new(),
            sessions: vec![Some(Session::new(nobody, window))],
            order: 0,
            in_flight: 0,
            watches: 0,
            cancels: Vec::new(),
            probe: false,
            members: None,
            worked: false,
            idle: false,
            hold: None,
            leave: None,
            closed: false,
            wake: Vec::new(),
            trouble: "no member could be reached yet".into(),
            rng: Seeded::new(seed),
            counts: Counts::default(),
        }
    }

    /// Takes a command.
    pub(super) fn submit(&mut self, now: Instant, session: u32, to: To, command: Bytes) -> Result<(), (SubmitError, To)> {
        let len = command.len();
        let room = match self.sessions.get(session as usize).and_then(Option::as_ref) {
            Some(session) if !self.closed => session.room(len),
            _ => Err(SubmitError::Closed),
        };
        match room {
            Ok(true) => {}
            Ok(false) => return Err((SubmitError::Full(command), to)),
            Err(error) => return Err((error, to)),
        }
        self.enter(now, session, What::Command(command), to, len);
        Ok(())
    }

    /// Takes something else. There is room for so many of these as for commands of a session.
    pub(super) fn ask(&mut self, now: Instant, what: What, to: To) -> Result<(), (SubmitError, What, To)> {
        if self.closed {
            return Err((SubmitError::Closed, what, to));
        }
        let len = match &what {
            What::Command(bytes) | What::Watch(bytes) => bytes.len(),
            What::Open => 0,
            What::Ask(request::Body::Read(read), _) => read.query.len(),
            What::Ask(..) => 0,
        };
        match self.sessions[NOBODY as usize].as_ref().map(|nobody| nobody.room(len)) {
            Some(Ok(true)) => {}
            Some(Ok(false)) => return Err((SubmitError::Full(Bytes::new()), what, to)),
            Some(Err(error)) => return Err((error, what, to)),
            None => return Err((SubmitError::Closed, what, to)),
        }
        self.enter(now, NOBODY, what, to, len);
        Ok(())
    }

    fn enter(&mut self, now: Instant, session: u32, what: What, to: To, len: usize) {
        self.order += 1;
        // Who follows changes does so until told otherwise.
        let deadline = (!matches!(what, What::Watch(_))).then(|| now + self.timeouts.request);
        let number = self.slots.insert(Slot::new(self.order, session, what, to, deadline));
        self.queue.push_back(number);
        if let Some(session) = self.session(session) {
            session.entered(len);
        }
    }

    fn session(&mut self, session: u32) -> Option<&mut Session> {
        self.sessions.get_mut(session as usize)?.as_mut()
    }

    /// Begins a session of this client. The cluster hears of it when it is first used.
    pub(super) fn begin(&mut self, options: SessionOptions, window: Window) -> (u32, Arc<Notify>, Arc<Notify>) {
        let session = Session::new(options, window);
        let notices = (session.ready.clone(), session.room.clone());
        let free = self.sessions.iter().position(Option::is_none);
        let at = free.unwrap_or_else(|| {
            self.sessions.push(None);
            self.sessions.len() - 1
        });
        self.sessions[at] = Some(session);
        // As many sessions as fit into memory fit into this.
        (at as u32, notices.0, notices.1)
    }

    /// What tells that there is room again for requests without a session.
    pub(super) fn room(&self) -> Arc<Notify> {
        self.sessions[NOBODY as usize].as_ref().map(|nobody| nobody.room.clone()).unwrap_or_default()
    }

    /// Whether a session would take another command now.
    pub(super) fn has_room(&self, session: u32) -> bool {
        let session = self.sessions.get(session as usize).and_then(Option::as_ref);
        self.closed || session.is_none_or(|session| session.room(0) == Ok(true))
    }

    /// Takes what has ended, as far as its owner knows it by tags. With it, there is room for as much again.
    pub(super) fn take(&mut self, session: u32, into: &mut Vec<(u64, Outcome)>) -> usize {
        let Some(Some(session)) = self.sessions.get_mut(session as usize) else { return 0 };
        let ended = session.take(into);
        if ended > 0 {
            wake(&mut self.wake, &session.room);
        }
        ended
    }

    /// Nobody waits for a session's requests any more. Those that were not sent are dropped, the others end unheard.
    pub(super) fn end(&mut self, session: u32) {
        if session == NOBODY {
            return;
        }
        if let Some(session) = self.session(session) {
            session.abandoned = true;
        }
        let mine = |slot: &Slot| slot.session == session && slot.stage != Stage::Sent;
        for number in self.slots.numbers(mine) {
            self.finish(number, Err(RequestError::Closed));
        }
        self.tidy();
        self.dismiss(session);
    }

    /// Lets a session go that nobody has, and that nothing is left of.
    fn dismiss(&mut self, session: u32) {
        if self.session(session).is_some_and(|session| session.abandoned && session.in_flight() == 0) && session != NOBODY {
            self.sessions[session as usize] = None;
        }
    }

    /// Ends a watch that nobody follows any more.
    pub(super) fn unwatch(&mut self, closed: &mpsc::Sender<Result<Bytes, RequestError>>) {
        let mine = |slot: &Slot| matches!(&slot.to, To::Watch(changes) if changes.same_channel(closed));
        for number in self.slots.numbers(mine) {
            self.cancel(number);
        }
        self.tidy();
    }

    /// Ends everything. What was not sent was not done; of the rest nobody knows.
    pub(super) fn close(&mut self) {
        self.closed = true;
        for number in self.slots.numbers(|_| true) {
            let doubtful = self.slots.get(number).is_some_and(|slot| slot.doubtful || slot.stage == Stage::Sent);
            let why = "the client was closed before an answer came";
            self.finish(number, Err(if doubtful { RequestError::Unknown { why: why.into() } } else { RequestError::Closed }));
        }
        self.wake_all();
    }

    /// Ends what has waited too long.
    pub(super) fn expire(&mut self, now: Instant) {
        let late = self.slots.numbers(|slot| slot.deadline.is_some_and(|deadline| deadline <= now));
        if late.is_empty() {
            return;
        }
        let time = self.timeouts.request;
        for number in late {
            let Some(slot) = self.slots.get(number) else { continue };
            let why: Arc<str> = if slot.stage == Stage::Sent {
                format!("no answer came within {time:?}").into()
            } else {
                format!("it could not be sent within {time:?}: {}", self.trouble).into()
            };
            let unsure = slot.stage == Stage::Sent && !matches!(slot.what, What::Ask(_, Repeat::Freely)) || slot.doubtful;
            let error = if unsure { RequestError::Unknown { why } } else { RequestError::NotDone { why } };
            self.finish(number, Err(error));
        }
        self.tidy();
    }

    /// Ends a request. This is the only way out, so each takes it once.
    fn finish(&mut self, number: u64, end: Result<response::Body, RequestError>) {
        let Some(slot) = self.slots.remove(number) else { return };
        self.counts.ended += 1;
        self.returned(slot.stage, matches!(slot.what, What::Watch(_)));
        self.settle(&slot);
        let len = slot.len();
        let Some(Some(session)) = self.sessions.get_mut(slot.session as usize) else { return };
        match slot.to {
            To::Tag(tag) => {
                session.deliver(tag, as_written(end), len);
                wake(&mut self.wake, &session.ready);
            }
            other => {
                session.left(len);
                wake(&mut self.wake, &session.room);
                match other {
                    // Who awaited it may have stopped to.
                    To::Write(waits) => drop(waits.send(as_written(end))),
                    To::Ask(waits) => drop(waits.send(end)),
                    To::Watch(changes) => drop(end.map_err(|error| changes.try_send(Err(error)))),
                    To::Session => {
                        if let Err(error) = end {
                            self.not_opened(slot.session, &error);
                        }
                    }
                    To::Tag(_) => {}
                }
            }
        }
        self.dismiss(slot.session);
    }

    /// Removes numbers of what has ended from the lists, which otherwise go by themselves only when it is their turn.
    fn tidy(&mut self) {
        let slots = &self.slots;
        self.queue.retain(|number| slots.get(*number).is_some());
        self.redo.retain(|number| slots.get(*number).is_some());
        for session in self.sessions.iter_mut().flatten() {
            session.parked.retain(|number| slots.get(*number).is_some());
        }
    }

    /// Whom to wake, after the book was let go.
    pub(super) fn wakes(&mut self) -> Vec<Arc<Notify>> {
        std::mem::take(&mut self.wake)
    }

    /// Whether whoever sends is to be told that there is something, because it has seen that there was nothing. Over a connection that is
    /// to be left nothing is sent, whatever there is.
    pub(super) fn is_news(&mut self) -> bool {
        self.idle && self.leave.is_none() && (self.wants() || self.probe || !self.cancels.is_empty()) && std::mem::take(&mut self.idle)
    }

    fn wake_all(&mut self) {
        let notices = self.sessions.iter().flatten().flat_map(|session| [session.ready.clone(), session.room.clone()]);
        self.wake.extend(notices);
    }

    /// Whether anything was sent that an answer is awaited for, or a watch is running.
    pub(super) fn awaits(&self) -> bool {
        self.in_flight > 0 || self.watches > 0
    }

    fn wants(&self) -> bool {
        !self.queue.is_empty() || !self.redo.is_empty()
    }

    /// Whether there is anything to connect for. If not, whoever connects will be told when there is.
    pub(super) fn is_wanted(&mut self) -> bool {
        // Without a connection there is nobody to probe, and what was followed over it has ended.
        self.probe = false;
        self.cancels.clear();
        self.idle = !self.wants();
        self.wants()
    }

    /// Whether nothing is out that an answer will come to.
    pub(super) fn is_drained(&self) -> bool {
        self.in_flight == 0
    }

    /// Whether anything was asked and done since this was asked last.
    pub(super) fn worked(&mut self) -> bool {
        std::mem::take(&mut self.worked)
    }

    /// Where members serve clients, if that was heard since this was asked last.
    pub(super) fn members(&mut self) -> Option<Vec<String>> {
        self.members.take()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn leave(&self) -> Option<&Leave> {
        self.leave.as_ref()
    }

    /// What is in the way, for those who will have to be told.
    pub(super) fn troubled(&mut self, why: &str) {
        if *self.trouble != *why {
            self.trouble = why.into();
        }
    }

    /// Sends nothing for as long as was asked for, and up to half as long again.
    fn pause(&mut self, now: Instant, asked: Duration) {
        let until = now + asked + jittered(asked / 2, &mut self.rng);
        self.hold = self.hold.max(Some(until));
    }
}

/// Notes whom to wake. What comes in one go is mostly for one.
fn wake(wake: &mut Vec<Arc<Notify>>, whom: &Arc<Notify>) {
    if !wake.iter().rev().take(4).any(|noted| Arc::ptr_eq(noted, whom)) {
        wake.push(whom.clone());
    }
}

/// An answer to a command. That it is one was checked when it came.
fn as_written(end: Result<response::Body, RequestError>) -> Outcome {
    match end? {
        response::Body::Written(written) => {
            Ok(super::Written { index: written.index.into(), term: written.term.into(), answer: written.answer })
        }
        other => Err(RequestError::Refused { why: Why::Unknown, text: format!("a command was answered with {other:?}").into() }),
    }
}

/// A request as it goes over the wire.
fn request(number: u64, body: request::Body) -> Request {
    Request { number, body: Some(body) }
}
