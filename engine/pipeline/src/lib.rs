//! The staged pipeline (decode, verify, aggregate, quorum, merkle) and the backends that run it.

pub mod ed25519;
