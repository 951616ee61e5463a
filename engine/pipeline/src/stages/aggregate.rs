//! aggregate: who said what?
//!
//! One bit set in the round's state for each valid vote (an atomic OR, where there are threads), or in a cumulative round the
//! maximum of what stands there and the offset plus one. Rejected votes are counted by reason, valid ones together. Setting a bit
//! twice changes nothing, so the order of votes cannot matter.

use super::{Access, Declaration, Over};
use crate::layout::Buffer;

pub(super) const DECLARATION: Declaration = Declaration {
    name: "aggregate",
    bindings: &[
        (Buffer::Rounds, Access::Read),
        (Buffer::Works, Access::Read),
        (Buffer::Segments, Access::Read),
        (Buffer::Votes, Access::Read),
        (Buffer::Cells, Access::Read),
        (Buffer::State, Access::Update),
        (Buffer::Counts, Access::Write),
    ],
    over: Over::Works,
};
