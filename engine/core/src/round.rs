//! The round contract: what is voted on, what may be said, and what decides.
//!
//! A round is an electorate, a candidate table, the kinds of vote that it takes with a quorum rule each, and a signed context.
//! Its result must not depend on the order of votes, because GPUs have none:
//!
//! - a vote is rejected, with a counted [`Rejection`], if its engine, kind, voter or candidate is not the round's, or if its signature
//!   does not verify, in that order: each rejected vote has one reason;
//! - a valid vote counts once per (kind, voter, candidate). Who names two candidates of one kind *equivocated*, is reported, and
//!   still counts for each: support only grows, and decisions are monotone in the set of votes;
//! - a candidate is decided, per kind, when the weight of its voters meets the kind's rule, in both halves of a joint electorate;
//! - two decided candidates of one kind, under a rule whose quorums intersect, are a *conflict*: more is faulty than the protocol
//!   tolerates, and the partition must stop.
//!
//! In a *cumulative* round a vote means "all up to this offset"; what is decided is the highest offset that a quorum has reached. A
//! Snow *poll* is evaluated once, when it closes, and a respondent that gave two answers counts for none.

use thiserror::Error;

use crate::context::Context;
use crate::quorum::{Rule, RuleError};
use crate::vote::Kind;

/// The most rows that a candidate table can have.
pub const MAX_CANDIDATES: usize = 64;

/// The most kinds that one round can take.
pub const MAX_KINDS: usize = 4;

/// How votes of a round add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Each vote names a row of the candidate table; decisions are made as votes come.
    Candidates {
        /// How many rows the table may come to have.
        rows: u8,
    },
    /// Each vote names an offset from `base` and means all up to there.
    Cumulative {
        /// The index that offset zero means.
        base: u64,
        /// The last index that may be voted for. It can be raised while the round is open.
        last: u64,
    },
    /// As [`Form::Candidates`], but evaluated once, when the round closes; double answers count for none.
    Poll {
        /// How many rows the table may come to have.
        rows: u8,
    },
}

/// A round to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoundSpec {
    context: Context,
    form: Form,
    signed: bool,
    kinds: [Option<(Kind, Rule)>; MAX_KINDS],
}

/// Why a round cannot be opened, or cannot be used in this way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RoundError {
    /// It takes no kinds, or too many.
    #[error("a round of {0} kinds; expected 1 to {MAX_KINDS}")]
    Kinds(usize),
    /// A kind of another protocol.
    #[error("{kind:?} is no kind of {engine:?}, the round's protocol")]
    ForeignKind {
        /// The kind.
        kind: Kind,
        /// The round's protocol.
        engine: crate::vote::Engine,
    },
    /// A kind stands twice.
    #[error("{0:?} is listed twice")]
    KindTwice(Kind),
    /// The table has no room, or too much.
    #[error("a candidate table of {0} rows; expected 1 to {MAX_CANDIDATES}")]
    Rows(usize),
    /// The table is full.
    #[error("the candidate table is full at {0} rows")]
    TableFull(usize),
    /// A candidate stands in two rows, where naming both would look like a fault.
    #[error("candidate {0} is listed twice")]
    CandidateTwice(crate::hash::Digest),
    /// A cumulative round with an impossible range.
    #[error("indices {base} to {last} are no range of a cumulative round; expected at most 2^32 - 2 indices behind the base")]
    Range {
        /// Its base.
        base: u64,
        /// Its last index.
        last: u64,
    },
    /// A cumulative round with more than one kind, or signed.
    #[error("a cumulative round takes one kind, unsigned")]
    Cumulative,
    /// What was asked is for another form of round.
    #[error("the round is {found}; expected {expected}")]
    Form {
        /// The form that it has.
        found: &'static str,
        /// The form that it should have.
        expected: &'static str,
    },
    /// The context names another electorate.
    #[error("the context names electorate {context}; expected {electorate}, under which the round is opened")]
    OtherElectorate {
        /// What the context says.
        context: crate::hash::Digest,
        /// The electorate's root.
        electorate: crate::hash::Digest,
    },
    /// A signed round needs keys.
    #[error("the round is signed, but not every member of its electorate has a vote key")]
    NoKeys,
    /// The rule does not fit the electorate.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

impl RoundSpec {
    /// A round that takes these kinds, each with the rule that decides it.
    pub fn new(context: Context, form: Form, signed: bool, kinds: &[(Kind, Rule)]) -> Result<Self, RoundError> {
        if kinds.is_empty() || kinds.len() > MAX_KINDS {
            return Err(RoundError::Kinds(kinds.len()));
        }
        for (at, &(kind, _)) in kinds.iter().enumerate() {
            if kind.engine() != context.engine {
                return Err(RoundError::ForeignKind { kind, engine: context.engine });
            }
            if kinds[..at].iter().any(|&(earlier, _)| earlier == kind) {
                return Err(RoundError::KindTwice(kind));
            }
        }
        match form {
            Form::Candidates { rows } | Form::Poll { rows } => {
                if rows == 0 || usize::from(rows) > MAX_CANDIDATES {
                    return Err(RoundError::Rows(usize::from(rows)));
                }
            }
            Form::Cumulative { base, last } => {
                offset_of(base, last)?;
                if kinds.len() > 1 || signed {
                    return Err(RoundError::Cumulative);
                }
            }
        }
        let mut table = [None; MAX_KINDS];
        for (slot, &kind) in table.iter_mut().zip(kinds) {
            *slot = Some(kind);
        }
        Ok(Self { context, form, signed, kinds: table })
    }

    /// What the round's votes are about.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// How its votes add up.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Whether its votes are signed.
    #[must_use]
    pub fn signed(&self) -> bool {
        self.signed
    }

    /// What it takes, and what decides each.
    pub fn kinds(&self) -> impl Iterator<Item = (Kind, Rule)> {
        self.kinds.iter().flatten().copied()
    }

    /// The same round about something else: how a protocol opens the next of many like rounds.
    #[must_use]
    pub fn about(&self, context: Context) -> Self {
        Self { context, ..*self }
    }
}

/// The offset of `last` from `base`, if a vote can name it.
pub fn offset_of(base: u64, last: u64) -> Result<u32, RoundError> {
    last.checked_sub(base)
        .and_then(|offset| u32::try_from(offset).ok())
        .filter(|&offset| offset < u32::MAX)
        .ok_or(RoundError::Range { base, last })
}

/// Why a vote was rejected. The order is that in which it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rejection {
    /// Its engine is not the round's.
    Engine = 0,
    /// Its kind is not one that the round takes.
    Kind = 1,
    /// Its voter is not in the electorate.
    Voter = 2,
    /// Its candidate is not in the table, or its offset is above the round's last.
    Candidate = 3,
    /// Its signature does not verify.
    Signature = 4,
}

impl Rejection {
    /// Every reason, in the order in which they are checked.
    pub const ALL: [Rejection; 5] = [Rejection::Engine, Rejection::Kind, Rejection::Voter, Rejection::Candidate, Rejection::Signature];

    /// The reason in words, as in metrics and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Rejection::Engine => "wrong engine",
            Rejection::Kind => "wrong kind",
            Rejection::Voter => "unknown voter",
            Rejection::Candidate => "unknown candidate",
            Rejection::Signature => "bad signature",
        }
    }
}
