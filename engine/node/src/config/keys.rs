//! Every key of a configuration, one line each: its name, what may stand there, what else it is called, and the environment's name for it.
//!
//! A key may also stand below `consensus`, as earlier engines had it: `consensus.security.cert` is `security.cert`. A key that is a
//! duration has a second name that ends in `_ms`, whose value is a plain number.

use quorate_pipeline::registry::nearest;

use super::shape::Shape;

/// Something that can be set.
#[derive(Debug)]
pub struct Key {
    /// Its name: the section, and the name in it.
    pub path: &'static str,
    /// What may stand there.
    pub shape: Shape,
    /// Other names, some of which come from earlier engines.
    pub aliases: &'static [&'static str],
    /// Variables of the environment that override what a file says; the first that is set counts.
    pub environment: &'static [&'static str],
    /// What it is, in one line.
    pub says: &'static str,
}

macro_rules! keys {
    ($($path:literal $shape:expr, [$($alias:literal),*], [$($variable:literal),*], $says:literal;)*) => {
        &[$(Key { path: $path, shape: $shape, aliases: &[$($alias),*], environment: &[$($variable),*], says: $says }),*]
    };
}

const U32: u64 = u32::MAX as u64;

/// All keys, in the order in which people want to see them.
#[rustfmt::skip]
pub const KEYS: &[Key] = keys! {
    "cluster.name" Shape::Text, ["cluster_name"], ["QUORATE_CLUSTER_NAME"],
        "the cluster's name, which is in every certificate";
    "cluster.members" Shape::Members, ["members"], ["QUORATE_MEMBERS"],
        "the members at the cluster's birth, this one among them; the same in every file";
    "cluster.peers" Shape::Members, ["peers", "bootstrap_peers", "cluster.bootstrap_peers", "network.peers"],
        ["QUORATE_PEERS", "CONSENSUS_PEERS"],
        "instead of members: the others by address alone; all are numbered from 1 in the order of their hosts";
    "cluster.min_size" Shape::Count(1, 1024), ["min_cluster_size", "cluster.min_cluster_size"], ["QUORATE_MIN_CLUSTER_SIZE"],
        "how many members there must be at least";
    "cluster.join" Shape::Flag, ["join"], ["QUORATE_JOIN"],
        "this node came later: it waits until the cluster adds it";

    "node.id" Shape::Node, ["node_id"], ["QUORATE_NODE_ID", "CONSENSUS_NODE_ID"],
        "which member this node is: a number, or its name in the list";
    "node.bind" Shape::Address, ["bind", "bind_address", "node.bind_address", "network.bind_address"],
        ["QUORATE_BIND_ADDRESS", "CONSENSUS_BIND_ADDRESS"],
        "where it listens for other members";
    "node.address" Shape::Address, ["address", "advertise_address", "node.advertise_address"], ["QUORATE_ADDRESS"],
        "where other members reach it";
    "node.data" Shape::Path, ["state_dir", "data_dir", "node.state_dir", "node.data_dir", "storage.state_dir"],
        ["QUORATE_DATA", "QUORATE_STATE_DIR"],
        "the directory that is its memory";

    "client.bind" Shape::Listener, [], ["QUORATE_CLIENT_BIND"],
        "where it serves clients in the native protocol, or \"off\"";
    "client.address" Shape::Address, [], ["QUORATE_CLIENT_ADDRESS"],
        "where clients reach it";
    "http.bind" Shape::Listener, ["monitoring.metrics_port"], ["QUORATE_HTTP_BIND"],
        "where it serves HTTP (JSON API, /metrics, /healthz, /readyz), or \"off\"";

    "consensus.algorithm" Shape::Algorithm, ["engine", "protocol.type"], ["QUORATE_ALGORITHM"],
        "how members agree";
    "consensus.backend" Shape::Text, [], ["QUORATE_BACKEND", "LUX_CONSENSUS_BACKEND"],
        "what counts votes";
    "consensus.timing" Shape::Choice(&["local", "lan", "wan"]), [], ["QUORATE_TIMING"],
        "timeouts, by how far apart the members are: local, lan or wan";
    "consensus.election_timeout" Shape::Duration, [], ["QUORATE_ELECTION_TIMEOUT"],
        "how long a follower waits for its leader before it stands for election";
    "consensus.election_stagger" Shape::Duration, [], ["QUORATE_ELECTION_STAGGER"],
        "how much longer each next one in the order of priority waits";
    "consensus.heartbeat_interval" Shape::Duration, [], ["QUORATE_HEARTBEAT_INTERVAL"],
        "how often a leader lets its followers know";
    "consensus.reset_hint" Shape::Duration, [], ["QUORATE_RESET_HINT"],
        "what takes the place of election_stagger when the connection to the leader was reset, and is at most that";
    "consensus.clock_drift_ppm" Shape::Count(0, U32), [], [],
        "how much faster or slower one clock may run than another, in parts per million";
    "consensus.append_bytes" Shape::Bytes, [], [],
        "the most bytes of entries in one message";
    "consensus.appends_inflight" Shape::Count(1, 1 << 20), [], [],
        "how many messages with entries may be under way to one follower";
    "consensus.uncommitted_bytes" Shape::Bytes, [], [],
        "how many bytes a leader takes on before they are committed";
    "consensus.cache_bytes" Shape::Bytes, [], [],
        "how many bytes of entries are kept in memory for followers that are a little behind";
    "consensus.command_bytes" Shape::Bytes, [], [],
        "how long a command may be";
    "consensus.reads_waiting" Shape::Count(1, 1 << 24), [], [],
        "how many reads may wait to be confirmed";

    "storage.durability" Shape::Choice(&["fsync", "interval", "memory"]), ["durability"], ["QUORATE_DURABILITY"],
        "when a write counts as kept: fsync, interval or memory";
    "storage.sync_interval" Shape::Duration, ["sync_interval"], ["QUORATE_SYNC_INTERVAL"],
        "how often the disk is asked, with durability = \"interval\"";
    "storage.snapshot_interval" Shape::Count(1, u64::MAX), ["snapshot_interval"], ["QUORATE_SNAPSHOT_INTERVAL"],
        "a snapshot after so many entries";
    "storage.snapshot_log_bytes" Shape::Bytes, ["snapshot_log_bytes"], [],
        "or after so many bytes of log";
    "storage.snapshots_kept" Shape::Count(1, 1000), ["snapshots_kept"], [],
        "how many snapshots are kept";

    "security.tls" Shape::Flag, ["tls", "security.tls_enabled"], ["QUORATE_TLS"],
        "mutual TLS; on if there are certificates";
    "security.ca" Shape::Path, ["security.ca_file"], ["QUORATE_TLS_CA", "CONSENSUS_TLS_CA"],
        "the certificate of the cluster's authority";
    "security.cert" Shape::Path, ["security.cert_file"], ["QUORATE_TLS_CERT", "CONSENSUS_TLS_CERT"],
        "this node's certificate";
    "security.key" Shape::Path, ["security.key_file"], ["QUORATE_TLS_KEY", "CONSENSUS_TLS_KEY"],
        "its key";
    "security.insecure" Shape::Flag, ["insecure"], ["QUORATE_INSECURE"],
        "allow plain text at addresses that others can reach";

    "network.nodelay" Shape::Flag, ["network.tcp_nodelay"], [],
        "send at once, rather than wait for more";
    "network.send_buffer" Shape::Bytes, ["network.send_buffer_size"], [],
        "the system's buffer for what is sent; without it the system's own choice";
    "network.receive_buffer" Shape::Bytes, ["network.recv_buffer_size", "network.receive_buffer_size"], [],
        "the same for what is received";
    "network.compression" Shape::Flag, ["network.message_compression"], ["QUORATE_COMPRESSION"],
        "compress large messages where the other end agrees";

    "limits.clients" Shape::Count(1, 1 << 20), [], [],
        "connections of clients";
    "limits.requests" Shape::Count(1, 1 << 24), [], [],
        "requests that wait in the node";
    "limits.request_bytes" Shape::Bytes, [], [],
        "bytes of those requests";
    "limits.client_bytes" Shape::Bytes, [], [],
        "bytes of answers that wait for one client";
    "limits.request_timeout" Shape::Duration, ["request_timeout", "protocol.timeout"], ["QUORATE_REQUEST_TIMEOUT"],
        "how long a request may wait";

    "log.level" Shape::Text, ["log_level", "monitoring.log_level"], ["QUORATE_LOG"],
        "error, warn, info, debug, trace, or filters such as \"info,quorate_net=debug\"";
    "log.format" Shape::Choice(&["text", "json"]), ["log_format"], ["QUORATE_LOG_FORMAT"],
        "text for people, json for programs";
};

