//! What the stages read and write: buffers, and the records in them, byte for byte the same on every backend.
//!
//! Everything is little-endian plain data. A round owns a *slot*, which is a [`RoundHeader`], and a region of the state: bitmaps, or maxima
//! in cumulative rounds. Bitmaps are rows of bits, one row for each (kind, candidate), one bit for each
//! voter; the bit's number within the region is the vote's *cell*.

use bytemuck::{Pod, Zeroable};
use quorate_core::round::{MAX_KINDS, Rejection};

/// A buffer of the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Buffer {
    /// Input: [`quorate_core::vote::Vote`]s, in segments.
    Votes,
    /// Input: [`quorate_core::ballot::Signature`]s of the signed segments.
    Signatures,
    /// Input: body digests, one for each signature.
    Bodies,
    /// Input: [`Segment`]s.
    Segments,
    /// Input: [`Work`], one for each round that the batch touches.
    Works,
    /// Table: [`RoundHeader`]s, by slot.
    Rounds,
    /// Table: signed-bytes templates, by slot.
    Templates,
    /// Table: candidate digests; a signed round's begin at its `candidates_at`.
    Candidates,
    /// Table: members' weights, first half then second; an electorate's begin at `weights_at`.
    Weights,
    /// Scratch: a cell or a rejection for each vote.
    Cells,
    /// State: bitmaps and maxima, in 64-bit words.
    State,
    /// Output: [`RowTally`]s; a round's begin at its work's `rows_at`, kind by kind, one for each open row.
    Rows,
    /// Output: [`Counts`], one for each piece of [`Work`].
    Counts,
    /// Input: 64-byte leaves of a tree.
    Leaves,
    /// Output: the levels of a tree.
    Nodes,
}

impl Buffer {
    /// How many there are.
    pub const COUNT: usize = 15;
}

/// The rounds that a stage works on, as the device sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RoundHeader {
    /// The engine's code.
    pub engine: u32,
    /// For each kind's code, four bits from the lowest: its place among the round's kinds, or [`RoundHeader::NO_KIND`].
    pub kind_slots: u32,
    /// How many members may vote.
    pub voters: u32,
    /// Candidates below this are valid: the open rows, or in cumulative rounds the last offset and one.
    pub limit: u32,
    /// The length of a bitmap row in words.
    pub row_words: u32,
    /// For how many rows there is room, for each kind.
    pub capacity: u32,
    /// Where the round's state begins, in words.
    pub state_at: u32,
    /// Bits from [`RoundHeader::CUMULATIVE`] on.
    pub flags: u32,
    /// With [`RoundHeader::UNIFORM`], every member's weight.
    pub weight: u64,
    /// Where the electorate's weights begin.
    pub weights_at: u32,
    /// How many kinds the round takes.
    pub kinds: u32,
    /// For each kind, the least weight in each half that decides.
    pub least: [[u64; 2]; MAX_KINDS],
    /// Where the round's candidate digests begin, if it is signed.
    pub candidates_at: u32,
    /// Which electorate's keys sign.
    pub electorate: u32,
    /// Nothing.
    pub reserved: [u32; 2],
}

const _: () = assert!(size_of::<RoundHeader>() == 128);

impl RoundHeader {
    /// A vote means all up to its offset.
    pub const CUMULATIVE: u32 = 1;
    /// Double answers count for none.
    pub const POLL: u32 = 2;
    /// Votes must carry a signature that verifies.
    pub const SIGNED: u32 = 4;
    /// Every member has the same weight, and there is no second half.
    pub const UNIFORM: u32 = 8;
    /// The electorate has two halves; without this the second weighs nothing.
    pub const JOINT: u32 = 16;
    /// The place of a kind that the round does not take.
    pub const NO_KIND: u32 = 15;

    /// Whether a flag is set.
    #[must_use]
    pub fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }

    /// The length of the round's state in words.
    #[must_use]
    pub fn state_words(&self) -> usize {
        if self.has(Self::CUMULATIVE) { (self.voters as usize).div_ceil(2) } else { (self.kinds * self.capacity * self.row_words) as usize }
    }

    /// How many row tallies a run writes for the round.
    #[must_use]
    pub fn tallies(&self) -> u32 {
        if self.has(Self::CUMULATIVE) { 0 } else { self.kinds * self.limit }
    }

    /// The first word of a row, counted from the start of the round's state.
    #[must_use]
    pub fn row_at(&self, kind: usize, row: usize) -> usize {
        (kind * self.capacity as usize + row) * self.row_words as usize
    }
}

/// Votes of one round that stand together in the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Segment {
    /// Which piece of work they belong to.
    pub work: u32,
    /// The first vote.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// The first signature and body, or [`Segment::UNSIGNED`] or [`Segment::VERIFIED`].
    pub signatures: u32,
}

impl Segment {
    /// The votes carry no signatures.
    pub const UNSIGNED: u32 = u32::MAX;
    /// The votes' signatures have been verified before.
    pub const VERIFIED: u32 = u32::MAX - 1;
}

/// A round that the batch touches, and the segments with its votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Work {
    /// The round's slot.
    pub slot: u32,
    /// Its first segment.
    pub first: u32,
    /// How many segments.
    pub count: u32,
    /// Where its row tallies go.
    pub rows_at: u32,
}

/// What a run says of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Counts {
    /// Valid votes of this run.
    pub valid: u32,
    /// Rejected votes of this run, by reason.
    pub rejected: [u32; Rejection::ALL.len()],
    /// Pairs of (kind, row) that are decided by now.
    pub decided: u32,
    /// In cumulative rounds, the highest offset that a quorum has reached by now, and one.
    pub reached: u32,
}

/// What stands in one row of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct RowTally {
    /// How many voters.
    pub votes: u32,
    /// Whether they decide.
    pub decided: u32,
    /// What they weigh, in each half.
    pub weight: [u64; 2],
}

/// What decode writes for each vote: its cell, or why it was rejected.
pub mod cell {
    use quorate_core::round::Rejection;

    /// Cells from here on are rejections.
    pub const REJECTED: u32 = 1 << 31;

    /// The cell of a rejected vote.
    #[must_use]
    pub const fn rejected(reason: Rejection) -> u32 {
        REJECTED | reason as u32
    }
}
