//! The write-ahead log: many partitions in one sequence of segments, one sync for all that waits.
//!
//! # Format
//!
//! A log is a folder of *segments*, files of one size that are filled and synced before they are used (`segment.rs`), so that a
//! sync has nothing to write but the records. What waits when a sync begins is written as one *group*: a head, then its records
//! (`record.rs`). A group is there wholly or not at all. Its head says up to which record everything was durable when it was
//! written, and carries the hash over all groups before it; each record carries a checksum that is tied to its place.
//!
//! Room that was never written to holds words that depend on the place and on the segment's secret salt (`fill.rs`), which is how
//! opening (`recovery.rs`) tells a torn tail from corruption. One thing is assumed of the drive: a write that is
//! interrupted leaves every aligned 8 bytes as they were or as they should be.
//!
//! # Group commit
//!
//! No thread stands by. Whoever syncs first writes for all that wait; the others find it done. While one sync runs, what arrives gathers
//! for the next: the window is as long as a sync takes. If the last sync served several callers, the next waits for as many, at most
//! an eighth of the time that a sync takes (`window.rs`).
//!
//! # When the disk is full
//!
//! One prepared segment is kept in reserve. Entries never take it; state, cuts and floors do, so that a node can still vote and can
//! still give up what a snapshot holds. When there is room again, the next append finds it.

mod chain;
mod commit;
mod fill;
mod health;
pub(crate) mod ledger;
mod offsets;
mod open;
mod read;
mod record;
mod recovery;
mod repair;
mod segment;
mod window;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::Env;
use quorate_env::clock::Moment;
use quorate_env::disk::{Lock, is_full};
use quorate_env::rng::Rng;

use commit::Turn;
pub use health::{Alarm, Alarms, Health};
use ledger::Ledger;
use offsets::Offsets;
pub use open::SettingsError;
pub use recovery::{Recovery, Torn};
pub use repair::{Loss, Repair};
pub use segment::{FORMAT, Owner, owner};
use segment::{PAGE, Segment};
use window::Window;

use crate::store::{Entry, LogError, LogStore, Record, Sequence, Span};

/// What [`LogStore::sync`] waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The drive has it. The only one under which nothing acknowledged is lost when the power fails.
    #[default]
    Fsync,
    /// The operating system has it, and the first sync that is asked for after this long puts it on the drive.
    Interval(Duration),
    /// The operating system has it.
    Memory,
}

/// How a log is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The length of a segment. No call can append more than fits into one.
    pub segment_bytes: u64,
    /// How many segments are made ready ahead, besides the one in reserve.
    pub ahead: usize,
    /// How many bytes of the newest records are kept in memory for reading. The operating system mostly has older ones in its own memory;
    /// what is kept here beyond a core's cache makes appending slower, since each group's buffer has to be brought in again.
    pub cache_bytes: u64,
    /// How many bytes the tables of offsets may take.
    pub index_bytes: u64,
    /// How many bytes may wait for a sync.
    pub pending_bytes: u64,
    /// What a sync waits for.
    pub durability: Durability,
    /// How long a sync takes until it counts as stalled.
    pub stall: Duration,
    /// How long after the disk was found full it is asked again.
    pub retry_full: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            ahead: 1,
            cache_bytes: 256 << 10,
            index_bytes: 64 << 20,
            pending_bytes: 64 << 20,
            durability: Durability::Fsync,
            stall: Duration::from_secs(1),
            retry_full: Duration::from_secs(1),
        }
    }
}

/// Records that are written together.
struct Group {
    segment: Arc<Segment>,
    at: u64,
    first: Sequence,
    count: u32,
    /// The group's own record, then the others. The former is written when the group goes to disk.
    bytes: Vec<u8>,
}

impl Group {
    fn last(&self) -> Sequence {
        Sequence(self.first.0 + u64::from(self.count) - 1)
    }
}

/// What changes with every append.
struct State {
    ledger: Ledger,
    offsets: Offsets,
    /// All segments that were written to, the active one last.
    segments: VecDeque<Arc<Segment>>,
    /// Segments that are ready, in order.
    prepared: VecDeque<Arc<Segment>>,
    /// Where the next group begins, or the next record of the one that is open.
    end: u64,
    /// The number of the last record.
    last: Sequence,
    /// Groups that nobody has begun to write; the last may still grow.
    waiting: VecDeque<Group>,
    waiting_bytes: u64,
    /// Groups that were handed to the disk, the newest last.
    recent: VecDeque<Arc<Group>>,
    recent_bytes: u64,
    /// A buffer that a dropped group left behind.
    spare: Option<Vec<u8>>,
    closed: bool,
}

