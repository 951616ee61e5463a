//! Links: what this member has to say to another, kept up whatever happens in between.
//!
//! A link is one connection of one class that is dialled again whenever it ends: at once if it had been up for a while, otherwise after a
//! wait that doubles from 20 ms to a second, and is up to half longer or shorter, so that not everybody comes back at the same moment; or
//! as soon as somebody knows that the member is there again. What is sent is never waited for: while there is no connection, or too much
//! waits, a frame is refused to its sender. What waits when a connection dies is gone. The protocol repeats what it needs.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use quorate_core::ids::{MemberId, PartitionId};
use quorate_env::rng::{Entropy, Rng as _};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::class::Class;
use crate::connection::{Connection, Expect, Incoming, Local, Outgoing};
use crate::frame::{Kind, TooLong};

const WAIT_MIN: Duration = Duration::from_millis(20);
const WAIT_MAX: Duration = Duration::from_secs(1);
/// A connection that was up for so long is dialled again at once.
const STEADY: Duration = WAIT_MAX;
/// So long may it take to close in good order.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How much may wait on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxLimits {
    /// A frame is taken while fewer bytes than this wait: the last one may go beyond.
    pub bytes: usize,
    /// And fewer frames than this.
    pub frames: usize,
}

impl Default for OutboxLimits {
    fn default() -> Self {
        Self { bytes: 16 << 20, frames: 1 << 14 }
    }
}

/// What happens to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// There is a connection.
    Up,
    /// There is none any more, or none came about. The same reason is not told again until there was one.
    Down {
        /// Why.
        why: String,
    },
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// There is no connection.
    #[error("there is no connection")]
    Down,
    /// Too much waits.
    #[error("{bytes} bytes in {frames} frames wait; expected fewer than {} in {}", .limits.bytes, .limits.frames)]
    Outbox {
        /// How many bytes wait.
        bytes: usize,
        /// In how many frames.
        frames: usize,
        /// How much may wait.
        limits: OutboxLimits,
    },
    /// The other end would refuse it.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// What became of the frames of a link so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounts {
    /// Taken.
    pub taken: u64,
    /// Not taken, since there was no connection.
    pub down: u64,
    /// Not taken, since too much waited or they were too long.
    pub full: u64,
    /// Taken, and gone with a connection before the system had them.
    pub lost: u64,
    /// How often there was a connection.
    pub connections: u64,
}

/// A connection to a member that is kept up. It ends when this is dropped.
pub struct Link {
    shared: Arc<Shared>,
    address: watch::Sender<String>,
}

struct Shared {
    state: Mutex<State>,
    /// Told when something waits.
    waits: Notify,
    /// Told when the member was heard of.
    heard_of: Notify,
    limits: OutboxLimits,
}

#[derive(Default)]
struct State {
    up: Option<Outgoing>,
    /// How many bytes this connection was given, and how many when each frame was that still waits.
    given: u64,
    ends: VecDeque<u64>,
    counts: LinkCounts,
}

