//! Which keys something is about: one, or those of an interval.
//!
//! Bytes: 0 (one) ‖ key, 1 (before) ‖ key ‖ end, or 2 (open) ‖ key.

use std::ops::Bound;

use quorate_core::codec::{DecodeError, Reader};

use crate::codec;

const ONE: u8 = 0;
const BEFORE: u8 = 1;
const OPEN: u8 = 2;

/// Where keys end that begin with some key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With that key itself: it is the only one.
    Single,
    /// Before this one.
    Before(Vec<u8>),
    /// Nowhere: all that follow belong to them.
    Open,
}

/// A key, or an interval of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// The first.
    pub key: Vec<u8>,
    /// Where they end.
    pub end: End,
}

impl Keys {
    /// One key.
    #[must_use]
    pub fn one(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), end: End::Single }
    }

    /// From a key to before another.
    #[must_use]
    pub fn between(key: impl Into<Vec<u8>>, end: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), end: End::Before(end.into()) }
    }

    /// A key and all that follow.
    #[must_use]
    pub fn from(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), end: End::Open }
    }

    /// All keys.
    #[must_use]
    pub fn all() -> Self {
        Self::from([])
    }

    /// All keys that begin with these bytes.
    #[must_use]
    pub fn prefix(prefix: impl Into<Vec<u8>>) -> Self {
        let key = prefix.into();
        // The first key behind them is the prefix, raised by one where it can be raised.
        let end = match key.iter().rposition(|byte| *byte != u8::MAX) {
            None => End::Open,
            Some(last) => End::Before([&key[..last], &[key[last] + 1]].concat()),
        };
        Self { key, end }
    }

    /// The keys that etcd means by a key and the end of a range: an empty end is one key, and a single zero byte no end.
    #[must_use]
    pub fn from_etcd(key: Vec<u8>, range_end: Vec<u8>) -> Self {
        let end = match range_end.as_slice() {
            [] => End::Single,
            [0] => End::Open,
            _ => End::Before(range_end),
        };
        Self { key, end }
    }

    /// Whether a key is among them.
    #[must_use]
    pub fn contain(&self, key: &[u8]) -> bool {
        match &self.end {
            End::Single => key == self.key,
            End::Before(end) => key >= self.key.as_slice() && key < end.as_slice(),
            End::Open => key >= self.key.as_slice(),
        }
    }

    /// Whether there can be no key among them.
    pub(crate) fn are_none(&self) -> bool {
        matches!(&self.end, End::Before(end) if *end <= self.key)
    }

    /// The bounds of an interval that has any keys.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = match &self.end {
            End::Single => Bound::Included(self.key.as_slice()),
            End::Before(end) => Bound::Excluded(end.as_slice()),
            End::Open => Bound::Unbounded,
        };
        (Bound::Included(&self.key), end)
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self.end {
            End::Single => ONE,
            End::Before(_) => BEFORE,
            End::Open => OPEN,
        });
        codec::bytes(out, &self.key);
        if let End::Before(end) = &self.end {
            codec::bytes(out, end);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let kind = reader.u8("keys")?;
        let key = codec::read_bytes(reader, "key")?.to_vec();
        let end = match kind {
            ONE => End::Single,
            BEFORE => End::Before(codec::read_bytes(reader, "end")?.to_vec()),
            OPEN => End::Open,
            found => return Err(reader.unexpected_at(at, "keys", found, "0 (one), 1 (before) or 2 (open)".into())),
        };
        Ok(Self { key, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_the_interval_of_the_keys_that_begin_with_it() {
        assert_eq!(Keys::prefix("ab"), Keys::between("ab", "ac"));
        assert_eq!(Keys::prefix([1, 255, 255]), Keys::between([1, 255, 255], [2]));
        assert_eq!(Keys::prefix([255]), Keys::from([255]));
        assert_eq!(Keys::prefix([]), Keys::all());
    }

    #[test]
    fn etcds_ranges_are_understood() {
        assert_eq!(Keys::from_etcd(b"a".to_vec(), vec![]), Keys::one("a"));
        assert_eq!(Keys::from_etcd(b"a".to_vec(), vec![0]), Keys::from("a"));
        assert_eq!(Keys::from_etcd(b"a".to_vec(), b"b".to_vec()), Keys::between("a", "b"));
    }
}
