//! The bodies of frames, as `proto/*.proto` describes them, and how they are read.
//!
//! What is read is held against what a frame of its length may hold before it is taken apart: a protobuf of two bytes an item would
//! otherwise become a hundred times as many in memory.

use bytes::Bytes;
use prost::Message as _;
use prost::encoding::{WireType, decode_key, decode_varint};
use thiserror::Error;

/// How two ends of a connection get to know each other.
#[allow(missing_docs, clippy::all)]
pub mod link {
    include!(concat!(env!("OUT_DIR"), "/quorate.link.rs"));
}
/// What Raft servers say to each other.
#[allow(missing_docs, clippy::all)]
pub mod raft {
    include!(concat!(env!("OUT_DIR"), "/quorate.raft.rs"));
}
/// What clients ask, and what they are answered.
#[allow(missing_docs, clippy::all)]
pub mod client {
    include!(concat!(env!("OUT_DIR"), "/quorate.client.rs"));
}

/// The most requests that a frame may have, and the most responses.
pub const REQUESTS_MAX: usize = 1 << 14;

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}: {problem}")]
pub struct WireError {
    /// What was being read.
    pub what: &'static str,
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

impl WireError {
    pub(crate) fn new(what: &'static str, problem: impl Into<String>) -> Self {
        Self { what, problem: problem.into() }
    }
}

/// Reads what a client asks.
///
/// # Errors
/// If these are no requests, or too many.
pub fn requests(body: &Bytes) -> Result<client::Requests, WireError> {
    bounded("requests", body)?;
    client::Requests::decode(body.clone()).map_err(|error| WireError::new("requests", error.to_string()))
}

/// Reads what a client is answered.
///
/// # Errors
/// If these are no responses, or too many.
pub fn responses(body: &Bytes) -> Result<client::Responses, WireError> {
    bounded("responses", body)?;
    client::Responses::decode(body.clone()).map_err(|error| WireError::new("responses", error.to_string()))
}

/// Whether a list has no more items than a frame may have. An item is a field of bytes, and nothing else is in a list.
fn bounded(what: &'static str, body: &Bytes) -> Result<(), WireError> {
    let (mut left, mut count) = (&body[..], 0);
    while !left.is_empty() {
        let malformed = |error: prost::DecodeError| WireError::new(what, error.to_string());
        let (tag, wire_type) = decode_key(&mut left).map_err(malformed)?;
        if (tag, wire_type) != (1, WireType::LengthDelimited) {
            return Err(WireError::new(what, format!("field {tag} of type {wire_type:?}; expected a list, whose items are field 1")));
        }
        let bytes = decode_varint(&mut left).map_err(malformed)?;
        let rest = usize::try_from(bytes).ok().and_then(|bytes| left.get(bytes..));
        left = rest.ok_or_else(|| WireError::new(what, format!("an item of {bytes} bytes, {} are left", left.len())))?;
        count += 1;
        if count > REQUESTS_MAX {
            return Err(WireError::new(what, format!("more than {REQUESTS_MAX} in one frame; expected at most that many")));
        }
    }
    Ok(())
}
