//! Writes MessagePack: the few forms that frames need, each in its shortest encoding.
//!
//! Lengths are checked here, once, so that nothing is ever written that [`unpack`](crate::unpack) would refuse.

use thiserror::Error;

use crate::limits;

/// A frame holds something that is longer than readers take.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what} of {found}; expected at most {most}")]
pub struct Oversized {
    /// What is too long: a text, a list, or the frame.
    pub what: &'static str,
    /// Its length.
    pub found: usize,
    /// The most that it may be.
    pub most: usize,
}

/// A byte string that grows, and the first thing that was too long for it.
pub(crate) struct Packer<'a> {
    out: &'a mut Vec<u8>,
    oversized: Option<Oversized>,
}

impl<'a> Packer<'a> {
    /// Writes behind what `out` already holds.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, oversized: None }
    }

    /// What was too long, if anything was: then what was written is of no use.
    pub(crate) fn finish(self) -> Result<(), Oversized> {
        self.oversized.map_or(Ok(()), Err)
    }

    fn check(&mut self, what: &'static str, found: usize, most: usize) -> bool {
        if found > most {
            self.oversized.get_or_insert(Oversized { what, found, most });
        }
        found <= most
    }

    pub(crate) fn nil(&mut self) {
        self.out.push(0xc0);
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        match value {
            0..=0x7f => self.out.push(value as u8),
            0x80..=0xff => self.out.extend([0xcc, value as u8]),
            0x100..=0xffff => self.tagged(0xcd, (value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.tagged(0xce, (value as u32).to_be_bytes()),
            _ => self.tagged(0xcf, value.to_be_bytes()),
        }
    }

    pub(crate) fn signed(&mut self, value: i64) {
        match value {
            0.. => self.unsigned(value.unsigned_abs()),
            -0x20.. => self.out.push(value as u8),
            -0x80.. => self.out.extend([0xd0, value as u8]),
            -0x8000.. => self.tagged(0xd1, (value as i16).to_be_bytes()),
            -0x8000_0000.. => self.tagged(0xd2, (value as i32).to_be_bytes()),
            _ => self.tagged(0xd3, value.to_be_bytes()),
        }
    }

    pub(crate) fn text(&mut self, value: &str) {
        if !self.check("a text", value.len(), limits::TEXT_BYTES) {
            return;
        }
        match value.len() {
            short @ 0..=31 => self.out.push(0xa0 | short as u8),
            middle @ 32..=0xff => self.out.extend([0xd9, middle as u8]),
            long => self.tagged(0xda, (long as u16).to_be_bytes()),
        }
        self.out.extend_from_slice(value.as_bytes());
    }

    pub(crate) fn binary<const N: usize>(&mut self, value: &[u8; N]) {
        const { assert!(N <= 0xff, "longer byte strings need a longer head") };
        self.out.extend([0xc4, N as u8]);
        self.out.extend_from_slice(value);
    }

    /// The head of a list whose items follow. False if it is too long: then no item should.
    pub(crate) fn list(&mut self, len: usize) -> bool {
        if !self.check("a list", len, limits::LIST_ITEMS) {
            return false;
        }
        match len {
            0..=15 => self.out.push(0x90 | len as u8),
            16..=0xffff => self.tagged(0xdc, (len as u16).to_be_bytes()),
            _ => self.tagged(0xdd, (len as u32).to_be_bytes()),
        }
        true
    }

    fn tagged<const N: usize>(&mut self, tag: u8, value: [u8; N]) {
        self.out.push(tag);
        self.out.extend_from_slice(&value);
    }
}
