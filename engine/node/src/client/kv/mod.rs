//! The key-value store as its clients see it: its own types in, its own types out.

mod follow;

use quorate_core::codec::DecodeError;
use quorate_kv::{
    Answer, Command, Delete, Found, KeyValue, Keys, LeaseId, LeaseInfo, Op, Outcome, Put, Query, QueryAnswer, Range, Refusal, Revision,
    Told, Transaction, Watch,
};
use quorate_net::wire::client::Sureness;
use thiserror::Error;

use super::{Client, RequestError};

pub use follow::{Follow, FollowError};

/// The store, for one client.
#[derive(Clone)]
pub struct Kv {
    client: Client,
    sureness: Sureness,
}

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KvError {
    /// The request did not come to a good end.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The store refuses. Nothing was changed.
    #[error("the store refuses: {0}")]
    Refused(#[from] Refusal),
    /// What was answered is not in the store's language. If it was a command, it was carried out.
    #[error("the store's answer cannot be read: {0}")]
    Unreadable(#[from] DecodeError),
    /// What was answered does not fit what was asked. If it was a command, it was carried out.
    #[error("the store answered {found} when asked to {asked}")]
    Unfit {
        /// What came.
        found: String,
        /// What was asked.
        asked: &'static str,
    },
}

/// What a put did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutDone {
    /// The store's revision after it.
    pub revision: Revision,
    /// What was there before, if that was asked for and there was something.
    pub prev: Option<KeyValue>,
}

/// What a deletion did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteDone {
    /// The store's revision after it.
    pub revision: Revision,
    /// How many keys there were.
    pub deleted: u64,
    /// What was there before, if that was asked for.
    pub prev: Vec<KeyValue>,
}

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionDone {
    /// The store's revision after it.
    pub revision: Revision,
    /// Whether all comparisons held.
    pub succeeded: bool,
    /// What each operation of the list that was carried out did.
    pub outcomes: Vec<Outcome>,
}

impl Client {
    /// The key-value store.
    #[must_use]
    pub fn kv(&self) -> Kv {
        Kv { client: self.clone(), sureness: Sureness::Linearizable }
    }
}

impl Kv {
    /// The same store, read as far as the member has it that the client is connected to: fast, and perhaps old.
    #[must_use]
    pub fn local(&self) -> Self {
        Self { sureness: Sureness::Local, ..self.clone() }
    }

    /// Writes a key.
    ///
    /// # Errors
    /// If it was not written, or nobody knows.
    pub async fn put(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Result<PutDone, KvError> {
        self.put_with(Put::new(key, value)).await
    }

    /// Writes a key, with all that can be said about it.
    ///
    /// # Errors
    /// If it was not written, or nobody knows.
    pub async fn put_with(&self, put: Put) -> Result<PutDone, KvError> {
        match self.command(&Command::Put(put)).await? {
            Answer { revision, outcome: Outcome::Put { prev } } => Ok(PutDone { revision, prev }),
            other => Err(unfit(&other.outcome, "put a key")),
        }
    }

    /// Deletes keys.
    ///
    /// # Errors
    /// If they were not deleted, or nobody knows.
    pub async fn delete(&self, keys: Keys) -> Result<DeleteDone, KvError> {
        self.delete_with(Delete { keys, prev_kv: false }).await
    }

    /// Deletes keys, with all that can be said about it.
    ///
    /// # Errors
    /// If they were not deleted, or nobody knows.
    pub async fn delete_with(&self, delete: Delete) -> Result<DeleteDone, KvError> {
        match self.command(&Command::Delete(delete)).await? {
            Answer { revision, outcome: Outcome::Deleted { deleted, prev } } => Ok(DeleteDone { revision, deleted, prev }),
            other => Err(unfit(&other.outcome, "delete keys")),
        }
    }

    /// Compares, and carries out one of two lists of operations.
    ///
    /// # Errors
    /// If none was carried out, or nobody knows.
    pub async fn transaction(&self, transaction: Transaction) -> Result<TransactionDone, KvError> {
        match self.command(&Command::Transaction(transaction)).await? {
            Answer { revision, outcome: Outcome::Transaction { succeeded, outcomes } } => {
                Ok(TransactionDone { revision, succeeded, outcomes })
            }
            other => Err(unfit(&other.outcome, "carry out a transaction")),
        }
    }

    /// Writes a key only if it is not there. Says whether it did.
    ///
    /// # Errors
    /// If it was not carried out, or nobody knows.
    pub async fn put_new(&self, put: Put) -> Result<bool, KvError> {
        let absent =
            quorate_kv::Compare { keys: Keys::one(put.key.clone()), is: quorate_kv::Is::Equal, target: quorate_kv::Target::Version(0) };
        let transaction = Transaction { compares: vec![absent], success: vec![Op::Put(put)], failure: Vec::new() };
        Ok(self.transaction(transaction).await?.succeeded)
    }

    /// Reads a key.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&self, key: impl Into<Vec<u8>>) -> Result<Option<KeyValue>, KvError> {
        Ok(self.range(Range::new(Keys::one(key))).await?.1.kvs.pop())
    }

