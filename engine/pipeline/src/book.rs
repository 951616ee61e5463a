//! The signatures of a round, kept for the certificate: one for each cell, and of several valid ones of the same voter for the same
//! candidate the least, so that the book does not depend on the order in which they came.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use quorate_core::ballot::Signature;
use quorate_core::hash::Digest;

/// What a voter signed for a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signed {
    /// The signature.
    pub signature: Signature,
    /// The digest of the body that it covers.
    pub body: Digest,
}

/// The least valid signature of each cell. Cells are checked indices, not chosen by outsiders, so a multiplication is hash enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Book {
    entries: HashMap<u32, Signed, BuildHasherDefault<Multiply>>,
}

impl Book {
    pub(crate) fn record(&mut self, cell: u32, signed: Signed) {
        self.entries.entry(cell).and_modify(|kept| *kept = signed.min(*kept)).or_insert(signed);
    }

    pub(crate) fn get(&self, cell: u32) -> Option<&Signed> {
        self.entries.get(&cell)
    }

    pub(crate) fn merge(&mut self, other: &Book) {
        for (&cell, &signed) in &other.entries {
            self.record(cell, signed);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn footprint(&self) -> usize {
        self.entries.capacity() * (size_of::<(u32, Signed)>() + 1)
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Multiply(u64);

impl Hasher for Multiply {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
