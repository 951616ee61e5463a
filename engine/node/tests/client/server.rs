//! The server side of the wire, by script: some members in front of one state machine, of which one leads.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prost::Message as _;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_kv::{Cursor, Following, Limits, Store};
use quorate_net::certs::Authority;
use quorate_net::connection::{Connection, Incoming, Local, Outgoing, SocketOptions};
use quorate_net::frame::{FrameLimits, Kind};
use quorate_net::identity::{ClusterName, Identity, Who};
use quorate_net::tls::{Credentials, Security};
use quorate_net::wire::client::{
    Member, NodeStatus, PartitionStatus, Refused, Requests, Response, Responses, Sureness, Why, Written, request, response,
};
use quorate_node::KV;
use quorate_node::client::{ClientConfig, Timeouts, Window};
use quorate_storage::Mark;
use quorate_storage::machine::sessions::Stub;
use quorate_storage::machine::{Command, Envelope, Reply, Sessioned, StateMachine as _, sessions};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What is done to a request.
pub(crate) enum Act {
    /// What it asks for, if this member leads.
    Answer,
    /// Nothing, and it is said so.
    Refuse(Why),
    /// What it asks for, and nobody is told.
    Swallow,
    /// The connection is cut, before or after what it asks for was done.
    Cut { done: bool },
    /// These bytes are sent in the place of answers.
    Nonsense(Bytes),
    /// Nothing at all: the member stands still, and its connections with it.
    Hang,
}

/// Says what is done to a request that came to a member.
pub(crate) type Script = Box<dyn FnMut(MemberId, &request::Body) -> Act + Send>;

/// The state that all members share.
pub(crate) struct State {
    pub(crate) leader: Option<MemberId>,
    pub(crate) script: Script,
    pub(crate) store: Store,
    machine: Sessioned<Store>,
    index: u64,
    addresses: BTreeMap<MemberId, String>,
    hanging: Vec<MemberId>,
}

/// A cluster.
#[derive(Clone)]
pub(crate) struct Cluster {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    security: Security,
}

pub(crate) fn name() -> ClusterName {
    "scripted".parse().expect("a name")
}

/// Credentials of a cluster's authority.
pub(crate) struct Passports(Authority);

impl Passports {
    pub(crate) fn new() -> Self {
        Self(Authority::new(name(), SystemTime::now(), Duration::from_secs(3600)).expect("an authority"))
    }

    pub(crate) fn of(&self, who: &Who) -> Security {
        let issued = self.0.issue(who, &[], SystemTime::now(), Duration::from_secs(3600)).expect("a certificate");
        let credentials = Credentials::from_pem(self.0.cert_pem(), &issued.cert_pem, &issued.key_pem).expect("credentials");
        Security::Tls(Arc::new(credentials))
    }
}

impl Cluster {
    /// Members that answer everything as they should. The first leads.
    pub(crate) async fn start(members: u64) -> Self {
        Self::with_sessions(members, sessions::Limits { sessions: 64, answer_bytes: 1 << 20 }).await
    }

    pub(crate) async fn with_sessions(members: u64, limits: sessions::Limits) -> Self {
        let (passports, store) = (Passports::new(), Store::new(Limits::default()));
        let state = State {
            leader: Some(MemberId(1)),
            script: Box::new(|_, _| Act::Answer),
            machine: Sessioned::new(store.clone(), limits),
            store,
            index: 0,
            addresses: BTreeMap::new(),
            hanging: Vec::new(),
        };
        let security = passports.of(&Who::Client("tester".into()));
        let cluster = Self { state: Arc::new(Mutex::new(state)), changed: Arc::default(), security };
        for id in (1..=members).map(MemberId) {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address").to_string();
            cluster.look().addresses.insert(id, address.clone());
            let us = Arc::new(Local {
                identity: Identity::new(name(), Who::Member(id)),
                cluster_id: ClusterId::default(),
                address,
                security: passports.of(&Who::Member(id)),
                limits: FrameLimits::default(),
                socket: SocketOptions::default(),
                compression: false,
            });
            tokio::spawn(cluster.clone().listen(id, listener, us));
        }
        cluster
    }

    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn script(&self, script: impl FnMut(MemberId, &request::Body) -> Act + Send + 'static) {
        self.look().script = Box::new(script);
    }

