//! What the store is asked, without going through the log. How fresh the answer is, is the business of whoever asks for it.
//!
//! Bytes of a query: 1 range ‖ range, 2 lease ‖ whether its keys are asked for ‖ lease u64, 3 leases. Of an answer: revision u64 ‖ 0
//! refused ‖ refusal, 1 range ‖ what was found, 2 lease ‖ lease u64 ‖ seconds u64 ‖ renewals u64 ‖ number of keys u32 ‖ keys, 3 leases ‖
//! number u32 ‖ lease u64 each, rising.

use quorate_core::codec::{DecodeError, Reader};

use crate::codec;
use crate::lease::LeaseInfo;
use crate::range::{Found, Range};
use crate::refusal::Refusal;
use crate::value::{LeaseId, Revision};

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// For keys.
    Range(Range),
    /// For a lease.
    Lease {
        /// Which.
        lease: LeaseId,
        /// Whether its keys are asked for.
        keys: bool,
    },
    /// For all leases.
    Leases,
}

impl Query {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Range(range) => {
                out.push(1);
                range.encode_into(&mut out);
            }
            Self::Lease { lease, keys } => {
                out.extend([2, u8::from(*keys)]);
                out.extend(lease.0.to_le_bytes());
            }
            Self::Leases => out.push(3),
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no query.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("query", bytes);
        let query = match reader.u8("query kind")? {
            1 => Self::Range(Range::decode(&mut reader)?),
            2 => Self::Lease { keys: reader.bool("keys")?, lease: LeaseId(reader.u64("lease")?) },
            3 => Self::Leases,
            found => return Err(reader.unexpected_at(0, "query kind", found, "1 (range), 2 (lease) or 3 (leases)".into())),
        };
        reader.finish().map(|()| query)
    }
}

/// What the store says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryAnswer {
    /// The store's revision when it was asked.
    pub revision: Revision,
    /// What it tells.
    pub told: Told,
}

/// What a question led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It cannot be answered.
    Refused(Refusal),
    /// Keys.
    Range(Found),
    /// A lease.
    Lease(LeaseInfo),
    /// The names of all leases, rising.
    Leases(Vec<LeaseId>),
}

impl QueryAnswer {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.revision.0.to_le_bytes().to_vec();
        match &self.told {
            Told::Refused(refusal) => {
                out.push(0);
                refusal.encode(&mut out);
            }
            Told::Range(found) => {
                out.push(1);
                found.encode_into(&mut out);
            }
            Told::Lease(info) => {
                out.push(2);
                for word in [info.lease.0, info.ttl_seconds, info.renewals] {
                    out.extend(word.to_le_bytes());
                }
                codec::count(&mut out, info.keys.len());
                info.keys.iter().for_each(|key| codec::bytes(&mut out, key));
            }
            Told::Leases(leases) => {
                out.push(3);
                codec::count(&mut out, leases.len());
                leases.iter().for_each(|lease| out.extend(lease.0.to_le_bytes()));
            }
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("query answer", bytes);
        let revision = Revision(reader.u64("revision")?);
        let told = match reader.u8("answer kind")? {
            0 => Told::Refused(Refusal::decode(&mut reader)?),
            1 => Told::Range(Found::decode(&mut reader)?),
            2 => Told::Lease(read_lease(&mut reader)?),
            3 => {
                let count = reader.count("leases", 8, usize::MAX)?;
                Told::Leases((0..count).map(|_| reader.u64("lease").map(LeaseId)).collect::<Result<_, _>>()?)
            }
            found => return Err(reader.unexpected_at(8, "answer kind", found, "0 to 3".into())),
        };
        reader.finish().map(|()| Self { revision, told })
    }
}

fn read_lease(reader: &mut Reader<'_>) -> Result<LeaseInfo, DecodeError> {
    let (lease, ttl_seconds, renewals) = (LeaseId(reader.u64("lease")?), reader.u64("seconds")?, reader.u64("renewals")?);
    let count = reader.count("keys", 4, usize::MAX)?;
    let keys = (0..count).map(|_| codec::read_bytes(reader, "key").map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
    Ok(LeaseInfo { lease, ttl_seconds, renewals, keys })
}
