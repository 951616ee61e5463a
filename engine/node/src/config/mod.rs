//! What a node is told before it starts: who it is, whom it works with, where it listens, and how it should behave.
//!
//! A [`Config`] holds values that are in force, never the text that they came from. It is made in three ways: [`read`] looks up a file and
//! the environment and knows of every value where it came from; [`Config::local`] is for clusters on one machine, such as the demo's and
//! the tests'; and a program that embeds a node fills the fields in by itself. Whoever made it, [`Config::check`] says what does not fit
//! together, and a node does not start before that is nothing.
//!
//! The keys of a file are in [`KEYS`], one line each; the names that earlier engines had for them are there, too.

mod address;
mod build;
mod check;
mod draft;
mod keys;
mod lookup;
mod members;
mod origin;
mod shape;
mod shown;
mod text;
mod timing;

use std::path::PathBuf;
use std::time::Duration;

use quorate_core::ids::MemberId;
use quorate_net::identity::ClusterName;
use quorate_protocol::raft::{Part, Peer, Settings};

pub use address::Address;
pub use check::Misfit;
pub use keys::{KEYS, Key};
pub use lookup::{Loaded, Set, Sources, Text, read, read_text};
pub use origin::{ConfigError, Origin, Remark};
pub use shape::Shape;
pub use text::{Mark, Syntax};
pub use timing::Preset;

/// Everything that a node is told before it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The cluster.
    pub cluster: ClusterConfig,
    /// Which of its members this node is.
    pub node: MemberId,
    /// Where it listens for other members.
    pub bind: String,
    /// Where other members reach it.
    pub address: String,
    /// Where it serves clients in the native protocol, if it does.
    pub client: Option<Listen>,
    /// Where it serves HTTP: the JSON API, `/metrics`, `/healthz` and `/readyz`; if it does.
    pub http: Option<String>,
    /// The directory that is its memory.
    pub data: PathBuf,
    /// How members agree.
    pub algorithm: Algorithm,
    /// What counts votes: the name of a backend that [`quorate_pipeline::registry::Registry`] has.
    pub backend: String,
    /// How the protocol behaves where it leaves a choice.
    pub raft: Settings,
    /// When a write counts as kept.
    pub durability: Durability,
    /// When snapshots are made.
    pub snapshot: SnapshotConfig,
    /// How connections are protected.
    pub security: Security,
    /// Whether addresses that others can reach may be used without TLS.
    pub insecure: bool,
    /// How sockets are set up.
    pub network: Network,
    /// What a node takes on at most.
    pub limits: Limits,
    /// What it writes down of what it does.
    pub log: Logging,
}

/// The cluster, as it was born: every member's file says the same here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its name, which is in every certificate.
    pub name: ClusterName,
    /// The members at its birth, by rising id. Who came and went since is decided by the cluster and not written here.
    pub members: Vec<Seat>,
    /// Whether this node came later: it is not among the members at birth, and waits until the cluster adds it.
    pub join: bool,
}

/// A member at the cluster's birth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its id, for ever.
    pub id: MemberId,
    /// What people call it.
    pub name: String,
    /// Where members reach it.
    pub address: String,
    /// Where clients reach it.
    pub client: String,
    /// What it is there for.
    pub part: Part,
    /// Who has more stands for election earlier.
    pub priority: u8,
}

impl Seat {
    /// A voter on this machine.
    #[must_use]
    pub fn local(id: u64, port: u16, client_port: u16) -> Self {
        Self {
            id: MemberId(id),
            name: format!("node-{id}"),
            address: format!("127.0.0.1:{port}"),
            client: format!("127.0.0.1:{client_port}"),
            part: Part::Voter,
            priority: 0,
        }
    }

    /// As the protocol knows it.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        Peer { id: self.id, part: self.part, priority: self.priority }
    }
}

/// Where to listen, and what others are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address to listen at.
    pub bind: String,
    /// The address at which others reach it.
    pub address: String,
}

