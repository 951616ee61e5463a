//! A lane: the requests for one partition, over one connection at a time, to whoever leads it.
//!
//! One task does it all: it connects, sends what has gathered whenever the socket takes it, hands answers to the book, and lets nothing
//! wait longer than it may. Whoever asks puts requests into the book and wakes the task if it had nothing to do. So what is asked while
//! a frame is on its way goes into the next one, and nothing waits for company.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::PartitionId;
use quorate_env::rng::{Entropy, Rng as _};
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Expect, Incoming, Local, Outgoing};
use quorate_net::frame::Kind;
use quorate_net::wire::client::Responses;
use tokio::sync::{Notify, Semaphore};
use tokio::time;

use super::book::{Book, Sending};
use super::limits::{Timeouts, Window};
use super::route::Route;

/// How often a connection is looked after.
const TICK: Duration = Duration::from_millis(25);
/// How long a connection that is to be left may take for its last answers.
const GRACE: Duration = Duration::from_millis(100);
/// How long closing a connection may take.
const GOODBYE: Duration = Duration::from_millis(50);

/// The lane of a partition. Whoever asks shares it with the task.
pub(super) struct Lane {
    partition: PartitionId,
    book: Mutex<Book>,
    /// There is something to send.
    work: Notify,
    /// Nobody asks any more, or the task has ended.
    closed: Notify,
    ended: Semaphore,
    timeouts: Timeouts,
}

/// Why a connection ended.
enum End {
    /// Nobody asks any more.
    Closed,
    /// Somebody else is to be asked.
    Leave(Option<String>),
    /// It broke, or what came over it made no sense.
    Lost(String),
}

impl Lane {
    /// Begins a lane, whose task runs on the runtime of the caller.
    pub(super) fn begin(partition: PartitionId, us: Arc<Local>, endpoints: Vec<String>, timeouts: Timeouts, window: Window) -> Arc<Self> {
        let book = Mutex::new(Book::new(timeouts, window, Entropy.next_u64()));
        let lane = Arc::new(Self { partition, book, work: Notify::new(), closed: Notify::new(), ended: Semaphore::new(0), timeouts });
        let route = Route::new(endpoints, Entropy.next_u64());
        tokio::spawn(lane.clone().run(us, route));
        lane
    }

    /// Does something with the book, and wakes whoever has to know of it.
    pub(super) fn with<T>(&self, call: impl FnOnce(&mut Book) -> T) -> T {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let result = call(&mut book);
        let (wakes, news) = (book.wakes(), book.is_news());
        drop(book);
        wakes.iter().for_each(|waits| waits.notify_waiters());
        if news {
            self.work.notify_one();
        }
        result
    }

    /// Ends every request, and the task.
    pub(super) fn close(&self) {
        self.with(Book::close);
        self.closed.notify_one();
    }

    /// Waits until the task has ended.
    pub(super) async fn ended(&self) {
        // No permit is ever given out: the task closes it.
        let _ = self.ended.acquire().await;
    }

    async fn run(self: Arc<Self>, us: Arc<Local>, route: Route) {
        tokio::select! {
            () = self.keep_connected(&us, route) => {}
            () = self.keep_time() => {}
        }
        self.ended.close();
    }

    /// Ends what has waited too long, connected or not.
    async fn keep_time(&self) {
        let tick = (self.timeouts.request / 50).clamp(Duration::from_millis(5), Duration::from_millis(100));
        loop {
            time::sleep(tick).await;
            self.with(|book| book.expire(Instant::now()));
        }
    }

    /// Connects when there is something to do, again and again, until nobody asks any more.
    async fn keep_connected(&self, us: &Local, mut route: Route) {
        loop {
            // Who wants nothing of the cluster leaves it alone.
            while !self.with(|book| book.is_wanted()) {
                tokio::select! {
                    () = self.work.notified() => {}
                    () = self.closed.notified() => return,
                }
            }
            let (address, pause) = route.next(&mut Entropy);
            let dialled = tokio::select! {
                dialled = self.dial(us, &address, pause) => dialled,
                () = self.closed.notified() => return,
            };
            match dialled {
                Ok(connection) => {
                    if !self.serve(connection, &address, &mut route).await {
                        return;
                    }
                }
                Err(trouble) => {
                    route.failed();
                    self.with(|book| book.troubled(&trouble));
                }
            }
        }
    }

