//! Writing and syncing the log.
//!
//! What the protocol wants written is appended at once; a sync follows, one at a time, and takes as long as the world wants. When it is
//! done, what was appended when it began is reported, now and then a part of it first: what came later waits for the next one. What
//! the disk has no room for waits in order, and is tried again until there is room: to the protocol that is a disk that stands still, and
//! so it is told.

use quorate_core::ids::{Height, MemberId};
use quorate_env::rng::Seeded;
use quorate_protocol::raft::{Entry, Event, HardState, Persist};
use quorate_storage::store::Record;
use quorate_storage::{LogError, LogStore as _, Sequence};

use quorate_telemetry::schema::{Appended, DiskFull, Stalled, Synced};

use super::start::HARD;
use super::{Around, Failure, PARTITION, Process, Syncing, Written};
use crate::fact::Fact;
use crate::happening::Local;
use crate::plan::{MS, Planted, Shape};

/// How much may wait for room on the disk.
const BLOCKED_MAX: usize = 4096;
/// How long until what there was no room for is tried again.
const RETRY_NS: u64 = 20 * MS;
/// What the protocol may hold beside entries in its cache: places, members, and messages that wait for the disk.
const BESIDE_CACHE: u64 = 96 << 10;
/// What may wait beside what is under way to followers and reads: mostly messages, for as long as a disk stands still.
const BESIDE_QUEUES: u64 = 640;
/// One in so many reports of what is durable comes in two parts.
const PARTED_ONE_IN: u64 = 16;
/// So much is appended in one call, so that it fits into the smallest segment.
const CALL_BYTES: usize = 2 << 10;

/// How long a sync takes: mostly about the same, now and then several times as long.
pub(super) fn sync_time(shape: &Shape, rng: &mut Seeded) -> u64 {
    let usual = shape.sync_ns / 2 + rng.below(shape.sync_ns + 1);
    if rng.one_in(64) { usual * 8 } else { usual }
}

impl Process {
    /// Writes something, or lets it wait behind what waits already.
    pub(super) fn persist(&mut self, mut persist: Persist, around: &mut Around<'_>) {
        self.note(&persist, around);
        around.sights.at(self.id, || {
            let entries: u64 = persist.entries.iter().map(|entry| entry.data.len() as u64).sum();
            let (hard, cut) = (u64::from(persist.hard.is_some()), u64::from(persist.cut.is_some()));
            Appended { records: persist.entries.len() as u64 + hard + cut, bytes: entries + hard * HardState::BYTES as u64 }
        });
        if let Some(Height(from)) = persist.cut {
            self.written.iter_mut().for_each(|written| written.end = written.end.min(Height(from - 1)));
        }
        if self.blocked.is_empty() {
            match self.append(&mut persist) {
                Ok(upto) => {
                    self.wrote(persist.number, upto);
                    return self.arrange_sync(around);
                }
                Err(LogError::Full { .. } | LogError::Busy { .. }) => {
                    around.tally.full += 1;
                    let bytes = persist.entries.iter().map(|entry| entry.data.len() as u64).sum();
                    around.sights.at(self.id, || DiskFull { bytes });
                    self.blocked_since = Some(around.now);
                }
                Err(error) => return self.log_failed("could not write to its log", &error),
            }
        }
        if self.blocked.len() >= BLOCKED_MAX {
            return self.fail(Failure::Died);
        }
        self.blocked.push_back(persist);
        self.arrange_retry(around);
    }

    /// Takes note of what is in the log now, and on disk when a sync has come so far.
    fn wrote(&mut self, number: u64, upto: Sequence) {
        let hard = self.log.state(PARTITION, HARD).and_then(|bytes| HardState::decode(&bytes).ok()).unwrap_or_default();
        let cuts = self.blocked.iter().filter_map(|later| later.cut);
        let end = cuts.fold(self.log.span(PARTITION).last.index, |end, Height(from)| end.min(Height(from - 1)));
        self.written.push_back(Written { number, upto, hard, end });
    }

