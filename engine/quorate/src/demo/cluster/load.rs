//! What clients do: puts, compare-and-swaps and linearizable reads on keys of their own, as many at a time as there are keys.
//!
//! Each worker has a client and a session of its own, so that what it writes is carried out once however often it had to be sent. Its keys are
//! slots of the [ledger](super::ledger): one operation at a time for each, whose end is checked and counted at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quorate_env::rng::{Entropy, Rng as _, Seeded};
use quorate_kv::{
    Answer, Command, Compare, Is, Keys, Op as StoreOp, Outcome as Done, Put, Query, QueryAnswer, Range, Target, Told, Transaction,
};
use quorate_net::wire::client::Sureness;
use quorate_node::client::{Client, ClientConfig, OnBusy, Outcome, RequestError, Session, SessionOptions, SubmitError};
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

use super::ledger::{End, Mix, Op, Promise, Slot, number};
use super::meter::{Meter, Tally};
use super::options::Load;

/// A light load: so many operations a second, and so many at a time at most.
const LIGHT_EVERY: Duration = Duration::from_millis(5);
const LIGHT_SLOTS: usize = 64;
const LIGHT: Mix = Mix { puts: 50, swaps: 20 };
/// A full load: so many at a time for each worker.
const FULL_SLOTS: usize = 512;
const FULL: Mix = Mix { puts: 80, swaps: 10 };
const FULL_WORKERS_MAX: usize = 4;
/// A light load that is late by more than this lets go of what it missed.
const LATE: Duration = Duration::from_millis(100);
/// How long a worker counts for itself.
const FLUSH_EVERY: Duration = Duration::from_millis(20);

/// The clients, whichever load they make now.
pub(crate) struct Loader {
    runtime: runtime::Handle,
    config: ClientConfig,
    meter: Arc<Meter>,
    prefix: String,
    crews: u32,
    workers: Vec<JoinHandle<Vec<Promise>>>,
    stop: watch::Sender<bool>,
    load: Load,
}

impl Loader {
    /// Clients that do nothing yet. Their keys begin with `prefix`.
    pub(crate) fn new(runtime: runtime::Handle, config: ClientConfig, meter: Arc<Meter>, prefix: String) -> Self {
        Self { runtime, config, meter, prefix, crews: 0, workers: Vec::new(), stop: watch::channel(false).0, load: Load::None }
    }

    /// What they do now.
    pub(crate) fn load(&self) -> Load {
        self.load
    }

    /// Makes them do this from now on. What is on its way comes to its end beside it.
    pub(crate) fn set(&mut self, load: Load) {
        self.stop.send_replace(true);
        self.stop = watch::channel(false).0;
        self.load = load;
        self.crews += 1;
        let (workers, slots, mix, every) = match load {
            Load::None => return self.meter.rest(),
            Load::Light => (1, LIGHT_SLOTS, LIGHT, Some(LIGHT_EVERY)),
            Load::Full => {
                let cores = std::thread::available_parallelism().map_or(1, usize::from);
                (cores.div_ceil(2).min(FULL_WORKERS_MAX), FULL_SLOTS, FULL, None)
            }
        };
        for worker in 0..workers {
            let slots = (0..slots).map(|slot| Slot::new(format!("{}/{}/{worker}/{slot:03}", self.prefix, self.crews))).collect();
            let _runtime = self.runtime.enter();
            let client = Client::begin(self.config.clone());
            let session = client.session(SessionOptions { on_busy: OnBusy::Report, ..SessionOptions::default() });
            let worker = Worker {
                client,
                session,
                slots,
                mix,
                meter: Arc::clone(&self.meter),
                tally: Tally::default(),
                flushed: Instant::now(),
                rng: Seeded::new(Entropy.next_u64()),
                promises: Vec::new(),
                reads: JoinSet::new(),
                resting_until: None,
            };
            self.workers.push(self.runtime.spawn(worker.work(every, self.stop.subscribe())));
        }
    }

    /// Ends all of it, waits for what is on its way, and says what must be there now.
    pub(crate) fn finish(mut self) -> Vec<Promise> {
        self.set(Load::None);
        let mut promises = Vec::new();
        for worker in std::mem::take(&mut self.workers) {
            match self.runtime.block_on(worker) {
                Ok(made) => promises.extend(made),
                Err(error) => self.meter.fault(format!("a client of the demo failed: {error}")),
            }
        }
        promises
    }
}

struct Worker {
    client: Client,
    session: Session,
    slots: Vec<Slot>,
    mix: Mix,
    meter: Arc<Meter>,
    tally: Tally,
    flushed: Instant,
    rng: Seeded,
    promises: Vec<Promise>,
    reads: JoinSet<(usize, Result<Bytes, RequestError>)>,
    /// The cluster asked to be left alone for so long.
    resting_until: Option<Instant>,
}

