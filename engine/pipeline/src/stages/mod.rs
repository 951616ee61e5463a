//! The five stages, each declared once: its name, the buffers that it reads and writes, and what it is dispatched over.
//!
//! A stage has one file here, one in each backend, and one shader and one kernel when those come, all under the same name. What a
//! stage *means* is said here, in its declaration; the `reference` backend says it in code.

use crate::layout::Buffer;

pub mod aggregate;
pub mod decode;
pub mod merkle;
pub mod quorum;
pub mod verify;

/// A stage of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stage {
    /// Is the vote one of this round, and where does it count?
    Decode,
    /// Does its signature verify?
    Verify,
    /// Who said what?
    Aggregate,
    /// What does that decide?
    Quorum,
    /// The tree over records.
    Merkle,
}

impl Stage {
    /// All of them, in the order in which they run.
    pub const ALL: [Stage; 5] = [Stage::Decode, Stage::Verify, Stage::Aggregate, Stage::Quorum, Stage::Merkle];

    /// What is declared of it.
    #[must_use]
    pub const fn declaration(self) -> &'static Declaration {
        match self {
            Stage::Decode => &decode::DECLARATION,
            Stage::Verify => &verify::DECLARATION,
            Stage::Aggregate => &aggregate::DECLARATION,
            Stage::Quorum => &quorum::DECLARATION,
            Stage::Merkle => &merkle::DECLARATION,
        }
    }

    /// Its name, which is also that of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.declaration().name
    }
}

/// What a stage does with a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It reads.
    Read,
    /// It writes, and nothing that was there matters.
    Write,
    /// It reads and writes.
    Update,
}

/// What a stage is dispatched over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The votes of the batch.
    Votes,
    /// The rounds that the batch touches.
    Works,
    /// The leaves of a tree.
    Leaves,
}

/// What every backend must know of a stage.
#[derive(Clone, Copy, Debug)]
pub struct Declaration {
    /// Its name.
    pub name: &'static str,
    /// Its buffers, in the order of their bindings.
    pub bindings: &'static [(Buffer, Access)],
    /// Its items.
    pub over: Over,
}
