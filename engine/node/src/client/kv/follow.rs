//! Following changes through broken connections and changes of leaders: each change once, in order, without a gap that is not told.

use quorate_core::codec::DecodeError;
use quorate_kv::{Changes, Following, Revision, Watch};
use quorate_net::wire::client::Why;
use thiserror::Error;

use super::super::watch::{Watch as Raw, WatchEnd};
use super::super::{Client, RequestError};

/// Somebody who follows changes of keys.
pub struct Follow {
    client: Client,
    /// What is followed, and before where everything was told.
    place: Following,
    raw: Option<Raw>,
}

/// Why changes cannot be followed any further.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FollowError {
    /// What comes next was compacted away: something happened that nobody can tell any more. Read the keys, and follow from there.
    #[error("changes from revision {from} on cannot be told: {text}")]
    Compacted {
        /// Up to before this revision, everything was told.
        from: Revision,
        /// What is there still.
        text: String,
    },
    /// The cluster refuses.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// What came is not in the store's language.
    #[error("changes cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
}

impl Follow {
    pub(super) fn new(client: Client, watch: Watch, from: Revision) -> Self {
        Self { client, place: Following { watch, from: from.into() }, raw: None }
    }

    /// From where the next changes are.
    #[must_use]
    pub fn next_revision(&self) -> Revision {
        self.place.from.revision
    }

    /// The next changes. If the future is dropped before, nothing is lost.
    ///
    /// # Errors
    /// If it cannot go on.
    pub async fn next(&mut self) -> Result<Changes, FollowError> {
        loop {
            let raw = match &mut self.raw {
                Some(raw) => raw,
                none => none.insert(self.client.watch(self.place.encode()).await?),
            };
            match raw.next().await {
                Ok(bytes) => {
                    let changes = Changes::decode(&bytes)?;
                    self.place.from = changes.next;
                    return Ok(changes);
                }
                Err(WatchEnd::Broken) => self.raw = None,
                Err(WatchEnd::Refused(RequestError::Refused { why: Why::Compacted, text })) => {
                    return Err(FollowError::Compacted { from: self.place.from.revision, text: text.as_ref().into() });
                }
                Err(WatchEnd::Refused(error)) => return Err(error.into()),
            }
        }
    }
}
