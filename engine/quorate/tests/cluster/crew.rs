//! The processes: `quorate node`, three or more, each with a configuration, a data directory and a log in a file.
//!
//! There is one cluster at a time, however many tests run: they share the machine, and some of them measure. Whatever happens to a test,
//! its processes end with it; if it fails, the ends of their logs are printed and the folder stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use quorate_core::ids::{ClusterId, MemberId, PartitionId};
use quorate_net::certs::Authority;
use quorate_net::connection::{Local, SocketOptions};
use quorate_net::frame::FrameLimits;
use quorate_net::identity::{ClusterName, Identity, Who};
use quorate_net::tls::{Credentials, Security};
use quorate_net::wire::client::{NodeStatus, PartitionStatus, Role};
use quorate_node::client::{Client, ClientConfig, Timeouts, Window};
use quorate_node::config::Seat;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

use crate::probe::Probe;

/// How long anything may take that a test waits for. A machine that builds something else meanwhile needs much of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a client lets a member be silent.
const SILENCE: Duration = Duration::from_millis(500);
/// How long certificates are valid.
const VALIDITY: Duration = Duration::from_secs(24 * 3600);

static TURN: Mutex<()> = Mutex::new(());

/// What a cluster shall be like.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) nodes: u64,
    pub(crate) durability: &'static str,
    pub(crate) snapshot_interval: u64,
    /// The preset of timeouts.
    pub(crate) timing: &'static str,
    /// What is logged.
    pub(crate) level: &'static str,
}

impl Default for Plan {
    fn default() -> Self {
        Self { nodes: 3, durability: "memory", snapshot_interval: 100_000, timing: "lan", level: "info" }
    }
}

/// A cluster.
pub(crate) struct Crew {
    pub(crate) runtime: Runtime,
    pub(crate) dir: PathBuf,
    pub(crate) authority: Authority,
    pub(crate) seats: BTreeMap<u64, Seat>,
    /// The members at birth: those with ids up to this.
    born: u64,
    plan: Plan,
    processes: BTreeMap<u64, Process>,
    /// Who asks nodes how they are.
    tester: Local,
    _turn: MutexGuard<'static, ()>,
}

struct Process {
    child: Child,
}

