//! What clients did and were told, as it happened.

use crate::machine::Op;

/// What a client invokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// The value of a key.
    Get {
        /// The key.
        key: u16,
    },
    /// A change.
    Change(Op),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The value.
    Value(Option<u64>),
    /// It is done; for a comparison or a deletion, whether there was what there had to be.
    Done(bool),
}

/// The number of an operation, in the order of invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpId(pub u32);

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Open,
    /// It returned this.
    Returned(Answer),
    /// It certainly took no effect.
    Failed,
    /// Nobody knows.
    Unknown,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who invoked it.
    pub client: u32,
    /// What.
    pub call: Call,
    /// When.
    pub invoked: u64,
    /// When it ended.
    pub ended: u64,
    /// How.
    pub outcome: Outcome,
}

/// Writes operations down.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    operations: Vec<Operation>,
}

impl Recorder {
    /// A client invokes an operation.
    pub fn invoke(&mut self, client: u32, call: Call, at: u64) -> OpId {
        self.operations.push(Operation { client, call, invoked: at, ended: u64::MAX, outcome: Outcome::Open });
        OpId(self.operations.len() as u32 - 1)
    }

    /// It returned.
    pub fn complete(&mut self, id: OpId, answer: Answer, at: u64) {
        self.end(id, Outcome::Returned(answer), at);
    }

    /// It took no effect.
    pub fn fail(&mut self, id: OpId, at: u64) {
        self.end(id, Outcome::Failed, at);
    }

    /// Nobody will know.
    pub fn lost(&mut self, id: OpId, at: u64) {
        self.end(id, Outcome::Unknown, at);
    }

    /// All operations, in the order of invocation.
    #[must_use]
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    fn end(&mut self, id: OpId, outcome: Outcome, at: u64) {
        if let Some(operation) = self.operations.get_mut(id.0 as usize) {
            (operation.outcome, operation.ended) = (outcome, at);
        }
    }
}
