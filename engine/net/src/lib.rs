//! How nodes and clients talk: frames, TLS, connections.
//!
//! [`frame`] has the format of what goes over a connection, [`raft`] and [`wire`] that of what is in it, [`identity`] who can be at its
//! ends. Whatever comes from outside is read by a checked decoder with a bound on what it takes, and refused with what was found and
//! what was expected.
#![forbid(unsafe_code)]

pub mod certs;
pub mod class;
mod compression;
pub mod connection;
pub mod frame;
pub mod identity;
pub mod links;
pub mod raft;
pub mod samples;
pub mod tls;
pub mod wire;
