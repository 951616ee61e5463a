//! A node: its threads, its doors, and how it begins and ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, MemberId};
use quorate_env::Env;
use quorate_env::rng::Entropy;
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Detached, Greeting, Local, SocketOptions};
use quorate_net::frame::FrameLimits;
use quorate_net::identity::{Identity, Who};
use quorate_net::tls::{Credentials, CredentialsError, Security};
use quorate_pipeline::registry::{Registry, RegistryError};
use quorate_pipeline::{Desk, Limits as PipelineLimits, Pipeline};
use quorate_protocol::raft::{Configuration, ConfigurationError, Part, Settings as RaftSettings};
use quorate_storage::log::{Durability as LogDurability, Log, Owner, Settings as LogSettings};
use quorate_storage::snapshot::{self, Policy, SnapshotError, Snapshots};
use quorate_storage::store::Record;
use quorate_storage::{LogError, LogStore as _};
use thiserror::Error;
use tokio::runtime;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::config::{self, Config, Durability};
use crate::handle::{Handle, WAITING_MAX};
use crate::http::{self, HttpOptions};
use crate::kv::KeyValue;
use crate::metrics::Metrics;
use crate::shard::{self, Beginning, Channels, Genesis, Partition, Parts, Place, Post, Shard};
use crate::system::{Member, Members, System};
use crate::{KV, SYSTEM};

/// The slot of the system partition's state that counts the node's starts.
const LIFE: u8 = 2;
/// How many handshakes are under way at once, at each door.
const HANDSHAKES_MAX: usize = 64;
/// How many connections wait for the shard.
const ARRIVED_MAX: usize = 64;

/// How a node ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// In order.
    Orderly,
    /// At once, as if its process had been killed.
    Sudden,
}

/// A connection that was let in.
pub(crate) struct Arrived(pub(crate) Detached);

