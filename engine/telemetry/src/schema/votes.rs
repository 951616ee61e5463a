//! Topic `votes`: each vote that the source counted, or did not.

use quorate_core::codec::DecodeError;
use quorate_core::hash::Digest;
use quorate_core::ids::MemberId;
use quorate_core::round::Rejection;
use quorate_core::vote::Kind;

use super::field::{Cell, Column, ColumnType, Field, json_text};
use super::record::record;
use crate::pack::Packer;
use crate::unpack::Unpacker;

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It counts.
    Counted,
    /// It was counted before.
    Duplicate,
    /// It counts, and its voter had already named another candidate.
    Equivocated,
    /// It does not count.
    Rejected(Rejection),
}

impl Verdict {
    /// Every verdict, by rising code.
    pub const ALL: [Verdict; 8] = [
        Verdict::Counted,
        Verdict::Duplicate,
        Verdict::Equivocated,
        Verdict::Rejected(Rejection::Engine),
        Verdict::Rejected(Rejection::Kind),
        Verdict::Rejected(Rejection::Voter),
        Verdict::Rejected(Rejection::Candidate),
        Verdict::Rejected(Rejection::Signature),
    ];

    /// Rejections have codes from here on.
    const REJECTED: u64 = 16;

    /// The name in exports, without the reason of a rejection.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Duplicate => "duplicate",
            Self::Equivocated => "equivocated",
            Self::Rejected(_) => "rejected",
        }
    }

    /// The code in frames.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Counted => 0,
            Self::Duplicate => 1,
            Self::Equivocated => 2,
            Self::Rejected(reason) => Self::REJECTED + reason as u64,
        }
    }
}

/// One number in frames; in tables a column for the verdict, and one for the reason of a rejection.
impl Field for Verdict {
    fn pack(&self, out: &mut Packer<'_>) {
        out.unsigned(self.code());
    }

    fn unpack(from: &mut Unpacker<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let at = from.at();
        let code = from.unsigned(field)?;
        let known = Self::ALL.into_iter().find(|verdict| verdict.code() == code);
        known.ok_or_else(|| from.unknown(at, field, code, "0, 1, 2, or 16 to 20".into()))
    }

    fn json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Rejected(reason) => json_text(&format!("rejected: {}", reason.name()), out),
            other => json_text(other.name(), out),
        }
    }

    fn columns(name: &'static str, out: &mut Vec<Column>) {
        out.push(Column::full(name, ColumnType::Text));
        out.push(Column { name: "reason", holds: ColumnType::Text, nullable: true });
    }

    fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
        out.push(Cell::Text(self.name().into()));
        out.push(match self {
            Self::Rejected(reason) => Cell::Text(reason.name().into()),
            _ => Cell::Null,
        });
    }
}

record! {
    /// A vote reached the source, which counts it or says why not.
    pub struct VoteSeen {
        /// The round's number at the source.
        pub round: u64,
        /// What was said.
        pub kind as "vote_type": Kind,
        /// Who said it.
        pub voter as "node_id": MemberId,
        /// The row of the candidate table; in a cumulative round, the index up to which it goes.
        pub candidate: Option<u64>,
        /// The candidate itself, where it is known.
        pub digest: Option<Digest>,
        /// What became of it.
        pub verdict: Verdict,
    }
}
