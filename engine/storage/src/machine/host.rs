//! One partition's machine, kept at arm's length.
//!
//! A host applies committed entries in order and refuses a gap. The machine is somebody else's code: when it gives an error, or panics,
//! this partition stops where it is and every later call says why. Nothing else is affected, other partitions go on, and the entry is
//! still in the log, so that it is applied again after a restart with mended code. A machine that stopped is never snapshotted: what a
//! panic left behind is nobody's state.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate_core::ids::{Height, PartitionId, View};
use thiserror::Error;

use super::{Command, MachineError, SnapshotSource, StateMachine};
use crate::store::{Entry, Mark};

/// Why a partition stopped.
#[derive(Clone, Debug, Error)]
pub enum Reason {
    /// The machine said that it cannot go on.
    #[error("{0}")]
    Failed(#[from] MachineError),
    /// The machine panicked.
    #[error("the state machine panicked: {0}")]
    Panicked(String),
    /// The machine does not answer as it must.
    #[error("the state machine gave {found} responses to {expected} commands")]
    Responses {
        /// How many it gave.
        found: usize,
        /// How many commands there were.
        expected: usize,
    },
}

/// A partition that stopped.
#[derive(Clone, Debug, Error)]
#[error("partition {partition} has stopped at entry {index}: {reason}")]
pub struct Stopped {
    /// Which.
    pub partition: PartitionId,
    /// The entry that could not be applied; if something else failed, the one that would have come next.
    pub index: Height,
    /// Why.
    pub reason: Reason,
}

/// Why a host did not do something.
#[derive(Clone, Debug, Error)]
pub enum HostError {
    /// The machine cannot go on.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// There is an entry missing. Nothing was applied.
    #[error("partition {partition}: entry {found} was to be applied; expected {expected}")]
    Gap {
        /// Whose.
        partition: PartitionId,
        /// The entry that came.
        found: Height,
        /// The one that should have.
        expected: Height,
    },
    /// An entry is from another history than those before it. Nothing was applied.
    #[error("partition {partition}: entry {index} is of term {found}; expected {expected}")]
    OtherTerm {
        /// Whose.
        partition: PartitionId,
        /// Which.
        index: Height,
        /// Its term.
        found: View,
        /// What it may be.
        expected: String,
    },
}

/// What the machine said to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The entry.
    pub mark: Mark,
    /// What it said.
    pub bytes: Vec<u8>,
}

/// Runs one partition's machine.
pub struct Host {
    partition: PartitionId,
    machine: Box<dyn StateMachine>,
    applied: Mark,
    stopped: Option<Stopped>,
}

impl Host {
    /// Runs a machine that was just made or opened, and so has exactly what is durable.
    #[must_use]
    pub fn new(partition: PartitionId, machine: Box<dyn StateMachine>) -> Self {
        let applied = machine.durable();
        Self { partition, machine, applied, stopped: None }
    }

    /// Which partition it is.
    #[must_use]
    pub fn partition(&self) -> PartitionId {
        self.partition
    }

    /// The last entry that was applied.
    #[must_use]
    pub fn applied(&self) -> Mark {
        self.applied
    }

    /// The last entry whose effects survive a crash.
    #[must_use]
    pub fn durable(&self) -> Mark {
        self.machine.durable()
    }

    /// Why it stopped, if it did.
    #[must_use]
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// The machine, to be asked what needs no entry.
    #[must_use]
    pub fn machine(&self) -> &dyn StateMachine {
        self.machine.as_ref()
    }

    /// Applies committed entries. Those that the machine has already are skipped and get no response.
    ///
    /// # Errors
    /// If entries are missing, or the machine cannot go on. In the second case, what was applied before it has its responses.
    pub fn apply(&mut self, entries: &[Entry], responses: &mut Vec<Response>) -> Result<(), HostError> {
        let batch: Vec<_> = entries.iter().map(|entry| Command { mark: entry.mark, payload: &entry.payload }).collect();
        self.apply_commands(&batch, responses)
    }