impl Process {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process is there until it was waited for");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free now, and that the system gives to nobody who merely connects to somewhere: a node that was killed finds it free
/// again.
fn port() -> u16 {
    const FIRST: u16 = 12_000;
    const PORTS: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = (std::process::id() % u32::from(PORTS)) as u16;
    loop {
        let port = FIRST + (begin.wrapping_mul(31) % PORTS + NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Credentials that an authority issues.
fn credentials(authority: &Authority, who: &Who) -> Arc<Credentials> {
    let issued = authority.issue(who, &[], SystemTime::now(), VALIDITY).unwrap();
    Arc::new(Credentials::from_pem(authority.cert_pem(), &issued.cert_pem, &issued.key_pem).unwrap())
}

fn somebody(authority: &Authority, who: Who, credentials: Option<Arc<Credentials>>) -> Local {
    Local {
        identity: Identity::new(authority.cluster().clone(), who),
        cluster_id: ClusterId::default(),
        address: String::new(),
        security: credentials.map_or(Security::Plain, Security::Tls),
        limits: FrameLimits::default(),
        socket: SocketOptions::default(),
        compression: false,
    }
}

impl Crew {
    /// A cluster whose nodes all answer.
    pub(crate) fn start(test: &str, plan: Plan) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let name: ClusterName = "proc".parse().unwrap();
        let authority = Authority::new(name, SystemTime::now(), VALIDITY).unwrap();
        authority.write(&dir).unwrap();
        let seats = (1..=plan.nodes).map(|id| (id, Seat::local(id, port(), port()))).collect();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let who = Who::client("tester").unwrap();
        let tester = somebody(&authority, who.clone(), Some(credentials(&authority, &who)));
        let mut crew = Self { runtime, dir, authority, seats, born: plan.nodes, plan, processes: BTreeMap::new(), tester, _turn: turn };
        crew.begin_all();
        crew
    }

    /// Starts a process for a member that has none, without waiting for it.
    pub(crate) fn spawn(&mut self, id: u64) {
        assert!(!self.processes.contains_key(&id), "node {id} runs already");
        let config = self.configure(id);
        let log = File::options().create(true).append(true).open(self.log_path(id)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_quorate"));
        command.args(["node", "--while-stdin", "--config"]).arg(config).env_clear();
        // Its end of this pipe closes with this process, however that ends.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("the binary was built for this test");
        self.processes.insert(id, Process { child });
    }

    /// Starts a process, and waits until it answers.
    pub(crate) fn begin(&mut self, id: u64) {
        self.spawn(id);
        self.answers(id);
    }

    /// Starts a process for everybody who has none, and waits until all answer.
    pub(crate) fn begin_all(&mut self) {
        let missing: Vec<u64> = self.seats.keys().copied().filter(|id| !self.processes.contains_key(id)).collect();
        missing.iter().for_each(|id| self.spawn(*id));
        missing.iter().for_each(|id| self.answers(*id));
    }

    fn answers(&mut self, id: u64) {
        let deadline = Instant::now() + PATIENCE;
        while self.status(id).is_none() {
            let process = self.processes.get_mut(&id).expect("it was started");
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("node {id} ended while it started: {status}");
            }
            assert!(Instant::now() < deadline, "node {id} does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A seat for a member that comes later.
    pub(crate) fn new_seat(&mut self) -> u64 {
        let id = self.seats.keys().last().map_or(1, |last| last + 1);
        self.seats.insert(id, Seat::local(id, port(), port()));
        id
    }

    /// Writes a member's certificate, if it has none, and its configuration.
    fn configure(&self, id: u64) -> PathBuf {
        let cert = format!("node-{id}");
        if !self.dir.join(format!("{cert}.pem")).exists() {
            self.authority.issue(&Who::Member(MemberId(id)), &[], SystemTime::now(), VALIDITY).unwrap().write(&self.dir, &cert).unwrap();
        }
        let mut text = format!("[cluster]\nname = \"proc\"\njoin = {}\n", id > self.born);
        for seat in self.seats.values().filter(|seat| seat.id.0 <= self.born) {
            let Seat { id, name, address, client, .. } = seat;
            write!(text, "[[cluster.members]]\nid = {id}\nname = \"{name}\"\naddress = \"{address}\"\nclient = \"{client}\"\n").unwrap();
        }
        let (seat, dir) = (&self.seats[&id], self.dir.display());
        let Plan { durability, snapshot_interval, timing, level, .. } = self.plan;
        write!(
            text,
            "[node]\nid = {id}\nbind = \"{}\"\ndata = \"{dir}/data-{id}\"\n[client]\nbind = \"{}\"\n[http]\nbind = \"off\"\n\
             [consensus]\ntiming = \"{timing}\"\n[storage]\ndurability = \"{durability}\"\nsnapshot_interval = {snapshot_interval}\n\
             [security]\nca = \"{dir}/ca.pem\"\ncert = \"{dir}/{cert}.pem\"\nkey = \"{dir}/{cert}.key\"\n\
             [log]\nlevel = \"{level}\"\nformat = \"json\"\n",
            seat.address, seat.client
        )
        .unwrap();
        let path = self.dir.join(format!("node-{id}.toml"));
        fs::write(&path, text).unwrap();
        path
    }

    /// Ends a process as nothing else can: it does nothing any more.
    pub(crate) fn kill(&mut self, id: u64) {
        drop(self.processes.remove(&id).expect("it runs"));
    }

    /// Ends all at once.
    pub(crate) fn kill_all(&mut self) {
        self.processes.values().for_each(|process| process.signal(Signal::KILL));
        self.processes.clear();
    }

    /// Lets a process do nothing until [`Self::resume`].
    pub(crate) fn pause(&self, id: u64) {
        self.processes[&id].signal(Signal::STOP);
    }

    pub(crate) fn resume(&self, id: u64) {
        self.processes[&id].signal(Signal::CONT);
    }

    /// Tells a process to end in good order, and waits until it has.
    pub(crate) fn terminate(&mut self, id: u64) -> ExitStatus {
        let mut process = self.processes.remove(&id).expect("it runs");
        process.signal(Signal::TERM);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = process.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "node {id} does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whose processes run, and have not ended by themselves.
    pub(crate) fn running(&self) -> Vec<u64> {
        self.processes.keys().copied().collect()
    }

    /// Every process that should run does.
    pub(crate) fn all_live(&mut self) {
        for (id, process) in &mut self.processes {
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("node {id} ended by itself: {status}");
            }
        }
    }

    /// How much memory a process has, in bytes.
    pub(crate) fn memory(&self, id: u64) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.processes[&id].child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process that runs has memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    pub(crate) fn log_path(&self, id: u64) -> PathBuf {
        self.dir.join(format!("node-{id}.log"))
    }

    /// What a node has logged, line by line. What is not JSON, such as the report of a node that did not start, is left out.
    pub(crate) fn log(&self, id: u64) -> Vec<Value> {
        let text = fs::read_to_string(self.log_path(id)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits until a node has logged a line whose message has all of this in it.
    pub(crate) fn logged(&self, id: u64, parts: &[&str]) -> Value {
        let has = |line: &Value| line["message"].as_str().is_some_and(|message| parts.iter().all(|part| message.contains(part)));
        self.until(&format!("node {id} does not log {parts:?}"), || self.log(id).into_iter().find(has))
    }

    /// Credentials that the cluster's authority issued.
    pub(crate) fn credentials(&self, who: &Who) -> Arc<Credentials> {
        credentials(&self.authority, who)
    }

    /// Somebody who connects to nodes, with these credentials or none.
    pub(crate) fn somebody(&self, who: Who, credentials: Option<Arc<Credentials>>) -> Local {
        somebody(&self.authority, who, credentials)
    }

    /// Who asks nodes how they are.
    pub(crate) fn tester(&self) -> &Local {
        &self.tester
    }

    /// A native client that does not wait long for anybody who is silent.
    pub(crate) fn client(&self, name: &str, window: Window) -> Client {
        let config = ClientConfig {
            endpoints: self.seats.values().map(|seat| seat.client.clone()).collect(),
            cluster: self.authority.cluster().clone(),
            security: Security::Tls(self.credentials(&Who::client(name).unwrap())),
            timeouts: Timeouts { connect: SILENCE, silence: SILENCE, request: Duration::from_secs(5) },
            window,
        };
        let _runtime = self.runtime.enter();
        Client::begin(config)
    }

    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    /// How a node is, if it answers.
    pub(crate) fn status(&self, id: u64) -> Option<NodeStatus> {
        let address = &self.seats[&id].client;
        let ask = async { Probe::dial(&self.tester, address).await.ok()?.status().await.ok() };
        self.wait(async { tokio::time::timeout(Duration::from_secs(2), ask).await.ok().flatten() })
    }

    pub(crate) fn partition(&self, id: u64, partition: PartitionId) -> Option<PartitionStatus> {
        self.status(id)?.partitions.into_iter().find(|there| there.partition == partition.0)
    }

    /// Waits until something is so.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            if Instant::now() > deadline {
                let statuses: Vec<_> = self.running().into_iter().map(|id| (id, self.status(id))).collect();
                panic!("{what}: {statuses:#?}");
            }
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Waits until one of these leads a partition and most of them follow it, and says who and in which term.
    pub(crate) fn leader_among(&self, ids: &[u64], partition: PartitionId) -> (u64, u64) {
        self.until("nobody leads", || {
            let there: Vec<_> = ids.iter().filter_map(|id| Some((*id, self.partition(*id, partition)?))).collect();
            let (leader, status) =
                there.iter().filter(|(_, status)| status.role() == Role::Leader).max_by_key(|(_, status)| status.term)?;
            let follow = there.iter().filter(|(_, other)| (other.leader, other.term) == (*leader, status.term)).count();
            (2 * follow > status.voters.len()).then_some((*leader, status.term))
        })
    }

    pub(crate) fn leader(&self, partition: PartitionId) -> u64 {
        self.leader_among(&self.running(), partition).0
    }

    /// Waits until all that run have applied what the leader has committed by now.
    pub(crate) fn caught_up(&self, partition: PartitionId) {
        let leader = self.leader(partition);
        let commit = self.until("the leader does not answer", || self.partition(leader, partition)).commit;
        for id in self.running() {
            self.until(&format!("node {id} does not catch up with {commit}"), || {
                self.partition(id, partition).filter(|status| status.applied >= commit)
            });
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.processes.clear();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.dir);
            return;
        }
        for id in self.seats.keys() {
            let text = fs::read_to_string(self.log_path(*id)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- the end of {}", self.log_path(*id).display());
            lines[lines.len().saturating_sub(40)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}
