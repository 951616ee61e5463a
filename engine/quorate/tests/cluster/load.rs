//! Clients that write down what they did and were told, and the verdict on that.
//!
//! Some clients have a session of the cluster's, so that each command is carried out once; the others get to know of some commands only
//! that nobody knows. All work on the same few keys: the history of these must be linearizable. Beside that, each writes keys of its own
//! that nobody writes again: of these, every one that was acknowledged must be there, written once, and none of which it was said that
//! nothing was done.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quorate_env::rng::Seeded;
use quorate_kv::{Answer, Command, Compare, Delete, Is, KeyValue, Keys, Op, Outcome, Put, Range, Target, Transaction};
use quorate_net::wire::client::Sureness;
use quorate_node::KV;
use quorate_node::client::{Client, Delivery, OnBusy, RequestError, Session, SessionOptions, Window};
use quorate_sim::history::formats::lines;
use quorate_sim::history::models::{Bytes, Call, Kind, Reply};
use quorate_sim::history::{self, History, Recorder, Verdict};
use tokio::task::JoinHandle;

use crate::crew::Crew;
use crate::probe::{Probe, found, get};

/// How many clients there are, and on how many keys they meet.
const CLIENTS: u64 = 6;
const KEYS: u64 = 4;
/// How long a client rests between two operations, at most.
const REST: Duration = Duration::from_millis(4);
/// Enough for every history that these clients can make in the time that they have.
const BUDGET: u64 = 400_000_000;
/// How many keys are read at once.
const PAGE: u64 = 2000;

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
    clients: Vec<Client>,
}

struct Shared {
    /// Begins the name of every key.
    prefix: String,
    begun: Instant,
    stop: AtomicBool,
    /// How many operations of each client came to a good end.
    done: Vec<AtomicU64>,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    recorder: Recorder<Call, Reply>,
    /// The keys that are written once, and what their writers were told.
    kept: BTreeMap<String, Fate>,
    /// When writes were acknowledged.
    acknowledged: Vec<Instant>,
    /// The operation that took longest and came to a good end.
    longest: Duration,
}

/// What a writer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Not,
    Unknown,
}

/// What the clients saw.
pub(crate) struct Seen {
    operations: usize,
    unknown: usize,
    kept: usize,
    /// The longest time in which no write was acknowledged to anybody.
    pub(crate) gap: Duration,
    /// The longest time that an operation took which came to a good end.
    pub(crate) longest: Duration,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operations, unknown, kept, gap, longest } = self;
        write!(f, "{operations} operations ({unknown} unknown) and {kept} keys of their own; ")?;
        write!(f, "at most {gap:.1?} without an acknowledgement, and {longest:.1?} for one operation")
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self) -> u64 {
        self.begun.elapsed().as_micros() as u64
    }
}

impl Load {
    /// Sends clients off. Keys begin with `name`, which no earlier load of this cluster had.
    pub(crate) fn begin(crew: &Crew, name: &str) -> Self {
        let shared = Arc::new(Shared {
            prefix: name.to_owned(),
            begun: Instant::now(),
            stop: AtomicBool::new(false),
            done: (0..CLIENTS).map(|_| AtomicU64::new(0)).collect(),
            book: Mutex::default(),
        });
        let clients: Vec<Client> = (0..CLIENTS).map(|id| crew.client(&format!("client-{id}"), Window::default())).collect();
        let work = |(id, client): (u64, &Client)| {
            let delivery = if id % 2 == 0 { Delivery::ExactlyOnce } else { Delivery::AtMostOnce };
            let session = client.session(SessionOptions { delivery, on_busy: OnBusy::Wait });
            let worker =
                Worker { shared: Arc::clone(&shared), id, client: client.clone(), session, rng: Seeded::new(id), seen: BTreeMap::new() };
            crew.runtime.spawn(worker.work())
        };
        let tasks = (0..).zip(&clients).map(work).collect();
        Self { shared, tasks, clients }
    }

    /// Waits until every client has done so many operations more, all of which began after this did.
    pub(crate) fn progress(&self, crew: &Crew, operations: u64) {
        let before: Vec<u64> = self.shared.done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
        crew.until("the clients get no further", || {
            assert!(!self.tasks.iter().any(JoinHandle::is_finished), "a client has ended by itself");
            // One that was under way does not count.
            let further = |(done, before): (&AtomicU64, &u64)| done.load(Ordering::Relaxed) > before + operations;
            self.shared.done.iter().zip(&before).all(further).then_some(())
        });
    }

