//! What the store is told to do.
//!
//! Bytes: a kind, then its fields. 1 put ‖ flags (1 lease, 2 previous, 4 keep value, 8 keep lease) ‖ key ‖ value ‖ lease u64 if any; 2
//! delete ‖ flags (1 previous) ‖ keys; 3 transaction ([`crate::transaction`]); 4 compact ‖ revision u64; 5 grant ‖ lease u64 ‖ seconds u64;
//! 6 revoke ‖ lease u64; 7 keep alive ‖ lease u64; 8 expire ‖ lease u64 ‖ renewals u64. There is one encoding of each command.

use quorate_core::codec::{DecodeError, Reader};

use crate::codec::{self, flags};
use crate::keys::Keys;
use crate::transaction::Transaction;
use crate::value::{LeaseId, Revision};

pub(crate) const PUT: u8 = 1;
pub(crate) const DELETE: u8 = 2;
pub(crate) const TRANSACTION: u8 = 3;
const COMPACT: u8 = 4;
const GRANT: u8 = 5;
const REVOKE: u8 = 6;
const KEEP_ALIVE: u8 = 7;
const EXPIRE: u8 = 8;

/// Something that the store is told to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Writes a key.
    Put(Put),
    /// Deletes keys.
    Delete(Delete),
    /// Compares, and does one of two things.
    Transaction(Transaction),
    /// Forgets what was before a revision, which can still be read.
    Compact(Revision),
    /// Makes a lease.
    Grant {
        /// Its name. If it is [`LeaseId::NONE`], the store chooses one.
        lease: LeaseId,
        /// How long it lives when it is not renewed.
        ttl_seconds: u64,
    },
    /// Ends a lease and deletes its keys.
    Revoke(LeaseId),
    /// Renews a lease.
    KeepAlive(LeaseId),
    /// Ends a lease that ran out, if it was not renewed since.
    Expire {
        /// Which.
        lease: LeaseId,
        /// How often it had been renewed when it ran out.
        renewals: u64,
    },
}

/// Writes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// The key, which is not empty.
    pub key: Vec<u8>,
    /// Its value. Empty, if the old one is kept.
    pub value: Vec<u8>,
    /// The lease that it goes with from now on. None, if the old one is kept.
    pub lease: LeaseId,
    /// Whether the answer is to tell what was there before.
    pub prev_kv: bool,
    /// Whether the value stays, and only the lease changes. The key must be there.
    pub ignore_value: bool,
    /// Whether the lease stays, and only the value changes. The key must be there.
    pub ignore_lease: bool,
}

impl Put {
    /// A plain write of a key.
    #[must_use]
    pub fn new(key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), value: value.into(), ..Self::default() }
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(flags([self.lease != LeaseId::NONE, self.prev_kv, self.ignore_value, self.ignore_lease]));
        codec::bytes(out, &self.key);
        codec::bytes(out, &self.value);
        codec::number(out, self.lease.0);
    }

    /// The same, without owning its bytes.
    pub(crate) fn borrowed(&self) -> BorrowedPut<'_> {
        BorrowedPut {
            key: &self.key,
            value: &self.value,
            lease: self.lease,
            prev_kv: self.prev_kv,
            ignore_value: self.ignore_value,
            ignore_lease: self.ignore_lease,
        }
    }
}

/// A write whose bytes are still where they were read from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BorrowedPut<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) lease: LeaseId,
    pub(crate) prev_kv: bool,
    pub(crate) ignore_value: bool,
    pub(crate) ignore_lease: bool,
}

impl<'a> BorrowedPut<'a> {
    /// Reads what stands behind the kind.
    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = codec::read_flags(reader, 0b1111)?;
        let key = codec::read_bytes(reader, "key")?;
        let value = codec::read_bytes(reader, "value")?;
        let lease = LeaseId(codec::read_number(reader, "lease", flags & 1 != 0)?);
        Ok(Self { key, value, lease, prev_kv: flags & 2 != 0, ignore_value: flags & 4 != 0, ignore_lease: flags & 8 != 0 })
    }

    pub(crate) fn owned(self) -> Put {
        Put {
            key: self.key.to_vec(),
            value: self.value.to_vec(),
            lease: self.lease,
            prev_kv: self.prev_kv,
            ignore_value: self.ignore_value,
            ignore_lease: self.ignore_lease,
        }
    }
}

/// Deletes keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which.
    pub keys: Keys,
    /// Whether the answer is to tell what was there before.
    pub prev_kv: bool,
}

impl Delete {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        out.push(flags([self.prev_kv]));
        self.keys.encode(out);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = codec::read_flags(reader, 1)?;
        Ok(Self { keys: Keys::decode(reader)?, prev_kv: flags & 1 != 0 })
    }
}

impl Command {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut words = |kind: u8, words: &[u64]| {
            out.push(kind);
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        };
        match self {
            Self::Put(put) => {
                out.reserve_exact(18 + put.key.len() + put.value.len());
                out.push(PUT);
                put.encode_into(&mut out);
            }
            Self::Delete(delete) => {
                out.push(DELETE);
                delete.encode_into(&mut out);
            }
            Self::Transaction(transaction) => {
                out.push(TRANSACTION);
                transaction.encode_into(&mut out);
            }
            Self::Compact(revision) => words(COMPACT, &[revision.0]),
            Self::Grant { lease, ttl_seconds } => words(GRANT, &[lease.0, *ttl_seconds]),
            Self::Revoke(lease) => words(REVOKE, &[lease.0]),
            Self::KeepAlive(lease) => words(KEEP_ALIVE, &[lease.0]),
            Self::Expire { lease, renewals } => words(EXPIRE, &[lease.0, *renewals]),
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no command. Whether it can be carried out is another matter.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("command", bytes);
        let command = match reader.u8("command kind")? {
            PUT => Self::Put(BorrowedPut::decode(&mut reader)?.owned()),
            DELETE => Self::Delete(Delete::decode(&mut reader)?),
            TRANSACTION => Self::Transaction(Transaction::decode(&mut reader, 1)?),
            COMPACT => Self::Compact(Revision(reader.u64("revision")?)),
            GRANT => Self::Grant { lease: LeaseId(reader.u64("lease")?), ttl_seconds: reader.u64("seconds")? },
            REVOKE => Self::Revoke(LeaseId(reader.u64("lease")?)),
            KEEP_ALIVE => Self::KeepAlive(LeaseId(reader.u64("lease")?)),
            EXPIRE => Self::Expire { lease: LeaseId(reader.u64("lease")?), renewals: reader.u64("renewals")? },
            found => return Err(reader.unexpected_at(0, "command kind", found, "1 to 8".into())),
        };
        reader.finish().map(|()| command)
    }
}