    /// What a client is told that knows of these members.
    pub(crate) fn config(&self, members: &[u64]) -> ClientConfig {
        let state = self.look();
        let endpoints = members.iter().map(|id| state.addresses[&MemberId(*id)].clone()).collect();
        let timeouts = Timeouts { request: Duration::from_secs(20), silence: Duration::from_millis(400), ..Timeouts::default() };
        let window = Window { requests: 512, bytes: 1 << 20 };
        ClientConfig { endpoints, cluster: name(), security: self.security.clone(), timeouts, window }
    }

    async fn listen(self, id: MemberId, listener: TcpListener, us: Arc<Local>) {
        while let Ok((stream, _)) = listener.accept().await {
            let (cluster, us) = (self.clone(), us.clone());
            tokio::spawn(async move {
                if let Ok(connection) = Connection::accept(stream, &us, |_| Ok(())).await {
                    let (incoming, outgoing) = connection.split();
                    Guest { cluster, id, outgoing, watches: Vec::new() }.serve(incoming).await;
                }
            });
        }
    }
}

/// A client's connection to a member.
struct Guest {
    cluster: Cluster,
    id: MemberId,
    outgoing: Outgoing,
    watches: Vec<(u64, quorate_kv::Watch, Cursor)>,
}

impl Guest {
    async fn serve(mut self, mut incoming: Incoming) {
        let mut frames = Vec::new();
        loop {
            let changed = self.cluster.changed.clone();
            let mut notified = std::pin::pin!(changed.notified());
            notified.as_mut().enable();
            if !self.tell_changes().await {
                return;
            }
            tokio::select! {
                read = incoming.frames(&mut frames) => if read.is_err() { return },
                () = notified => {}
            }
            for frame in frames.drain(..) {
                let requests = Requests::decode(frame.body).expect("a client speaks the language").requests;
                let mut responses = Vec::new();
                for request in requests {
                    let body = request.body.expect("a request asks for something");
                    match self.act(request.number, body) {
                        Ok(answers) => responses.extend(answers.map(|body| Response { number: request.number, body: Some(body) })),
                        Err(Some(nonsense)) => return self.push(&nonsense).await,
                        Err(None) if self.hangs() => std::future::pending().await,
                        Err(None) => return,
                    }
                }
                self.cluster.changed.notify_waiters();
                if !responses.is_empty() {
                    self.push(&Responses { responses }.encode_to_vec()).await;
                }
            }
        }
    }

    async fn push(&mut self, body: &[u8]) {
        self.outgoing.push(Kind::Responses, PartitionId(0), body).expect("answers fit");
        // If the client has gone, the next read says so.
        let _ = self.outgoing.flush().await;
    }

    fn hangs(&self) -> bool {
        self.cluster.look().hanging.contains(&self.id)
    }

    /// The answer, if there is one; or what the connection ends with.
    fn act(&mut self, number: u64, body: request::Body) -> Result<Option<response::Body>, Option<Bytes>> {
        let cluster = self.cluster.clone();
        let mut state = cluster.look();
        if state.hanging.contains(&self.id) {
            return Err(None);
        }
        let act = (state.script)(self.id, &body);
        match act {
            Act::Answer => Ok(self.answer(&mut state, number, &body)),
            Act::Refuse(why) => Ok(Some(state.refuse(why))),
            Act::Swallow => {
                self.answer(&mut state, number, &body);
                Ok(None)
            }
            Act::Cut { done } => {
                if done {
                    self.answer(&mut state, number, &body);
                }
                Err(None)
            }
            Act::Nonsense(bytes) => Err(Some(bytes)),
            Act::Hang => {
                state.hanging.push(self.id);
                Err(None)
            }
        }
    }

