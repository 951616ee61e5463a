//! verify: does the signature verify under ZIP-215, over the round's signed bytes, by the voter's key?
//!
//! Only votes of signed rounds that decode let pass are looked at; a vote of a signed round without a signature does not verify,
//! and one of a segment that was verified before is believed.
//! The verdict is per vote and equal to `quorate_core::zip215::verify`'s. What fails has its cell replaced by the rejection.

use super::{Access, Declaration, Over};
use crate::layout::Buffer;

pub(super) const DECLARATION: Declaration = Declaration {
    name: "verify",
    bindings: &[
        (Buffer::Rounds, Access::Read),
        (Buffer::Works, Access::Read),
        (Buffer::Segments, Access::Read),
        (Buffer::Votes, Access::Read),
        (Buffer::Signatures, Access::Read),
        (Buffer::Bodies, Access::Read),
        (Buffer::Templates, Access::Read),
        (Buffer::Candidates, Access::Read),
        (Buffer::Cells, Access::Update),
    ],
    over: Over::Votes,
};
