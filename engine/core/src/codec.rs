//! Canonical bytes: little-endian, fixed layouts, checked once at the edge.
//!
//! A [`Reader`] walks a byte string and answers every mistake with a [`DecodeError`] that says what was being read, where, and
//! what was expected. No decoder in this crate panics on any input, and none allocates more than its input's length justifies:
//! counts are checked against the bytes that are left before anything is reserved.

use thiserror::Error;

/// Why bytes from outside could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}, byte {at}: {problem}")]
pub struct DecodeError {
    /// What was being decoded, such as `certificate`.
    pub what: &'static str,
    /// The offset of the field that is wrong.
    pub at: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong at one place of an encoding.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// The bytes end inside a field.
    #[error("{field} needs {needed} bytes, {left} are left")]
    Truncated {
        /// The field being read.
        field: &'static str,
        /// Its length.
        needed: usize,
        /// What is left of the input.
        left: usize,
    },
    /// There are bytes behind the end of the value.
    #[error("{extra} bytes follow the end of the value; expected none")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// A field holds a value that it cannot have.
    #[error("{field} is {found}; expected {expected}")]
    Unexpected {
        /// The field.
        field: &'static str,
        /// What stood there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// The fields are each well formed, but what they say together is not.
    #[error("{0}")]
    Invalid(String),
}

/// Reads a byte string from front to back.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    what: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// A reader over `bytes`, which are said to hold a `what`.
    #[must_use]
    pub fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, bytes, at: 0 }
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// The offset of the next byte.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The next `len` bytes, as they are.
    pub fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], DecodeError> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return Err(self.error(Problem::Truncated { field, needed: len, left: self.left() }));
        };
        let found = &self.bytes[self.at..end];
        self.at = end;
        Ok(found)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let mut out = [0; N];
        out.copy_from_slice(self.bytes(field, N)?);
        Ok(out)
    }

    /// The next byte.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        Ok(u8::from_le_bytes(self.array(field)?))
    }

    /// The next two bytes.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    /// The next four bytes.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    /// The next eight bytes.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A count of items of at least `item_bytes` each, at most `limit`, for which the input has the bytes.
    pub fn count(&mut self, field: &'static str, item_bytes: usize, limit: usize) -> Result<usize, DecodeError> {
        let at = self.at;
        let count = self.u32(field)? as usize;
        if count > limit {
            return Err(self.unexpected_at(at, field, count, format!("at most {limit}")));
        }
        let needed = count.saturating_mul(item_bytes);
        if needed > self.left() {
            return Err(self.error(Problem::Truncated { field, needed, left: self.left() }));
        }
        Ok(count)
    }

    /// A byte that must be exactly `expected`, such as a version.
    pub fn expect_u8(&mut self, field: &'static str, expected: u8) -> Result<(), DecodeError> {
        let at = self.at;
        match self.u8(field)? {
            found if found == expected => Ok(()),
            found => Err(self.unexpected_at(at, field, found, expected.to_string())),
        }
    }

    /// A byte that is 0 or 1.
    pub fn bool(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        let at = self.at;
        match self.u8(field)? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(self.unexpected_at(at, field, found, "0 or 1".into())),
        }
    }

    /// The error that the field read at `at` is not what it must be.
    pub fn unexpected_at(&self, at: usize, field: &'static str, found: impl ToString, expected: String) -> DecodeError {
        DecodeError { what: self.what, at, problem: Problem::Unexpected { field, found: found.to_string(), expected } }
    }

    /// The error that what was read so far contradicts itself.
    pub fn invalid(&self, why: impl ToString) -> DecodeError {
        self.error(Problem::Invalid(why.to_string()))
    }

    /// Checks that everything was read.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            extra => Err(self.error(Problem::Trailing { extra })),
        }
    }

    fn error(&self, problem: Problem) -> DecodeError {
        DecodeError { what: self.what, at: self.at, problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_was_expected() {
        let mut reader = Reader::new("block", &[1, 2, 3]);
        reader.u8("version").unwrap();
        let error = reader.u32("height").unwrap_err();
        assert_eq!(error.to_string(), "block, byte 1: height needs 4 bytes, 2 are left");
    }

    #[test]
    fn a_count_is_checked_against_what_is_left_before_anything_is_reserved() {
        let mut bytes = u32::MAX.to_le_bytes().to_vec();
        bytes.extend([0; 64]);
        assert!(Reader::new("list", &bytes).count("items", 32, usize::MAX).is_err());
        bytes[..4].copy_from_slice(&2u32.to_le_bytes());
        assert_eq!(Reader::new("list", &bytes).count("items", 32, 2).unwrap(), 2);
        assert!(Reader::new("list", &bytes).count("items", 32, 1).is_err());
    }

    #[test]
    fn bytes_behind_the_end_are_an_error() {
        let reader = Reader::new("vote", &[0]);
        assert_eq!(reader.finish().unwrap_err().problem, Problem::Trailing { extra: 1 });
    }
}
