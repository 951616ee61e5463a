//! Files of histories: two formats that others publish, and our own.
//!
//! - [`jepsen`]: the log of a Jepsen test of one register, such as etcd's: `INFO  jepsen.util - 3  :invoke  :write  4`
//! - [`edn`]: a map in EDN for each event, on keys: `{:process 0, :type :invoke, :f :append, :key "0", :value "x"}`
//! - [`lines`]: an object in JSON for each event, which the simulator writes: `{"invoke":0,"client":3,"at":17,"call":"get","key":"a"}`
//!
//! The first line says which it is. The order of lines is the order of events; blank lines are passed over. Whatever is not understood is
//! an error with its line, what was found there, and what was expected: a line that is left out could change the verdict.

mod book;
pub mod edn;
pub mod jepsen;
pub mod lines;

use thiserror::Error;

use super::History;
use super::models::{Call, Kind, Reply};

/// The longest file that is read.
pub const BYTES_MAX: usize = 64 << 20;

/// The most operations that are read.
pub const OPERATIONS_MAX: usize = 1 << 20;

/// So much of what was found is shown.
const SHOWN: usize = 80;

/// Why a file is not a history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: found {found}; expected {expected}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u64,
    /// What stood there.
    pub found: String,
    /// What should have.
    pub expected: String,
}

/// An error that does not know its line yet.
#[derive(Debug)]
struct Wrong {
    found: String,
    expected: String,
}

impl Wrong {
    fn new(found: &str, expected: impl Into<String>) -> Self {
        let mut shown: String = found.chars().take(SHOWN).flat_map(char::escape_debug).collect();
        if found.chars().nth(SHOWN).is_some() {
            shown.push('…');
        }
        Self { found: format!("`{shown}`"), expected: expected.into() }
    }

    /// What was found needs no quotes.
    fn said(found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { found: found.into(), expected: expected.into() }
    }

    fn at(self, line: u64) -> ParseError {
        ParseError { line, found: self.found, expected: self.expected }
    }
}

/// What a file looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// [`jepsen`]
    Jepsen,
    /// [`edn`]
    Edn,
    /// [`lines`]
    Lines,
}

impl Format {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Jepsen => "jepsen",
            Self::Edn => "edn",
            Self::Lines => "json-lines",
        }
    }

    fn of(first: &str) -> Result<Self, Wrong> {
        match first.trim_start() {
            line if line.starts_with("INFO") => Ok(Self::Jepsen),
            line if line.starts_with("{:") => Ok(Self::Edn),
            line if line.starts_with("{\"") => Ok(Self::Lines),
            line => Err(Wrong::new(line, "a history, which begins with `INFO  jepsen.util -`, `{:process` or `{\"history\"`")),
        }
    }
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// What it looks like.
    pub format: Format,
    /// The model that it names or that the format is for.
    pub model: Kind,
    /// What it says. Moments are called by their line, or, in our own format, by the time that stands there.
    pub history: History<Call, Reply>,
}

/// Reads a file in any of the formats.
///
/// # Errors
/// If it is in none of them, breaks off, contradicts itself, or is too long.
pub fn parse(bytes: &[u8]) -> Result<Parsed, ParseError> {
    if bytes.len() > BYTES_MAX {
        return Err(Wrong::said(format!("a file of {} bytes", bytes.len()), format!("at most {BYTES_MAX}")).at(1));
    }
    let mut numbered = (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.trim_ascii().is_empty());
    let utf8 = |(number, line)| match std::str::from_utf8(line) {
        Ok(text) => Ok((number, text)),
        Err(error) => Err(Wrong::said(format!("a byte that is no text, number {} of the line", error.valid_up_to()), "UTF-8").at(number)),
    };
    let Some(first) = numbered.next() else { return Err(Wrong::said("nothing", "a history").at(1)) };
    let (line, first) = utf8(first)?;
    let format = Format::of(first).map_err(|wrong| wrong.at(line))?;
    let all = std::iter::once(Ok((line, first))).chain(numbered.map(utf8));
    let (model, history) = match format {
        Format::Jepsen => (Kind::Register, jepsen::read(all)?),
        Format::Edn => (Kind::Kv, edn::read(all)?),
        Format::Lines => lines::read(all)?,
    };
    Ok(Parsed { format, model, history })
}
