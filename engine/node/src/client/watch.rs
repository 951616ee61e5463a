//! Somebody who follows changes, as they come from the connection.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::Client;
use super::lane::Lane;
use super::outcome::RequestError;

/// How many answers wait for a follower who is slow. Then the watch ends, and begins again where the follower is.
const WAITING_MAX: usize = 64;

type Item = Result<Bytes, RequestError>;

pub(super) fn channel() -> (mpsc::Sender<Item>, mpsc::Receiver<Item>) {
    mpsc::channel(WAITING_MAX)
}

/// Changes, in the state machine's language, in order and without gaps as long as it lasts.
pub struct Watch {
    lane: Arc<Lane>,
    /// By this the book knows it.
    known: mpsc::WeakSender<Item>,
    changes: mpsc::Receiver<Item>,
    _client: Client,
}

/// Why no more changes come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// The connection ended, or this follower did not keep up. Ask again from where it is.
    Broken,
    /// The cluster refuses to go on.
    Refused(RequestError),
}

impl Watch {
    pub(super) fn new(client: Client, lane: Arc<Lane>, known: mpsc::WeakSender<Item>, changes: mpsc::Receiver<Item>) -> Self {
        Self { lane, known, changes, _client: client }
    }

    /// The next changes.
    ///
    /// # Errors
    /// If there will be none.
    pub async fn next(&mut self) -> Result<Bytes, WatchEnd> {
        match self.changes.recv().await {
            Some(Ok(changes)) => Ok(changes),
            Some(Err(error)) => Err(WatchEnd::Refused(error)),
            None => Err(WatchEnd::Broken),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(known) = self.known.upgrade() {
            self.lane.with(|book| book.unwatch(&known));
        }
    }
}