    /// Forgets how long anything took so far: a cluster that has just begun takes its time.
    pub(crate) fn forget_times(&self) {
        let mut book = self.shared.book();
        (book.acknowledged, book.longest) = (vec![Instant::now()], Duration::ZERO);
    }

    /// Sends the clients home, and holds against each other what they were told and what is there, on every node that runs.
    pub(crate) fn end(self, crew: &Crew) -> Seen {
        let end = Instant::now();
        self.shared.stop.store(true, Ordering::Relaxed);
        crew.wait(async {
            for task in self.tasks {
                task.await.expect("a client's task ends in order");
            }
        });
        let Book { recorder, kept, acknowledged, longest } = std::mem::take(&mut *self.shared.book());
        let history = recorder.history();
        linearizable(crew, &self.shared.prefix, &history);
        let there = read_all(crew, &self.clients[0], &format!("{}/kept/", self.shared.prefix));
        check_kept(&kept, &there);
        check_nodes(crew, &self.shared.prefix, &there);
        crew.wait(async {
            for client in &self.clients {
                client.close().await;
            }
        });
        let times = [&acknowledged[..], &[end]].concat();
        let gap = times.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0])).max().unwrap_or_default();
        let unknown = history.operations().iter().filter(|operation| matches!(operation.outcome, history::Outcome::Unknown(_))).count();
        Seen { operations: history.operations().len(), unknown, kept: kept.len(), gap, longest }
    }
}

fn linearizable(crew: &Crew, name: &str, history: &History<Call, Reply>) {
    let verdict = Kind::Store.check(history, BUDGET).expect("the clients do what the model has");
    if verdict != Verdict::Linearizable {
        let path = crew.dir.join(format!("{name}.history"));
        std::fs::write(&path, lines::write(Kind::Store, history)).unwrap();
        panic!("{verdict:#?}\nThe history is in {}", path.display());
    }
}

fn check_kept(kept: &BTreeMap<String, Fate>, there: &BTreeMap<String, KeyValue>) {
    for (key, fate) in kept {
        match (fate, there.get(key)) {
            (Fate::Done, None) => panic!("{key} was acknowledged, and is not there"),
            (Fate::Not, Some(_)) => panic!("{key} is there, and its writer was told that nothing was done"),
            (_, Some(kv)) => assert_eq!(kv.version, 1, "{key} was written several times"),
            (_, None) => {}
        }
    }
    for key in there.keys() {
        assert!(kept.contains_key(key), "{key} is there, and nobody wrote it");
    }
}

/// Everything below a prefix, as the cluster knows it.
fn read_all(crew: &Crew, client: &Client, prefix: &str) -> BTreeMap<String, KeyValue> {
    let all = Keys::prefix(prefix);
    let (mut next, mut there) = (prefix.as_bytes().to_vec(), BTreeMap::new());
    let deadline = Instant::now() + crate::crew::PATIENCE;
    loop {
        let keys = Keys { key: next.clone(), ..all.clone() };
        match crew.wait(client.kv().range(Range { limit: PAGE, ..Range::new(keys) })) {
            Ok((_, found)) => {
                if let Some(last) = found.kvs.last() {
                    next = [&last.key[..], &[0]].concat();
                }
                there.extend(found.kvs.into_iter().map(|kv| (String::from_utf8(kv.key.clone()).unwrap(), kv)));
                if !found.more {
                    return there;
                }
            }
            Err(error) => assert!(Instant::now() < deadline, "the keys cannot be read: {error}"),
        }
    }
}

/// Every node that runs gets to have the last key of each client, and with it all that was before.
fn check_nodes(crew: &Crew, prefix: &str, there: &BTreeMap<String, KeyValue>) {
    crew.caught_up(KV);
    let ends: Vec<&str> = (0..CLIENTS)
        .filter_map(|id| {
            let own = format!("{prefix}/kept/{id}/");
            there.range(own.clone()..).take_while(|(key, _)| key.starts_with(&own)).last().map(|(key, _)| key.as_str())
        })
        .collect();
    for id in crew.running() {
        crew.wait(async {
            let mut probe = Probe::dial(crew.tester(), &crew.seats[&id].client).await.expect("a node that runs answers");
            for key in &ends {
                let answer = probe.ask(KV, get(key, Sureness::Local)).await.expect("a node that runs answers");
                assert_eq!(found(&answer).flatten().as_ref(), Some(&there[*key].value), "node {id} has caught up, but for {key}");
            }
        });
    }
}

/// One client.
struct Worker {
    shared: Arc<Shared>,
    id: u64,
    client: Client,
    session: Session,
    rng: Seeded,
    /// What it last saw under each key.
    seen: BTreeMap<u64, Option<Bytes>>,
}

