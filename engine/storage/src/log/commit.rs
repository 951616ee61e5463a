//! Syncing: whoever has the turn writes and syncs for all that wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use quorate_core::hash::Digest;
use quorate_core::ids::PartitionId;
use quorate_env::clock::Moment;
use quorate_env::disk::is_full;

use super::chain::Tail;
use super::ledger::Stale;
use super::segment::Segment;
use super::{Durability, Group, Log, State, locked, now, record};
use crate::store::{LogError, Record, Sequence};

/// What only the one who syncs may touch.
pub(super) struct Turn {
    /// The hash over all groups but the tail.
    pub(super) chain: Digest,
    /// The last group, whose hash nobody has needed yet.
    pub(super) tail: Option<Arc<Tail>>,
    /// Groups that are sealed and not on disk: the disk was full.
    pub(super) unwritten: VecDeque<Arc<Group>>,
    /// Whether the disk was full when they were to be written.
    pub(super) refused: bool,
    /// The segment that was written to since its last sync. There is never more than one.
    pub(super) unsynced: Option<Arc<Segment>>,
    /// Up to where the drive has everything.
    pub(super) synced: Sequence,
    pub(super) synced_at: Moment,
}

impl Turn {
    /// The hash over all groups so far.
    fn linked(&mut self) -> Digest {
        if let Some(tail) = self.tail.take() {
            self.chain = tail.linked();
        }
        self.chain
    }

    /// Seals what waits.
    fn take(&mut self, state: &mut State) {
        while let Some(mut group) = state.waiting.pop_front() {
            let head = record::Group {
                count: group.count,
                first: group.first,
                durable: self.synced,
                len: (group.bytes.len() - record::GROUP) as u64,
                chain: self.linked(),
            };
            record::encode_group(&head, &mut group.bytes, group.at, group.segment.fill);
            let group = Arc::new(group);
            state.recent_bytes += group.bytes.len() as u64;
            state.recent.push_back(Arc::clone(&group));
            self.tail = Some(Arc::new(Tail::new(Arc::clone(&group), head.chain)));
            self.unwritten.push_back(group);
        }
    }
}

impl Log {
    pub(super) fn commit(&self, until: Sequence) -> Result<(), LogError> {
        if self.durable_now() >= until {
            return Ok(());
        }
        let Some(_lead) = self.window.lead(until, &self.durable) else { return Ok(()) };
        let mut turn = self.whole(&self.turn)?;
        if self.durable_now() >= until {
            return Ok(());
        }
        self.watch.alive()?;
        self.window.gather(self.env.clock.as_ref());
        self.flush(&mut turn, false)?;
        let durable = self.durable_now();
        if durable < until {
            let problem = format!("record {} was to be synced, and {} is the last that was appended", until.0, durable.0);
            return Err(LogError::Refused { partition: PartitionId(0), problem });
        }
        Ok(())
    }

    pub(super) fn durable_now(&self) -> Sequence {
        Sequence(self.durable.load(Ordering::Acquire))
    }

    /// Writes all that waits. With `hard`, everything is on the drive afterwards, whatever the log's durability is.
    fn flush(&self, turn: &mut Turn, hard: bool) -> Result<(), LogError> {
        turn.linked();
        let mut state = self.whole(&self.state)?;
        turn.take(&mut state);
        drop(state);
        let (callers, began) = (self.window.serving(), now(&self.env));
        let last = turn.unwritten.back().map_or(self.durable_now(), |group| group.last());
        let wait = match self.settings.durability {
            Durability::Fsync => true,
            Durability::Interval(time) => hard || began.since(turn.synced_at) >= time,
            Durability::Memory => hard,
        };
        let mut begun = false;
        while let Some(group) = turn.unwritten.front() {
            // One segment is on the drive before the next begins.
            if let Some(before) = turn.unsynced.take_if(|before| before.number != group.segment.number) {
                self.sync_segment(&before)?;
            }
            let file = &group.segment.file;
            match if wait { file.send_at(&group.bytes, group.at) } else { file.write_at(&group.bytes, group.at).map(|()| false) } {
                Ok(sent) => {
                    begun = sent;
                    turn.unsynced = Some(Arc::clone(&group.segment));
                    turn.unwritten.pop_front();
                }
                Err(error) if is_full(&error) => {
                    self.watch.full(Some(now(&self.env)));
                    turn.refused = true;
                    return Err(LogError::Full { needed: group.bytes.len() as u64 });
                }
                Err(error) => return Err(self.watch.fatal(error)),
            }
        }
        if let Some(tail) = turn.tail.as_ref().filter(|_| wait) {
            tail.link_while_waiting(begun);
        }
        if let Some(segment) = turn.unsynced.take_if(|_| wait) {
            self.sync_segment(&segment)?;
            (turn.synced, turn.synced_at) = (last, now(&self.env));
        }
        if std::mem::take(&mut turn.refused) {
            self.watch.full(None);
        }
        self.durable.store(last.0, Ordering::Release);
        self.window.served(callers, now(&self.env).since(began));
        self.trim(last);
        Ok(())
    }

