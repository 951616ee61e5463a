//! How the log is doing: figures for metrics, and the alarms that a protocol or an operator acts on.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use quorate_env::clock::Moment;

use crate::store::{LogError, Sequence};

/// Figures of one moment. Counters count from the opening of the log.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// Records that were appended.
    pub records: u64,
    /// Bytes that were appended.
    pub bytes: u64,
    /// Syncs of the disk.
    pub syncs: u64,
    /// How long they took together.
    pub sync_time: Duration,
    /// How long the longest took.
    pub sync_worst: Duration,
    /// For how long the sync that is running now has been stalled, if it is.
    pub stalled: Option<Duration>,
    /// Since when the disk has been full, if it is.
    pub full: Option<Duration>,
    /// Why nothing can be written any more, if so.
    pub dead: Option<Arc<io::Error>>,
    /// Segments in use.
    pub segments: u64,
    /// Segments that are ready, the reserve included.
    pub prepared: u64,
    /// Bytes that wait for a sync.
    pub waiting_bytes: u64,
    /// Bytes of records in memory.
    pub cache_bytes: u64,
    /// Bytes of tables of offsets.
    pub index_bytes: u64,
    /// Up to where everything is durable.
    pub durable: Sequence,
    /// The last that was appended.
    pub last: Sequence,
}

/// Something that changed about the log, for whoever must act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A sync takes too long: a leader should step down.
    SyncStalled(Duration),
    /// It came back.
    SyncRecovered,
    /// The disk is full: no entries are taken.
    DiskFull,
    /// There is room again.
    DiskHasRoom,
    /// The log cannot go on, and the process must end.
    Dead(String),
}

/// Tells what changed between one look and the next.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alarms {
    stalled: bool,
    full: bool,
    dead: bool,
}

impl Alarms {
    /// What is new.
    pub fn look(&mut self, health: &Health) -> Vec<Alarm> {
        let mut new = Vec::new();
        match (self.stalled, health.stalled) {
            (false, Some(time)) => new.push(Alarm::SyncStalled(time)),
            (true, None) => new.push(Alarm::SyncRecovered),
            _ => {}
        }
        match (self.full, health.full) {
            (false, Some(_)) => new.push(Alarm::DiskFull),
            (true, None) => new.push(Alarm::DiskHasRoom),
            _ => {}
        }
        if let (false, Some(error)) = (self.dead, &health.dead) {
            new.push(Alarm::Dead(error.to_string()));
        }
        *self = Self { stalled: health.stalled.is_some(), full: health.full.is_some(), dead: health.dead.is_some() };
        new
    }
}

/// No moment.
const NEVER: u64 = u64::MAX;

pub(super) struct Watch {
    records: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    sync_ns: AtomicU64,
    worst_ns: AtomicU64,
    syncing_since: AtomicU64,
    full_since: AtomicU64,
    asked: AtomicU64,
    is_dead: AtomicBool,
    dead: OnceLock<Arc<io::Error>>,
}

impl Watch {
    pub(super) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            records: zero(),
            bytes: zero(),
            syncs: zero(),
            sync_ns: zero(),
            worst_ns: zero(),
            syncing_since: AtomicU64::new(NEVER),
            full_since: AtomicU64::new(NEVER),
            asked: AtomicU64::new(NEVER),
            is_dead: AtomicBool::new(false),
            dead: OnceLock::new(),
        }
    }

    pub(super) fn appended(&self, records: u64, bytes: u64) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sync_begins(&self, now: Moment) {
        self.syncing_since.store(now.0, Ordering::Relaxed);
    }

    pub(super) fn sync_ended(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.syncing_since.store(NEVER, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_ns.fetch_add(ns, Ordering::Relaxed);
        self.worst_ns.fetch_max(ns, Ordering::Relaxed);
    }

    /// Notes whether the disk is full.
    pub(super) fn full(&self, since: Option<Moment>) {
        match since {
            None => {
                self.full_since.store(NEVER, Ordering::Relaxed);
                self.asked.store(NEVER, Ordering::Relaxed);
            }
            Some(now) => {
                self.asked.store(now.0, Ordering::Relaxed);
                let _ = self.full_since.compare_exchange(NEVER, now.0, Ordering::Relaxed, Ordering::Relaxed);
            }
        }
    }

    /// Whether the disk may be asked for room: not if it said no a moment ago.
    pub(super) fn may_ask(&self, now: Moment, pause: Duration) -> bool {
        let asked = self.asked.load(Ordering::Relaxed);
        asked == NEVER || now.since(Moment(asked)) >= pause
    }

    /// Nothing can be written any more.
    pub(super) fn fatal(&self, error: io::Error) -> LogError {
        let error = Arc::clone(self.dead.get_or_init(|| Arc::new(error)));
        self.is_dead.store(true, Ordering::Release);
        LogError::Fatal(error)
    }

    /// An error if nothing can be written any more.
    pub(super) fn alive(&self) -> Result<(), LogError> {
        match self.is_dead.load(Ordering::Acquire).then(|| self.dead.get()).flatten() {
            Some(error) => Err(LogError::Fatal(Arc::clone(error))),
            None => Ok(()),
        }
    }

    pub(super) fn read(&self, now: Moment, stall: Duration) -> Health {
        let since = |moment: &AtomicU64| match moment.load(Ordering::Relaxed) {
            NEVER => None,
            since => Some(now.since(Moment(since))),
        };
        Health {
            records: self.records.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            syncs: self.syncs.load(Ordering::Relaxed),
            sync_time: Duration::from_nanos(self.sync_ns.load(Ordering::Relaxed)),
            sync_worst: Duration::from_nanos(self.worst_ns.load(Ordering::Relaxed)),
            stalled: since(&self.syncing_since).filter(|time| *time >= stall),
            full: since(&self.full_since),
            dead: self.dead.get().cloned(),
            ..Health::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stalled_sync_is_news_once_and_so_is_its_end() {
        let (watch, mut alarms, stall) = (Watch::new(), Alarms::default(), Duration::from_secs(1));
        watch.sync_begins(Moment(0));
        let mut look = |at: u64| alarms.look(&watch.read(Moment(at * 1_000_000_000), stall));
        assert!(look(0).is_empty());
        assert_eq!(look(2), [Alarm::SyncStalled(Duration::from_secs(2))]);
        assert!(look(3).is_empty());
        watch.sync_ended(Duration::from_secs(4));
        assert_eq!(look(4), [Alarm::SyncRecovered]);
    }

    #[test]
    fn whoever_died_stays_dead_of_the_first_cause() {
        let watch = Watch::new();
        watch.alive().unwrap();
        let _ = watch.fatal(io::Error::other("first"));
        assert!(watch.fatal(io::Error::other("second")).to_string().contains("first"));
        assert!(watch.alive().is_err());
    }
}