impl Link {
    /// Begins to reach a member, on the runtime of the calling thread. What happens is told there.
    #[must_use]
    pub fn open(
        us: Arc<Local>,
        whom: MemberId,
        address: String,
        class: Class,
        limits: OutboxLimits,
        tell: impl FnMut(LinkEvent) + Send + 'static,
    ) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), waits: Notify::new(), heard_of: Notify::new(), limits });
        let (address, orders) = watch::channel(address);
        let keeper = Keeper { shared: shared.clone(), us, whom, class, orders, tell, told: None };
        drop(tokio::spawn(keeper.keep()));
        Self { shared, address }
    }

    /// Sends a frame as soon as the system takes it.
    ///
    /// # Errors
    /// If there is no connection, or too much waits already. The frame was dropped and counted.
    pub fn send(&self, kind: Kind, partition: PartitionId, body: &[u8]) -> Result<(), Full> {
        self.send_with(kind, partition, |out| out.extend_from_slice(body))
    }

    /// The same with a body that is written straight to its place.
    ///
    /// # Errors
    /// If there is no connection, or too much waits already. The frame was dropped and counted.
    pub fn send_with(&self, kind: Kind, partition: PartitionId, write: impl FnOnce(&mut BytesMut)) -> Result<(), Full> {
        let taken = self.shared.state().take(self.shared.limits, |out| out.push_with(kind, partition, write));
        if taken.is_ok() {
            self.shared.waits.notify_one();
        }
        taken
    }

    /// Gives the system what it takes of what waits, at once: whoever knows that nothing more comes for now need not wait for the link's
    /// own turn, which does the rest.
    pub fn hurry(&self) {
        if let Some(out) = &mut self.shared.state().up {
            // Whatever is wrong with the connection shows in the link's own turn.
            let _ = out.try_flush();
        }
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.shared.state().up.is_some()
    }

    /// How many bytes wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.shared.state().up.as_ref().map_or(0, Outgoing::waiting)
    }

    /// What became of its frames so far.
    #[must_use]
    pub fn counts(&self) -> LinkCounts {
        self.shared.state().counts
    }

    /// The member was heard of, so it is there: if the link waits before it dials again, it waits no longer.
    pub fn heard_of(&self) {
        self.shared.heard_of.notify_one();
    }

    /// The member is somewhere else now. If that is news, what there is of a connection ends.
    pub fn move_to(&self, address: String) {
        self.address.send_if_modified(|known| {
            let moved = *known != address;
            *known = address;
            moved
        });
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.state().up.as_mut().map_or(Poll::Ready(Ok(())), |out| out.poll_flush(context))
    }
}

impl State {
    fn take(&mut self, limits: OutboxLimits, push: impl FnOnce(&mut Outgoing) -> Result<(), TooLong>) -> Result<(), Full> {
        let Some(out) = &mut self.up else {
            self.counts.down += 1;
            return Err(Full::Down);
        };
        let before = out.waiting();
        let gone = self.given - before as u64;
        while self.ends.front().is_some_and(|end| *end <= gone) {
            self.ends.pop_front();
        }
        let (bytes, frames) = (before, self.ends.len());
        let taken = if bytes >= limits.bytes || frames >= limits.frames {
            Err(Full::Outbox { bytes, frames, limits })
        } else {
            push(out).map_err(Full::from)
        };
        match taken {
            Ok(()) => {
                self.given += (out.waiting() - before) as u64;
                self.ends.push_back(self.given);
                self.counts.taken += 1;
            }
            Err(_) => self.counts.full += 1,
        }
        taken
    }

    fn up(&mut self, out: Outgoing) {
        let counts = LinkCounts { connections: self.counts.connections + 1, ..self.counts };
        *self = Self { up: Some(out), counts, ..Self::default() };
    }

    /// There is no connection from here on, and what waits is lost.
    fn broken(&mut self) {
        if let Some(out) = self.up.take() {
            let gone = self.given - out.waiting() as u64;
            self.counts.lost += self.ends.iter().filter(|end| **end > gone).count() as u64;
        }
    }
}

/// Why a connection ended, or was not waited for any longer.
enum Ended {
    /// Or none came about. It was up for so long.
    Broken(String, Duration),
    Moved,
    Closed,
}

/// Keeps a link up.
struct Keeper<F> {
    shared: Arc<Shared>,
    us: Arc<Local>,
    whom: MemberId,
    class: Class,
    /// Where the member is. Nobody who could say so is left when the link is closed.
    orders: watch::Receiver<String>,
    tell: F,
    told: Option<String>,
}

