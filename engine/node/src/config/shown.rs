//! The values in force, written as a file would have them.

use std::time::Duration;

use quorate_protocol::raft::Part;

use super::{Algorithm, Config, Durability, Format, Seat, Security};

/// The value of a key, as TOML; `None` for one that says nothing of its own in this configuration.
pub(super) fn value(config: &Config, path: &str) -> Option<String> {
    let Config { cluster, raft, snapshot, network, limits, log, .. } = config;
    let tls = |pick: fn(&Security) -> Option<&std::path::Path>| pick(&config.security).map(|path| quoted(&path.display().to_string()));
    Some(match path {
        "cluster.name" => quoted(cluster.name.as_str()),
        "cluster.members" => format!("[{}]", cluster.members.iter().map(seat).collect::<Vec<_>>().join(", ")),
        "cluster.join" => cluster.join.to_string(),
        "node.id" => config.node.to_string(),
        "node.bind" => quoted(&config.bind),
        "node.address" => quoted(&config.address),
        "node.data" => quoted(&config.data.display().to_string()),
        "client.bind" => quoted(config.client.as_ref().map_or("off", |client| &client.bind)),
        "client.address" => quoted(&config.client.as_ref()?.address),
        "http.bind" => quoted(config.http.as_deref().unwrap_or("off")),
        "consensus.algorithm" => quoted(match config.algorithm {
            Algorithm::Raft => "raft",
            Algorithm::GpuOptimizedRaft => "gpu_optimized_raft",
        }),
        "consensus.backend" => quoted(&config.backend),
        "consensus.election_timeout" => duration(raft.election),
        "consensus.election_stagger" => duration(raft.stagger),
        "consensus.heartbeat_interval" => duration(raft.heartbeat),
        "consensus.reset_hint" => duration(raft.reset_hint?),
        "consensus.clock_drift_ppm" => raft.drift_ppm.to_string(),
        "consensus.append_bytes" => bytes(raft.append_bytes as u64),
        "consensus.appends_inflight" => raft.inflight.to_string(),
        "consensus.uncommitted_bytes" => bytes(raft.uncommitted_bytes),
        "consensus.cache_bytes" => bytes(raft.cache_bytes as u64),
        "consensus.command_bytes" => bytes(raft.command_bytes as u64),
        "consensus.reads_waiting" => raft.reads.to_string(),
        "storage.durability" => quoted(match config.durability {
            Durability::Fsync => "fsync",
            Durability::Interval(_) => "interval",
            Durability::Memory => "memory",
        }),
        "storage.sync_interval" => match config.durability {
            Durability::Interval(interval) => duration(interval),
            _ => return None,
        },
        "storage.snapshot_interval" => snapshot.interval.to_string(),
        "storage.snapshot_log_bytes" => bytes(snapshot.log_bytes),
        "storage.snapshots_kept" => snapshot.keep.to_string(),
        "security.tls" => (config.security != Security::Plain).to_string(),
        "security.ca" => tls(Security::ca)?,
        "security.cert" => tls(Security::cert)?,
        "security.key" => tls(Security::key)?,
        "security.insecure" => config.insecure.to_string(),
        "network.nodelay" => network.nodelay.to_string(),
        "network.send_buffer" => bytes(network.send_buffer? as u64),
        "network.receive_buffer" => bytes(network.receive_buffer? as u64),
        "network.compression" => network.compression.to_string(),
        "limits.clients" => limits.clients.to_string(),
        "limits.requests" => limits.requests.to_string(),
        "limits.request_bytes" => bytes(limits.request_bytes as u64),
        "limits.client_bytes" => bytes(limits.client_bytes as u64),
        "limits.request_timeout" => duration(limits.request_timeout),
        "log.level" => quoted(&log.level),
        "log.format" => quoted(match log.format {
            Format::Text => "text",
            Format::Json => "json",
        }),
        _ => return None,
    })
}

impl Security {
    fn ca(&self) -> Option<&std::path::Path> {
        match self {
            Self::Tls { ca, .. } => Some(ca),
            Self::Plain => None,
        }
    }

    fn cert(&self) -> Option<&std::path::Path> {
        match self {
            Self::Tls { cert, .. } => Some(cert),
            Self::Plain => None,
        }
    }

    fn key(&self) -> Option<&std::path::Path> {
        match self {
            Self::Tls { key, .. } => Some(key),
            Self::Plain => None,
        }
    }
}

fn seat(seat: &Seat) -> String {
    let part = match seat.part {
        Part::Voter => "",
        Part::Learner => ", part = \"learner\"",
        Part::Witness => ", part = \"witness\"",
    };
    let priority = if seat.priority == 0 { String::new() } else { format!(", priority = {}", seat.priority) };
    let Seat { id, name, address, client, .. } = seat;
    let [name, address, client] = [name, address, client].map(|text| quoted(text));
    format!("{{ id = {id}, name = {name}, address = {address}, client = {client}{part}{priority} }}")
}

/// A text in quotes, as TOML and JSON both have it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => quoted += &format!("\\u{:04x}", u32::from(control)),
            other => quoted.push(other),
        }
    }
    quoted + "\""
}

fn duration(duration: Duration) -> String {
    let micros = duration.as_micros();
    quoted(&match micros {
        0 => "0ms".into(),
        _ if micros.is_multiple_of(1_000_000) => format!("{}s", micros / 1_000_000),
        _ if micros.is_multiple_of(1000) => format!("{}ms", micros / 1000),
        _ => format!("{micros}us"),
    })
}

fn bytes(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let unit = units.iter().find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift);
    unit.map_or_else(|| bytes.to_string(), |(shift, unit)| quoted(&format!("{}{unit}", bytes >> shift)))
}