/// Why a node did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration names something that is not there, or does not fit together.
    #[error("{0}")]
    Config(String),
    /// Its first members make no group.
    #[error("the cluster's members: {0}")]
    Members(#[from] ConfigurationError),
    /// What counts votes.
    #[error(transparent)]
    Backend(#[from] RegistryError),
    /// Its certificates.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} for {whom}: {error}")]
    Bind {
        /// Where.
        address: String,
        /// For whom.
        whom: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The data directory.
    #[error("the data directory {path}: {error}")]
    Data {
        /// Which.
        path: String,
        /// What is wrong.
        error: io::Error,
    },
    /// The log.
    #[error("the log in {path}: {error}")]
    Log {
        /// Where.
        path: String,
        /// What is wrong.
        error: LogError,
    },
    /// The snapshots.
    #[error("the snapshots in {path}: {error}")]
    Snapshots {
        /// Where.
        path: String,
        /// What is wrong.
        error: Box<SnapshotError>,
    },
    /// A partition.
    #[error(transparent)]
    Partition(Box<shard::StartError>),
    /// A thread could not be made.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] io::Error),
}

impl From<shard::StartError> for StartError {
    fn from(error: shard::StartError) -> Self {
        Self::Partition(Box::new(error))
    }
}

/// Where a node listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// For members.
    pub members: SocketAddr,
    /// For clients, if it serves any.
    pub clients: Option<SocketAddr>,
    /// For HTTP, if it serves it.
    pub http: Option<SocketAddr>,
}

/// A running node.
pub struct Node {
    handle: Handle,
    addresses: Addresses,
    stop: Option<oneshot::Sender<Farewell>>,
    ended: Option<oneshot::Receiver<Result<(), String>>>,
    thread: Option<thread::JoinHandle<()>>,
    doors: Vec<tokio::task::JoinHandle<()>>,
    http: Option<Http>,
}

/// What serves HTTP.
struct Http {
    stop: oneshot::Sender<()>,
    /// In a mutex, so that a node can be shared between threads.
    ended: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Http {
    /// How long requests may go on when the node stops.
    const GRACE: Duration = Duration::from_secs(1);

    /// Serves. On an address that others reach it asks for certificates, as the other doors do.
    fn serve(door: TcpListener, handle: Handle, us: &Local, connections: usize, control: &runtime::Handle) -> Self {
        let private = door.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let security = if private { Security::Plain } else { us.security.clone() };
        let options = HttpOptions { security, connections, grace: Self::GRACE, ..HttpOptions::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, ended) = std::sync::mpsc::channel();
        control.spawn(async move {
            let served = match tokio::net::TcpListener::from_std(door) {
                Ok(door) => http::serve(door, handle, options, stopped).await,
                Err(error) => Err(error),
            };
            if let Err(error) = served {
                tracing::error!("HTTP is not served any more: {error}");
            }
            let _ = tell.send(());
        });
        Self { stop, ended: Mutex::new(ended) }
    }

    /// Ends it, and waits until it has.
    fn end(self) {
        let _ = self.stop.send(());
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(Self::GRACE * 2);
    }
}

/// The id of a cluster: it follows from its name and its first members, so that two clusters are told apart although their members have
/// the same numbers, and two nodes that disagree about the first members do not take each other for members of one cluster.
#[must_use]
pub fn cluster_id(cluster: &config::ClusterConfig, genesis: &Configuration) -> ClusterId {
    let mut hasher = blake3::Hasher::new_derive_key("quorate 2026 cluster id");
    hasher.update(genesis.electorate().root().0.as_slice());
    hasher.update(cluster.name.as_str().as_bytes());
    ClusterId(Digest(*hasher.finalize().as_bytes()))
}

impl Node {
    /// Starts a node. Handshakes and HTTP run on `control`, which several nodes may share; everything else on threads of its own.
    ///
    /// # Errors
    /// If it cannot start. Nothing is left running then.
    pub fn start(config: Config, control: &runtime::Handle) -> Result<Self, StartError> {
        if config.cluster.members.iter().any(|seat| seat.part == Part::Witness) {
            return Err(StartError::Config("a member is a witness; nodes of this version are voters or learners".into()));
        }
        let genesis = Configuration::new(Epoch(1), config.cluster.members.iter().map(config::Seat::peer))?;
        let genesis = Genesis { cluster: cluster_id(&config.cluster, &genesis), configuration: genesis };
        let us = Arc::new(local(&config, genesis.cluster)?);
        let members_door = bind(&config.bind, "members")?;
        let clients_door = config.client.as_ref().map(|listen| bind(&listen.bind, "clients")).transpose()?;
        let http_door = config.http.as_ref().map(|address| bind(address, "HTTP")).transpose()?;
        let at = |door: &TcpListener| door.local_addr().map_err(StartError::Thread);
        let addresses = Addresses {
            members: at(&members_door)?,
            clients: clients_door.as_ref().map(at).transpose()?,
            http: http_door.as_ref().map(at).transpose()?,
        };
        let metrics = Arc::new(Metrics::default());
        let members = Members::default();
        let (asks, asked) = mpsc::channel(WAITING_MAX);
        let (let_in, arrived) = mpsc::channel(ARRIVED_MAX);
        let (stop, stopped) = oneshot::channel();
        let (begun_tell, begun) = std::sync::mpsc::sync_channel(1);
        let (end_tell, ended) = oneshot::channel();
        let connections = config.limits.clients;
        let inside = Inside { config, genesis, us: Arc::clone(&us), members: members.clone(), metrics: Arc::clone(&metrics) };
        let thread = thread::Builder::new().name("quorate-shard".into()).spawn(move || {
            let _ = end_tell.send(inside.live(asked, arrived, stopped, &begun_tell));
        })?;
        match begun.recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(StartError::Thread(io::Error::other("the shard's thread ended before it began"))),
        }
        let handle = Handle::new(asks, metrics);
        let mut doors = vec![control.spawn(keep_door(members_door, Arc::clone(&us), Door::Members(members), let_in.clone()))];
        doors.extend(clients_door.map(|door| control.spawn(keep_door(door, Arc::clone(&us), Door::Clients, let_in))));
        let http = http_door.map(|door| Http::serve(door, handle.clone(), &us, connections, control));
        Ok(Self { handle, addresses, stop: Some(stop), ended: Some(ended), thread: Some(thread), doors, http })
    }

    /// To ask it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Waits until it ends by itself, which it does only if it cannot go on.
    ///
    /// # Errors
    /// Why it could not go on.
    pub async fn ended(&mut self) -> Result<(), String> {
        match self.ended.as_mut() {
            Some(ended) => ended.await.unwrap_or_else(|_| Err("the shard's thread panicked".into())),
            None => Ok(()),
        }
    }

    /// Stops it in order: others lead first, what was answered is on disk, connections are closed. Blocks until that is done.
    ///
    /// # Errors
    /// If the log cannot be closed.
    pub fn stop(mut self) -> Result<(), String> {
        self.end(Farewell::Orderly)
    }

    /// Whether it has ended by itself.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(thread::JoinHandle::is_finished)
    }

    /// Ends it at once, as a killed process ends: nobody is told, and what waits is dropped. For tests and demonstrations.
    pub fn kill(mut self) {
        let _ = self.end(Farewell::Sudden);
    }

    fn end(&mut self, how: Farewell) -> Result<(), String> {
        self.doors.iter().for_each(tokio::task::JoinHandle::abort);
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(how);
        }
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().map_err(|_| "the shard's thread panicked".to_owned())?;
        // It answers that the node stops to whoever asks meanwhile.
        if let Some(http) = self.http.take() {
            http.end();
        }
        match self.ended.take().map(|mut ended| ended.try_recv()) {
            Some(Ok(outcome)) => outcome,
            _ => Ok(()),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(why) = self.end(Farewell::Orderly) {
            tracing::error!("{why}");
        }
    }
}

