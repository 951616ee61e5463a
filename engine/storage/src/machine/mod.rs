//! State machines: what the agreed entries are applied to.
//!
//! An embedder brings a [`StateMachine`]: bytes in, bytes out. It must be **deterministic**: the same commands in the same order give the
//! same state and the same responses on every member, whatever the time, the machine, the order of a hash map or the size of a batch. A
//! command that makes no sense is therefore answered with a response that says so. An *error* means that this code cannot go on
//! here: it stops the partition on this member ([`Host`]), and the entry is applied again after a restart.
//!
//! A machine may live in memory, and is then rebuilt from a snapshot and the log. Or it may live on disk, and then knows how far it is
//! ([`StateMachine::durable`]): its mark is written in the same transaction as the changes.
//!
//! | machine | lives | for |
//! |---|---|---|
//! | [`HashMapMachine`] | in memory | the example to read first |
//! | [`TableMachine`] | on env's disk, in redb | the same store for states that outgrow memory |
//! | [`Sessioned`] | where the machine in it lives, in memory | any machine whose clients repeat requests |

mod backend;
mod envelope;
mod hash_map;
mod host;
mod pairs;
mod request;
mod sessioned;
pub mod sessions;
mod table;

use std::error::Error;
use std::io;
use std::sync::Arc;

use quorate_core::codec::DecodeError;
use quorate_core::ids::Height;
use thiserror::Error;

pub use backend::DiskBackend;
pub use envelope::{Envelope, Reply};
pub use hash_map::HashMapMachine;
pub(crate) use host::said;
pub use host::{Host, HostError, Reason, Response, Stopped};
pub use request::{Answer, Request};
pub use sessioned::Sessioned;
pub use sessions::Sessions;
pub use table::TableMachine;

use crate::store::Mark;

/// An agreed entry, as a machine sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    /// Its place in the log.
    pub mark: Mark,
    /// What it says.
    pub payload: &'a [u8],
}

/// Why a machine cannot go on.
#[derive(Clone, Debug, Error)]
pub enum MachineError {
    /// The command is not in this machine's language.
    #[error("the command cannot be read: {0}")]
    Command(#[from] DecodeError),
    /// The machine was asked for something that it does not do.
    #[error("{0}")]
    Refused(String),
    /// The bytes that a state should be restored from are not a state.
    #[error("the snapshot cannot be restored: {0}")]
    Snapshot(Arc<io::Error>),
    /// The machine's own files fail.
    #[error("the machine's disk failed while {doing}: {problem}")]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// What went wrong.
        problem: Arc<dyn Error + Send + Sync>,
    },
}

/// Why a batch was not applied to its end.
#[derive(Clone, Debug, Error)]
#[error("entry {index}: {problem}")]
pub struct BatchError {
    /// The first entry that was not applied.
    pub index: Height,
    /// Why.
    pub problem: MachineError,
}

/// A state as it was at one moment, to be written out while the machine goes on.
pub trait SnapshotSource: Send {
    /// Writes all of it. The same state gives the same bytes on every member.
    ///
    /// # Errors
    /// If the state cannot be read, or `to` takes no more.
    fn write_to(&mut self, to: &mut dyn io::Write) -> io::Result<()>;
}

/// What agreed entries are applied to. See the [module](self) for what it owes.
pub trait StateMachine: Send {
    /// Applies one command and answers it.
    ///
    /// # Errors
    /// If this code cannot go on. The state must be as before the command.
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError>;

    /// Applies commands in order, and appends one response for each. Machines on disk make it one transaction, with the last mark in it.
    ///
    /// A response is appended only when its command is applied to stay, so that whoever catches an error knows how far it went.
    ///
    /// # Errors
    /// The first command that could not be applied. Those before it are, and have their responses; or none is, and none has.
    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        for command in batch {
            let response = self.apply(command.payload).map_err(|problem| BatchError { index: command.mark.index, problem })?;
            responses.push(response);
        }
        Ok(())
    }

    /// Freezes the state as it is now. It should take no time; the writing is done later, on any thread.
    ///
    /// # Errors
    /// If the machine's disk fails.
    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError>;

    /// Replaces the whole state by one that was written by [`SnapshotSource::write_to`] after the entry at `at`.
    ///
    /// # Errors
    /// If the bytes are not such a state, or cannot be read. The state must be as before, then.
    fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError>;

    /// The last entry whose effects survive a crash. Zero for a machine in memory.
    fn durable(&self) -> Mark {
        Mark::default()
    }

    /// Makes everything applied so far durable. Nothing to do for a machine in memory.
    ///
    /// # Errors
    /// If the disk fails, which is final.
    fn sync(&mut self) -> Result<(), MachineError> {
        Ok(())
    }
}

impl<M: StateMachine + ?Sized> StateMachine for Box<M> {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        (**self).apply(command)
    }

    fn apply_batch(&mut self, batch: &[Command<'_>], responses: &mut Vec<Vec<u8>>) -> Result<(), BatchError> {
        (**self).apply_batch(batch, responses)
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        (**self).snapshot()
    }

    fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        (**self).restore(at, from)
    }

    fn durable(&self) -> Mark {
        (**self).durable()
    }

    fn sync(&mut self) -> Result<(), MachineError> {
        (**self).sync()
    }
}