    async fn dial(&self, us: &Local, address: &str, pause: Duration) -> Result<Connection, String> {
        time::sleep(pause).await;
        let dial = Connection::dial(address, us, Expect::AnyMember, Class::Client);
        match time::timeout(self.timeouts.connect, dial).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("{address}: no connection within {:?}", self.timeouts.connect)),
        }
    }

    /// Uses a connection until it ends. Says whether there is to be another one.
    async fn serve(&self, connection: Connection, address: &str, route: &mut Route) -> bool {
        self.with(Book::connected);
        let (incoming, mut outgoing) = connection.split();
        let heard = AtomicBool::new(true);
        let end = tokio::select! {
            end = self.hear(incoming, &heard, route) => end,
            end = self.send(&mut outgoing) => end,
            end = self.look_after(&heard) => end,
            () = self.closed.notified() => End::Closed,
        };
        let why = match &end {
            End::Closed => "the client was closed".into(),
            End::Leave(to) => {
                route.redirected(to.as_deref());
                format!("{address} does not lead")
            }
            End::Lost(why) => {
                route.failed();
                format!("{address}: {why}")
            }
        };
        self.with(|book| book.lost(&why));
        if !matches!(end, End::Lost(_)) {
            // Nobody waits for it, and if it fails the other end sees a connection that was cut.
            let _ = time::timeout(GOODBYE, outgoing.close()).await;
        }
        !matches!(end, End::Closed)
    }

    async fn send(&self, outgoing: &mut Outgoing) -> End {
        let mut body = BytesMut::new();
        loop {
            body.clear();
            match self.with(|book| book.next_body(Instant::now(), &mut body)) {
                Sending::Body => {
                    if let Err(error) = outgoing.push(Kind::Requests, self.partition, &body) {
                        return End::Lost(format!("requests cannot be sent: {error}"));
                    }
                    if let Err(error) = outgoing.flush().await {
                        return End::Lost(format!("requests cannot be sent: {error}"));
                    }
                }
                Sending::Later(until) => time::sleep_until(until.into()).await,
                Sending::Nothing => self.work.notified().await,
            }
        }
    }

    async fn hear(&self, mut incoming: Incoming, heard: &AtomicBool, route: &mut Route) -> End {
        let (mut frames, mut responses) = (Vec::new(), Responses::default());
        loop {
            if let Err(error) = incoming.frames(&mut frames).await {
                return End::Lost(error.to_string());
            }
            heard.store(true, Ordering::Relaxed);
            for frame in frames.drain(..) {
                if frame.kind != Kind::Responses {
                    return End::Lost(format!("it sent {:?}; expected responses", frame.kind));
                }
                // Each frame's answers are added to those of the ones before.
                if let Err(error) = responses.merge(frame.body) {
                    return End::Lost(format!("its answers cannot be read: {error}"));
                }
            }
            let now = Instant::now();
            let result = self.with(|book| {
                let heard = responses.responses.drain(..).try_for_each(|response| book.answer(now, response));
                let leaves = book.leave().filter(|_| book.is_drained()).map(|leave| leave.to.clone());
                heard.map(|()| (leaves, book.worked(), book.members()))
            });
            match result {
                Err(breach) => return End::Lost(breach.to_string()),
                Ok((leaves, worked, members)) => {
                    if worked {
                        route.worked();
                    }
                    if let Some(members) = members {
                        route.learned(members.iter().map(String::as_str));
                    }
                    if let Some(to) = leaves {
                        return End::Leave(to);
                    }
                }
            }
        }
    }

    /// Sees to it that a connection over which nothing comes is not waited for, nor one that is to be left.
    async fn look_after(&self, heard: &AtomicBool) -> End {
        let mut silence = Duration::ZERO;
        let mut last = Instant::now();
        loop {
            time::sleep(TICK).await;
            let now = Instant::now();
            // Whoever was not run for a long time heard nothing, and cannot blame the other end for it.
            let passed = (now - last).min(2 * TICK);
            last = now;
            let (leave, awaits) = self.with(|book| (book.leave().cloned(), book.awaits()));
            if let Some(leave) = leave.filter(|leave| now >= leave.since + GRACE) {
                return End::Leave(leave.to);
            }
            if heard.swap(false, Ordering::Relaxed) || !awaits {
                silence = Duration::ZERO;
                continue;
            }
            let before = silence;
            silence += passed;
            // Commands may take their time, but whoever is there can say how it is.
            let half = self.timeouts.silence / 2;
            if before < half && silence >= half {
                self.with(Book::probe);
            }
            if silence >= self.timeouts.silence {
                return End::Lost(format!("it said nothing for {silence:?}"));
            }
        }
    }
}
