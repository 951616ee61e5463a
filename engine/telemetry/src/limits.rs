//! How long things may be. Writers refuse what is longer; readers never reserve more.

/// The most bytes of one text.
pub const TEXT_BYTES: usize = 4 << 10;

/// The most items of one list: as many as an electorate can have voters.
pub const LIST_ITEMS: usize = 1 << 16;

/// The most bytes of one frame.
pub const FRAME_BYTES: usize = 1 << 20;

/// A block of a trace is closed when its frames have reached this many bytes.
pub const BLOCK_TARGET_BYTES: usize = 64 << 10;

/// The most bytes of a block before compression: one frame may follow just below the target.
pub const BLOCK_BYTES: usize = BLOCK_TARGET_BYTES + FRAME_BYTES;

/// How deep what a reader does not know may be nested.
pub(crate) const SKIPPED_DEPTH: usize = 16;
