//! The facade: what the `quorate` binary is made of, as a library, so that it can be tested and embedded.
//!
//! [`cli`] says what can be typed, [`commands`] has one file for each command, and [`suites`] holds the self-tests, whose data is
//! embedded: `quorate test` works wherever the binary does. Embedders find everything else under [`core`], [`pipeline`],
//! [`protocol`], [`env`], [`storage`], [`telemetry`], [`sim`], [`kv`], [`net`] and [`node`], which has the client.
#![forbid(unsafe_code)]

pub mod benchmark;
pub mod cli;
pub mod commands;
pub mod demo;
pub mod suites;

pub use quorate_core as core;
pub use quorate_env as env;
pub use quorate_kv as kv;
pub use quorate_net as net;
pub use quorate_node as node;
pub use quorate_pipeline as pipeline;
pub use quorate_protocol as protocol;
pub use quorate_sim as sim;
pub use quorate_storage as storage;
pub use quorate_telemetry as telemetry;
