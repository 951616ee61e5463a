//! A session of the client, which may be several of the cluster's one after the other: when one was forgotten, the next one is opened.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use super::super::limits::Window;
use super::super::outcome::{Outcome, SubmitError};

/// How often a command may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Once. The cluster keeps a session, and what got no answer is asked again in it.
    ExactlyOnce,
    /// Once or not at all. There is no session, and what got no answer ends as unknown.
    AtMostOnce,
}

/// What is done when the cluster has more to do than it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBusy {
    /// The client waits as long as it was asked to, and a little more, and asks again.
    Wait,
    /// The command ends, and whoever gave it decides.
    Report,
}

/// How a session treats its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// How often each may be carried out.
    pub delivery: Delivery,
    /// What is done when the cluster is busy.
    pub on_busy: OnBusy,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { delivery: Delivery::ExactlyOnce, on_busy: OnBusy::Wait }
    }
}

/// A window of this many sequences is kept open behind the oldest that is not settled, for each request of the window. The cluster keeps
/// the answers to all of these.
const SPAN: u64 = 4;
/// A command is never longer: with all that is around it, it fits into a frame.
const COMMAND_BYTES_MAX: usize = 4 << 20;

/// The state of a session.
pub(super) struct Session {
    pub(super) options: SessionOptions,
    window: Window,
    /// The cluster's name for it, if one is open.
    pub(super) id: Option<u64>,
    pub(super) opening: bool,
    /// How many of the cluster's sessions it had.
    pub(super) life: u32,
    last_sequence: u64,
    /// Up to here, all have ended.
    settled: u64,
    /// Behind that, which have.
    ended: VecDeque<bool>,
    /// What waits until a session is open.
    pub(super) parked: VecDeque<u64>,
    /// What counts against the window: what has not ended, and what has and was not taken.
    count: usize,
    bytes: usize,
    outbox: Vec<(u64, Outcome)>,
    /// How many bytes those in the outbox count for.
    outbox_bytes: usize,
    /// Told when there is something in the outbox.
    pub(super) ready: Arc<Notify>,
    /// Told when there is room.
    pub(super) room: Arc<Notify>,
    /// Nobody has it any more.
    pub(super) abandoned: bool,
}

impl Session {
    pub(super) fn new(options: SessionOptions, window: Window) -> Self {
        Self {
            options,
            window,
            id: None,
            opening: false,
            life: 0,
            last_sequence: 0,
            settled: 0,
            ended: VecDeque::new(),
            parked: VecDeque::new(),
            count: 0,
            bytes: 0,
            outbox: Vec::new(),
            outbox_bytes: 0,
            ready: Arc::default(),
            room: Arc::default(),
            abandoned: false,
        }
    }

    /// Whether there is room for a command of this length now.
    pub(super) fn room(&self, len: usize) -> Result<bool, SubmitError> {
        let most = self.window.bytes.min(COMMAND_BYTES_MAX);
        if len > most {
            return Err(SubmitError::TooLarge { len, most });
        }
        let span = self.last_sequence - self.settled;
        Ok(self.count < self.window.requests
            && self.bytes + len <= self.window.bytes
            && span < SPAN.saturating_mul(self.window.requests as u64))
    }

    pub(super) fn entered(&mut self, len: usize) {
        self.count += 1;
        self.bytes += len;
    }

    /// One that was not for the outbox has ended.
    pub(super) fn left(&mut self, len: usize) {
        self.count -= 1;
        self.bytes -= len;
    }

    pub(super) fn deliver(&mut self, tag: u64, outcome: Outcome, len: usize) {
        if self.abandoned {
            return self.left(len);
        }
        self.outbox.push((tag, outcome));
        self.outbox_bytes += len;
    }

    /// Gives what is in the outbox, and its room back.
    pub(super) fn take(&mut self, into: &mut Vec<(u64, Outcome)>) -> usize {
        let ended = self.outbox.len();
        self.count -= ended;
        self.bytes -= std::mem::take(&mut self.outbox_bytes);
        if into.is_empty() {
            std::mem::swap(into, &mut self.outbox);
        } else {
            into.append(&mut self.outbox);
        }
        ended
    }

    /// How many have not ended.
    pub(super) fn in_flight(&self) -> usize {
        self.count - self.outbox.len()
    }

    /// The cluster's session is open.
    pub(super) fn opened(&mut self, id: u64) {
        self.opening = false;
        self.id = Some(id);
        self.life += 1;
        (self.last_sequence, self.settled) = (0, 0);
        self.ended.clear();
    }

    /// The next number in the session, and up to where all have ended.
    pub(super) fn number(&mut self) -> u64 {
        self.last_sequence += 1;
        self.ended.push_back(false);
        self.last_sequence
    }

    /// Up to where all requests have ended, so that none of them will be sent again.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    /// A request with this number will not be sent again.
    pub(super) fn settle(&mut self, sequence: u64) {
        let at = sequence.checked_sub(self.settled + 1).and_then(|at| usize::try_from(at).ok());
        if let Some(ended) = at.and_then(|at| self.ended.get_mut(at)) {
            *ended = true;
        }
        while self.ended.front() == Some(&true) {
            self.ended.pop_front();
            self.settled += 1;
        }
    }
}