/// Keys of earlier engines that are known and have no effect, and why; a name stands for everything below it, too.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("gpu_enabled", GPU),
    ("gpu_device_id", GPU),
    ("gpu_memory_pool_mb", GPU),
    ("gpu_memory_pool", GPU),
    ("gpu_config", GPU),
    ("byzantine_fault_tolerance", BYZANTINE),
    ("byzantine_threshold", BYZANTINE),
    ("hybrid_mode", "votes are counted by the one backend that `backend` names"),
    ("go_config", BACKEND),
    ("c_config", BACKEND),
    ("cpp_config", BACKEND),
    ("mlx_config", BACKEND),
    ("performance", BACKEND),
    ("params", "it is for the Snow family, which comes later"),
    ("protocol.retries", "clients repeat what was not answered until it is or time is up"),
    ("fault_tolerance", "members notice a failure by Raft's own timeouts: election_timeout and heartbeat_interval"),
    ("enable_batching", BATCH),
    ("batch_size", BATCH),
    ("batch_timeout", BATCH),
    ("batch_timeout_ms", BATCH),
    ("max_batch_bytes", BATCH),
];
const GPU: &str = "votes are counted on the CPU, with the same result";
const BYZANTINE: &str = "Raft does not tolerate members that lie, and a node cannot be told to";
const BACKEND: &str = "it is for a backend of an earlier engine";
const BATCH: &str = "a batch is whatever gathers while the one before is under way";

