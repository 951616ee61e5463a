//! Why there is no connection, or no more of it.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::frame::FrameError;

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The network does not lead there.
    #[error("{doing} {peer}: {error}")]
    Network {
        /// What was being done.
        doing: &'static str,
        /// Who was to be reached, or wanted in.
        peer: String,
        /// What came of it.
        error: io::Error,
    },
    /// The other end did not say who it is in time.
    #[error("greeting {peer}: nothing came of it within {after:?}")]
    Timeout {
        /// Who.
        peer: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// TLS did not come about: a certificate is none of the cluster's, or not valid, or the other end speaks something else.
    #[error("TLS with {peer}: {problem}")]
    Tls {
        /// With whom.
        peer: String,
        /// What is wrong.
        problem: String,
    },
    /// This end refuses the other, and has told it so.
    #[error("refused {peer}: {reason}")]
    Unwelcome {
        /// Whom.
        peer: String,
        /// Why: what was found, and what was expected.
        reason: String,
    },
    /// The other end refuses this one.
    #[error("refused by {peer}: {reason}")]
    Refused {
        /// By whom.
        peer: String,
        /// Why, in its words.
        reason: String,
    },
    /// The connection ended before its ends knew each other.
    #[error("greeting {peer}: {error}")]
    Ended {
        /// With whom.
        peer: String,
        /// How it ended.
        error: ReadError,
    },
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The other end closed the connection, in good order.
    #[error("the other end closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection was cut: {0}")]
    Cut(String),
    /// TLS found something that was not from the other end, or not meant so.
    #[error("TLS: {0}")]
    Tls(String),
    /// Something came that is no frame, or may not come here.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The other end ends the connection.
    #[error("the other end refused to go on: {0}")]
    Refused(String),
}