    /// Applies committed entries that are somewhere in memory, as [`Self::apply`] does.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_commands(&mut self, batch: &[Command<'_>], responses: &mut Vec<Response>) -> Result<(), HostError> {
        self.running()?;
        let known = batch.iter().take_while(|entry| entry.mark.index <= self.applied.index).count();
        self.admit(batch)?;
        let batch = &batch[known..];
        let Some(first) = batch.first() else { return Ok(()) };
        let mut answers = Vec::with_capacity(batch.len());
        let machine = &mut self.machine;
        let outcome = catch_unwind(AssertUnwindSafe(|| machine.apply_batch(batch, &mut answers)));
        let (found, expected) = (answers.len(), batch.len());
        if found > expected {
            return Err(self.stop(first.mark.index, Reason::Responses { found, expected }));
        }
        if let Some(last) = found.checked_sub(1) {
            self.applied = batch[last].mark;
        }
        responses.extend(batch.iter().zip(answers).map(|(command, bytes)| Response { mark: command.mark, bytes }));
        match outcome {
            Ok(Ok(())) if found == expected => Ok(()),
            Ok(Ok(())) => Err(self.stop(batch[found].mark.index, Reason::Responses { found, expected })),
            Ok(Err(error)) => Err(self.stop(error.index, error.problem.into())),
            Err(panic) => Err(self.stop(batch.get(found).unwrap_or(first).mark.index, Reason::Panicked(said(panic.as_ref())))),
        }
    }

    /// Freezes the state, which is that after [`Self::applied`].
    ///
    /// # Errors
    /// If the machine cannot go on.
    pub fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, HostError> {
        self.call(|machine| machine.snapshot())
    }

    /// Replaces the state by one from elsewhere.
    ///
    /// # Errors
    /// If the machine cannot go on.
    pub fn restore(&mut self, at: Mark, from: &mut dyn io::Read) -> Result<(), HostError> {
        self.call(|machine| machine.restore(at, from))?;
        self.applied = at;
        Ok(())
    }

    /// Makes everything applied so far durable, where the machine is on disk.
    ///
    /// # Errors
    /// If the machine cannot go on.
    pub fn sync(&mut self) -> Result<(), HostError> {
        self.call(|machine| machine.sync())
    }

    fn running(&self) -> Result<(), HostError> {
        self.stopped.as_ref().map_or(Ok(()), |stopped| Err(stopped.clone().into()))
    }

    /// Calls somebody else's code.
    fn call<T>(&mut self, call: impl FnOnce(&mut dyn StateMachine) -> Result<T, MachineError>) -> Result<T, HostError> {
        self.running()?;
        let machine = self.machine.as_mut();
        let reason = match catch_unwind(AssertUnwindSafe(|| call(machine))) {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error.into(),
            Err(panic) => Reason::Panicked(said(panic.as_ref())),
        };
        Err(self.stop(Height(self.applied.index.0.saturating_add(1)), reason))
    }

    fn stop(&mut self, index: Height, reason: Reason) -> HostError {
        let stopped = Stopped { partition: self.partition, index, reason };
        self.stopped = Some(stopped.clone());
        stopped.into()
    }

    /// Whether these entries continue what was applied, without a gap and in one history.
    fn admit(&self, entries: &[Command<'_>]) -> Result<(), HostError> {
        let partition = self.partition;
        let mut last = self.applied;
        for entry in entries {
            let (index, found) = (entry.mark.index, entry.mark.term);
            if index <= self.applied.index && last == self.applied {
                if index == last.index && found != last.term {
                    return Err(HostError::OtherTerm { partition, index, found, expected: last.term.to_string() });
                }
                continue;
            }
            if index.0 != last.index.0.saturating_add(1) {
                return Err(HostError::Gap { partition, found: index, expected: Height(last.index.0.saturating_add(1)) });
            }
            if found < last.term {
                return Err(HostError::OtherTerm { partition, index, found, expected: format!("{} or later", last.term) });
            }
            last = entry.mark;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Host")
            .field("partition", &self.partition)
            .field("applied", &self.applied)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "something that is no text".into())
}