/// What a name in a file means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// A key. `milliseconds`: by its name that ends in `_ms`.
    Key { key: &'static Key, milliseconds: bool },
    /// Something of an earlier engine that has no effect, and why.
    Nothing(&'static str),
    /// A section with keys in it.
    Section,
    /// It means nothing; the right name that looks most like it.
    Unknown(Option<String>),
}

/// A name without the `consensus` that everything may stand below.
fn bare(path: &str) -> &str {
    path.strip_prefix("consensus.").unwrap_or(path)
}

impl Key {
    /// The key of this name.
    #[must_use]
    pub fn find(path: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.path == path)
    }

    /// Every name that it has in a file, less those with `consensus` before.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.path).chain(self.aliases.iter().copied())
    }

    fn is_called(&self, path: &str) -> bool {
        self.names().any(|name| bare(name) == bare(path))
    }
}

/// What a name means.
pub(super) fn meaning(path: &str) -> Meaning {
    if let Some(key) = KEYS.iter().find(|key| key.is_called(path)) {
        return Meaning::Key { key, milliseconds: false };
    }
    let duration = |path: &str| KEYS.iter().find(|key| key.shape == Shape::Duration && key.is_called(path));
    if let Some(key) = path.strip_suffix("_ms").and_then(duration) {
        return Meaning::Key { key, milliseconds: true };
    }
    let within = |name: &str, section: &str| name.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if let Some((_, why)) = WITHOUT_EFFECT.iter().find(|(name, _)| within(bare(path), name)) {
        return Meaning::Nothing(why);
    }
    if all_names().any(|name| name != path && name != bare(path) && (within(name, path) || within(name, bare(path)))) {
        return Meaning::Section;
    }
    Meaning::Unknown(suggestion(path))
}

fn all_names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(Key::names).chain(WITHOUT_EFFECT.iter().map(|(name, _)| *name))
}

/// The right name that looks most like a wrong one: in the same section first, then anywhere.
fn suggestion(path: &str) -> Option<String> {
    let (section, last) = path.rsplit_once('.').unwrap_or(("", path));
    let (wanted, unit) = last.strip_suffix("_ms").map_or((last, ""), |name| (name, "_ms"));
    let is_there = |name: &str| match (name.rsplit_once('.'), section) {
        (Some((there, _)), _) => there == section || format!("consensus.{there}") == section,
        (None, "" | "consensus") => true,
        (None, _) => false,
    };
    let end = |name: &'static str| name.rsplit_once('.').map_or(name, |(_, last)| last);
    let tops = all_names().filter(|_| section.is_empty()).filter_map(|name| Some(name.split_once('.')?.0));
    let here = nearest(wanted, all_names().filter(|name| is_there(name)).map(end).chain(tops));
    let with_unit = |name: &str| match meaning_is_duration(section, name) {
        true => format!("{name}{unit}"),
        false => name.to_owned(),
    };
    here.map(with_unit).or_else(|| {
        let there = nearest(wanted, KEYS.iter().flat_map(Key::names).map(end))?;
        KEYS.iter().find(|key| key.names().any(|name| end(name) == there)).map(|key| key.path.to_owned())
    })
}