/// The log in a folder of a disk.
pub struct Log {
    _lock: Box<dyn Lock>,
    env: Env,
    folder: String,
    owner: Owner,
    settings: Settings,
    state: Mutex<State>,
    turn: Mutex<Turn>,
    releasing: Mutex<()>,
    window: Window,
    salts: Mutex<Box<dyn Rng>>,
    durable: AtomicU64,
    watch: health::Watch,
}

/// For those who only look. Those who write take [`Log::whole`].
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log {
    /// What is about to be written. If a call panicked in the middle of it, nobody knows what it is, and nothing is written any more.
    fn whole<'a, T>(&self, mutex: &'a Mutex<T>) -> Result<MutexGuard<'a, T>, LogError> {
        mutex.lock().map_err(|_| self.watch.fatal(std::io::Error::other("a call panicked before it was done")))
    }

    /// How the log is doing.
    #[must_use]
    pub fn health(&self) -> Health {
        let state = locked(&self.state);
        let mut health = self.watch.read(self.env.clock.now(), self.settings.stall);
        health.segments = state.segments.len() as u64;
        health.prepared = state.prepared.len() as u64;
        health.waiting_bytes = state.waiting_bytes;
        health.cache_bytes = state.recent_bytes;
        health.index_bytes = state.offsets.bytes();
        health.durable = self.durable_now();
        health.last = state.last;
        health
    }

    /// Makes segments ready until there are enough. Whoever has a thread to spare calls it now and then; otherwise the append that needs
    /// one makes it.
    ///
    /// # Errors
    /// [`LogError::Full`] if there is no room for one.
    pub fn prepare(&self) -> Result<(), LogError> {
        while locked(&self.state).prepared.len() <= self.settings.ahead {
            self.prepare_one()?;
        }
        Ok(())
    }

    fn prepare_one(&self) -> Result<(), LogError> {
        self.watch.alive()?;
        // Only one at a time: this lock is the one that no append and no sync wants.
        let mut salts = locked(&self.salts);
        let number = {
            let state = locked(&self.state);
            if state.prepared.len() > self.settings.ahead {
                return Ok(());
            }
            state.prepared.back().or(state.segments.back()).map_or(1, |segment| segment.number + 1)
        };
        if !self.watch.may_ask(self.env.clock.now(), self.settings.retry_full) {
            return Err(LogError::Full { needed: self.settings.segment_bytes });
        }
        let disk = self.env.disk.as_ref();
        match Segment::create(disk, &self.folder, number, self.settings.segment_bytes, salts.next_u64(), &self.owner) {
            Ok(segment) => {
                self.watch.full(None);
                locked(&self.state).prepared.push_back(Arc::new(segment));
                Ok(())
            }
            Err(failed) if failed.fatal => Err(self.watch.fatal(failed.error)),
            Err(failed) if is_full(&failed.error) => {
                self.watch.full(Some(self.env.clock.now()));
                Err(LogError::Full { needed: self.settings.segment_bytes })
            }
            Err(failed) => Err(LogError::Io(Arc::new(failed.error))),
        }
    }

    /// Takes records that were checked, if there is room; says how many segments must be ready otherwise.
    fn place(&self, state: &mut State, size: u64, entries: bool) -> Result<(), usize> {
        let head = |state: &State| if growing(state) { 0 } else { record::GROUP as u64 };
        let active = state.segments.back().map_or(0, |segment| segment.len);
        let rolls = state.end + head(state) + size > active;
        // Behind an entry there is a segment in reserve, whatever happens.
        let wanted = usize::from(rolls) + usize::from(entries);
        if state.prepared.len() < wanted {
            return Err(wanted);
        }
        if rolls {
            let Some(next) = state.prepared.pop_front() else { return Err(wanted) };
            state.segments.push_back(next);
            state.end = PAGE;
        }
        if !growing(state)
            && let Some(segment) = state.segments.back()
        {
            let mut bytes = state.spare.take().unwrap_or_default();
            bytes.clear();
            // The next group will mostly be as long as this call makes it, or as the last one became.
            let expected = state.recent.back().map_or(0, |group| group.bytes.len());
            bytes.reserve(expected.max(record::GROUP + size as usize));
            bytes.resize(record::GROUP, 0);
            // Whoever reads what waits walks over this; what goes to disk is written over it.
            record::encode_group(&record::Group::default(), &mut bytes, state.end, segment.fill);
            let group = Group { segment: Arc::clone(segment), at: state.end, first: Sequence(state.last.0 + 1), count: 0, bytes };
            state.end += record::GROUP as u64;
            state.waiting_bytes += record::GROUP as u64;
            state.waiting.push_back(group);
        }
        Ok(())
    }

    /// Takes records, all or none; says how many segments must be ready first, if that is what is missing.
    fn put(&self, state: &mut State, records: &[Record<'_>]) -> Result<Result<Sequence, usize>, LogError> {
        let size = records.iter().map(|record| record::size_of(record) as u64).sum::<u64>();
        self.watch.alive()?;
        if state.closed {
            return Err(LogError::Fatal(Arc::new(std::io::Error::other("it was closed"))));
        }
        if records.is_empty() {
            return Ok(Ok(state.last));
        }
        let room = self.settings.segment_bytes - PAGE - record::GROUP as u64;
        if size > room {
            let problem = format!("{size} bytes in one call; a segment has room for {room}, see `segment_bytes`");
            return Err(LogError::Refused { partition: records[0].partition(), problem });
        }
        if state.waiting_bytes + size > self.settings.pending_bytes.max(size) {
            return Err(LogError::Busy { waiting: state.waiting_bytes, limit: self.settings.pending_bytes });
        }
        state.ledger.check(records)?;
        let entries = records.iter().any(|record| matches!(record, Record::Entry { .. }));
        if let Err(wanted) = self.place(state, size, entries) {
            return Ok(Err(wanted));
        }
        let State { ledger, offsets, waiting, end, last, waiting_bytes, .. } = state;
        // `place` has opened one.
        let Some(group) = waiting.back_mut() else { return Ok(Err(1)) };
        let (number, fill) = (group.segment.number, group.segment.fill);
        // Entries of one partition mostly come together: they are taken in one go, and few of them are noted.
        for run in records.chunk_by(Record::continues) {
            let resets = run.first().is_some_and(|first| ledger.resets(first));
            let mut quiet = 0;
            record::encode(run, resets, &mut group.bytes, group.at, fill, |record, at| {
                if at >= quiet {
                    quiet = offsets.note(number, record, resets, at).unwrap_or(0);
                }
            });
            ledger.take(run, number);
        }
        group.count += records.len() as u32;
        *end += size;
        *waiting_bytes += size;
        last.0 += records.len() as u64;
        let appended = *last;
        self.watch.appended(records.len() as u64, size);
        Ok(Ok(appended))
    }
}

