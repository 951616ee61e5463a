//! The native client: many requests in flight on one connection, each carried out once.
//!
//! A [`Client`] finds the members of a cluster, keeps to whoever leads, and goes elsewhere when that changes. What it promises:
//!
//! - **Each request ends exactly once**, and its end says whether it was carried out: yes (`Ok`), no, or nobody knows
//!   ([`RequestError::Unknown`]). A request ends at the latest when [`Timeouts::request`] has passed.
//! - **A command of a session is carried out at most once**, however often it had to be sent ([`Delivery::ExactlyOnce`]). Who gets `Ok`
//!   knows that it was once. `Unknown` comes only if the time was up, if the cluster had to forget the session while an attempt was open,
//!   or if the client was closed. Later commands get a new session by themselves.
//! - **Order.** Commands of one session go out in the order in which they were given, and as long as none has to be sent again they are
//!   carried out in that order. When a connection breaks or the leader changes, a command may be carried out before an earlier one that was
//!   in flight at the same time. Who needs one command after another waits for the first to end. Different sessions have no order.
//! - **Reads** are linearizable unless they are asked to be local. **Watches** go on after a reconnect from where they were.
//! - **Bounds.** Each session has a [`Window`] of requests and bytes; what has ended counts until it was taken. What is beyond waits or is
//!   refused.
//!
//! Nothing waits for company: what is asked while a frame is on its way goes into the next one. [`book`](self) has the state of all
//! requests without a socket in it, `lane` drives it, `route` says whom to ask next.

#![expect(clippy::result_large_err, reason = "what was not taken is given back as it came")]

mod book;
mod cluster;
pub mod config;
pub mod kv;
mod lane;
pub mod limits;
pub mod outcome;
mod route;
mod session;
mod watch;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use quorate_core::ids::{ClusterId, PartitionId};
use quorate_net::connection::{Local, SocketOptions};
use quorate_net::frame::FrameLimits;
use quorate_net::identity::{Identity, Who};
use quorate_net::tls::Security;
use quorate_net::wire::client::{NodeStatus, Read, Status, Sureness, Why, request, response};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use book::{Repeat, To, What};
use lane::Lane;
use session::{Commands, too_large};

pub use book::{Delivery, OnBusy, SessionOptions};
pub use config::{ClientConfig, Profile, ProfileError};
pub use limits::{Timeouts, Window};
pub use outcome::{Counts, Outcome, RequestError, SubmitError, Written};
pub use session::Session;
pub use watch::{Watch, WatchEnd};

use crate::{KV, SYSTEM};

/// A client of a cluster. Clones are the same client; when the last one and its sessions are gone, its connections close.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: ClientConfig,
    us: Arc<Local>,
    /// Where the lanes' tasks run.
    runtime: Handle,
    lanes: Mutex<BTreeMap<PartitionId, Arc<Lane>>>,
    /// The session of those who write without one of their own.
    commands: Commands,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let lanes = self.lanes.get_mut().unwrap_or_else(PoisonError::into_inner);
        lanes.values().for_each(|lane| lane.close());
    }
}

impl Client {
    /// Begins a client, and waits until a member answers. Its tasks run on the runtime of the caller.
    ///
    /// # Errors
    /// If no member answers in time. The text says what was in the way at last.
    pub async fn connect(config: ClientConfig) -> Result<Self, RequestError> {
        let client = Self::begin(config);
        client.status().await?;
        Ok(client)
    }

    /// Begins a client that connects when something is asked of it. Its tasks run on the runtime of the caller.
    #[must_use]
    pub fn begin(config: ClientConfig) -> Self {
        let us = Arc::new(us(&config));
        let lane = Lane::begin(KV, us.clone(), config.endpoints.clone(), config.timeouts, config.window);
        let commands = Commands::begin(lane.clone(), SessionOptions::default(), config.window);
        let lanes = Mutex::new(BTreeMap::from([(KV, lane)]));
        Self { inner: Arc::new(Inner { config, us, runtime: Handle::current(), lanes, commands }) }
    }

