//! How nodes and clients talk: frames, TLS, connections.
#![forbid(unsafe_code)]

pub mod wire;
