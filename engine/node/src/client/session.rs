//! Commands of one session: given one by one, and taken when they have ended, one by one or all at once.
//!
//! There are two ways to use it. [`Session::write`] is a future for each command. [`Session::submit`] and [`Session::next_batch`] are for
//! those who have very many: a command costs an entry in a list, and one wake-up brings all that has ended since the last.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quorate_net::wire::client::Why;
use tokio::sync::{Notify, oneshot};

use super::book::To;
use super::lane::Lane;
use super::limits::Window;
use super::outcome::{Outcome, RequestError, SubmitError};
use super::{Client, SessionOptions};

/// A session. What is promised of its commands is said in the [module of clients](super).
///
/// When it is dropped, commands that were not sent are dropped with it, and nobody hears how the others end.
pub struct Session {
    commands: Commands,
    /// As long as there is a session, its client goes on.
    _client: Client,
}

/// The commands of a session, for whoever owns them.
pub(super) struct Commands {
    lane: Arc<Lane>,
    at: u32,
    ready: Arc<Notify>,
    room: Arc<Notify>,
}

impl Commands {
    pub(super) fn begin(lane: Arc<Lane>, options: SessionOptions, window: Window) -> Self {
        let (at, ready, room) = lane.with(|book| book.begin(options, window));
        Self { lane, at, ready, room }
    }

    fn give(&self, to: To, command: Bytes) -> Result<(), (SubmitError, To)> {
        let now = Instant::now();
        self.lane.with(|book| book.submit(now, self.at, to, command))
    }

    pub(super) async fn write(&self, command: Bytes) -> Outcome {
        let (waits, end) = oneshot::channel();
        let (mut command, mut to) = (command, To::Write(waits));
        loop {
            // Whoever makes room may do so between the attempt and the waiting.
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            match self.give(to, command) {
                Ok(()) => return end.await.unwrap_or(Err(RequestError::Closed)),
                Err((SubmitError::Full(back), waits)) => (command, to) = (back, waits),
                Err((SubmitError::TooLarge { len, most }, _)) => return Err(too_large(len, most)),
                Err((SubmitError::Closed, _)) => return Err(RequestError::Closed),
            }
            room.await;
        }
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.lane.with(|book| book.end(self.at));
    }
}

/// What is larger than everything that may be in flight is refused without being sent.
pub(super) fn too_large(len: usize, most: usize) -> RequestError {
    RequestError::Refused { why: Why::BadRequest, text: format!("it has {len} bytes; expected at most {most}").into() }
}

impl Session {
    pub(super) fn begin(client: Client, lane: Arc<Lane>, options: SessionOptions, window: Window) -> Self {
        Self { commands: Commands::begin(lane, options, window), _client: client }
    }

    /// Gives a command. How it ends comes out of [`Self::next_batch`] under this tag, which may be any number.
    ///
    /// # Errors
    /// If there is no room for it now (see [`Self::room`]), or never will be, or the client was closed.
    pub fn submit(&self, command: Bytes, tag: u64) -> Result<(), SubmitError> {
        self.commands.give(To::Tag(tag), command).map_err(|(error, _)| error)
    }

    /// Waits until there is room for another command. Somebody else may take it first.
    pub async fn room(&self) {
        loop {
            let mut room = pin!(self.commands.room.notified());
            room.as_mut().enable();
            if self.commands.lane.with(|book| book.has_room(self.commands.at)) {
                return;
            }
            room.await;
        }
    }

    /// Appends what has ended since the last call, without waiting, and says how many that are. That makes room for as many.
    pub fn try_next_batch(&mut self, into: &mut Vec<(u64, Outcome)>) -> usize {
        self.commands.lane.with(|book| book.take(self.commands.at, into))
    }

    /// Waits until something has ended, and appends all that has. Only what was given by [`Self::submit`] comes out here.
    pub async fn next_batch(&mut self, into: &mut Vec<(u64, Outcome)>) -> usize {
        loop {
            let mut ready = pin!(self.commands.ready.notified());
            ready.as_mut().enable();
            let ended = self.commands.lane.with(|book| book.take(self.commands.at, into));
            if ended > 0 {
                return ended;
            }
            ready.await;
        }
    }

    /// Gives a command, as soon as there is room, and waits for its end. If the future is dropped before, the command may be carried out
    /// all the same.
    ///
    /// # Errors
    /// If it was not carried out, or nobody knows.
    pub async fn write(&self, command: impl Into<Bytes>) -> Outcome {
        self.commands.write(command.into()).await
    }
}