/// Who this node is to others.
fn local(config: &Config, cluster_id: ClusterId) -> Result<Local, StartError> {
    let security = match &config.security {
        config::Security::Plain => Security::Plain,
        config::Security::Tls { ca, cert, key } => Security::Tls(Arc::new(Credentials::read(ca, cert, key)?)),
    };
    let identity = Identity::new(config.cluster.name.clone(), Who::Member(config.node));
    if let Security::Tls(credentials) = &security
        && *credentials.identity() != identity
    {
        let found = credentials.identity();
        return Err(StartError::Config(format!("the certificate is {found}'s; expected that of {identity}")));
    }
    let network = &config.network;
    Ok(Local {
        identity,
        cluster_id,
        address: config.address.clone(),
        security,
        limits: FrameLimits::default(),
        socket: SocketOptions { nodelay: network.nodelay, send_buffer: network.send_buffer, receive_buffer: network.receive_buffer },
        compression: network.compression,
    })
}

fn bind(address: &str, whom: &'static str) -> Result<TcpListener, StartError> {
    let bound = TcpListener::bind(address).and_then(|door| door.set_nonblocking(true).map(|()| door));
    bound.map_err(|error| StartError::Bind { address: address.to_owned(), whom, error })
}

/// Who may come in at a door.
#[derive(Clone)]
enum Door {
    Members(Members),
    Clients,
}

impl Door {
    fn admit(&self, greeting: &Greeting) -> Result<(), String> {
        match (self, &greeting.who, greeting.class) {
            (Self::Members(_), _, Class::Client) => Err("clients have a door of their own".into()),
            (Self::Members(members), Who::Member(id), _) if members.is_expelled(*id) => {
                Err(format!("member {id} is no member of the cluster any more"))
            }
            (Self::Members(_), Who::Member(_), _) | (Self::Clients, _, Class::Client) => Ok(()),
            (Self::Members(_), who, _) => Err(format!("{who} is no member")),
            (Self::Clients, _, class) => Err(format!("a connection for {class} comes to the clients' door")),
        }
    }
}