    /// Appends what there is room for, in calls of a few entries. What was appended is not in `persist` any more.
    fn append(&self, persist: &mut Persist) -> Result<Sequence, LogError> {
        let partition = PARTITION;
        loop {
            let hard = persist.hard.map(|hard| hard.encode());
            let mut records = Vec::with_capacity(persist.entries.len() + 2);
            records.extend(hard.as_ref().map(|value| Record::State { partition, slot: HARD, value }));
            records.extend(persist.cut.map(|from| Record::Cut { partition, from }));
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.data.len() + 32;
                bytes <= CALL_BYTES
            };
            let count = persist.entries.iter().take_while(fits).count().max(1).min(persist.entries.len());
            for Entry { mark, data } in &persist.entries[..count] {
                records.push(Record::Entry { partition, mark: *mark, payload: data });
            }
            let last = self.log.append(&records)?;
            (persist.hard, persist.cut) = (None, None);
            persist.entries.drain(..count);
            if persist.entries.is_empty() {
                return Ok(last);
            }
        }
    }

    /// What an error of the log means for the process.
    pub(super) fn log_failed(&mut self, doing: &str, error: &LogError) {
        match error {
            LogError::Refused { .. } | LogError::Missing { .. } => self.broken(doing, error),
            // It will be found again, and told from other things, when the process begins.
            LogError::Corrupt(_) | LogError::Fatal(_) | LogError::Io(_) | LogError::Full { .. } | LogError::Busy { .. } => {
                self.fail(Failure::Died);
            }
        }
    }

    fn arrange_sync(&mut self, around: &mut Around<'_>) {
        if self.syncing.is_some() {
            return;
        }
        if let Some(upto) = self.written.back().map(|written| written.upto) {
            self.syncing = Some(Syncing { since: around.now, upto });
            let after = sync_time(around.shape, around.rng);
            self.later(after, Local::Synced, around);
        }
    }

    /// A sync would be done now, unless the disk stands still.
    pub(super) fn synced(&mut self, stalled_until: u64, around: &mut Around<'_>) {
        if stalled_until > around.now {
            return self.later(stalled_until - around.now, Local::Synced, around);
        }
        let Some(Syncing { since, upto }) = self.syncing else { return };
        let mut durable = if self.planted == Some(Planted::AppendNotSynced) {
            upto
        } else {
            match self.log.sync(upto) {
                // The log may have synced more, which was not there when this began: nobody can rely on that.
                Ok(()) => self.log.durable().min(upto),
                // What was appended has its place already, so this is over when the disk has room for what is on its way.
                Err(LogError::Full { .. }) => return self.later(RETRY_NS, Local::Synced, around),
                Err(error) => return self.log_failed("could not sync its log", &error),
            }
        };
        around.tally.syncs += 1;
        let took_ns = around.now - since;
        let covered = self.written.iter().take_while(|written| written.upto <= durable).count() as u64;
        if covered > 1 && around.rng.one_in(PARTED_ONE_IN) {
            durable = self.written[around.rng.below(covered - 1) as usize].upto;
            let after = around.rng.below(around.shape.sync_ns) + 1;
            self.later(after, Local::Synced, around);
        } else {
            self.syncing = None;
        }
        around.sights.at(self.id, || Synced { until: durable.0, took_ns });
        let mut number = None;
        while let Some(written) = self.written.pop_front_if(|written| written.upto <= durable) {
            number = Some(written.number);
            // What the driver takes for durable may not be: that is what it is watched for.
            if written.upto <= self.log.durable() && self.written.front().is_none_or(|next| next.upto > durable) {
                let HardState { term, vote } = written.hard;
                around.facts.push(Fact::Durable { node: self.id, term, vote, upto: written.end });
            }
        }
        self.arrange_sync(around);
        self.tell_of_the_disk(around);
        if let Some(number) = number {
            self.step(Event::Persisted { number }, around);
        }
    }

    fn arrange_retry(&mut self, around: &mut Around<'_>) {
        if !self.retrying {
            self.retrying = true;
            self.later(RETRY_NS, Local::Retry, around);
        }
    }

    /// Tries again what there was no room for.
    pub(super) fn retry(&mut self, around: &mut Around<'_>) {
        self.retrying = false;
        while let Some(mut persist) = self.blocked.pop_front() {
            match self.append(&mut persist) {
                Ok(upto) => self.wrote(persist.number, upto),
                Err(LogError::Full { .. } | LogError::Busy { .. }) => {
                    self.blocked.push_front(persist);
                    self.arrange_retry(around);
                    break;
                }
                Err(error) => return self.log_failed("could not write to its log", &error),
            }
        }
        if self.blocked.is_empty() {
            self.blocked_since = None;
            self.arrange_apply(around);
        }
        self.arrange_sync(around);
        self.tell_of_the_disk(around);
    }

    /// How often somebody looks at the disk.
    pub(super) fn watch_ns(&self, shape: &Shape) -> u64 {
        shape.settings.election.as_nanos() as u64 / 2
    }

    /// Tells the protocol if the disk stands still for longer than others would wait for a leader, and when that is over.
    fn tell_of_the_disk(&mut self, around: &mut Around<'_>) {
        let patience = around.shape.settings.election.as_nanos() as u64;
        let since = [self.syncing.map(|syncing| syncing.since), self.blocked_since].into_iter().flatten().min();
        let stalled = since.is_some_and(|since| around.now - since > patience) || self.blocked_since.is_some();
        if stalled != self.told_stalled {
            self.told_stalled = stalled;
            around.tally.stalls += u64::from(stalled);
            if stalled {
                let took_ns = since.map_or(0, |since| around.now - since);
                around.sights.at(self.id, || Stalled { took_ns });
            }
            self.step(Event::Disk { stalled }, around);
        }
    }

    /// Looks at the disk, and at how much memory is used.
    pub(super) fn watch(&mut self, around: &mut Around<'_>) {
        self.tell_of_the_disk(around);
        let (bytes_max, waiting_max) = bounds(around.shape);
        around.facts.push(Fact::Memory {
            node: self.id,
            bytes: self.raft.memory_bytes() as u64,
            bytes_max,
            waiting: self.waiting() as u64,
            waiting_max,
        });
        let after = self.watch_ns(around.shape);
        self.later(after, Local::Watch, around);
    }

    /// Reads entries that the protocol wanted.
    pub(super) fn load(&mut self, to: MemberId, from: Height, upto: Height, bytes_max: usize, around: &mut Around<'_>) {
        if !self.blocked.is_empty() {
            return self.later(RETRY_NS, Local::Load { to, from, upto, bytes_max }, around);
        }
        around.tally.loads += 1;
        let entries = match self.log.read(PARTITION, from.0..upto.0 + 1, bytes_max) {
            Ok(read) => read.into_iter().map(|entry| Entry { mark: entry.mark, data: entry.payload.into() }).collect(),
            Err(LogError::Missing { .. }) => Vec::new(),
            Err(error) => return self.log_failed("could not read its log", &error),
        };
        self.step(Event::Loaded { to, entries }, around);
    }

    /// The power is about to go: what can still be written is, and nobody hears of it.
    pub(super) fn die_writing(&mut self) {
        if let Some(written) = self.written.back() {
            let _ = self.log.sync(written.upto);
        }
        if let Some(pending) = self.pending.take() {
            let _ = pending.write(&self.snapshots);
        }
    }
}

/// The most memory that the protocol may take, and the most that may wait: about twice of what thousands of seeds came to, so that
/// whatever only grows is found.
fn bounds(shape: &Shape) -> (u64, u64) {
    let settings = &shape.settings;
    let bytes = settings.cache_bytes as u64 * 3 / 2 + BESIDE_CACHE;
    let waiting = 8 * settings.inflight as u64 + 2 * settings.reads as u64 + BESIDE_QUEUES;
    (bytes, waiting)
}
