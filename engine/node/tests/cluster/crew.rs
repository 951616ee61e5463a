//! A cluster for a test.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use quorate_core::ids::{MemberId, PartitionId};
use quorate_kv::{Answer, Command, Keys, Put, Query, QueryAnswer, Range, Told};
use quorate_net::certs::Authority;
use quorate_net::identity::{ClusterName, Who};
use quorate_net::wire::client::{NodeStatus, Open, Read, Role, Sureness, Write, request, response};
use quorate_node::config::{Config, Durability, Seat, Security};
use quorate_node::{Handle, KV, Node};
use tokio::runtime::Runtime;

/// How long anything may take that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Crew {
    pub(crate) control: Runtime,
    pub(crate) dir: PathBuf,
    pub(crate) name: ClusterName,
    pub(crate) seats: Vec<Seat>,
    pub(crate) authority: Authority,
    pub(crate) nodes: BTreeMap<u64, Node>,
    change: fn(&mut Config),
}

/// Ports that are free now.
fn ports<const N: usize>() -> [u16; N] {
    let doors: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    doors.map(|door| door.local_addr().unwrap().port())
}

impl Crew {
    /// So many nodes, started, with configurations changed as the test wants.
    pub(crate) fn start(test: &str, nodes: u64, change: fn(&mut Config)) -> Self {
        let dir = std::env::temp_dir().join(format!("quorate-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let name: ClusterName = "test".parse().unwrap();
        let authority = Authority::new(name.clone(), SystemTime::now(), Duration::from_secs(3600)).unwrap();
        authority.write(&dir).unwrap();
        let seats = (1..=nodes).map(Self::seat).collect();
        let control = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut crew = Self { control, dir, name, seats, authority, nodes: BTreeMap::new(), change };
        (1..=nodes).for_each(|id| crew.begin(id));
        crew
    }

    pub(crate) fn seat(id: u64) -> Seat {
        let [port, client] = ports();
        Seat::local(id, port, client)
    }

    fn config(&self, id: u64, seat: Seat) -> Config {
        let mut config = Config::local(self.name.clone(), self.seats.clone(), MemberId(id), self.dir.join(format!("node-{id}")))
            .unwrap_or_else(|| self.newcomer(id, seat));
        let cert = format!("node-{id}");
        if !self.dir.join(format!("{cert}.pem")).exists() {
            let issued = self.authority.issue(&Who::Member(MemberId(id)), &[], SystemTime::now(), Duration::from_secs(3600)).unwrap();
            issued.write(&self.dir, &cert).unwrap();
        }
        let file = |name: String| self.dir.join(name);
        config.security = Security::Tls { ca: file("ca.pem".into()), cert: file(format!("{cert}.pem")), key: file(format!("{cert}.key")) };
        config.http = None;
        config.durability = Durability::Memory;
        (self.change)(&mut config);
        config
    }

    /// A node that was not there at the cluster's birth.
    fn newcomer(&self, id: u64, seat: Seat) -> Config {
        let mut seats = self.seats.clone();
        seats.push(seat);
        let mut config = Config::local(self.name.clone(), seats, MemberId(id), self.dir.join(format!("node-{id}"))).unwrap();
        config.cluster.members.retain(|seat| seat.id.0 != id);
        config
    }

    /// Starts a node that was there from the beginning.
    pub(crate) fn begin(&mut self, id: u64) {
        let config = self.config(id, self.seats[id as usize - 1].clone());
        let node = Node::start(config, self.control.handle()).unwrap();
        self.nodes.insert(id, node);
    }

    /// Starts one that was not.
    pub(crate) fn begin_new(&mut self, seat: Seat) {
        let id = seat.id.0;
        let config = self.config(id, seat);
        let node = Node::start(config, self.control.handle()).unwrap();
        self.nodes.insert(id, node);
    }

    pub(crate) fn stop(&mut self, id: u64) {
        self.nodes.remove(&id).unwrap().stop().unwrap();
    }

    pub(crate) fn handle(&self, id: u64) -> Handle {
        self.nodes[&id].handle()
    }

    pub(crate) fn ask(&self, id: u64, partition: PartitionId, body: request::Body) -> response::Body {
        self.control.block_on(self.handle(id).request(partition, body))
    }

    pub(crate) fn status(&self, id: u64) -> NodeStatus {
        self.control.block_on(self.handle(id).status()).unwrap()
    }

    /// Waits until something is so.
    pub(crate) fn until<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < deadline, "{what}: {:#?}", self.nodes.keys().map(|id| self.status(*id)).collect::<Vec<_>>());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Who leads a partition, in its own eyes.
    pub(crate) fn leader(&self, partition: PartitionId) -> u64 {
        self.until("nobody leads", |crew| {
            let leads = |id: &&u64| {
                let status = crew.status(**id);
                status.partitions.iter().any(|there| there.partition == partition.0 && there.role() == Role::Leader)
            };
            crew.nodes.keys().find(leads).copied()
        })
    }

    /// Sends a command to whoever leads until it is carried out.
    pub(crate) fn write(&self, command: &Command) -> Answer {
        self.until("a command is not carried out", |crew| {
            let write = Write { session: 0, sequence: 0, settled: 0, command: command.encode().into() };
            match crew.ask(crew.leader(KV), KV, request::Body::Write(write)) {
                response::Body::Written(written) => Some(Answer::decode(&written.answer).unwrap()),
                _ => None,
            }
        })
    }

    pub(crate) fn put(&self, key: &str, value: &str) -> Answer {
        self.write(&Command::Put(Put::new(key.as_bytes(), value.as_bytes())))
    }

    /// What a node says that a key's value is.
    pub(crate) fn get(&self, id: u64, key: &str, sureness: Sureness) -> Result<Option<String>, Box<response::Body>> {
        let query = Query::Range(Range::new(Keys::one(key.as_bytes()))).encode();
        match self.ask(id, KV, request::Body::Read(Read { sureness: sureness.into(), query: query.into() })) {
            response::Body::Read(answer) => match QueryAnswer::decode(&answer).unwrap().told {
                Told::Range(found) => Ok(found.kvs.first().map(|kv| String::from_utf8(kv.value.to_vec()).unwrap())),
                other => panic!("{other:?}"),
            },
            other => Err(Box::new(other)),
        }
    }

    pub(crate) fn open_session(&self) -> u64 {
        match self.ask(self.leader(KV), KV, request::Body::Open(Open {})) {
            response::Body::Opened(session) => session,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.nodes.clear();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}
