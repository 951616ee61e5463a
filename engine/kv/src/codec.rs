//! The parts that the codecs of this crate share: a length and bytes, and fields that are left out when they say nothing.
//!
//! A byte of flags comes first. A field whose flag is not set is what it is by default, and one whose flag is set must not be: so there is
//! one encoding of each thing.

use quorate_core::codec::{DecodeError, Reader};

/// How deep transactions lie in each other at most, whatever a store's limits say: what a decoder follows, it follows on the stack.
pub(crate) const DEPTH_MAX: usize = 16;

/// Appends how many there are. Whatever there are more than four thousand millions of, no store takes.
pub(crate) fn count(out: &mut Vec<u8>, count: usize) {
    debug_assert!(u32::try_from(count).is_ok(), "{count} items");
    out.extend((count as u32).to_le_bytes());
}

/// Appends a length and bytes.
pub(crate) fn bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    count(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Reads a length and bytes.
pub(crate) fn read_bytes<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a [u8], DecodeError> {
    let len = reader.count(field, 1, usize::MAX)?;
    reader.bytes(field, len)
}

/// Reads flags, none of which lies outside `known`.
pub(crate) fn read_flags(reader: &mut Reader<'_>, known: u8) -> Result<u8, DecodeError> {
    let at = reader.at();
    match reader.u8("flags")? {
        flags if flags & !known == 0 => Ok(flags),
        flags => Err(reader.unexpected_at(at, "flags", format!("{flags:#010b}"), format!("none outside {known:#010b}"))),
    }
}

/// Appends a number if it is not zero. Whoever calls sets a flag then.
pub(crate) fn number(out: &mut Vec<u8>, number: u64) {
    if number != 0 {
        out.extend(number.to_le_bytes());
    }
}

/// Reads a number that is there if its flag is set, and then is not zero.
pub(crate) fn read_number(reader: &mut Reader<'_>, field: &'static str, there: bool) -> Result<u64, DecodeError> {
    if !there {
        return Ok(0);
    }
    let at = reader.at();
    match reader.u64(field)? {
        0 => Err(reader.unexpected_at(at, field, 0, "another number, or that it is left out".into())),
        number => Ok(number),
    }
}

/// A byte with a bit for each of these that is true, the first being the lowest.
pub(crate) fn flags<const N: usize>(bits: [bool; N]) -> u8 {
    bits.into_iter().enumerate().fold(0, |flags, (at, bit)| flags | u8::from(bit) << at)
}
