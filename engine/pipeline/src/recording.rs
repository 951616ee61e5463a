//! A recording: what to upload, dispatch and download, as data.
//!
//! The host describes a run once, by letting each stage append its commands; every backend executes the same list. A backend may
//! fuse what stands side by side, as long as the bytes that come out are the same.

use crate::layout::Buffer;
use crate::stages::Stage;

/// A range of a buffer, in units of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first record.
    pub first: u32,
    /// How many records.
    pub count: u32,
}

/// One step of a run.
#[derive(Clone, Copy, Debug)]
pub enum Command<'a> {
    /// These bytes are the buffer, until the recording ends.
    Upload {
        /// The buffer.
        to: Buffer,
        /// Its contents.
        bytes: &'a [u8],
    },
    /// Rows of a table have changed in the host's copy of it.
    Refresh {
        /// The table.
        to: Buffer,
        /// The length of a row.
        row_bytes: usize,
        /// Which rows.
        rows: &'a [u32],
        /// The host's copy of the whole table.
        copy: &'a [u8],
    },
    /// A stretch of a table is new.
    Write {
        /// The table.
        to: Buffer,
        /// Where the stretch begins, in bytes.
        offset: usize,
        /// What it holds.
        bytes: &'a [u8],
    },
    /// Records become zero.
    Clear {
        /// The buffer.
        of: Buffer,
        /// The length of a record.
        record_bytes: usize,
        /// Which records.
        spans: &'a [Span],
    },
    /// A stage runs over so many items, as its declaration says which.
    Dispatch {
        /// The stage.
        stage: Stage,
        /// How many items.
        items: usize,
        /// For merkle, the code of the hash; otherwise zero.
        parameter: u8,
    },
    /// The host will read the beginning of this buffer.
    Download {
        /// The buffer.
        from: Buffer,
        /// How many bytes.
        bytes: usize,
    },
}

/// The most commands that a run has.
pub const MAX_COMMANDS: usize = 18;

/// The commands of one run, in order. It lives on the stack: a small round must not pay for an allocation.
#[derive(Clone, Debug)]
pub struct Recording<'a> {
    commands: [Option<Command<'a>>; MAX_COMMANDS],
    len: usize,
    timed: bool,
}

impl<'a> Recording<'a> {
    /// An empty recording. With `timed`, the backend reports how long each stage took and fuses nothing.
    #[must_use]
    pub fn new(timed: bool) -> Self {
        Self { commands: [None; MAX_COMMANDS], len: 0, timed }
    }

    /// Appends a command.
    pub fn push(&mut self, command: Command<'a>) {
        assert!(self.len < MAX_COMMANDS, "a run has at most {MAX_COMMANDS} commands");
        self.commands[self.len] = Some(command);
        self.len += 1;
    }

    /// The commands, in order.
    pub fn commands(&self) -> impl Iterator<Item = Command<'a>> + '_ {
        self.commands[..self.len].iter().flatten().copied()
    }

    /// Whether each stage's time is wanted.
    #[must_use]
    pub fn timed(&self) -> bool {
        self.timed
    }
}
