//! The stream of votes: signed ahead on threads of their own, faults planted among them, handed over through bounded queues.
//!
//! Thread `n` of `t` signs every `t`-th round, and rounds are taken in the order of their heights, so the stream depends on the seed
//! alone. What was planted travels with each round, counted where it was planted; nobody but the final comparison looks at it.
//!
//! Signing costs much more than verifying with prepared keys. So that a small machine's stage times are the pipeline's own, signers
//! stand still while the pipeline runs: they pass a [`Turnstile`] for each signature.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer as _, SigningKey};
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use quorate_core::ballot::Signature;
use quorate_core::context::SignedBytes;

use super::cast::Cast;
use super::chain::Proposals;
use super::options::Options;
use super::prepared::{Prepared, Votes};

/// Keeps signers still while the pipeline is timed.
#[derive(Debug, Default)]
pub(crate) struct Turnstile(RwLock<()>);

impl Turnstile {
    /// Nobody signs while this is held.
    pub(crate) fn hold(&self) -> RwLockWriteGuard<'_, ()> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all signing threads share.
#[derive(Debug, Default)]
pub(crate) struct Signers {
    stop: AtomicBool,
    signatures: AtomicU64,
    busy_nanos: AtomicU64,
    turnstile: Turnstile,
}

impl Signers {
    /// Signs, unless it is time to stop.
    pub(crate) fn sign(&self, key: &SigningKey, bytes: &SignedBytes) -> Option<Signature> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let _passing = self.turnstile.pass();
        let before = Instant::now();
        let signature = Signature(key.sign(bytes).to_bytes());
        self.busy_nanos.fetch_add(before.elapsed().as_nanos() as u64, Ordering::Relaxed);
        self.signatures.fetch_add(1, Ordering::Relaxed);
        Some(signature)
    }
}

/// The signing threads, and the rounds that wait.
#[derive(Debug)]
pub(crate) struct Generator {
    lanes: Vec<Receiver<miette::Result<Prepared>>>,
    threads: Vec<JoinHandle<()>>,
    taken: usize,
    signers: Arc<Signers>,
}

impl Generator {
    /// Starts signing.
    pub(crate) fn start(cast: &Arc<Cast>, options: &Options) -> miette::Result<Self> {
        let count = std::thread::available_parallelism().map_or(1, usize::from).saturating_sub(1).max(1);
        let mut generator = Self { lanes: Vec::new(), threads: Vec::new(), taken: 0, signers: Arc::default() };
        // Enough to smooth the ride, and not so many that large electorates fill the memory.
        let queue = (50_000 / options.members as usize).clamp(1, 32);
        for lane in 0..count {
            let (sender, receiver) = sync_channel(queue);
            let votes = Votes { cast: Arc::clone(cast), options: options.clone(), signers: Arc::clone(&generator.signers) };
            let thread = std::thread::Builder::new()
                .name(format!("quorate-sign-{lane}"))
                .spawn(move || sign_rounds(&votes, lane, count, &sender))
                .into_diagnostic()
                .wrap_err("cannot start a thread to sign votes")?;
            generator.lanes.push(receiver);
            generator.threads.push(thread);
        }
        Ok(generator)
    }

    /// The next round, or none if it is not ready within this time.
    pub(crate) fn take(&mut self, wait: Duration) -> miette::Result<Option<Prepared>> {
        let lane = &self.lanes[self.taken % self.lanes.len()];
        let next = match lane.try_recv() {
            Err(TryRecvError::Empty) if !wait.is_zero() => lane.recv_timeout(wait),
            Ok(next) => Ok(next),
            Err(TryRecvError::Empty) => Err(RecvTimeoutError::Timeout),
            Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
        };
        match next {
            Ok(prepared) => {
                self.taken += 1;
                prepared.map(Some)
            }
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(miette!("a thread that signs votes has ended unexpectedly")),
        }
    }

    /// What keeps the signers still.
    #[must_use]
    pub(crate) fn turnstile(&self) -> &Turnstile {
        &self.signers.turnstile
    }

    /// How many threads sign.
    #[must_use]
    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// How many signatures a second all threads could make together, if they always had room for more.
    #[must_use]
    pub(crate) fn signatures_per_second(&self) -> f64 {
        let busy = self.signers.busy_nanos.load(Ordering::Relaxed);
        if busy == 0 {
            return 0.0;
        }
        self.signers.signatures.load(Ordering::Relaxed) as f64 * self.threads.len() as f64 * 1e9 / busy as f64
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.signers.stop.store(true, Ordering::Relaxed);
        // Whoever waits for room in a queue is woken by the queue's end.
        self.lanes.clear();
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so on its own.
            let _ = thread.join();
        }
    }
}

fn sign_rounds(votes: &Votes, lane: usize, lanes: usize, queue: &SyncSender<miette::Result<Prepared>>) {
    let mut proposals = Proposals::new(votes.options.seed);
    for nth in 0.. {
        let round = match proposals.propose() {
            Ok(_) if nth % lanes != lane => continue,
            Ok(proposal) => match votes.prepare(proposal) {
                Some(prepared) => Ok(prepared),
                None => return,
            },
            Err(error) => Err(error),
        };
        if queue.send(round).is_err() {
            return;
        }
    }
}
