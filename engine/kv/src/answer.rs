//! What the store answers a command.
//!
//! Bytes: revision u64 ‖ outcome. An outcome is a kind and its fields: 0 refused ‖ refusal; 1 put ‖ whether there is a previous ‖ it; 2
//! deleted ‖ count u64 ‖ previous ones; 3 transaction ‖ succeeded ‖ number u32 ‖ outcomes; 4 range ‖ what was found; 5 compacted; 6 granted
//! ‖ lease u64 ‖ seconds u64; 7 ended ‖ lease u64 ‖ deleted u64; 8 kept alive ‖ lease u64 ‖ seconds u64 ‖ renewals u64.

use quorate_core::codec::{DecodeError, Reader};

use crate::codec;
use crate::range::Found;
use crate::refusal::Refusal;
use crate::value::{KeyValue, LeaseId, Revision};

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The store's revision after it.
    pub revision: Revision,
    /// What it led to.
    pub outcome: Outcome,
}

/// What a command, or an operation of a transaction, led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// To nothing.
    Refused(Refusal),
    /// A key was written.
    Put {
        /// What was there before, if it was asked for and there was something.
        prev: Option<KeyValue>,
    },
    /// Keys were deleted.
    Deleted {
        /// How many.
        deleted: u64,
        /// What was there before, if it was asked for.
        prev: Vec<KeyValue>,
    },
    /// Keys were read.
    Range(Found),
    /// A list of operations was carried out.
    Transaction {
        /// Whether everything held.
        succeeded: bool,
        /// What each operation of the list led to.
        outcomes: Vec<Outcome>,
    },
    /// What was before the revision is forgotten.
    Compacted,
    /// There is a new lease.
    Granted {
        /// Its name.
        lease: LeaseId,
        /// How long it lives when it is not renewed.
        ttl_seconds: u64,
    },
    /// A lease is no more, and its keys are gone.
    Ended {
        /// Which.
        lease: LeaseId,
        /// How many keys went with it.
        deleted: u64,
    },
    /// A lease was renewed.
    KeptAlive {
        /// Which.
        lease: LeaseId,
        /// How long it lives from now on when it is not renewed.
        ttl_seconds: u64,
        /// How often it has been renewed.
        renewals: u64,
    },
}

impl Answer {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(26);
        out.extend(self.revision.0.to_le_bytes());
        self.outcome.encode_into(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("answer", bytes);
        let answer = Self { revision: Revision(reader.u64("revision")?), outcome: Outcome::decode(&mut reader, 0)? };
        reader.finish().map(|()| answer)
    }
}

impl Outcome {
    fn encode_into(&self, out: &mut Vec<u8>) {
        let mut words = |kind: u8, words: &[u64]| {
            out.push(kind);
            out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        };
        match self {
            Self::Refused(refusal) => {
                out.push(0);
                refusal.encode(out);
            }
            Self::Put { prev } => {
                out.extend([1, u8::from(prev.is_some())]);
                prev.iter().for_each(|prev| prev.encode(out));
            }
            Self::Deleted { deleted, prev } => {
                words(2, &[*deleted]);
                KeyValue::encode_list(prev, out);
            }
            Self::Transaction { succeeded, outcomes } => {
                out.extend([3, u8::from(*succeeded)]);
                codec::count(out, outcomes.len());
                outcomes.iter().for_each(|outcome| outcome.encode_into(out));
            }
            Self::Range(found) => {
                out.push(4);
                found.encode_into(out);
            }
            Self::Compacted => out.push(5),
            Self::Granted { lease, ttl_seconds } => words(6, &[lease.0, *ttl_seconds]),
            Self::Ended { lease, deleted } => words(7, &[lease.0, *deleted]),
            Self::KeptAlive { lease, ttl_seconds, renewals } => words(8, &[lease.0, *ttl_seconds, *renewals]),
        }
    }

    fn decode(reader: &mut Reader<'_>, depth: usize) -> Result<Self, DecodeError> {
        if depth > codec::DEPTH_MAX {
            return Err(reader.invalid(format!("outcomes lie {depth} deep in each other; expected at most {}", codec::DEPTH_MAX)));
        }
        let at = reader.at();
        Ok(match reader.u8("outcome kind")? {
            0 => Self::Refused(Refusal::decode(reader)?),
            1 => Self::Put { prev: if reader.bool("there is a previous one")? { Some(KeyValue::decode(reader)?) } else { None } },
            2 => Self::Deleted { deleted: reader.u64("deleted")?, prev: KeyValue::decode_list(reader)? },
            3 => {
                let succeeded = reader.bool("succeeded")?;
                let count = reader.count("outcomes", 1, usize::MAX)?;
                let outcomes = (0..count).map(|_| Self::decode(reader, depth + 1)).collect::<Result<_, _>>()?;
                Self::Transaction { succeeded, outcomes }
            }
            4 => Self::Range(Found::decode(reader)?),
            5 => Self::Compacted,
            6 => Self::Granted { lease: LeaseId(reader.u64("lease")?), ttl_seconds: reader.u64("seconds")? },
            7 => Self::Ended { lease: LeaseId(reader.u64("lease")?), deleted: reader.u64("deleted")? },
            8 => Self::KeptAlive {
                lease: LeaseId(reader.u64("lease")?),
                ttl_seconds: reader.u64("seconds")?,
                renewals: reader.u64("renewals")?,
            },
            found => return Err(reader.unexpected_at(at, "outcome kind", found, "0 to 8".into())),
        })
    }
}
