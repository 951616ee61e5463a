//! What a node tells the world: the schema of its events, and the trace that records them.
//!
//! There is one trace format: recorded telemetry frames. Whoever writes one, a node or the simulator, whoever reads it, the monitor, the
//! report or a model, goes through this crate. Parquet, JSON lines and CSV are exports of it. The crate builds for wasm.
//!
//! - [`schema`]: what a frame can say, and its bytes;
//! - [`trace`]: frames in a file, in checked blocks;
//! - [`export`]: a trace as JSON lines, or as tables in CSV or Parquet.
#![forbid(unsafe_code)]

pub mod export;
pub mod limits;
mod pack;
pub mod samples;
pub mod schema;
pub mod trace;
mod unpack;

pub use pack::Oversized;