/// Lets in who may come in.
async fn keep_door(door: TcpListener, us: Arc<Local>, whom: Door, let_in: mpsc::Sender<Arrived>) {
    let door = match tokio::net::TcpListener::from_std(door) {
        Ok(door) => door,
        Err(error) => return tracing::error!("cannot listen: {error}"),
    };
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        // It is never closed.
        let Ok(permit) = Arc::clone(&handshakes).acquire_owned().await else { return };
        let (stream, from) = match door.accept().await {
            Ok(come) => come,
            Err(error) => {
                // Such as too many open files: it passes, or it does not, but this must not spin.
                tracing::warn!("could not accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (us, whom, let_in) = (Arc::clone(&us), whom.clone(), let_in.clone());
        tokio::spawn(async move {
            let connection = Connection::accept(stream, &us, |greeting| whom.admit(greeting)).await;
            drop(permit);
            match connection.map(Connection::detach) {
                Ok(Ok(detached)) => drop(let_in.send(Arrived(detached)).await),
                Ok(Err(error)) => tracing::warn!(%from, "a connection was lost on the way in: {error}"),
                Err(error) => tracing::warn!(%from, "refused a connection: {error}"),
            }
        });
    }
}

/// What the shard's thread begins with.
struct Inside {
    config: Config,
    genesis: Genesis,
    us: Arc<Local>,
    members: Members,
    metrics: Arc<Metrics>,
}

impl Inside {
    /// Runs on the shard's thread.
    fn live(
        self,
        asks: mpsc::Receiver<crate::handle::Ask>,
        arrived: mpsc::Receiver<Arrived>,
        stop: oneshot::Receiver<Farewell>,
        begun: &std::sync::mpsc::SyncSender<Result<(), StartError>>,
    ) -> Result<(), String> {
        let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = begun.send(Err(StartError::Thread(error)));
                return Ok(());
            }
        };
        let local = tokio::task::LocalSet::new();
        let outcome = local.block_on(&runtime, async {
            let (link_tell, links) = mpsc::unbounded_channel();
            match self.open(link_tell) {
                Ok((parts, finished, synced)) => {
                    let _ = begun.send(Ok(()));
                    Shard::new(parts).run(Channels { asks, arrived, links, finished, synced, stop }).await
                }
                Err(error) => {
                    let _ = begun.send(Err(error));
                    Ok(())
                }
            }
        });
        drop(local);
        runtime.shutdown_timeout(Duration::from_secs(5));
        outcome
    }

    #[expect(clippy::type_complexity, reason = "three things that are made together and go different ways")]
    fn open(
        self,
        link_tell: mpsc::UnboundedSender<(MemberId, Class, quorate_net::links::LinkEvent)>,
    ) -> Result<
        (
            Parts,
            mpsc::UnboundedReceiver<(quorate_core::ids::PartitionId, shard::jobs::Finished)>,
            mpsc::UnboundedReceiver<shard::disk::Synced>,
        ),
        StartError,
    > {
        let Self { config, genesis, us, members, metrics } = self;
        let path = config.data.display().to_string();
        let of_data = |error| StartError::Data { path: path.clone(), error };
        std::fs::create_dir_all(&config.data).map_err(of_data)?;
        let env = Env::real(&config.data).map_err(of_data)?;
        let clock = Arc::clone(&env.clock);
        let owner = Owner { cluster: genesis.cluster, member: config.node };
        let durability = match config.durability {
            Durability::Fsync => LogDurability::Fsync,
            Durability::Interval(every) => LogDurability::Interval(every),
            Durability::Memory => LogDurability::Memory,
        };
        let settings = LogSettings { durability, ..LogSettings::default() };
        let of_log = |error| StartError::Log { path: format!("{path}/log"), error };
        let (log, recovery) = Log::open(env.clone(), "log", owner, settings, Box::new(Entropy)).map_err(of_log)?;
        if let Some(torn) = &recovery.torn {
            tracing::info!("cut what a crash left behind at the end of the log: {torn:?}");
        }
        let log = Arc::new(log);
        let of_snapshots = |error| StartError::Snapshots { path: format!("{path}/snapshots"), error: Box::new(error) };
        let snapshot_settings = snapshot::Settings::new(genesis.cluster, config.node);
        let snapshots = Snapshots::open(Arc::clone(&env.disk), "snapshots", snapshot_settings).map_err(of_snapshots)?;
        let life = next_life(&log).map_err(of_log)?;
        let backend = Registry::new().create(&config.backend, &serde_json::Value::Null)?;
        let desk =
            Desk::new(Pipeline::new(backend, PipelineLimits { rounds: 4096, state_bytes: 16 << 20, electorates: 256, members: 4096 }));
        let policy = Policy { interval: config.snapshot.interval, log_bytes: config.snapshot.log_bytes, keep: config.snapshot.keep };
        let beginning = Beginning {
            me: config.node,
            genesis: &genesis,
            settings: RaftSettings {
                uncommitted_bytes: config.raft.uncommitted_bytes.min(config.limits.request_bytes as u64),
                ..config.raft
            },
            policy,
            life,
            requests_max: config.limits.requests,
            bytes_max: config.limits.request_bytes,
            patience: config.limits.request_timeout.as_nanos() as u64,
            log: &log,
            snapshots: &snapshots,
            metrics: &metrics,
            now: clock.now(),
        };
        let seats: Vec<Member> = config.cluster.members.iter().map(member_of).collect();
        let system = System::new(members.clone(), seats.clone());
        let partitions =
            vec![Partition::begin(SYSTEM, Box::new(system), &beginning)?, Partition::begin(KV, Box::new(KeyValue::new()), &beginning)?];
        let mut post = Post::new(us, config.node, link_tell);
        for seat in seats {
            post.place(seat.id, Place { address: seat.address, client: seat.client });
        }
        let (disk, synced) = shard::disk::Disk::start(Arc::clone(&log))?;
        let (jobs, finished) = shard::jobs::Jobs::new(Arc::clone(&log), snapshots.clone());
        let about = shard::status::About {
            cluster: config.cluster.name.as_str().to_owned(),
            cluster_id: genesis.cluster,
            durability: config.durability.name().to_owned(),
            since: clock.now(),
        };
        let parts = Parts {
            me: config.node,
            about,
            clock,
            log,
            snapshots,
            desk,
            partitions,
            members,
            post,
            jobs,
            disk,
            metrics,
            inline: config.durability == Durability::Memory,
            election: config.raft.election,
            clients_max: config.limits.clients,
            client_bytes: config.limits.client_bytes,
        };
        Ok((parts, finished, synced))
    }
}

fn member_of(seat: &config::Seat) -> Member {
    Member {
        id: seat.id,
        name: seat.name.clone(),
        address: seat.address.clone(),
        client: seat.client.clone(),
        part: seat.part,
        priority: seat.priority,
    }
}

/// A number that no earlier start of this node had, written down before anything is said under it.
fn next_life(log: &Log) -> Result<u64, LogError> {
    let before = log.state(SYSTEM, LIFE).and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_le_bytes);
    let life = before + 1;
    let sequence = log.append(&[Record::State { partition: SYSTEM, slot: LIFE, value: &life.to_le_bytes() }])?;
    log.sync(sequence)?;
    Ok(life)
}
