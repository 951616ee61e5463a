//! Whole clusters: three nodes in this process, over TLS on loopback, and native clients.
//!
//! All of it shares this machine's cores: three nodes, the clients, and whatever else it does. A line says which durability the nodes
//! have, and how the clients ask. The limit of a latency is a raw ping-pong over TLS, taking turns with it; that of durable throughput is
//! what one log on the same disk does in groups of the same size, though here three logs share the disk.

mod durable;
mod latency;
mod ping;
mod scene;
mod throughput;

use miette::Result;

use super::Bench;

const STAGE: &str = "cluster";

pub(super) fn run(bench: &mut Bench<'_>) -> Result<()> {
    latency::run(bench)?;
    throughput::run(bench)?;
    durable::run(bench)
}

/// What a benchmark puts: a key of 16 bytes among a hundred thousand, and a value of 64.
fn command(nth: u64) -> bytes::Bytes {
    let key = format!("key-{:012}", nth % 100_000);
    quorate_kv::Command::Put(quorate_kv::Put::new(key, vec![b'v'; 64])).encode().into()
}
