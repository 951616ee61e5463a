//! decode: is the vote one of this round, and where does it count?
//!
//! For each vote, in this order: its engine must be the round's, its kind one that the round takes, its voter in the electorate, its
//! candidate below the round's limit. The first of these that fails is the reason of its rejection. What passes gets its cell:
//! `(kind's place · capacity + candidate) · row length in bits + voter`, or just the voter in a cumulative round.

use super::{Access, Declaration, Over};
use crate::layout::Buffer;

pub(super) const DECLARATION: Declaration = Declaration {
    name: "decode",
    bindings: &[
        (Buffer::Rounds, Access::Read),
        (Buffer::Works, Access::Read),
        (Buffer::Segments, Access::Read),
        (Buffer::Votes, Access::Read),
        (Buffer::Cells, Access::Write),
    ],
    over: Over::Votes,
};