    fn answer(&mut self, state: &mut State, number: u64, body: &request::Body) -> Option<response::Body> {
        let leads = state.leader == Some(self.id);
        Some(match body {
            request::Body::Status(_) => response::Body::Status(state.status(self.id)),
            request::Body::Watch(watch) => {
                let Following { watch, from } = Following::decode(&watch.query).expect("a place to watch from");
                self.watches.push((number, watch, from));
                return None;
            }
            request::Body::Cancel(cancel) => {
                self.watches.retain(|(number, ..)| *number != cancel.watch);
                return None;
            }
            request::Body::Read(read) if leads || read.sureness() == Sureness::Local => {
                response::Body::Read(state.store.query(&read.query).expect("a query").into())
            }
            _ if !leads => state.refuse(Why::NotLeader),
            request::Body::Open(_) => state.apply(&Envelope::Open.encode()),
            request::Body::Write(write) if write.session == 0 => state.apply(&Envelope::Plain(&write.command).encode()),
            request::Body::Write(write) => {
                let stub = Stub { session: write.session, sequence: write.sequence, settled: write.settled };
                state.apply(&Envelope::Within { stub, command: &write.command }.encode())
            }
            request::Body::Transfer(transfer) => {
                state.leader = Some(MemberId(transfer.to));
                response::Body::Transferring(transfer.to)
            }
            other => panic!("nobody asks {other:?} here"),
        })
    }

    async fn tell_changes(&mut self) -> bool {
        let mut responses = Vec::new();
        let store = self.cluster.look().store.clone();
        self.watches.retain_mut(|(number, watch, cursor)| {
            let (body, goes_on) = match store.changes(watch, *cursor, 1 << 10) {
                Ok(changes) if changes.events.is_empty() => return true,
                Ok(changes) => {
                    *cursor = changes.next;
                    (response::Body::Changes(changes.encode().into()), true)
                }
                Err(compacted) => {
                    let refused = Refused { why: Why::Compacted.into(), text: compacted.to_string(), ..Refused::default() };
                    (response::Body::Refused(refused), false)
                }
            };
            responses.push(Response { number: *number, body: Some(body) });
            goes_on
        });
        if !responses.is_empty() {
            self.push(&Responses { responses }.encode_to_vec()).await;
            // There may be more than fits into one answer.
            self.cluster.changed.notify_waiters();
        }
        true
    }
}

impl State {
    fn refuse(&self, why: Why) -> response::Body {
        let leader = self.leader.filter(|_| why == Why::NotLeader);
        response::Body::Refused(Refused {
            why: why.into(),
            text: format!("by script: {why:?}"),
            leader: leader.map_or(0, |leader| leader.0),
            leader_address: leader.and_then(|leader| self.addresses.get(&leader).cloned()).unwrap_or_default(),
            retry_after_ms: if why == Why::Busy { 3 } else { 0 },
        })
    }

    fn apply(&mut self, payload: &[u8]) -> response::Body {
        self.index += 1;
        let mark = Mark { index: Height(self.index), term: View(1) };
        let mut replies = Vec::new();
        self.machine.apply_batch(&[Command { mark, payload }], &mut replies).expect("the machine goes on");
        match Reply::decode(&replies[0]).expect("a reply") {
            Reply::Done(answer) => response::Body::Written(Written { index: self.index, term: 1, answer: Bytes::copy_from_slice(answer) }),
            Reply::Opened(id) => response::Body::Opened(id),
            Reply::Expired => self.refuse(Why::SessionExpired),
            Reply::Settled => self.refuse(Why::Settled),
            Reply::Nonsense => self.refuse(Why::BadRequest),
        }
    }

    /// Another client opens sessions, until those before are forgotten.
    pub(crate) fn crowd_out(&mut self, sessions: usize) {
        for _ in 0..sessions {
            self.apply(&Envelope::Open.encode());
        }
    }

    fn status(&self, id: MemberId) -> NodeStatus {
        let member = |(id, address): (&MemberId, &String)| Member { id: id.0, client_address: address.clone(), ..Member::default() };
        let leader = self.leader.map_or(0, |leader| leader.0);
        NodeStatus {
            cluster: name().to_string(),
            member: id.0,
            members: self.addresses.iter().map(member).collect(),
            partitions: vec![PartitionStatus { partition: KV.0, leader, ..PartitionStatus::default() }],
            ..NodeStatus::default()
        }
    }
}