    /// A failure here is the end: what was to be written may be gone, though reading it back would not show that.
    fn sync_segment(&self, segment: &Segment) -> Result<(), LogError> {
        let began = now(&self.env);
        self.watch.sync_begins(began);
        let result = segment.file.sync();
        self.watch.sync_ended(now(&self.env).since(began));
        result.map_err(|error| self.watch.fatal(error))
    }

    /// Puts everything that was appended so far on the drive.
    fn flush_hard(&self) -> Result<(), LogError> {
        let mut turn = self.whole(&self.turn)?;
        self.watch.alive()?;
        self.flush(&mut turn, true)
    }

    /// Forgets the oldest records in memory, of those that are written.
    fn trim(&self, written: Sequence) {
        let mut guard = locked(&self.state);
        let state = &mut *guard;
        state.waiting_bytes = state.waiting.iter().map(|group| group.bytes.len() as u64).sum();
        let unwritten = state.unwritten(written);
        state.offsets.trim(unwritten, unwritten);
        while state.recent_bytes > self.settings.cache_bytes {
            let Some(group) = state.recent.pop_front_if(|oldest| oldest.last() <= written) else { return };
            state.recent_bytes -= group.bytes.len() as u64;
            if let Ok(group) = Arc::try_unwrap(group) {
                state.spare = Some(group.bytes);
            }
        }
    }

    pub(super) fn commit_close(&self) -> Result<(), LogError> {
        let mut turn = self.whole(&self.turn)?;
        self.watch.alive()?;
        self.flush(&mut turn, true)?;
        {
            let mut guard = self.whole(&self.state)?;
            let state = &mut *guard;
            if state.closed {
                return Ok(());
            }
            state.closed = true;
            // A log that has no room for the mark is closed without it.
            let placed = self.place(state, record::HEAD as u64, false).is_ok();
            if let Some(group) = state.waiting.back_mut().filter(|_| placed) {
                record::encode_close(&mut group.bytes, group.at, group.segment.fill);
                group.count += 1;
                state.last.0 += 1;
                state.end += record::HEAD as u64;
            }
        }
        self.flush(&mut turn, true)
    }

    pub(super) fn release_front(&self) -> Result<u64, LogError> {
        self.watch.alive()?;
        // One at a time, so that segments go from the oldest to the newest.
        let _turn = locked(&self.releasing);
        // What is given up is given up by floors that are on the drive before anything goes. What is appended from now on is in the
        // active segment or behind it.
        let needed = {
            let state = locked(&self.state);
            state.ledger.oldest_needed().or(state.segments.back().map(|active| active.number)).unwrap_or(0)
        };
        self.flush_hard()?;
        let needed = {
            let state = locked(&self.state);
            // The segment of the last group stays: it says where the sequence and the chain go on.
            needed.min(newest_written(&state))
        };
        let mut freed = 0;
        loop {
            // One segment's states fit into another, so that the reserve is enough.
            let oldest = locked(&self.state).segments.front().map_or(needed, |segment| segment.number);
            if oldest >= needed {
                break;
            }
            self.carry_forward(oldest + 1)?;
            let oldest = {
                let mut state = locked(&self.state);
                // Records in memory keep their file open, and a file that is open keeps its room.
                while let Some(group) = state.recent.pop_front_if(|group| group.segment.number <= oldest) {
                    state.recent_bytes -= group.bytes.len() as u64;
                }
                state.segments.pop_front_if(|segment| segment.number <= oldest)
            };
            let Some(segment) = oldest else { break };
            let path = format!("{}/{}", self.folder, super::segment::name(segment.number));
            // One after the other, so that what a crash leaves has no gaps.
            let removed = self.env.disk.remove(&path).and_then(|()| self.env.disk.sync_folder(&self.folder));
            removed.map_err(|error| self.watch.fatal(error))?;
            freed += segment.len;
            locked(&self.state).offsets.forget(segment.number + 1);
        }
        if freed > 0 {
            // There is room now, whatever was found before.
            self.watch.full(None);
        }
        Ok(freed)
    }

    /// Writes down again what only segments say that are about to go.
    fn carry_forward(&self, before: u64) -> Result<(), LogError> {
        let stale = locked(&self.state).ledger.stale(before);
        if stale.is_empty() {
            return Ok(());
        }
        for partition in stale {
            loop {
                // Looked up and written under one lock, so that it does not take the place of something newer.
                let mut state = self.whole(&self.state)?;
                let Some(stale) = state.ledger.stale_in(partition, before) else { break };
                let record = match &stale {
                    Stale::Floor(mark) => Record::Floor { partition, mark: *mark },
                    Stale::State(slot, value) => Record::State { partition, slot: *slot, value },
                };
                match self.put(&mut state, &[record]) {
                    Ok(Ok(_)) => {}
                    Ok(Err(_)) => {
                        drop(state);
                        self.prepare_one()?;
                    }
                    Err(LogError::Busy { .. }) => {
                        drop(state);
                        self.flush_hard()?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        self.flush_hard()
    }
}

/// The segment of the newest group that was handed to the disk.
fn newest_written(state: &State) -> u64 {
    match (state.recent.back(), state.waiting.front()) {
        (Some(group), _) => group.segment.number,
        (None, Some(group)) => group.segment.number.saturating_sub(1),
        (None, None) => state.segments.back().map_or(0, |segment| segment.number),
    }
}
