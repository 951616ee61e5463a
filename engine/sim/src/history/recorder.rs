//! Writes a history down while it happens.
//!
//! The order of calls is the order of events: of two things that happen at the same time of a simulated clock, the one that is
//! recorded first came first. Times are kept for people to read. What is still open at the end is unknown. Whoever records bounds the
//! length; [`Recorder::len`] says how far it has come.

use thiserror::Error;

use super::{Client, History, Moment, OpId, Operation, Outcome};

/// Why something cannot have happened as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Misrecorded {
    /// There is no such operation.
    #[error("operation {} ends, but was never invoked; expected one of the {invoked} that were", id.0)]
    Never {
        /// The operation.
        id: OpId,
        /// How many there are.
        invoked: usize,
    },
    /// It ended before.
    #[error("operation {} ends twice; expected an operation that is still open", id.0)]
    Twice {
        /// The operation.
        id: OpId,
    },
    /// Numbers of events have 32 bits.
    #[error("the history has no room for another event; expected at most {} of them", u32::MAX)]
    Full,
}

/// A history in the making.
#[derive(Clone, Debug)]
pub struct Recorder<C, R> {
    operations: Vec<Operation<C, R>>,
    events: u32,
}

impl<C, R> Default for Recorder<C, R> {
    fn default() -> Self {
        Self { operations: Vec::new(), events: 0 }
    }
}

impl<C, R> Recorder<C, R> {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many operations were invoked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operations.len()
    }

    /// Whether nothing was invoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// A client invokes an operation.
    ///
    /// # Errors
    /// If there were four billion events before.
    pub fn invoke(&mut self, client: Client, call: C, at: u64) -> Result<OpId, Misrecorded> {
        let id = OpId(u32::try_from(self.operations.len()).map_err(|_| Misrecorded::Full)?);
        let invoked = self.moment(at)?;
        self.operations.push(Operation { client, call, invoked, outcome: Outcome::Unknown(None) });
        Ok(id)
    }

    /// It returned this.
    ///
    /// # Errors
    /// If it is not open.
    pub fn complete(&mut self, id: OpId, reply: R, at: u64) -> Result<(), Misrecorded> {
        self.end(id, at, |moment| Outcome::Returned(moment, reply))
    }

    /// It certainly took no effect.
    ///
    /// # Errors
    /// If it is not open.
    pub fn fail(&mut self, id: OpId, at: u64) -> Result<(), Misrecorded> {
        self.end(id, at, Outcome::Failed)
    }

    /// Nobody will ever know, and it may still take effect. Saying nothing comes to the same.
    ///
    /// # Errors
    /// If it is not open.
    pub fn lost(&mut self, id: OpId, at: u64) -> Result<(), Misrecorded> {
        self.end(id, at, |moment| Outcome::Unknown(Some(moment)))
    }

    /// What was recorded.
    #[must_use]
    pub fn history(self) -> History<C, R> {
        History { operations: self.operations }
    }

    /// The operation, if it is open.
    ///
    /// # Errors
    /// If it is not.
    pub fn open(&self, id: OpId) -> Result<&Operation<C, R>, Misrecorded> {
        match self.operations.get(id.0 as usize) {
            None => Err(Misrecorded::Never { id, invoked: self.operations.len() }),
            Some(operation) if operation.outcome_is_open() => Ok(operation),
            Some(_) => Err(Misrecorded::Twice { id }),
        }
    }

    fn end(&mut self, id: OpId, at: u64, outcome: impl FnOnce(Moment) -> Outcome<R>) -> Result<(), Misrecorded> {
        self.open(id)?;
        let moment = self.moment(at)?;
        if let Some(operation) = self.operations.get_mut(id.0 as usize) {
            operation.outcome = outcome(moment);
        }
        Ok(())
    }

    fn moment(&mut self, at: u64) -> Result<Moment, Misrecorded> {
        let order = self.events;
        self.events = order.checked_add(1).ok_or(Misrecorded::Full)?;
        Ok(Moment { order, at })
    }
}

impl<C, R> Operation<C, R> {
    fn outcome_is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Unknown(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_ends_once_and_only_if_it_was_invoked() {
        let mut recorder = Recorder::<u8, u8>::new();
        assert_eq!(recorder.fail(OpId(0), 3), Err(Misrecorded::Never { id: OpId(0), invoked: 0 }));
        let id = recorder.invoke(Client(7), 1, 10).expect("there is room");
        assert_eq!(recorder.complete(id, 2, 11), Ok(()));
        assert_eq!(recorder.lost(id, 12), Err(Misrecorded::Twice { id }));
        let lost = recorder.invoke(Client(7), 3, 12).expect("there is room");
        assert_eq!((recorder.lost(lost, 13), recorder.len()), (Ok(()), 2));
        assert_eq!(recorder.complete(lost, 0, 14), Err(Misrecorded::Twice { id: lost }));
        let history = recorder.history();
        assert_eq!(history.operations()[0].outcome, Outcome::Returned(Moment { order: 1, at: 11 }, 2));
        assert_eq!((history.clients(), history.get(OpId(2))), (1, None));
    }
}