fn meaning_is_duration(section: &str, name: &str) -> bool {
    let path = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
    KEYS.iter().any(|key| key.shape == Shape::Duration && key.is_called(&path))
}

/// The variable of the environment that looks most like one that means nothing.
pub(super) fn nearest_variable(name: &str) -> Option<&'static str> {
    nearest_exact(name, KEYS.iter().flat_map(|key| key.environment.iter().copied()))
}

/// Names of the environment are long and alike: only a slip counts, such as one wrong letter or a missing bar.
fn nearest_exact(name: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let rest = |name: &str| name.strip_prefix("QUORATE_").map(str::to_lowercase);
    let wanted = rest(name)?;
    let lower: Vec<(String, &'static str)> = names.filter_map(|name| Some((rest(name)?, name))).collect();
    let found = nearest(&wanted, lower.iter().map(|(lower, _)| lower.as_str()))?;
    lower.iter().find(|(lower, _)| lower == found).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn key(path: &str) -> Option<(&'static str, bool)> {
        match meaning(path) {
            Meaning::Key { key, milliseconds } => Some((key.path, milliseconds)),
            _ => None,
        }
    }

    fn suggested(path: &str) -> Option<String> {
        match meaning(path) {
            Meaning::Unknown(name) => name,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut names = BTreeSet::new();
        for name in all_names() {
            assert!(names.insert(bare(name).to_owned()), "{name}");
        }
        let mut variables = BTreeSet::new();
        assert!(KEYS.iter().flat_map(|key| key.environment).all(|name| variables.insert(name)));
    }

    #[test]
    fn the_names_of_earlier_engines_are_known() {
        for (name, path) in [
            ("consensus.node_id", "node.id"),
            ("consensus.bind_address", "node.bind"),
            ("network.bind_address", "node.bind"),
            ("consensus.bootstrap_peers", "cluster.peers"),
            ("consensus.peers", "cluster.peers"),
            ("consensus.min_cluster_size", "cluster.min_size"),
            ("consensus.state_dir", "node.data"),
            ("consensus.snapshot_interval", "storage.snapshot_interval"),
            ("consensus.security.cert_file", "security.cert"),
            ("consensus.protocol.type", "consensus.algorithm"),
            ("engine", "consensus.algorithm"),
            ("backend", "consensus.backend"),
            ("monitoring.metrics_port", "http.bind"),
        ] {
            assert_eq!(key(name), Some((path, false)), "{name}");
        }
        assert_eq!(key("consensus.election_timeout_ms"), Some(("consensus.election_timeout", true)));
        assert_eq!(key("consensus.request_timeout_ms"), Some(("limits.request_timeout", true)));
        for name in ["consensus.gpu_enabled", "hybrid_mode.specializations.compute_merkle", "mlx_config", "consensus.params.k"] {
            assert!(matches!(meaning(name), Meaning::Nothing(_)), "{name}");
        }
        for name in ["consensus", "consensus.security", "security", "network", "monitoring", "consensus.protocol"] {
            assert!(matches!(meaning(name), Meaning::Section), "{name}");
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_right_one() {
        for (wrong, right) in [
            ("consensus.electoin_timeout_ms", Some("election_timeout_ms")),
            ("consensus.electoin_timeout", Some("election_timeout")),
            ("consensus.bootstrap_peer", Some("bootstrap_peers")),
            ("node.bin", Some("bind")),
            ("securty", Some("security")),
            ("network.snapshot_intervall", Some("storage.snapshot_interval")),
            ("consensus.zebra", None),
        ] {
            assert_eq!(suggested(wrong).as_deref(), right, "{wrong}");
        }
        assert_eq!(nearest_variable("QUORATE_NODEID"), Some("QUORATE_NODE_ID"));
        assert_eq!(nearest_variable("QUORATE_WRITE_GOLDEN"), None);
    }
}
