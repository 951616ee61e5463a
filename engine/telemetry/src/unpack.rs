//! Reads MessagePack, with the checks of [`quorate_core::codec`]: every mistake has a place, and nothing is reserved for items that the
//! bytes that are left cannot hold.

use quorate_core::codec::{DecodeError, Reader};

use crate::limits;

/// Reads values from front to back.
#[derive(Clone)]
pub(crate) struct Unpacker<'a> {
    reader: Reader<'a>,
    newer: bool,
}

/// The heads that are needed here, with what follows them.
enum Head {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Text(usize),
    Binary(usize),
    List(usize),
    /// A form that frames of this version do not use: bytes to skip, then values to skip.
    Other {
        bytes: usize,
        values: usize,
    },
}

impl<'a> Unpacker<'a> {
    /// Reads `bytes`, which are said to hold a `what`.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { reader: Reader::new(what, bytes), newer: false }
    }

    /// Reads `bytes` from the byte `at` on, which was read up to there before.
    pub(crate) fn at_byte(what: &'static str, bytes: &'a [u8], at: usize) -> Self {
        let mut reader = Reader::new(what, bytes);
        reader.bytes("what was read before", at).expect("it was read before");
        Self { reader, newer: false }
    }

    /// The offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.reader.at()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.reader.left()
    }

    /// Whether the last error was a name that a later version may have added.
    pub(crate) fn newer(&self) -> bool {
        self.newer
    }

    fn head(&mut self, field: &'static str) -> Result<Head, DecodeError> {
        let reader = &mut self.reader;
        let at = reader.at();
        Ok(match reader.u8(field)? {
            small @ 0..=0x7f => Head::Unsigned(u64::from(small)),
            tag @ 0x80..=0x8f => Head::Other { bytes: 0, values: 2 * usize::from(tag & 0x0f) },
            tag @ 0x90..=0x9f => Head::List(usize::from(tag & 0x0f)),
            tag @ 0xa0..=0xbf => Head::Text(usize::from(tag & 0x1f)),
            0xc0 => Head::Nil,
            tag @ (0xc2 | 0xc3) => Head::Bool(tag == 0xc3),
            0xc4 => Head::Binary(usize::from(reader.u8(field)?)),
            0xc5 => Head::Binary(usize::from(u16::from_be_bytes(reader.array(field)?))),
            0xc6 => Head::Binary(u32::from_be_bytes(reader.array(field)?) as usize),
            0xc7 => Head::Other { bytes: usize::from(reader.u8(field)?) + 1, values: 0 },
            0xc8 => Head::Other { bytes: usize::from(u16::from_be_bytes(reader.array(field)?)) + 1, values: 0 },
            0xc9 => Head::Other { bytes: (u32::from_be_bytes(reader.array(field)?) as usize).saturating_add(1), values: 0 },
            0xca => Head::Other { bytes: 4, values: 0 },
            0xcb => Head::Other { bytes: 8, values: 0 },
            0xcc => Head::Unsigned(u64::from(reader.u8(field)?)),
            0xcd => Head::Unsigned(u64::from(u16::from_be_bytes(reader.array(field)?))),
            0xce => Head::Unsigned(u64::from(u32::from_be_bytes(reader.array(field)?))),
            0xcf => Head::Unsigned(u64::from_be_bytes(reader.array(field)?)),
            0xd0 => Head::Signed(i64::from(i8::from_be_bytes(reader.array(field)?))),
            0xd1 => Head::Signed(i64::from(i16::from_be_bytes(reader.array(field)?))),
            0xd2 => Head::Signed(i64::from(i32::from_be_bytes(reader.array(field)?))),
            0xd3 => Head::Signed(i64::from_be_bytes(reader.array(field)?)),
            tag @ 0xd4..=0xd8 => Head::Other { bytes: (1 << (tag - 0xd4)) + 1, values: 0 },
            0xd9 => Head::Text(usize::from(reader.u8(field)?)),
            0xda => Head::Text(usize::from(u16::from_be_bytes(reader.array(field)?))),
            0xdb => Head::Text(u32::from_be_bytes(reader.array(field)?) as usize),
            0xdc => Head::List(usize::from(u16::from_be_bytes(reader.array(field)?))),
            0xdd => Head::List(u32::from_be_bytes(reader.array(field)?) as usize),
            0xde => Head::Other { bytes: 0, values: 2 * usize::from(u16::from_be_bytes(reader.array(field)?)) },
            0xdf => Head::Other { bytes: 0, values: (u32::from_be_bytes(reader.array(field)?) as usize).saturating_mul(2) },
            negative @ 0xe0..=0xff => Head::Signed(i64::from(negative as i8)),
            0xc1 => return Err(reader.unexpected_at(at, field, "the byte 0xc1", "a MessagePack value".into())),
        })
    }

    /// The error that a field is something else than it must be.
    pub(crate) fn unexpected(&self, at: usize, field: &'static str, found: impl ToString, expected: impl Into<String>) -> DecodeError {
        self.reader.unexpected_at(at, field, found, expected.into())
    }

    /// The error that a code names nothing in this version.
    pub(crate) fn unknown(&mut self, at: usize, field: &'static str, code: u64, expected: String) -> DecodeError {
        self.newer = true;
        self.reader.unexpected_at(at, field, code, expected)
    }

    pub(crate) fn unsigned(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        let at = self.at();
        match self.head(field)? {
            Head::Unsigned(value) => Ok(value),
            other => Err(self.unexpected(at, field, other.name(), "an unsigned integer")),
        }
    }

    pub(crate) fn signed(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        let at = self.at();
        match self.head(field)? {
            Head::Signed(value) => Ok(value),
            Head::Unsigned(value) => i64::try_from(value).map_err(|_| self.unexpected(at, field, value, "at most 2^63 - 1")),
            other => Err(self.unexpected(at, field, other.name(), "an integer")),
        }
    }

    /// Takes the next value if it is nil.
    pub(crate) fn nil(&mut self) -> bool {
        let nil = self.reader.clone().u8("nil") == Ok(0xc0);
        if nil {
            // It is one byte, and it is there.
            let _ = self.reader.u8("nil");
        }
        nil
    }

    pub(crate) fn text(&mut self, field: &'static str) -> Result<&'a str, DecodeError> {
        let at = self.at();
        let len = match self.head(field)? {
            Head::Text(len) => len,
            other => return Err(self.unexpected(at, field, other.name(), "a text")),
        };
        if len > limits::TEXT_BYTES {
            return Err(self.unexpected(at, field, format!("{len} bytes long"), format!("at most {}", limits::TEXT_BYTES)));
        }
        let bytes = self.reader.bytes(field, len)?;
        std::str::from_utf8(bytes).map_err(|error| self.unexpected(at, field, error, "UTF-8"))
    }

    pub(crate) fn binary<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let at = self.at();
        match self.head(field)? {
            Head::Binary(len) if len == N => self.reader.array(field),
            Head::Binary(len) => Err(self.unexpected(at, field, format!("{len} bytes long"), format!("{N} bytes"))),
            other => Err(self.unexpected(at, field, other.name(), format!("{N} bytes"))),
        }
    }

    /// The length of a list, for whose items at least a byte each is left.
    pub(crate) fn list(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let at = self.at();
        let len = match self.head(field)? {
            Head::List(len) => len,
            other => return Err(self.unexpected(at, field, other.name(), "a list")),
        };
        let most = limits::LIST_ITEMS.min(self.left());
        if len > most {
            return Err(self.unexpected(at, field, format!("{len} items long"), format!("at most {most}")));
        }
        Ok(len)
    }

    /// Passes over one value, whatever it is.
    pub(crate) fn skip(&mut self, field: &'static str) -> Result<(), DecodeError> {
        // One count of values still to come for each list that is open.
        let mut open = [0_usize; limits::SKIPPED_DEPTH];
        let mut depth = 0;
        open[0] = 1;
        loop {
            while open[depth] == 0 {
                if depth == 0 {
                    return Ok(());
                }
                depth -= 1;
            }
            open[depth] -= 1;
            let at = self.at();
            let inside = match self.head(field)? {
                Head::Text(len) | Head::Binary(len) => self.reader.bytes(field, len).map(|_| 0)?,
                Head::List(len) => len,
                Head::Other { bytes, values } => self.reader.bytes(field, bytes).map(|_| values)?,
                Head::Nil | Head::Bool(_) | Head::Unsigned(_) | Head::Signed(_) => 0,
            };
            if inside > 0 {
                depth += 1;
                if depth == open.len() {
                    let most = limits::SKIPPED_DEPTH - 1;
                    return Err(self.unexpected(at, field, "nested deeper", format!("at most {most} lists in each other")));
                }
                open[depth] = inside;
            }
        }
    }
}

impl Head {
    fn name(&self) -> String {
        match self {
            Self::Nil => "nil".into(),
            Self::Bool(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Signed(value) => value.to_string(),
            Self::Text(_) => "a text".into(),
            Self::Binary(_) => "a byte string".into(),
            Self::List(_) => "a list".into(),
            Self::Other { .. } => "a map, a float or an extension".into(),
        }
    }
}
