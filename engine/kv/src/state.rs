//! Everything that the store knows, and the few ways in which it changes.
//!
//! All of it lies in persistent maps and lists: a clone shares everything, takes no time, and stays as it was while the original goes on.
//! That is how a snapshot is frozen, and how a transaction is taken back that turns out to answer too much.
//!
//! **What a state is** is what can be seen of it: which keys there were at each revision from `floor` on, the changes from `floor` on, and
//! the leases. Compaction raises the floor at once; what lies below is forgotten later, a bit with each command ([`State::trim`]), and
//! makes no difference meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};

use crate::history::{History, Place, Record};
use crate::key::Key;
use crate::keys::{End, Keys};
use crate::lease::Lease;
use crate::value::{LeaseId, Revision};

/// What a key takes in the map, which is a quarter empty.
const SLOT_BYTES: usize = (size_of::<Key>() + size_of::<History>()) * 4 / 3;

const LEASE_BYTES: usize = (size_of::<LeaseId>() + size_of::<Lease>()) * 4 / 3;

/// The state.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// The newest revision.
    pub(crate) revision: Revision,
    /// The oldest revision that can be read.
    pub(crate) floor: Revision,
    pub(crate) keys: OrdMap<Key, History>,
    /// In order; those below the floor are about to go.
    pub(crate) changes: Vector<Arc<Record>>,
    pub(crate) leases: OrdMap<LeaseId, Lease>,
    /// The last lease that got a name from here.
    pub(crate) named: u64,
    memory_bytes: usize,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            revision: Revision(1),
            floor: Revision(0),
            keys: OrdMap::new(),
            changes: Vector::new(),
            leases: OrdMap::new(),
            named: 0,
            memory_bytes: 0,
        }
    }

    /// About how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.memory_bytes
    }

    /// The newest version of a key, if it is there.
    pub(crate) fn live(&self, key: &[u8]) -> Option<&Arc<Record>> {
        self.keys.get(key).and_then(History::live)
    }

    /// Writes a version of a key, and the change. Whoever calls says what it follows from.
    pub(crate) fn add(&mut self, record: Record) {
        let record = Arc::new(record);
        self.memory_bytes += record.memory_bytes();
        self.changes.push_back(Arc::clone(&record));
        self.push(record);
    }

    /// Writes a version of a key that is no change any more.
    pub(crate) fn add_base(&mut self, record: Record) {
        self.memory_bytes += record.memory_bytes();
        self.push(Arc::new(record));
    }

    fn push(&mut self, record: Arc<Record>) {
        if let Some(history) = self.keys.get_mut(&record.key) {
            history.push(record);
        } else {
            self.memory_bytes += SLOT_BYTES + record.key.bytes_elsewhere();
            self.keys.insert(record.key.clone(), History::new(record));
        }
    }

    /// Gives a key a value.
    pub(crate) fn put(&mut self, at: Place, key: &[u8], value: Box<[u8]>, lease: LeaseId) {
        let Some(history) = self.keys.get_mut(key) else {
            let key = Key::from(key);
            self.attach(&key, lease);
            self.add(Record { key, place: at, created: at.main, version: 1, lease, value });
            return;
        };
        let before = history.live().map(|before| (before.created, before.version + 1, before.lease));
        let (created, version, old) = before.unwrap_or((at.main, 1, LeaseId::NONE));
        let key = history.newest().key.clone();
        let record = Arc::new(Record { key: key.clone(), place: at, created, version, lease, value });
        history.push(Arc::clone(&record));
        self.memory_bytes += record.memory_bytes();
        self.changes.push_back(record);
        if old != lease {
            self.detach(&key, old);
            self.attach(&key, lease);
        }
    }

    /// Deletes a key that is there.
    pub(crate) fn delete(&mut self, at: Place, before: &Record) {
        self.detach(&before.key, before.lease);
        let key = before.key.clone();
        self.add(Record { key, place: at, created: Revision(0), version: 0, lease: LeaseId::NONE, value: Box::default() });
    }

    /// Adds a lease that is not there.
    pub(crate) fn add_lease(&mut self, lease: LeaseId, ttl_seconds: u64, renewals: u64) {
        self.memory_bytes += LEASE_BYTES;
        self.leases.insert(lease, Lease { ttl_seconds, renewals, keys: OrdSet::new() });
    }

    /// Removes a lease whose keys are gone.
    pub(crate) fn remove_lease(&mut self, lease: LeaseId) {
        if self.leases.remove(&lease).is_some() {
            self.memory_bytes -= LEASE_BYTES;
        }
    }

    /// Notes that a key goes with a lease.
    pub(crate) fn attach(&mut self, key: &Key, lease: LeaseId) {
        if lease != LeaseId::NONE
            && let Some(lease) = self.leases.get_mut(&lease)
        {
            self.memory_bytes += size_of::<Key>() + key.bytes_elsewhere();
            lease.keys.insert(key.clone());
        }
    }

    fn detach(&mut self, key: &Key, lease: LeaseId) {
        if lease != LeaseId::NONE
            && let Some(lease) = self.leases.get_mut(&lease)
        {
            self.memory_bytes -= size_of::<Key>() + key.bytes_elsewhere();
            lease.keys.remove(key);
        }
    }

    /// The keys of an interval that are there now, in order.
    pub(crate) fn live_in(&self, keys: &Keys) -> Vec<Arc<Record>> {
        match keys.end {
            End::Single => self.live(&keys.key).cloned().into_iter().collect(),
            _ if keys.are_none() => Vec::new(),
            _ => self.keys.range::<_, [u8]>(keys.bounds()).filter_map(|(_, history)| history.live().cloned()).collect(),
        }
    }

    /// Forgets a number of changes below the floor, and the versions that they replaced.
    pub(crate) fn trim(&mut self, count: usize) {
        for _ in 0..count {
            if self.changes.front().is_none_or(|first| first.place.main >= self.floor) {
                return;
            }
            let Some(change) = self.changes.pop_front() else { return };
            let Some(history) = self.keys.get_mut(&change.key) else { continue };
            let mut freed = 0;
            let gone = history.cut(self.floor, &mut |record| freed += record.memory_bytes());
            self.memory_bytes -= freed;
            if gone {
                self.memory_bytes -= SLOT_BYTES + change.key.bytes_elsewhere();
                self.keys.remove(&change.key);
            }
        }
    }

    /// The place in the list of changes of the first that is not before this one.
    pub(crate) fn first_change(&self, from: Place) -> usize {
        let (mut least, mut most) = (0, self.changes.len());
        while least < most {
            let middle = least + (most - least) / 2;
            if self.changes.get(middle).is_some_and(|change| change.place < from) { least = middle + 1 } else { most = middle }
        }
        least
    }
}

/// What happened to leases lately, so that whoever keeps their time need not look at all of them. It is no part of the state.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Counts what happened.
    version: u64,
    /// The leases that the last of it was about.
    recent: VecDeque<LeaseId>,
}

impl News {
    const RECENT: usize = 4096;

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Something happened to a lease.
    pub(crate) fn tell(&mut self, lease: LeaseId) {
        self.version += 1;
        if self.recent.len() == Self::RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(lease);
    }

    /// All leases may be others.
    pub(crate) fn tell_all(&mut self) {
        self.version += 1;
        self.recent.clear();
    }

    /// The leases to which something happened behind a version; none if they are not known, and it may be all.
    pub(crate) fn since(&self, version: u64) -> Option<impl Iterator<Item = LeaseId>> {
        let count = usize::try_from(self.version.checked_sub(version)?).ok()?;
        let skipped = self.recent.len().checked_sub(count)?;
        Some(self.recent.iter().skip(skipped).copied())
    }
}