    /// What the client was told.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.inner.config
    }

    /// The lane of a partition, which begins when it is first used.
    fn lane(&self, partition: PartitionId) -> Arc<Lane> {
        let mut lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = || {
            let _runtime = self.inner.runtime.enter();
            let config = &self.inner.config;
            Lane::begin(partition, self.inner.us.clone(), config.endpoints.clone(), config.timeouts, config.window)
        };
        lanes.entry(partition).or_insert_with(begin).clone()
    }

    /// Begins a session of its own, with a window of its own.
    #[must_use]
    pub fn session(&self, options: SessionOptions) -> Session {
        Session::begin(self.clone(), self.lane(KV), options, self.inner.config.window)
    }

    /// Puts a command to the state machine, in the client's own session, and waits for its end.
    ///
    /// # Errors
    /// If it was not carried out, or nobody knows.
    pub async fn write(&self, command: impl Into<Bytes>) -> Outcome {
        self.inner.commands.write(command.into()).await
    }

    /// Asks the state machine something.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn read(&self, query: impl Into<Bytes>, sureness: Sureness) -> Result<Bytes, RequestError> {
        let read = Read { sureness: sureness.into(), query: query.into() };
        match self.ask(KV, request::Body::Read(read), Repeat::Freely).await? {
            response::Body::Read(answer) => Ok(answer),
            other => Err(unfit(&other)),
        }
    }

    /// How the member is that the client is connected to.
    ///
    /// # Errors
    /// If no member answers.
    pub async fn status(&self) -> Result<NodeStatus, RequestError> {
        match self.ask(KV, request::Body::Status(Status {}), Repeat::Freely).await? {
            response::Body::Status(status) => Ok(status),
            other => Err(unfit(&other)),
        }
    }

    /// Follows changes, from a question in the state machine's language. It ends when the connection does; whoever follows then asks anew
    /// from where they are. [`kv`] does so by itself.
    ///
    /// # Errors
    /// If the client was closed.
    pub async fn watch(&self, query: impl Into<Bytes>) -> Result<Watch, RequestError> {
        let lane = self.lane(KV);
        let (mut what, (changes, follower)) = (What::Watch(query.into()), watch::channel());
        loop {
            let room = lane.with(|book| book.room());
            let mut room = pin!(room.notified());
            room.as_mut().enable();
            match lane.with(|book| book.ask(Instant::now(), what, To::Watch(changes.clone()))) {
                Ok(()) => return Ok(Watch::new(self.clone(), lane, changes.downgrade(), follower)),
                Err((SubmitError::Full(_), back, _)) => what = back,
                Err((SubmitError::TooLarge { len, most }, ..)) => return Err(too_large(len, most)),
                Err((SubmitError::Closed, ..)) => return Err(RequestError::Closed),
            }
            room.await;
        }
    }

    /// Asks something that has one answer, as soon as there is room.
    async fn ask(&self, partition: PartitionId, body: request::Body, repeat: Repeat) -> Result<response::Body, RequestError> {
        let lane = self.lane(partition);
        let (waits, end) = oneshot::channel();
        let (mut what, mut to) = (What::Ask(body, repeat), To::Ask(waits));
        loop {
            let room = lane.with(|book| book.room());
            let mut room = pin!(room.notified());
            room.as_mut().enable();
            match lane.with(|book| book.ask(Instant::now(), what, to)) {
                Ok(()) => return end.await.unwrap_or(Err(RequestError::Closed)),
                Err((SubmitError::Full(_), back, waits)) => (what, to) = (back, waits),
                Err((SubmitError::TooLarge { len, most }, ..)) => return Err(too_large(len, most)),
                Err((SubmitError::Closed, ..)) => return Err(RequestError::Closed),
            }
            room.await;
        }
    }

    /// Ends the client and all its clones: what is in flight ends, and the connections are closed in good order.
    pub async fn close(&self) {
        let lanes: Vec<Arc<Lane>> = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for lane in &lanes {
            lane.close();
        }
        for lane in lanes {
            lane.ended().await;
        }
    }

    /// What was counted for a partition since the client first used it.
    #[must_use]
    pub fn counts(&self, partition: PartitionId) -> Counts {
        self.lane(partition).with(|book| book.counts())
    }
}

/// The book checks that answers fit their questions.
fn unfit(body: &response::Body) -> RequestError {
    RequestError::Refused { why: Why::Unknown, text: format!("the answer was {body:?}").into() }
}

/// Who the client is, to those whom it dials.
fn us(config: &ClientConfig) -> Local {
    let identity = match &config.security {
        Security::Tls(credentials) => credentials.identity().clone(),
        Security::Plain => Identity::new(config.cluster.clone(), Who::Client("anonymous".into())),
    };
    Local {
        identity,
        // It is learned from whoever is dialled.
        cluster_id: ClusterId::default(),
        address: String::new(),
        security: config.security.clone(),
        limits: FrameLimits::default(),
        socket: SocketOptions::default(),
        compression: false,
    }
}
