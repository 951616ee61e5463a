//! A key with its value, as the store tells it, and the numbers that it carries.

use std::fmt;

use quorate_core::codec::{DecodeError, Reader};

use crate::codec;

/// A moment in the life of a store: how often it had changed. An empty store is at revision 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a lease. Zero is no lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseId(pub u64);

impl LeaseId {
    /// No lease.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for LeaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key as it was at some revision.
///
/// Bytes: key ‖ created u64 ‖ modified u64 ‖ version u64 ‖ lease u64 ‖ value; key and value are a length u32 and their bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValue {
    /// The key.
    pub key: Vec<u8>,
    /// The revision at which it came to be, since it was deleted last.
    pub create_revision: Revision,
    /// The revision of its last change.
    pub mod_revision: Revision,
    /// How often it was written since it came to be. Zero for a key that was deleted.
    pub version: u64,
    /// The lease that it goes with.
    pub lease: LeaseId,
    /// The value.
    pub value: Vec<u8>,
}

impl KeyValue {
    /// The fewest bytes that one has.
    pub(crate) const BYTES_MIN: usize = 40;

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        codec::bytes(out, &self.key);
        for word in [self.create_revision.0, self.mod_revision.0, self.version, self.lease.0] {
            out.extend(word.to_le_bytes());
        }
        codec::bytes(out, &self.value);
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: codec::read_bytes(reader, "key")?.to_vec(),
            create_revision: Revision(reader.u64("created")?),
            mod_revision: Revision(reader.u64("modified")?),
            version: reader.u64("version")?,
            lease: LeaseId(reader.u64("lease")?),
            value: codec::read_bytes(reader, "value")?.to_vec(),
        })
    }

    pub(crate) fn encode_list(list: &[Self], out: &mut Vec<u8>) {
        codec::count(out, list.len());
        list.iter().for_each(|each| each.encode(out));
    }

    pub(crate) fn decode_list(reader: &mut Reader<'_>) -> Result<Vec<Self>, DecodeError> {
        let count = reader.count("keys", Self::BYTES_MIN, usize::MAX)?;
        (0..count).map(|_| Self::decode(reader)).collect()
    }
}
