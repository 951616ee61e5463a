//! Transactions: if all comparisons hold, one list of operations is carried out, and otherwise the other.
//!
//! Everything is compared before anything is written, in the transactions inside as well. No key may be written twice, or written and
//! deleted, by operations that can both be carried out; reads see what was written before them in the list.
//!
//! Bytes: number of comparisons u32 ‖ comparisons ‖ operations on success ‖ operations otherwise. A comparison: target (0 version, 1
//! created, 2 modified, 3 lease, 4 value) ‖ is (0 =, 1 ≠, 2 <, 3 >) ‖ keys ‖ u64 or value. A list of operations: number u32, and each is a
//! kind (1 put, 2 delete, 3 transaction, 4 range) and what that is.

use std::cmp::Ordering;

use quorate_core::codec::{DecodeError, Reader};

use crate::codec;
use crate::command::{BorrowedPut, DELETE, Delete, PUT, Put, TRANSACTION};
use crate::keys::Keys;
use crate::range::Range;
use crate::value::{LeaseId, Revision};

const RANGE: u8 = 4;

/// One of two lists of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must hold. If there is nothing, it does.
    pub compares: Vec<Compare>,
    /// What is done if all of it holds.
    pub success: Vec<Op>,
    /// What is done otherwise.
    pub failure: Vec<Op>,
}

/// Something that must hold of keys: of all of them, and if there are none, of one that was never written. A value that is not there
/// compares to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compare {
    /// Which keys.
    pub keys: Keys,
    /// How they compare.
    pub is: Is,
    /// What is compared, and to what.
    pub target: Target,
}

/// How something compares to what is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// It is the same.
    Equal,
    /// It is not the same.
    NotEqual,
    /// It is less.
    Less,
    /// It is greater.
    Greater,
}

const IS: [Is; 4] = [Is::Equal, Is::NotEqual, Is::Less, Is::Greater];

impl Is {
    pub(crate) fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::Greater => order.is_gt(),
        }
    }
}

/// What is compared, with what it is compared to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// How often the key was written.
    Version(u64),
    /// When it came to be.
    Created(Revision),
    /// When it changed last.
    Modified(Revision),
    /// The lease that it goes with.
    Lease(LeaseId),
    /// Its value.
    Value(Vec<u8>),
}

/// Something that a transaction does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Writes a key.
    Put(Put),
    /// Deletes keys.
    Delete(Delete),
    /// Reads keys.
    Range(Range),
    /// Compares further.
    Transaction(Transaction),
}

impl Transaction {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        codec::count(out, self.compares.len());
        self.compares.iter().for_each(|compare| compare.encode_into(out));
        for list in [&self.success, &self.failure] {
            codec::count(out, list.len());
            list.iter().for_each(|op| op.encode_into(out));
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        if depth > codec::DEPTH_MAX {
            return Err(reader.invalid(format!("transactions lie {depth} deep in each other; expected at most {}", codec::DEPTH_MAX)));
        }
        let count = reader.count("comparisons", 7, usize::MAX)?;
        let compares = (0..count).map(|_| Compare::decode(reader)).collect::<Result<_, _>>()?;
        let mut list = || {
            let count = reader.count("operations", 7, usize::MAX)?;
            (0..count).map(|_| Op::decode(reader, depth)).collect::<Result<Vec<_>, DecodeError>>()
        };
        Ok(Self { compares, success: list()?, failure: list()? })
    }
}

impl Compare {
    fn encode_into(&self, out: &mut Vec<u8>) {
        let (code, number) = match &self.target {
            Target::Version(version) => (0, *version),
            Target::Created(revision) => (1, revision.0),
            Target::Modified(revision) => (2, revision.0),
            Target::Lease(lease) => (3, lease.0),
            Target::Value(_) => (4, 0),
        };
        out.extend([code, self.is as u8]);
        self.keys.encode(out);
        match &self.target {
            Target::Value(value) => codec::bytes(out, value),
            _ => out.extend(number.to_le_bytes()),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let (code, is) = (reader.u8("target")?, reader.u8("comparison")?);
        let Some(is) = IS.get(usize::from(is)).copied() else {
            return Err(reader.unexpected_at(at + 1, "comparison", is, "0 to 3".into()));
        };
        let keys = Keys::decode(reader)?;
        let target = match code {
            0 => Target::Version(reader.u64("version")?),
            1 => Target::Created(Revision(reader.u64("created")?)),
            2 => Target::Modified(Revision(reader.u64("modified")?)),
            3 => Target::Lease(LeaseId(reader.u64("lease")?)),
            4 => Target::Value(codec::read_bytes(reader, "value")?.to_vec()),
            found => return Err(reader.unexpected_at(at, "target", found, "0 to 4".into())),
        };
        Ok(Self { keys, is, target })
    }
}

impl Op {
    fn encode_into(&self, out: &mut Vec<u8>) {
        match self {
            Self::Put(put) => {
                out.push(PUT);
                put.encode_into(out);
            }
            Self::Delete(delete) => {
                out.push(DELETE);
                delete.encode_into(out);
            }
            Self::Range(range) => {
                out.push(RANGE);
                range.encode_into(out);
            }
            Self::Transaction(transaction) => {
                out.push(TRANSACTION);
                transaction.encode_into(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        let at = reader.at();
        Ok(match reader.u8("operation kind")? {
            PUT => Self::Put(BorrowedPut::decode(reader)?.owned()),
            DELETE => Self::Delete(Delete::decode(reader)?),
            TRANSACTION => Self::Transaction(Transaction::decode(reader, depth + 1)?),
            RANGE => Self::Range(Range::decode(reader)?),
            found => return Err(reader.unexpected_at(at, "operation kind", found, "1 to 4".into())),
        })
    }
}
