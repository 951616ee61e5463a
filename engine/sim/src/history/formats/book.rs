//! Events of processes, each of which has at most one operation open: what the two published formats have in common.

use std::collections::BTreeMap;

use super::super::models::{Call, Reply};
use super::super::{Client, History, Misrecorded, OpId, Recorder};
use super::{OPERATIONS_MAX, Wrong};

/// What a line says has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Invoke,
    Ok,
    Fail,
    Info,
}

impl Type {
    pub(super) fn of(word: &str) -> Result<Self, Wrong> {
        match word {
            ":invoke" => Ok(Self::Invoke),
            ":ok" => Ok(Self::Ok),
            ":fail" => Ok(Self::Fail),
            ":info" => Ok(Self::Info),
            _ => Err(Wrong::new(word, "one of :invoke, :ok, :fail and :info")),
        }
    }
}

/// A process's number.
pub(super) fn process(word: &str) -> Result<u64, Wrong> {
    word.parse().map_err(|_| Wrong::new(word, "the number of a process"))
}

#[derive(Default)]
pub(super) struct Book {
    recorder: Recorder<Call, Reply>,
    open: BTreeMap<u64, OpId>,
}

impl From<Misrecorded> for Wrong {
    fn from(error: Misrecorded) -> Self {
        Self::said(error.to_string(), "an event that can have happened")
    }
}

impl Book {
    pub(super) fn invoke(&mut self, process: u64, call: Call, line: u64) -> Result<(), Wrong> {
        room(&self.recorder)?;
        if let Some(open) = self.open.get(&process).and_then(|id| self.recorder.open(*id).ok()) {
            let found = format!("another operation of process {process}, whose {} of line {} is open", open.call, open.invoked.at);
            return Err(Wrong::said(found, "its end"));
        }
        let id = self.recorder.invoke(Client(process), call, line)?;
        self.open.insert(process, id);
        Ok(())
    }

    /// What a process has open, which an event of this name says something about.
    pub(super) fn opened(&self, process: u64) -> Result<&Call, Wrong> {
        let id = self.open.get(&process).ok_or_else(|| {
            Wrong::said(format!("the end of an operation of process {process}, which has none open"), "an invocation before it")
        })?;
        Ok(&self.recorder.open(*id)?.call)
    }

    pub(super) fn end(&mut self, process: u64, end: End, line: u64) -> Result<(), Wrong> {
        self.opened(process)?;
        let Some(id) = self.open.remove(&process) else { return Ok(()) };
        match end {
            End::Returned(reply) => self.recorder.complete(id, reply, line)?,
            End::Failed => self.recorder.fail(id, line)?,
            End::Lost => self.recorder.lost(id, line)?,
        }
        Ok(())
    }

    pub(super) fn history(self) -> History<Call, Reply> {
        self.recorder.history()
    }
}

/// How an operation ends.
pub(super) enum End {
    Returned(Reply),
    Failed,
    Lost,
}

/// Whether one more operation may be read.
pub(super) fn room(recorder: &Recorder<Call, Reply>) -> Result<(), Wrong> {
    if recorder.len() >= OPERATIONS_MAX {
        return Err(Wrong::said("one more operation", format!("at most {OPERATIONS_MAX}")));
    }
    Ok(())
}

/// An end must be of the operation that is open.
pub(super) fn same(open: &Call, end: &Call) -> Result<(), Wrong> {
    if open == end {
        return Ok(());
    }
    Err(Wrong::said(format!("the end of a {end}"), format!("that of the process's open operation, a {open}")))
}