/// How members agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Raft.
    Raft,
    /// Raft whose votes of many partitions are counted in one run.
    GpuOptimizedRaft,
}

/// When a write counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When the disk says that it has it.
    Fsync,
    /// When the system has it; the disk is asked at this interval. A crash of the machine can lose what came since.
    Interval(Duration),
    /// When the system has it. It outlives the process, but not the machine: one that loses power has forgotten its promises.
    Memory,
}

impl Durability {
    /// Its name in configurations and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Interval(_) => "interval",
            Self::Memory => "memory",
        }
    }
}

/// When snapshots are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// After how many entries.
    pub interval: u64,
    /// After how many bytes of log, if that is sooner.
    pub log_bytes: u64,
    /// How many are kept.
    pub keep: usize,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self { interval: 100_000, log_bytes: 256 << 20, keep: 2 }
    }
}

/// How connections are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Mutual TLS: everybody shows a certificate of the cluster's authority that says who they are.
    Tls {
        /// The authority's certificate.
        ca: PathBuf,
        /// This node's certificate.
        cert: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Not at all.
    Plain,
}

/// How sockets are set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Send what there is at once, rather than wait for more.
    pub nodelay: bool,
    /// The system's buffer for what is sent, in bytes; its own choice where none is given.
    pub send_buffer: Option<usize>,
    /// The same for what is received.
    pub receive_buffer: Option<usize>,
    /// Compress large messages where the other end agrees.
    pub compression: bool,
}

impl Default for Network {
    fn default() -> Self {
        Self { nodelay: true, send_buffer: None, receive_buffer: None, compression: false }
    }
}

/// What a node takes on at most. What is above is refused at once, with the advice to come back later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients.
    pub clients: usize,
    /// Requests that wait in the node.
    pub requests: usize,
    /// Bytes of those requests.
    pub request_bytes: usize,
    /// Bytes of answers that wait for one client.
    pub client_bytes: usize,
    /// How long a request may wait.
    pub request_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let request_timeout = Duration::from_secs(1);
        Self { clients: 1024, requests: 65_536, request_bytes: 64 << 20, client_bytes: 16 << 20, request_timeout }
    }
}

/// What a node writes down of what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// How much: `error`, `warn`, `info`, `debug` or `trace`, or filters such as `info,quorate_net=debug`.
    pub level: String,
    /// In which form.
    pub format: Format,
}

impl Default for Logging {
    fn default() -> Self {
        Self { level: "info".into(), format: Format::Text }
    }
}

/// The form of the lines of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The ports at which a node is found unless it says otherwise: members, clients, HTTP.
    pub const PORTS: [u16; 3] = [7000, 7001, 7002];

    /// A node of a cluster on this machine, without TLS, that keeps what it says it keeps; HTTP is off. `None` if no seat has its id.
    #[must_use]
    pub fn local(name: ClusterName, seats: Vec<Seat>, node: MemberId, data: PathBuf) -> Option<Self> {
        let seat = seats.iter().find(|seat| seat.id == node)?.clone();
        Some(Self {
            cluster: ClusterConfig { name, members: seats, join: false },
            node,
            bind: seat.address.clone(),
            address: seat.address,
            client: Some(Listen { bind: seat.client.clone(), address: seat.client }),
            http: None,
            data,
            algorithm: Algorithm::Raft,
            backend: "cpu".into(),
            raft: Preset::Lan.settings(),
            durability: Durability::Fsync,
            snapshot: SnapshotConfig::default(),
            security: Security::Plain,
            insecure: false,
            network: Network::default(),
            limits: Limits::default(),
            log: Logging::default(),
        })
    }

    /// This node's seat, unless it came after the cluster's birth.
    #[must_use]
    pub fn seat(&self) -> Option<&Seat> {
        self.cluster.members.iter().find(|seat| seat.id == self.node)
    }
}
