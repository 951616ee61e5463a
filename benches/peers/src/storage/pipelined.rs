//! One thread gathers what waits while another commits what waited before, as a node does: on both sides.
//!
//! Records are always waiting when a commit begins, and none begins before the last has ended. What gathering costs is hidden
//! behind the disk, so what is compared is the commit alone.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use quorate_core::ids::PartitionId;
use quorate_storage::log::{Log, Settings};
use quorate_storage::{LogStore as _, Record, Sequence};

use super::ours::{UPKEEP_BYTES, look_after, mark, open};
use super::raw::Raw;
use super::{PAYLOAD_BYTES, payloads};
use crate::pairwise::Clock;

/// A thread that commits, one thing after the other.
struct Committer<T> {
    todo: SyncSender<T>,
    done: Receiver<T>,
    busy: bool,
}

impl<T: Send + 'static> Committer<T> {
    fn new(mut commit: impl FnMut(&mut T) + Send + 'static) -> Self {
        let ((todo, jobs), (finished, done)) = (sync_channel::<T>(1), sync_channel(1));
        std::thread::spawn(move || {
            for mut job in jobs {
                commit(&mut job);
                if finished.send(job).is_err() {
                    return;
                }
            }
        });
        Self { todo, done, busy: false }
    }

    /// Waits for the last one, then begins another. Gives back what was done.
    fn hand_over(&mut self, job: T) -> Option<T> {
        let last = self.wait();
        self.todo.send(job).expect("the committer waits for work");
        self.busy = true;
        last
    }

    fn wait(&mut self) -> Option<T> {
        std::mem::take(&mut self.busy).then(|| self.done.recv().expect("the committer ends what it began"))
    }
}

/// Our side.
pub(super) struct PipelinedLog<'a> {
    log: Arc<Log>,
    committer: Committer<Sequence>,
    records: Vec<Record<'a>>,
    last: u64,
    since_upkeep: u64,
}

impl<'a> PipelinedLog<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]]) -> Self {
        let log = Arc::new(open(folder, Settings { ahead: 2, ..Settings::default() }).0);
        log.prepare().expect("there is room for three segments");
        let partition = PartitionId(1);
        let records = payloads.iter().map(|payload| Record::Entry { partition, mark: mark(0), payload }).collect();
        let own = Arc::clone(&log);
        let committer = Committer::new(move |until: &mut Sequence| own.sync(*until).expect("the disk syncs"));
        Self { log, committer, records, last: 0, since_upkeep: 0 }
    }

    pub(super) fn commit(&mut self, clock: &mut Clock) {
        for record in &mut self.records {
            let Record::Entry { mark: next, .. } = record else { continue };
            self.last += 1;
            *next = mark(self.last);
        }
        let appended = self.log.append(&self.records).expect("entries in a row fit");
        self.committer.hand_over(appended);
        self.since_upkeep += (self.records.len() * PAYLOAD_BYTES) as u64;
        if self.since_upkeep >= UPKEEP_BYTES {
            self.since_upkeep = 0;
            self.committer.wait();
            clock.pause(|| look_after(&self.log, PartitionId(1), self.last));
        }
    }

    /// Stops the run if something is not durable.
    pub(super) fn check(&mut self) {
        self.committer.wait();
        let health = self.log.health();
        assert_eq!(health.durable, health.last, "all that was synced is durable");
        assert_eq!(self.log.span(PartitionId(1)).last.index.0, self.last, "all entries are there");
    }
}

/// The limit: a buffer is gathered while the other is written and synced.
pub(super) struct PipelinedRaw {
    committer: Committer<Vec<u8>>,
    payloads: Vec<[u8; PAYLOAD_BYTES]>,
    spare: Vec<u8>,
}

impl PipelinedRaw {
    pub(super) fn new(mut raw: Raw<'static>, waiting: usize) -> Self {
        let committer = Committer::new(move |gathered: &mut Vec<u8>| raw.write(gathered));
        Self { committer, payloads: payloads(waiting), spare: Vec::new() }
    }

    pub(super) fn commit(&mut self) {
        let mut gathered = std::mem::take(&mut self.spare);
        gathered.clear();
        for payload in &self.payloads {
            gathered.extend_from_slice(payload);
        }
        self.spare = self.committer.hand_over(gathered).unwrap_or_default();
    }
}