    /// Reads keys, and says at which revision of the store.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn range(&self, range: Range) -> Result<(Revision, Found), KvError> {
        match self.query(&Query::Range(range)).await? {
            QueryAnswer { revision, told: Told::Range(found) } => Ok((revision, found)),
            other => Err(unfit(&other.told, "read keys")),
        }
    }

    /// Makes a lease. The store chooses a name if it is given [`LeaseId::NONE`].
    ///
    /// # Errors
    /// If none was made, or nobody knows.
    pub async fn grant(&self, lease: LeaseId, ttl_seconds: u64) -> Result<LeaseId, KvError> {
        match self.command(&Command::Grant { lease, ttl_seconds }).await?.outcome {
            Outcome::Granted { lease, .. } => Ok(lease),
            other => Err(unfit(&other, "grant a lease")),
        }
    }

    /// Renews a lease, and says for how many seconds it lives from now on.
    ///
    /// # Errors
    /// If it was not renewed, or nobody knows.
    pub async fn keep_alive(&self, lease: LeaseId) -> Result<u64, KvError> {
        match self.command(&Command::KeepAlive(lease)).await?.outcome {
            Outcome::KeptAlive { ttl_seconds, .. } => Ok(ttl_seconds),
            other => Err(unfit(&other, "keep a lease alive")),
        }
    }

    /// Ends a lease, and says how many keys went with it.
    ///
    /// # Errors
    /// If it was not ended, or nobody knows.
    pub async fn revoke(&self, lease: LeaseId) -> Result<u64, KvError> {
        match self.command(&Command::Revoke(lease)).await?.outcome {
            Outcome::Ended { deleted, .. } => Ok(deleted),
            other => Err(unfit(&other, "revoke a lease")),
        }
    }

    /// What is known of a lease, with its keys.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn lease(&self, lease: LeaseId) -> Result<LeaseInfo, KvError> {
        match self.query(&Query::Lease { lease, keys: true }).await?.told {
            Told::Lease(info) => Ok(info),
            other => Err(unfit(&other, "tell of a lease")),
        }
    }

    /// Which leases there are.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn leases(&self) -> Result<Vec<LeaseId>, KvError> {
        match self.query(&Query::Leases).await?.told {
            Told::Leases(leases) => Ok(leases),
            other => Err(unfit(&other, "tell of leases")),
        }
    }

    /// Forgets what was before a revision.
    ///
    /// # Errors
    /// If it was not forgotten, or nobody knows.
    pub async fn compact(&self, revision: Revision) -> Result<(), KvError> {
        match self.command(&Command::Compact(revision)).await?.outcome {
            Outcome::Compacted => Ok(()),
            other => Err(unfit(&other, "compact")),
        }
    }

    /// Follows changes, from a revision on, or from now on: from behind everything that had been written when this was called.
    ///
    /// # Errors
    /// If nobody says which revision is the newest.
    pub async fn watch(&self, watch: Watch, from: Option<Revision>) -> Result<Follow, KvError> {
        let from = match from {
            Some(from) => from,
            None => Revision(self.revision().await?.0 + 1),
        };
        Ok(Follow::new(self.client.clone(), watch, from))
    }

    /// The newest revision.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn revision(&self) -> Result<Revision, KvError> {
        let range = Range { count_only: true, ..Range::new(Keys::one([0])) };
        Ok(self.range(range).await?.0)
    }

    /// Puts any command to the store.
    ///
    /// # Errors
    /// If it was not carried out, the store refuses it, or nobody knows.
    pub async fn command(&self, command: &Command) -> Result<Answer, KvError> {
        let written = self.client.write(command.encode()).await?;
        match Answer::decode(&written.answer)? {
            Answer { outcome: Outcome::Refused(refusal), .. } => Err(refusal.into()),
            answer => Ok(answer),
        }
    }

    /// Asks the store anything.
    ///
    /// # Errors
    /// If there is no answer, or the store refuses it.
    pub async fn query(&self, query: &Query) -> Result<QueryAnswer, KvError> {
        match QueryAnswer::decode(&self.client.read(query.encode(), self.sureness).await?)? {
            QueryAnswer { told: Told::Refused(refusal), .. } => Err(refusal.into()),
            answer => Ok(answer),
        }
    }
}

fn unfit(found: &impl std::fmt::Debug, asked: &'static str) -> KvError {
    KvError::Unfit { found: format!("{found:?}"), asked }
}
