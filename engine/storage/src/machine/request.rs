//! The language of the example store: set a key, get a key; the answer is a value or none.
//!
//! Bytes of a request: 1 (set) ‖ key ‖ value, or 2 (get) ‖ key. Of an answer: 0 (none), or 1 ‖ value. A text is its length in bytes as
//! u32, then UTF-8. There is one encoding for each request and answer.

use quorate_core::codec::{DecodeError, Reader};

const SET: u8 = 1;
const GET: u8 = 2;

/// What the store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Gives a key a value. The answer is none.
    Set {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// Asks for a key's value.
    Get {
        /// The key.
        key: String,
    },
}

impl Request {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Set { key, value } => {
                out.push(SET);
                text(&mut out, key.as_bytes());
                text(&mut out, value.as_bytes());
            }
            Self::Get { key } => {
                out.push(GET);
                text(&mut out, key.as_bytes());
            }
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are not a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(match Borrowed::decode(bytes)? {
            Borrowed::Set { key, value } => Self::Set { key: key.to_owned(), value: value.to_owned() },
            Borrowed::Get { key } => Self::Get { key: key.to_owned() },
        })
    }
}

/// A request that is still where it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Borrowed<'a> {
    Set { key: &'a str, value: &'a str },
    Get { key: &'a str },
}

impl<'a> Borrowed<'a> {
    pub(super) fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("request", bytes);
        let request = match reader.u8("request kind")? {
            SET => Self::Set { key: read_text(&mut reader, "key")?, value: read_text(&mut reader, "value")? },
            GET => Self::Get { key: read_text(&mut reader, "key")? },
            found => return Err(reader.unexpected_at(0, "request kind", found, "1 (set) or 2 (get)".into())),
        };
        reader.finish()?;
        Ok(request)
    }
}

/// What the store says: a value, or that there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer(pub Option<String>);

impl Answer {
    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        Self::of(self.0.as_ref().map(String::as_bytes))
    }

    /// The canonical bytes of an answer that is not a string of its own.
    pub(super) fn of(value: Option<&[u8]>) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + value.map_or(0, |value| 4 + value.len()));
        out.push(u8::from(value.is_some()));
        if let Some(value) = value {
            text(&mut out, value);
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are not an answer.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("answer", bytes);
        let value = if reader.bool("there is a value")? { Some(read_text(&mut reader, "value")?.to_owned()) } else { None };
        reader.finish()?;
        Ok(Self(value))
    }
}

/// Appends a text. Texts come from requests, whose length field has four bytes.
fn text(out: &mut Vec<u8>, text: &[u8]) {
    debug_assert!(u32::try_from(text.len()).is_ok(), "a text of {} bytes", text.len());
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text);
}

fn read_text<'a>(reader: &mut Reader<'a>, field: &'static str) -> Result<&'a str, DecodeError> {
    let len = reader.count(field, 1, usize::MAX)?;
    let at = reader.at();
    let bytes = reader.bytes(field, len)?;
    std::str::from_utf8(bytes).map_err(|error| reader.unexpected_at(at, field, error, "UTF-8".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_answers_read_back_as_they_were_written() {
        for request in [Request::Set { key: "k".into(), value: String::new() }, Request::Get { key: "ключ".into() }] {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
        for answer in [Answer(None), Answer(Some(String::new())), Answer(Some("v".into()))] {
            assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        let bytes = Request::Set { key: "key".into(), value: "value".into() }.encode();
        for len in 0..bytes.len() {
            Request::decode(&bytes[..len]).unwrap_err();
        }
        let mut long = bytes.clone();
        long.push(0);
        Request::decode(&long).unwrap_err();
        let error = Request::decode(&[9]).unwrap_err();
        assert_eq!(error.to_string(), "request, byte 0: request kind is 9; expected 1 (set) or 2 (get)");
        assert!(Request::decode(&[2, 1, 0, 0, 0, 0xff]).unwrap_err().to_string().contains("UTF-8"));
    }
}