impl Worker {
    async fn work(mut self, every: Option<Duration>, mut stop: watch::Receiver<bool>) -> Vec<Promise> {
        // The keys take turns.
        let mut idle: VecDeque<usize> = (0..self.slots.len()).collect();
        let mut under_way: Vec<Option<(Op, Instant)>> = vec![None; self.slots.len()];
        let mut ended: Vec<(u64, Outcome)> = Vec::new();
        let mut due = Instant::now();
        loop {
            let now = Instant::now();
            let stopped = *stop.borrow();
            if self.resting_until.is_some_and(|until| now >= until) {
                self.resting_until = None;
            }
            while !stopped && self.resting_until.is_none() && every.is_none_or(|_| due <= now) {
                let Some(slot) = idle.pop_front() else { break };
                match self.begin(slot) {
                    Some(op) => under_way[slot] = Some((op, now)),
                    None => {
                        idle.push_front(slot);
                        break;
                    }
                }
                if let Some(every) = every {
                    due = if now > due + LATE { now } else { due + every };
                }
            }
            if stopped && idle.len() == self.slots.len() {
                break;
            }
            let wake = match (self.resting_until, every) {
                (Some(until), _) => until,
                (None, Some(_)) if !idle.is_empty() && !stopped => due,
                _ => now + FLUSH_EVERY,
            };
            tokio::select! {
                _ = self.session.next_batch(&mut ended) => {}
                Some(read) = self.reads.join_next() => {
                    // A read is never aborted, and does not panic.
                    if let Ok((slot, answer)) = read {
                        let now = Instant::now();
                        self.end(slot, under_way[slot].take(), read_end(answer), now);
                        idle.push_back(slot);
                    }
                }
                () = time::sleep_until(wake.into()) => {}
                changed = stop.changed(), if !stopped => {
                    // Whoever could say stop is gone.
                    if changed.is_err() {
                        break;
                    }
                }
            }
            let now = Instant::now();
            for (tag, outcome) in ended.drain(..) {
                let slot = tag as usize;
                if let Err(RequestError::Busy { retry_after }) = &outcome {
                    self.resting_until = Some(now + *retry_after);
                }
                self.end(slot, under_way[slot].take(), write_end(outcome), now);
                idle.push_back(slot);
            }
            if now >= self.flushed + FLUSH_EVERY {
                self.flush(now);
            }
        }
        self.flush(Instant::now());
        self.promises.extend(self.slots.iter().map(Slot::promise));
        self.client.close().await;
        self.promises
    }

    /// Begins the next operation of a slot, if there is room for it.
    fn begin(&mut self, slot: usize) -> Option<Op> {
        let op = self.slots[slot].next(self.mix, self.rng.next_u64());
        let key = self.slots[slot].key().as_bytes().to_vec();
        let command = match op {
            Op::Get => {
                let query = Query::Range(Range::new(Keys::one(key))).encode();
                let client = self.client.clone();
                self.reads.spawn(async move { (slot, client.read(query, Sureness::Linearizable).await) });
                return Some(op);
            }
            Op::Put(to) => Command::Put(put(key, to)),
            Op::Swap(from, to) => Command::Transaction(Transaction {
                compares: vec![Compare {
                    keys: Keys::one(key.clone()),
                    is: Is::Equal,
                    target: Target::Value(number(from).unwrap_or_default()),
                }],
                success: vec![StoreOp::Put(put(key, to))],
                failure: Vec::new(),
            }),
        };
        match self.session.submit(command.encode().into(), slot as u64) {
            Ok(()) => Some(op),
            Err(SubmitError::Full(_)) => None,
            Err(error) => {
                self.meter.fault(format!("a command could not be handed over: {error}"));
                None
            }
        }
    }

    fn end(&mut self, slot: usize, begun: Option<(Op, Instant)>, end: Result<End, String>, now: Instant) {
        let Some((op, since)) = begun else { return self.meter.fault(format!("{} was answered twice", self.slots[slot].key())) };
        let checked = end.and_then(|end| {
            self.tally.count(op, &end, now.saturating_duration_since(since));
            self.slots[slot].ended(op, &end)
        });
        match checked {
            Ok(left) => self.promises.extend(left),
            Err(fault) => self.meter.fault(fault),
        }
    }

    fn flush(&mut self, now: Instant) {
        self.meter.add(&std::mem::take(&mut self.tally), now);
        self.flushed = now;
    }
}

fn put(key: Vec<u8>, value: u64) -> Put {
    Put::new(key, number(value).unwrap_or_default())
}

/// How a write ended. An answer that makes no sense is a fault.
fn write_end(outcome: Outcome) -> Result<End, String> {
    let written = match outcome {
        Ok(written) => written,
        Err(error) => return Ok(if error.is_unknown() { End::Unknown } else { End::NotDone }),
    };
    match Answer::decode(&written.answer).map(|answer| answer.outcome) {
        Ok(Done::Put { .. } | Done::Transaction { succeeded: true, .. }) => Ok(End::Written),
        Ok(Done::Transaction { succeeded: false, .. }) => Ok(End::Differs),
        Ok(other) => Err(format!("a write was answered with {other:?}")),
        Err(error) => Err(format!("the answer to a write cannot be read: {error}")),
    }
}

/// How a read ended.
fn read_end(answer: Result<Bytes, RequestError>) -> Result<End, String> {
    let bytes = match answer {
        Ok(bytes) => bytes,
        Err(error) => return Ok(if error.is_unknown() { End::Unknown } else { End::NotDone }),
    };
    match QueryAnswer::decode(&bytes).map(|answer| answer.told) {
        Ok(Told::Range(found)) => Ok(End::Found(found.kvs.into_iter().next().map(|kv| kv.value))),
        Ok(other) => Err(format!("a read was answered with {other:?}")),
        Err(error) => Err(format!("the answer to a read cannot be read: {error}")),
    }
}
