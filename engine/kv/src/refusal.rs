//! Why the store did not do what it was told.
//!
//! A refusal is an answer like any other: it follows from the commands before, and nothing was changed. Bytes: a code, and behind some
//! codes a number u64.

use quorate_core::codec::{DecodeError, Reader};
use thiserror::Error;

use crate::value::{LeaseId, Revision};

/// Why a command or a query had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The command is not in this store's language.
    #[error("the command cannot be read")]
    Unreadable,
    /// A key is empty.
    #[error("a key is empty; expected at least one byte")]
    EmptyKey,
    /// A key is too long.
    #[error("a key is too long; expected at most {max} bytes")]
    KeyTooLong {
        /// What is allowed.
        max: u64,
    },
    /// A value is too long.
    #[error("a value is too long; expected at most {max} bytes")]
    ValueTooLong {
        /// What is allowed.
        max: u64,
    },
    /// A transaction has too many operations.
    #[error("a transaction has too many operations; expected at most {max} in a list")]
    TooManyOperations {
        /// What is allowed.
        max: u64,
    },
    /// Transactions lie too deep in each other.
    #[error("transactions lie too deep in each other; expected at most {max}")]
    TooDeep {
        /// What is allowed.
        max: u64,
    },
    /// What was asked for is too much for one answer.
    #[error("the answer is too long; expected at most {max} bytes of keys and values: ask for fewer keys")]
    AnswerTooLong {
        /// What is allowed.
        max: u64,
    },
    /// A transaction would change a key twice.
    #[error("a transaction writes a key that it also writes or deletes elsewhere")]
    DuplicateKey,
    /// A key must be there for what was asked, and is not.
    #[error("there is no such key, whose value or lease was to be kept")]
    KeyNotFound,
    /// A value was given although the old one is to be kept.
    #[error("a value was given, and the old one is to be kept; expected one of the two")]
    ValueProvided,
    /// A lease was given although the old one is to be kept.
    #[error("a lease was given, and the old one is to be kept; expected one of the two")]
    LeaseProvided,
    /// There is no such lease, or not any more.
    #[error("there is no lease {0}")]
    LeaseNotFound(LeaseId),
    /// There is a lease of this name already.
    #[error("there is a lease {0} already")]
    LeaseExists(LeaseId),
    /// The lease did not run out: it was renewed since.
    #[error("lease {0} was renewed since it was said to have run out")]
    LeaseRenewed(LeaseId),
    /// No lease can have this name.
    #[error("a lease cannot be called {0}; expected at most {max}", max = i64::MAX)]
    LeaseIdOutOfRange(LeaseId),
    /// No lease can be granted for this long.
    #[error("a lease is asked for zero seconds, or for too many; expected 1 to {max}")]
    TtlOutOfRange {
        /// What is allowed, in seconds.
        max: u64,
    },
    /// There are too many leases.
    #[error("there are too many leases; expected at most {max}")]
    TooManyLeases {
        /// What is allowed.
        max: u64,
    },
    /// The revision was compacted away.
    #[error("the revision was compacted; the oldest that can be read is {floor}")]
    Compacted {
        /// The oldest revision that can be read.
        floor: Revision,
    },
    /// There is no such revision yet.
    #[error("there is no such revision yet; the newest is {newest}")]
    Future {
        /// The newest revision.
        newest: Revision,
    },
}

impl Refusal {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let (code, number) = match *self {
            Self::Unreadable => (0, None),
            Self::EmptyKey => (1, None),
            Self::KeyTooLong { max } => (2, Some(max)),
            Self::ValueTooLong { max } => (3, Some(max)),
            Self::TooManyOperations { max } => (4, Some(max)),
            Self::TooDeep { max } => (5, Some(max)),
            Self::AnswerTooLong { max } => (6, Some(max)),
            Self::DuplicateKey => (7, None),
            Self::KeyNotFound => (8, None),
            Self::ValueProvided => (9, None),
            Self::LeaseProvided => (10, None),
            Self::LeaseNotFound(lease) => (11, Some(lease.0)),
            Self::LeaseExists(lease) => (12, Some(lease.0)),
            Self::LeaseRenewed(lease) => (13, Some(lease.0)),
            Self::LeaseIdOutOfRange(lease) => (14, Some(lease.0)),
            Self::TtlOutOfRange { max } => (15, Some(max)),
            Self::TooManyLeases { max } => (16, Some(max)),
            Self::Compacted { floor } => (17, Some(floor.0)),
            Self::Future { newest } => (18, Some(newest.0)),
        };
        out.push(code);
        out.extend(number.into_iter().flat_map(u64::to_le_bytes));
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let code = reader.u8("refusal")?;
        let mut number = || reader.u64("number");
        Ok(match code {
            0 => Self::Unreadable,
            1 => Self::EmptyKey,
            2 => Self::KeyTooLong { max: number()? },
            3 => Self::ValueTooLong { max: number()? },
            4 => Self::TooManyOperations { max: number()? },
            5 => Self::TooDeep { max: number()? },
            6 => Self::AnswerTooLong { max: number()? },
            7 => Self::DuplicateKey,
            8 => Self::KeyNotFound,
            9 => Self::ValueProvided,
            10 => Self::LeaseProvided,
            11 => Self::LeaseNotFound(LeaseId(number()?)),
            12 => Self::LeaseExists(LeaseId(number()?)),
            13 => Self::LeaseRenewed(LeaseId(number()?)),
            14 => Self::LeaseIdOutOfRange(LeaseId(number()?)),
            15 => Self::TtlOutOfRange { max: number()? },
            16 => Self::TooManyLeases { max: number()? },
            17 => Self::Compacted { floor: Revision(number()?) },
            18 => Self::Future { newest: Revision(number()?) },
            found => return Err(reader.unexpected_at(at, "refusal", found, "0 to 18".into())),
        })
    }
}
