//! Writing the log.
//!
//! What the protocol wants written is appended at once. The shard syncs for all its partitions together, and says how far it came. What
//! the log has no room for waits in order and is tried again until there is room: to the protocol that is a disk that stands still, and
//! so it is told.

use std::time::Duration;

use quorate_core::ids::Height;
use quorate_env::clock::Moment;
use quorate_protocol::raft::{Entry, Event, Persist};
use quorate_storage::log::Log;
use quorate_storage::store::Record;
use quorate_storage::{LogError, LogStore as _, Sequence};

use super::start::HARD;
use super::{Around, Partition, Written};

/// How much may wait for room on the disk.
const BLOCKED_MAX: usize = 4096;
/// How long until what there was no room for is tried again.
const RETRY: Duration = Duration::from_millis(20);
/// So much is appended in one call; the smallest segment has more.
const CALL_BYTES: usize = 1 << 20;

impl Partition {
    /// Writes something, or lets it wait behind what waits already.
    pub(super) fn persist(&mut self, mut persist: Persist, around: &mut Around<'_>) {
        if let Some(from) = persist.cut {
            self.recent.cut(from);
        }
        if self.blocked.is_empty() {
            match self.append(&mut persist, around) {
                Ok(upto) => return self.wrote(persist.number, upto, around),
                Err(LogError::Full { .. } | LogError::Busy { .. }) => self.blocked_since = Some(around.now),
                Err(error) => return self.log_failed("write to its log", &error, around),
            }
        }
        if self.blocked.len() >= BLOCKED_MAX {
            *around.fatal = Some(format!("partition {}: {BLOCKED_MAX} writes wait for room on the disk", self.id));
            return;
        }
        self.blocked.push_back(persist);
        self.retry_at.get_or_insert(around.now + RETRY);
    }

    fn wrote(&mut self, number: u64, upto: Sequence, around: &mut Around<'_>) {
        self.written.push_back(Written { number, upto });
        *around.appended = upto.max(*around.appended);
    }

    /// Appends what there is room for, in calls of bounded size. What was appended is not in `persist` any more.
    fn append(&mut self, persist: &mut Persist, around: &Around<'_>) -> Result<Sequence, LogError> {
        let partition = self.id;
        loop {
            let hard = persist.hard.map(|hard| hard.encode());
            let mut bytes = 0;
            let fits = |entry: &&Entry| {
                bytes += entry.data.len() + 32;
                bytes <= CALL_BYTES
            };
            let count = persist.entries.iter().take_while(fits).count().max(1).min(persist.entries.len());
            let mut records = Vec::with_capacity(count + 2);
            records.extend(hard.as_ref().map(|value| Record::State { partition, slot: HARD, value }));
            records.extend(persist.cut.map(|from| Record::Cut { partition, from }));
            for Entry { mark, data } in &persist.entries[..count] {
                records.push(Record::Entry { partition, mark: *mark, payload: data });
            }
            let last = around.log.append(&records)?;
            // What the log has not any more, or has anew, is not what was here.
            let anew = persist.cut.or_else(|| persist.entries.first().map(|entry| entry.mark.index));
            anew.into_iter().for_each(|from| self.recent.cut(from));
            (persist.hard, persist.cut) = (None, None);
            persist.entries.drain(..count).for_each(|entry| self.recent.push(entry));
            if persist.entries.is_empty() {
                return Ok(last);
            }
        }
    }

    /// The log is durable up to here. Returns whether that was news to the protocol.
    pub(crate) fn durable(&mut self, upto: Sequence, around: &mut Around<'_>) -> bool {
        // While a snapshot is put in place nothing may happen; it is asked for again afterwards.
        if !self.is_open() {
            return false;
        }
        let mut number = None;
        while let Some(written) = self.written.pop_front_if(|written| written.upto <= upto) {
            number = Some(written.number);
        }
        let Some(number) = number else { return false };
        self.step(Event::Persisted { number }, around);
        true
    }

    /// Tries again what there was no room for.
    pub(super) fn retry(&mut self, around: &mut Around<'_>) {
        self.retry_at = None;
        while let Some(mut persist) = self.blocked.pop_front() {
            match self.append(&mut persist, around) {
                Ok(upto) => self.wrote(persist.number, upto, around),
                Err(LogError::Full { .. } | LogError::Busy { .. }) => {
                    self.blocked.push_front(persist);
                    self.retry_at = Some(around.now + RETRY);
                    break;
                }
                Err(error) => return self.log_failed("write to its log", &error, around),
            }
        }
        if self.blocked.is_empty() {
            self.blocked_since = None;
        }
    }

    /// Tells the protocol if the disk stands still for longer than others would wait for a leader, and when that is over.
    pub(crate) fn watch_disk(&mut self, syncing_since: Option<Moment>, patience: Duration, around: &mut Around<'_>) {
        let since = [syncing_since, self.blocked_since].into_iter().flatten().min();
        let stalled = since.is_some_and(|since| around.now - since > patience) || self.blocked_since.is_some();
        if stalled != self.told_stalled && self.is_open() {
            self.told_stalled = stalled;
            if stalled {
                tracing::warn!(partition = self.id.0, full = self.blocked_since.is_some(), "the disk is full or does not answer");
            }
            self.step(Event::Disk { stalled }, around);
        }
    }

    /// Whether the disk takes nothing now.
    pub(super) fn is_read_only(&self) -> bool {
        self.told_stalled
    }

    /// What an error of the log means. What a disk did not do it did to all partitions, and no write is tried a second time.
    pub(super) fn log_failed(&mut self, doing: &str, error: &LogError, around: &mut Around<'_>) {
        match error {
            LogError::Refused { .. } | LogError::Missing { .. } => self.stop(format!("it could not {doing}: {error}"), around),
            LogError::Corrupt(_) | LogError::Fatal(_) | LogError::Io(_) | LogError::Full { .. } | LogError::Busy { .. } => {
                around.fatal.get_or_insert(format!("partition {} could not {doing}: {error}", self.id));
            }
        }
    }

    /// How far what is in the log may be applied: while there is no room for a cut, the log still has what was to go, and that is not
    /// what is committed.
    pub(super) fn sound(&self, log: &Log) -> Height {
        let cuts = self.blocked.iter().filter_map(|waiting| waiting.cut);
        cuts.fold(log.span(self.id).last.index, |last, Height(from)| last.min(Height(from.saturating_sub(1))))
    }
}
