//! What follows from what was said: every default, and everything that depends on something else.

use std::path::PathBuf;
use std::time::Duration;

use quorate_core::ids::MemberId;
use quorate_pipeline::registry::{Registry, RegistryError};
use quorate_protocol::raft::{Part, Settings};

use super::address::Address;
use super::draft::Draft;
use super::members::{self, Own};
use super::timing::Preset;
use super::{Algorithm, ClusterConfig, Config, Durability, Format, Limits, Listen, Logging, Network, Seat, Security, SnapshotConfig};

/// The cluster's name where nobody gave one.
const NAME: &str = "quorate";
/// The data directory where nobody named one.
const DATA: &str = "quorate-data";
/// How often the disk is asked where nobody said.
const SYNC_INTERVAL: Duration = Duration::from_millis(100);

/// The configuration; what is wrong is in the draft's problems. `None` only if there is some.
pub(super) fn build(draft: &mut Draft) -> Option<Config> {
    let name = draft.text("cluster.name").unwrap_or_else(|| NAME.to_owned());
    let name = match name.parse() {
        Ok(name) => Some(name),
        Err(error) => {
            draft.refuse(&["cluster.name"], format!("cluster.name: {error}"));
            NAME.parse().ok()
        }
    };
    let (node, members) = membership(draft);
    let seat = members.iter().find(|seat| seat.id == node).cloned();
    let own = seat.as_ref().and_then(|seat| Address::parse(&seat.address));
    let local = Address { host: "127.0.0.1".into(), port: Config::PORTS[0] };
    let bind = draft.address("node.bind").or(own.clone()).unwrap_or(local);
    let address = draft.address("node.address").or(own).unwrap_or_else(|| bind.clone());
    let config = Config {
        cluster: ClusterConfig { name: name?, members, join: draft.flag("cluster.join").unwrap_or(false) },
        node,
        client: client(draft, &bind, &address, seat.as_ref()),
        http: http(draft, &bind),
        bind: bind.to_string(),
        address: address.to_string(),
        data: draft.path("node.data").unwrap_or_else(|| PathBuf::from(DATA)),
        algorithm: match draft.text("consensus.algorithm").as_deref() {
            Some("gpu_optimized_raft") => Algorithm::GpuOptimizedRaft,
            _ => Algorithm::Raft,
        },
        backend: backend(draft),
        raft: raft(draft),
        durability: durability(draft),
        snapshot: SnapshotConfig {
            interval: draft.count("storage.snapshot_interval").unwrap_or(SnapshotConfig::default().interval),
            log_bytes: draft.count("storage.snapshot_log_bytes").unwrap_or(SnapshotConfig::default().log_bytes),
            keep: draft.size("storage.snapshots_kept").unwrap_or(SnapshotConfig::default().keep),
        },
        security: security(draft),
        insecure: draft.flag("security.insecure").unwrap_or(false),
        network: Network {
            nodelay: draft.flag("network.nodelay").unwrap_or(Network::default().nodelay),
            send_buffer: draft.size("network.send_buffer"),
            receive_buffer: draft.size("network.receive_buffer"),
            compression: draft.flag("network.compression").unwrap_or(Network::default().compression),
        },
        limits: limits(draft),
        log: Logging {
            level: draft.text("log.level").map_or_else(|| Logging::default().level, |level| level.to_lowercase()),
            format: if draft.text("log.format").as_deref() == Some("json") { Format::Json } else { Format::Text },
        },
    };
    for misfit in config.check() {
        draft.refuse(&misfit.keys, misfit.what);
    }
    Some(config)
}

/// Who this node is, and who is in the cluster.
fn membership(draft: &mut Draft) -> (MemberId, Vec<Seat>) {
    let own = Own {
        number: draft.count("node.id"),
        name: draft.text("node.id"),
        bind: draft.address("node.bind"),
        address: draft.address("node.address"),
        client: draft.address("client.address").or_else(|| draft.address("client.bind").filter(|bind| !bind.is_wildcard())),
        join: draft.flag("cluster.join").unwrap_or(false),
    };
    let list = "cluster.members";
    let alone = |own: &Own| members::from_peers(&[], &Own { number: None, join: false, ..own.clone() });
    let found = match (draft.members(list), draft.members("cluster.peers")) {
        _ if draft.is_broken(&[list, "cluster.peers", "node.id", "node.bind", "node.address"]) => Err(None),
        (Some(_), Some(_)) => Err(Some((
            "cluster.peers",
            "cluster.peers stands beside cluster.members; expected one of them: members lists everybody".into(),
        ))),
        (Some(items), None) => members::from_members(&items, &own).map_err(Some),
        (None, Some(items)) => members::from_peers(&items, &own).map_err(Some),
        // A cluster of one may have any number.
        (None, None) => alone(&own).map_err(Some).map(|(id, mut seats)| {
            let id = own.number.unwrap_or(id);
            if let [seat] = &mut seats[..] {
                seat.id = MemberId(id);
                seat.name = own.name.clone().unwrap_or_else(|| format!("node-{id}"));
            }
            (id, seats)
        }),
    };
    let (id, seats) = match found {
        Ok(found) => found,
        Err(unfit) => {
            if let Some((key, what)) = unfit {
                draft.refuse(&[key], what);
            }
            draft.break_off(list);
            return (MemberId(1), vec![Seat::local(1, Config::PORTS[0], Config::PORTS[1])]);
        }
    };
    let voters = seats.iter().filter(|seat| seat.part != Part::Learner).count() as u64;
    if let Some(least) = draft.count("cluster.min_size").filter(|least| voters < *least) {
        let what = format!("cluster.min_size is {least}, and {voters} of the members vote; expected at least {least} of them");
        draft.refuse(&["cluster.min_size", list], what);
    }
    (MemberId(id), seats)
}

