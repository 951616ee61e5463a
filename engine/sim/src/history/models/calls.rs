//! Operations on keys, answers, and how both are said to people.

use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

/// So many characters of a value are shown to people.
const SHOWN: usize = 64;

/// A value: any bytes, cheap to copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Arc<[u8]>);

impl Bytes {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// These bytes and then those.
    #[must_use]
    pub fn joined(&self, more: &Self) -> Self {
        Self([self.as_bytes(), more.as_bytes()].concat().into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

/// Text as text, in quotes; other bytes in hexadecimal. The middle of long ones is left out.
impl Display for Bytes {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let all: Vec<char> = match std::str::from_utf8(&self.0) {
            Ok(text) => text.chars().collect(),
            Err(_) => {
                f.write_str("0x")?;
                self.0.iter().flat_map(|byte| format!("{byte:02x}").chars().collect::<Vec<_>>()).collect()
            }
        };
        let quote = if std::str::from_utf8(&self.0).is_ok() { "\"" } else { "" };
        let part = |part: &[char]| part.iter().flat_map(|character| character.escape_debug()).collect::<String>();
        if all.len() <= SHOWN {
            return write!(f, "{quote}{}{quote}", part(&all));
        }
        let half = SHOWN / 2;
        write!(f, "{quote}{}…{}{quote} ({} bytes)", part(&all[..half]), part(&all[all.len() - half..]), self.0.len())
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// What is the value?
    Get {
        /// The key.
        key: String,
    },
    /// The value is now this.
    Put {
        /// The key.
        key: String,
        /// Its value from now on.
        value: Bytes,
    },
    /// The value is now longer.
    Append {
        /// The key.
        key: String,
        /// What is put behind its value.
        value: Bytes,
    },
    /// There is no value any more.
    Delete {
        /// The key.
        key: String,
    },
    /// If the value is this, it is now that.
    CompareAndSet {
        /// The key.
        key: String,
        /// What the value must be; `None` if it must be absent.
        expected: Option<Bytes>,
        /// What it then becomes.
        new: Option<Bytes>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It is done, and nothing is said about what was before.
    Done,
    /// The value, if there is one.
    Value(Option<Bytes>),
    /// Whether the value was what it had to be: for a comparison the one expected, for a deletion any.
    Applied(bool),
}

impl Call {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Get { key }
            | Self::Put { key, .. }
            | Self::Append { key, .. }
            | Self::Delete { key }
            | Self::CompareAndSet { key, .. } => key,
        }
    }

    /// Whether this is the kind of answer that such an operation has.
    #[must_use]
    pub fn takes(&self, reply: &Reply) -> bool {
        match self {
            Self::Get { .. } => matches!(reply, Reply::Value(_)),
            Self::Put { .. } | Self::Append { .. } => matches!(reply, Reply::Done),
            Self::Delete { .. } => matches!(reply, Reply::Done | Reply::Applied(_)),
            Self::CompareAndSet { .. } => matches!(reply, Reply::Applied(_)),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let optional = |value: &Option<Bytes>| value.as_ref().map_or_else(|| "nothing".to_owned(), Bytes::to_string);
        match self {
            Self::Get { .. } => f.write_str("get"),
            Self::Put { value, .. } => write!(f, "put {value}"),
            Self::Append { value, .. } => write!(f, "append {value}"),
            Self::Delete { .. } => f.write_str("delete"),
            Self::CompareAndSet { expected, new, .. } => {
                write!(f, "compare-and-set from {} to {}", optional(expected), optional(new))
            }
        }
    }
}

impl Display for Reply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Value(None) => f.write_str("nothing"),
            Self::Value(Some(value)) => write!(f, "{value}"),
            Self::Applied(true) => f.write_str("applied"),
            Self::Applied(false) => f.write_str("not applied"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_text_if_they_are_and_long_ones_in_part() {
        assert_eq!(Bytes::from("a\n\"b\"").to_string(), r#""a\n\"b\"""#);
        assert_eq!(Bytes::from(&[0xff, 0x00][..]).to_string(), "0xff00");
        let long = Bytes::from("x".repeat(1000).as_str()).to_string();
        assert!(long.chars().count() < 100 && long.ends_with("(1000 bytes)"), "{long}");
    }
}