impl State {
    /// The oldest segment that is not wholly in its file.
    fn unwritten(&self, durable: Sequence) -> u64 {
        let recent = self.recent.iter().rev().take_while(|group| group.last() > durable).last().map(|group| group.segment.number);
        let oldest = recent.or(self.waiting.front().map(|group| group.segment.number));
        oldest.or(self.segments.back().map(|segment| segment.number)).unwrap_or(0)
    }
}

/// Whether the last group that waits can take more: it is in the active segment.
fn growing(state: &State) -> bool {
    match (state.waiting.back(), state.segments.back()) {
        (Some(group), Some(active)) => group.segment.number == active.number,
        _ => false,
    }
}

impl LogStore for Log {
    fn append(&self, records: &[Record<'_>]) -> Result<Sequence, LogError> {
        loop {
            let put = self.put(&mut *self.whole(&self.state)?, records)?;
            match put {
                Ok(last) => return Ok(last),
                Err(wanted) => {
                    while locked(&self.state).prepared.len() < wanted {
                        self.prepare_one()?;
                    }
                }
            }
        }
    }

    fn sync(&self, until: Sequence) -> Result<(), LogError> {
        self.commit(until)
    }

    fn durable(&self) -> Sequence {
        self.durable_now()
    }

    fn span(&self, partition: PartitionId) -> Span {
        locked(&self.state).ledger.span(partition)
    }

    fn term(&self, partition: PartitionId, index: Height) -> Result<View, LogError> {
        locked(&self.state).ledger.term(partition, index)
    }

    fn read(&self, partition: PartitionId, range: Range<u64>, bytes_max: usize) -> Result<Vec<Entry>, LogError> {
        self.entries(partition, range, bytes_max)
    }

    fn state(&self, partition: PartitionId, slot: u8) -> Option<Arc<[u8]>> {
        locked(&self.state).ledger.state(partition, slot)
    }

    fn partitions(&self) -> Vec<PartitionId> {
        locked(&self.state).ledger.partitions()
    }

    fn release(&self) -> Result<u64, LogError> {
        self.release_front()
    }

    fn close(&self) -> Result<(), LogError> {
        self.commit_close()
    }
}

/// A reading of the clock, for measuring.
fn now(env: &Env) -> Moment {
    env.clock.now()
}