impl<F: FnMut(LinkEvent) + Send> Keeper<F> {
    async fn keep(mut self) {
        let mut failures = 0;
        loop {
            match self.once().await {
                Ended::Closed => return,
                Ended::Moved => failures = 0,
                Ended::Broken(why, up) => {
                    failures = if up >= STEADY { 0 } else { failures + 1 };
                    self.down(why);
                }
            }
            if failures > 0 {
                tokio::select! {
                    () = sleep(wait(failures, Entropy.next_u64())) => {}
                    () = self.shared.heard_of.notified() => failures = 0,
                    moved = self.orders.changed() => match moved {
                        Ok(()) => failures = 0,
                        Err(_) => return,
                    },
                }
            }
        }
    }

    /// One connection, from the attempt to its end.
    async fn once(&mut self) -> Ended {
        let address = self.orders.borrow_and_update().clone();
        let dialled = tokio::select! {
            dialled = Connection::dial(&address, &self.us, Expect::Member(self.whom), self.class) => dialled,
            moved = self.orders.changed() => return ordered(&moved),
        };
        let (mut incoming, out) = match dialled {
            Ok(connection) => connection.split(),
            Err(error) => return Ended::Broken(error.to_string(), Duration::ZERO),
        };
        self.shared.state().up(out);
        self.told = None;
        (self.tell)(LinkEvent::Up);
        let begun = Instant::now();
        let why = tokio::select! {
            why = listen(&mut incoming) => why,
            why = write(&self.shared) => why,
            moved = self.orders.changed() => {
                let out = self.shared.state().up.take();
                if moved.is_ok() {
                    (self.tell)(LinkEvent::Down { why: format!("member {} is not at {address} any more", self.whom) });
                }
                if let Some(out) = out {
                    // In good order if that is possible; the connection ends in any case.
                    let _ = timeout(CLOSE_TIMEOUT, out.close()).await;
                }
                return ordered(&moved);
            }
        };
        self.shared.state().broken();
        Ended::Broken(why, begun.elapsed())
    }

    fn down(&mut self, why: String) {
        if self.told.as_ref() != Some(&why) {
            self.told = Some(why.clone());
            (self.tell)(LinkEvent::Down { why });
        }
    }
}

fn ordered(moved: &Result<(), watch::error::RecvError>) -> Ended {
    if moved.is_ok() { Ended::Moved } else { Ended::Closed }
}

/// Nothing comes on a link but its end.
async fn listen(incoming: &mut Incoming) -> String {
    let mut frames = Vec::new();
    loop {
        frames.clear();
        if let Err(end) = incoming.frames(&mut frames).await {
            return end.to_string();
        }
    }
}

/// Gives the system what waits, whenever something does.
async fn write(shared: &Shared) -> String {
    loop {
        shared.waits.notified().await;
        if let Err(error) = poll_fn(|context| shared.poll_flush(context)).await {
            return format!("the connection was cut: {error}");
        }
    }
}

/// How long to wait after so many failures in a row.
fn wait(failures: u32, chance: u64) -> Duration {
    let whole = WAIT_MIN.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(WAIT_MAX);
    // From half of it to one and a half.
    whole / 2 + Duration::from_nanos(chance % (whole.as_nanos() as u64 + 1))
}

#[cfg(test)]
mod tests {
    use quorate_env::rng::Seeded;

    use super::*;

    #[test]
    fn waits_double_up_to_a_second_and_are_never_the_same_for_all() {
        let ms = Duration::from_millis;
        for (failures, whole) in [(1, 20), (2, 40), (3, 80), (6, 640), (7, 1000), (8, 1000), (u32::MAX, 1000)] {
            let (shortest, longest) = (ms(whole) / 2, ms(whole) * 3 / 2);
            assert_eq!(wait(failures, 0), shortest);
            assert_eq!(wait(failures, whole * 1_000_000), longest);
            let mut chances = Seeded::new(failures.into());
            let waits: Vec<Duration> = (0..100).map(|_| wait(failures, chances.next_u64())).collect();
            assert!(waits.iter().all(|wait| (shortest..=longest).contains(wait)));
            assert!(waits.iter().min().unwrap() < &(ms(whole) * 2 / 3) && waits.iter().max().unwrap() > &(ms(whole) * 4 / 3));
        }
    }
}
