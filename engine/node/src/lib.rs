//! The running node: drives protocols, log and state machines, and serves clients.
//!
//! A node has one *shard*: a thread that owns the node's partitions, the connections, and all timers, so that nothing in the way of a
//! commit has to cross threads and no lock stands around protocol state. Beside it stand a thread that syncs the log, and a runtime for
//! what may take its time: handshakes, HTTP.
#![forbid(unsafe_code)]

pub mod application;
pub mod client;
mod commands;
pub mod config;
pub mod handle;
pub mod http;
mod kv;
pub mod logging;
pub mod metrics;
pub mod node;
mod service;
mod shard;
mod system;

pub use config::Config;
pub use handle::Handle;
pub use node::Node;

use quorate_core::ids::PartitionId;

/// The partition that holds the members and where they are.
pub const SYSTEM: PartitionId = PartitionId(0);
/// The partition that holds the key-value store.
pub const KV: PartitionId = PartitionId(1);
