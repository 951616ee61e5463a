//! quorum: what does that decide?
//!
//! For each row of each touched round: how many voters, what they weigh in each half, and whether both weights meet the kind's
//! thresholds. In a poll, voters with bits in two rows of a kind count for none. In a cumulative round: the highest offset that voters
//! of enough weight have reached, which is the least of the two halves'. Everything is computed from the state alone, whatever the
//! pieces in which it came.

use super::{Access, Declaration, Over};
use crate::layout::Buffer;

pub(super) const DECLARATION: Declaration = Declaration {
    name: "quorum",
    bindings: &[
        (Buffer::Rounds, Access::Read),
        (Buffer::Works, Access::Read),
        (Buffer::Weights, Access::Read),
        (Buffer::State, Access::Read),
        (Buffer::Rows, Access::Update),
        (Buffer::Counts, Access::Update),
    ],
    over: Over::Works,
};
