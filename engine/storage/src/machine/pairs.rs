//! The bytes of a store of texts: what its snapshots consist of.
//!
//! Version 1 ‖ number of pairs u64 ‖ for each pair, in ascending order of keys: key, value, each as its length u32 and its bytes. So two
//! stores with the same content have the same bytes, whether they live in memory or on disk.

use std::io::{self, Read, Write};

const VERSION: u8 = 1;

/// Writes the head of a store with `count` pairs.
pub(super) fn write_head(to: &mut dyn Write, count: u64) -> io::Result<()> {
    to.write_all(&[VERSION])?;
    to.write_all(&count.to_le_bytes())
}

/// Writes one pair. Pairs must come in order.
pub(super) fn write_pair(to: &mut dyn Write, key: &[u8], value: &[u8]) -> io::Result<()> {
    for text in [key, value] {
        let len = u32::try_from(text.len()).map_err(|_| invalid(format!("a text has {} bytes; at most {}", text.len(), u32::MAX)))?;
        to.write_all(&len.to_le_bytes())?;
        to.write_all(text)?;
    }
    Ok(())
}

/// Reads a store and hands out each pair. Nothing may follow the last.
pub(super) fn read(from: &mut dyn Read, mut pair: impl FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
    let mut from = io::BufReader::with_capacity(1 << 16, from);
    let mut version = [0];
    from.read_exact(&mut version)?;
    if version[0] != VERSION {
        return Err(invalid(format!("the store's version is {}; expected {VERSION}", version[0])));
    }
    let mut count = [0; 8];
    from.read_exact(&mut count)?;
    let (mut last, mut key, mut value) = (None::<Vec<u8>>, Vec::new(), Vec::new());
    for nth in 0..u64::from_le_bytes(count) {
        read_text(&mut from, &mut key)?;
        read_text(&mut from, &mut value)?;
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err(invalid(format!("the key of pair {nth} is not above the one before; expected ascending keys")));
        }
        pair(utf8(&key, "key", nth)?, utf8(&value, "value", nth)?)?;
        let last = last.get_or_insert_default();
        std::mem::swap(last, &mut key);
    }
    match from.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(invalid("bytes follow the last pair; expected none".into())),
    }
}

/// Reads a text into a buffer, which grows with what is really there.
fn read_text(from: &mut dyn Read, text: &mut Vec<u8>) -> io::Result<()> {
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = u64::from(u32::from_le_bytes(len));
    text.clear();
    match from.take(len).read_to_end(text)? as u64 {
        read if read == len => Ok(()),
        read => Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the store ends after {read} of a text's {len} bytes"))),
    }
}

fn utf8<'a>(text: &'a [u8], what: &str, nth: u64) -> io::Result<&'a str> {
    std::str::from_utf8(text).map_err(|error| invalid(format!("the {what} of pair {nth}: {error}; expected UTF-8")))
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
