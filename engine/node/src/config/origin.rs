//! Where a value came from, and what there is to say about it.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use super::text::Mark;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything: it is the default, or follows from other settings.
    Default,
    /// A variable of the environment.
    Environment(String),
    /// A file, and where in it.
    File {
        /// The file.
        file: Arc<str>,
        /// Line and column; none where it is about the file as a whole.
        mark: Option<Mark>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Environment(name) => f.write_str(name),
            Self::File { file, mark: Some(mark) } => write!(f, "{file}:{}:{}", mark.line, mark.column),
            Self::File { file, mark: None } => f.write_str(file),
        }
    }
}

/// Something to say, and about what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Where it stands.
    pub origin: Origin,
    /// What there is to say.
    pub what: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => f.write_str(&self.what),
            origin => write!(f, "{origin}: {}", self.what),
        }
    }
}

/// Why there is no configuration: everything that is wrong, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError {
    /// What is wrong; at least one thing.
    pub problems: Vec<Remark>,
}