impl Worker {
    async fn work(mut self) {
        let mut number = 0;
        while !self.shared.stop.load(Ordering::Relaxed) {
            number += 1;
            let begun = Instant::now();
            let good = if number % 4 == 0 { self.keep(number).await } else { self.operate(number).await };
            if good {
                let mut book = self.shared.book();
                book.longest = book.longest.max(begun.elapsed());
                self.shared.done[self.id as usize].fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(REST.mul_f64((self.rng.next_u64() % 1000) as f64 / 1000.0)).await;
        }
    }

    /// Writes a key that nobody writes again.
    async fn keep(&mut self, number: u64) -> bool {
        let key = format!("{}/kept/{}/{number:08}", self.shared.prefix, self.id);
        self.shared.book().kept.insert(key.clone(), Fate::Unknown);
        let outcome = self.command(&Command::Put(Put::new(key.as_str(), number.to_string()))).await;
        let fate = match &outcome {
            Ok(_) => Fate::Done,
            Err(error) if error.is_unknown() => Fate::Unknown,
            Err(_) => Fate::Not,
        };
        let mut book = self.shared.book();
        book.kept.insert(key, fate);
        book.acknowledged.extend(outcome.is_ok().then(Instant::now));
        outcome.is_ok()
    }

    /// Does something with one of the keys on which all meet.
    async fn operate(&mut self, number: u64) -> bool {
        let nth = self.rng.next_u64() % KEYS;
        let key = format!("{}/{nth}", self.shared.prefix);
        let value = Bytes::from(format!("{}-{number}", self.id).as_str());
        let call = match self.rng.next_u64() % 8 {
            0..3 => Call::Get { key },
            3..5 => Call::Put { key, value },
            5..7 => {
                let expected = self.seen.get(&nth).cloned().flatten();
                Call::CompareAndSet { key, expected, new: Some(value) }
            }
            _ => Call::Delete { key },
        };
        let (at, client) = (self.shared.at(), history::Client(self.id));
        let id = self.shared.book().recorder.invoke(client, call.clone(), at).expect("there is room");
        let outcome = self.call(&call).await;
        let mut book = self.shared.book();
        let at = self.shared.at();
        let good = outcome.is_ok();
        let recorded = match outcome {
            Ok(reply) => {
                if let Reply::Value(value) = &reply {
                    self.seen.insert(nth, value.clone());
                } else {
                    book.acknowledged.push(Instant::now());
                }
                book.recorder.complete(id, reply, at)
            }
            Err(error) if error.is_unknown() && !matches!(call, Call::Get { .. }) => book.recorder.lost(id, at),
            Err(_) => book.recorder.fail(id, at),
        };
        recorded.expect("it was open");
        good
    }

    async fn call(&self, call: &Call) -> Result<Reply, RequestError> {
        let command = match call {
            Call::Get { key } => {
                let found = self.client.kv().get(key.as_str()).await;
                let found = found.map_err(|error| match error {
                    quorate_node::client::kv::KvError::Request(error) => error,
                    other => panic!("a read is answered with {other}"),
                })?;
                return Ok(Reply::Value(found.map(|kv| kv.value.into())));
            }
            Call::Put { key, value } => Command::Put(Put::new(key.as_str(), value.as_bytes())),
            Call::Delete { key } => Command::Delete(Delete { keys: Keys::one(key.as_str()), prev_kv: false }),
            Call::CompareAndSet { key, expected, new } => {
                let target = expected.as_ref().map_or(Target::Version(0), |value| Target::Value(value.as_bytes().to_vec()));
                let compares = vec![Compare { keys: Keys::one(key.as_str()), is: Is::Equal, target }];
                let new = new.as_ref().expect("these clients delete by deleting");
                Command::Transaction(Transaction {
                    compares,
                    success: vec![Op::Put(Put::new(key.as_str(), new.as_bytes()))],
                    failure: Vec::new(),
                })
            }
            Call::Append { .. } => panic!("the store cannot append"),
        };
        Ok(match self.command(&command).await? {
            Outcome::Put { .. } => Reply::Done,
            Outcome::Deleted { deleted, .. } => Reply::Applied(deleted > 0),
            Outcome::Transaction { succeeded, .. } => Reply::Applied(succeeded),
            other => panic!("a command is answered with {other:?}"),
        })
    }

    async fn command(&self, command: &Command) -> Result<Outcome, RequestError> {
        let written = self.session.write(command.encode()).await?;
        Ok(Answer::decode(&written.answer).expect("a node speaks the store's language").outcome)
    }
}
