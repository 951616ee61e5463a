//! Our side: the engine's log on the real disk.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use quorate_core::ids::{Height, PartitionId, View};
use quorate_env::Env;
use quorate_env::rng::Seeded;
use quorate_storage::log::{Log, Owner, Recovery, Settings};
use quorate_storage::{LogStore, Mark, Record};

use super::PAYLOAD_BYTES;
use crate::pairwise::Clock;

/// After so many bytes, what was written is given up and segments are made ready: often enough that no append has to.
const UPKEEP_BYTES: u64 = 32 << 20;

/// Opens the log in a folder, or begins one.
pub(super) fn open(folder: &Path, settings: Settings) -> (Log, Recovery) {
    let env = Env::real(folder).expect("the folder is there");
    Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(7))).expect("what was written can be opened")
}

pub(super) fn mark(index: u64) -> Mark {
    Mark { index: Height(index), term: View(1) }
}

/// Who pays for making segments ready and for giving them up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upkeep {
    /// Nobody: the clock stands still.
    Paused,
    /// The one who appends.
    Counted,
}

/// A log with one writer, which appends all that waits and syncs.
pub(super) struct Ours<'a> {
    log: Log,
    records: Vec<Record<'a>>,
    last: u64,
    since_upkeep: u64,
    upkeep: Upkeep,
}

impl<'a> Ours<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]], upkeep: Upkeep) -> Self {
        let (log, _) = open(folder, Settings { ahead: 2, ..Settings::default() });
        log.prepare().expect("there is room for three segments");
        let partition = PartitionId(1);
        let records = payloads.iter().map(|payload| Record::Entry { partition, mark: mark(0), payload }).collect();
        Self { log, records, last: 0, since_upkeep: 0, upkeep }
    }

    pub(super) fn commit(&mut self, clock: &mut Clock) {
        for record in &mut self.records {
            let Record::Entry { mark: next, .. } = record else { continue };
            self.last += 1;
            *next = mark(self.last);
        }
        let last = self.log.append(&self.records).expect("entries in a row fit");
        self.log.sync(last).expect("the disk syncs");
        self.since_upkeep += (self.records.len() * PAYLOAD_BYTES) as u64;
        if self.since_upkeep >= UPKEEP_BYTES {
            self.since_upkeep = 0;
            match self.upkeep {
                Upkeep::Paused => clock.pause(|| look_after(&self.log, PartitionId(1), self.last)),
                Upkeep::Counted => look_after(&self.log, PartitionId(1), self.last),
            }
        }
    }

    /// Stops the run if the last entry is not there, or not durable.
    pub(super) fn check(&self) {
        let entries = self.log.read(PartitionId(1), self.last..self.last + 1, PAYLOAD_BYTES).expect("the last entry can be read");
        let Some(Record::Entry { payload, .. }) = self.records.last() else { panic!("nothing was appended") };
        assert!(entries.len() == 1 && entries[0].payload == *payload, "the log gives back what it was given");
        let health = self.log.health();
        assert_eq!(health.durable, health.last, "all that was synced is durable");
    }
}

/// Gives up all but the last entry, as if a snapshot held the others, and makes segments ready.
fn look_after(log: &Log, partition: PartitionId, last: u64) {
    let floor = Record::Floor { partition, mark: mark(last - 1) };
    log.append(&[floor]).expect("a floor below the last entry fits");
    log.release().expect("segments can be removed");
    log.prepare().expect("there is room for three segments");
}

/// A log with many writers, each of which appends one record, syncs, and comes again.
pub(super) struct Crowd<'a> {
    log: Log,
    payloads: &'a [[u8; PAYLOAD_BYTES]],
    last: Vec<AtomicU64>,
    since_upkeep: u64,
}

impl<'a> Crowd<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]]) -> Self {
        let (log, _) = open(folder, Settings { ahead: 2, ..Settings::default() });
        log.prepare().expect("there is room for three segments");
        Self { log, payloads, last: payloads.iter().map(|_| AtomicU64::new(0)).collect(), since_upkeep: 0 }
    }

    /// Each of the threads does so many rounds.
    pub(super) fn commit(&mut self, clock: &mut Clock, rounds: usize) {
        std::thread::scope(|scope| {
            for (nth, (payload, last)) in self.payloads.iter().zip(&self.last).enumerate() {
                let log = &self.log;
                scope.spawn(move || {
                    for _ in 0..rounds {
                        let index = last.fetch_add(1, Ordering::Relaxed) + 1;
                        let entry = Record::Entry { partition: PartitionId(nth as u32), mark: mark(index), payload };
                        let appended = log.append(&[entry]).expect("entries in a row fit");
                        log.sync(appended).expect("the disk syncs");
                    }
                });
            }
        });
        self.since_upkeep += (self.payloads.len() * rounds * PAYLOAD_BYTES) as u64;
        if self.since_upkeep >= UPKEEP_BYTES {
            self.since_upkeep = 0;
            clock.pause(|| {
                for (nth, last) in self.last.iter().enumerate() {
                    look_after(&self.log, PartitionId(nth as u32), last.load(Ordering::Relaxed));
                }
            });
        }
    }

    pub(super) fn check(&self) {
        for (nth, last) in self.last.iter().enumerate() {
            let span = self.log.span(PartitionId(nth as u32));
            assert_eq!(span.last.index.0, last.load(Ordering::Relaxed), "every thread's entries are there");
        }
        let health = self.log.health();
        assert_eq!(health.durable, health.last, "all that was synced is durable");
    }
}