fn client(draft: &Draft, bind: &Address, address: &Address, seat: Option<&Seat>) -> Option<Listen> {
    if draft.is_off("client.bind") {
        return None;
    }
    let listed = seat.and_then(|seat| Address::parse(&seat.client));
    let port = listed.as_ref().map_or(members::beside(bind.port, 1), |listed| listed.port);
    let listen = draft.address("client.bind").unwrap_or_else(|| bind.at(port));
    let reached = draft.address("client.address").or(listed).unwrap_or_else(|| address.at(listen.port));
    Some(Listen { bind: listen.to_string(), address: reached.to_string() })
}

fn http(draft: &Draft, bind: &Address) -> Option<String> {
    let local = || Address { host: "127.0.0.1".into(), port: members::beside(bind.port, 2) };
    (!draft.is_off("http.bind")).then(|| draft.address("http.bind").unwrap_or_else(local).to_string())
}

/// The backend's own name. One that comes later is no mistake: the result is the same on every backend.
fn backend(draft: &mut Draft) -> String {
    let key = "consensus.backend";
    let wanted = draft.text(key).unwrap_or_else(|| "cpu".to_owned());
    match Registry::new().resolve(&wanted) {
        Ok(name) => name.to_owned(),
        Err(RegistryError::Later { backend, .. }) => {
            let what = format!(
                "{key} is {wanted:?}, and backend {backend:?} comes in a later version; votes are counted on the CPU, with the same result"
            );
            draft.note(key, what);
            "cpu".to_owned()
        }
        Err(error) => {
            draft.refuse(&[key], format!("{key}: {error}"));
            "cpu".to_owned()
        }
    }
}

fn raft(draft: &Draft) -> Settings {
    let timing = draft.text("consensus.timing");
    let preset = Preset::ALL.into_iter().find(|preset| timing.as_deref() == Some(preset.name())).unwrap_or(Preset::Lan).settings();
    let size = |path, otherwise| draft.size(path).unwrap_or(otherwise);
    let stagger = draft.duration("consensus.election_stagger").unwrap_or(preset.stagger);
    Settings {
        election: draft.duration("consensus.election_timeout").unwrap_or(preset.election),
        stagger,
        heartbeat: draft.duration("consensus.heartbeat_interval").unwrap_or(preset.heartbeat),
        // It is never more than the stagger, so that the order stays what it is.
        reset_hint: draft.duration("consensus.reset_hint").or_else(|| preset.reset_hint.map(|hint| hint.min(stagger))),
        drift_ppm: draft.count("consensus.clock_drift_ppm").map_or(preset.drift_ppm, |ppm| u32::try_from(ppm).unwrap_or(u32::MAX)),
        append_bytes: size("consensus.append_bytes", preset.append_bytes),
        inflight: size("consensus.appends_inflight", preset.inflight),
        uncommitted_bytes: draft.count("consensus.uncommitted_bytes").unwrap_or(preset.uncommitted_bytes),
        cache_bytes: size("consensus.cache_bytes", preset.cache_bytes),
        command_bytes: size("consensus.command_bytes", preset.command_bytes),
        reads: size("consensus.reads_waiting", preset.reads),
    }
}

fn durability(draft: &mut Draft) -> Durability {
    let interval = draft.duration("storage.sync_interval");
    let found = match draft.text("storage.durability").as_deref() {
        Some("interval") => Durability::Interval(interval.unwrap_or(SYNC_INTERVAL)),
        Some("memory") => Durability::Memory,
        _ => Durability::Fsync,
    };
    if interval.is_some() && !matches!(found, Durability::Interval(_)) {
        draft.note("storage.sync_interval", "storage.sync_interval has no effect without `durability = \"interval\"`");
    }
    found
}

fn security(draft: &mut Draft) -> Security {
    let names = ["security.ca", "security.cert", "security.key"];
    let files = names.map(|name| draft.path(name));
    let given = names.iter().any(|name| draft.has(name));
    if !draft.flag("security.tls").unwrap_or(given) {
        if let Some(name) = names.into_iter().find(|name| draft.has(name)) {
            draft.note(name, format!("{name} has no effect: security.tls is false"));
        }
        return Security::Plain;
    }
    let missing: Vec<&'static str> = names.into_iter().zip(&files).filter(|(_, file)| file.is_none()).map(|(name, _)| name).collect();
    if !missing.is_empty() {
        let what = format!("TLS needs {}, and {} missing", names.join(", "), verb(&missing));
        let keys: Vec<&'static str> = ["security.tls"].into_iter().chain(names).collect();
        draft.refuse(&keys, what);
    }
    let [ca, cert, key] = files.map(Option::unwrap_or_default);
    Security::Tls { ca, cert, key }
}

fn verb(names: &[&str]) -> String {
    if names.len() == 1 { format!("{} is", names[0]) } else { format!("{} are", names.join(" and ")) }
}

fn limits(draft: &Draft) -> Limits {
    let default = Limits::default();
    Limits {
        clients: draft.size("limits.clients").unwrap_or(default.clients),
        requests: draft.size("limits.requests").unwrap_or(default.requests),
        request_bytes: draft.size("limits.request_bytes").unwrap_or(default.request_bytes),
        client_bytes: draft.size("limits.client_bytes").unwrap_or(default.client_bytes),
        request_timeout: draft.duration("limits.request_timeout").unwrap_or(default.request_timeout),
    }
}
