//! The store: the machine that a log is applied to, and whom everyone asks.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::hash::{Digest, TreeHash};
use quorate_storage::Mark;
use quorate_storage::machine::{MachineError, SnapshotSource, StateMachine};

use crate::answer::{Answer, Outcome};
use crate::changes::{Changes, Compacted, Cursor, Watch};
use crate::command::{BorrowedPut, Command, PUT};
use crate::keys::End;
use crate::lease::LeaseInfo;
use crate::limits::Limits;
use crate::query::{Query, QueryAnswer, Told};
use crate::range::{Found, Range};
use crate::read::{self, Budget};
use crate::refusal::Refusal;
use crate::snapshot::{self, Frozen};
use crate::state::{News, State};
use crate::value::{LeaseId, Revision};

/// How many changes below the floor are forgotten with each command: more than most commands make, and few enough not to be felt.
const TRIMMED: usize = 4;

/// A store. Clones are the same store: one is what the log is applied to, and others are asked.
#[derive(Clone, Debug)]
pub struct Store {
    limits: Limits,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    state: State,
    news: News,
}

/// What happened to leases since some version.
pub(crate) struct LeaseNews {
    /// Up to where this tells.
    pub(crate) version: u64,
    /// Whether these are all leases that there are.
    pub(crate) all: bool,
    /// Leases, each with its seconds and renewals if it is there.
    pub(crate) leases: Vec<(LeaseId, Option<(u64, u64)>)>,
}

impl Store {
    /// An empty store. Its limits must be the same on every member.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, shared: Arc::new(Mutex::new(Shared { state: State::new(), news: News::default() })) }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // Whoever panicked with it has stopped the partition, and what is left may be looked at.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it takes at most.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The newest revision. An empty store is at 1.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.shared().state.revision
    }

    /// The oldest revision that can be read.
    #[must_use]
    pub fn floor(&self) -> Revision {
        self.shared().state.floor
    }

    /// About how much memory the state takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.shared().state.memory_bytes()
    }

    /// A digest of the whole state, which is written out for it. Equal states have equal digests, on every member.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let frozen = self.shared().state.clone();
        let mut bytes = Vec::new();
        // Memory takes whatever is written to it.
        let _ = Frozen(frozen).write_to(&mut bytes);
        TreeHash::Blake3.leaf(&bytes)
    }

    /// Reads keys.
    ///
    /// # Errors
    /// If they cannot be read at that revision, or are too many for one answer.
    pub fn range(&self, range: &Range) -> Result<(Revision, Found), Refusal> {
        let mut budget = Budget::new(self.limits.answer_bytes);
        let shared = self.shared();
        let revision = shared.state.revision;
        shared.state.readable(range.revision)?;
        if range.keys.end == End::Single {
            return read::range(&shared.state.keys, range, &mut budget).map(|found| (revision, found));
        }
        // Nobody waits while many keys are read.
        let keys = shared.state.keys.clone();
        drop(shared);
        read::range(&keys, range, &mut budget).map(|found| (revision, found))
    }

    /// What is known of a lease.
    #[must_use]
    pub fn lease(&self, lease: LeaseId, keys: bool) -> Option<LeaseInfo> {
        let shared = self.shared();
        let found = shared.state.leases.get(&lease)?;
        let keys = if keys { found.keys.iter().map(|key| key.to_vec()).collect() } else { Vec::new() };
        Some(LeaseInfo { lease, ttl_seconds: found.ttl_seconds, renewals: found.renewals, keys })
    }

    /// All leases.
    #[must_use]
    pub fn leases(&self) -> Vec<LeaseId> {
        self.shared().state.leases.keys().copied().collect()
    }

    /// Answers a [`Query`] with a [`QueryAnswer`].
    ///
    /// # Errors
    /// If it is no query.
    pub fn query(&self, query: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let query = Query::decode(query)?;
        Ok(self.ask(&query).encode())
    }

    /// Answers a query.
    #[must_use]
    pub fn ask(&self, query: &Query) -> QueryAnswer {
        let now = self.revision();
        match query {
            Query::Range(range) => match self.range(range) {
                Ok((revision, found)) => QueryAnswer { revision, told: Told::Range(found) },
                Err(refusal) => QueryAnswer { revision: now, told: Told::Refused(refusal) },
            },
            Query::Lease { lease, keys } => {
                let told = self.lease(*lease, *keys).map_or(Told::Refused(Refusal::LeaseNotFound(*lease)), Told::Lease);
                QueryAnswer { revision: now, told }
            }
            Query::Leases => QueryAnswer { revision: now, told: Told::Leases(self.leases()) },
        }
    }

    /// What a watch sees from a cursor on, in about so many bytes, or at least one event. A cursor may stand in the future.
    ///
    /// # Errors
    /// If the changes there are compacted.
    pub fn changes(&self, watch: &Watch, from: impl Into<Cursor>, bytes_max: usize) -> Result<Changes, Compacted> {
        self.shared().state.changes_for(watch, from.into(), bytes_max)
    }

    /// What happened to leases behind a version, if anything did.
    pub(crate) fn lease_news(&self, seen: u64) -> Option<LeaseNews> {
        let shared = self.shared();
        let version = shared.news.version();
        if version == seen {
            return None;
        }
        let leases = &shared.state.leases;
        let told = |lease: LeaseId| (lease, leases.get(&lease).map(|found| (found.ttl_seconds, found.renewals)));
        Some(match shared.news.since(seen) {
            Some(recent) => LeaseNews { version, all: false, leases: recent.map(told).collect() },
            None => LeaseNews { version, all: true, leases: leases.keys().copied().map(told).collect() },
        })
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Shared {
    fn apply(&mut self, command: &[u8], limits: &Limits) -> Answer {
        self.state.trim(TRIMMED);
        let outcome = match put(command) {
            Some(put) => self.state.carry_out_put(put, limits),
            None => match Command::decode(command) {
                Ok(command) => self.state.carry_out(&command, limits),
                Err(_) => Err(Refusal::Unreadable),
            },
        };
        let outcome = outcome.unwrap_or_else(Outcome::Refused);
        if let Outcome::Granted { lease, .. } | Outcome::KeptAlive { lease, .. } | Outcome::Ended { lease, .. } = &outcome {
            self.news.tell(*lease);
        }
        Answer { revision: self.state.revision, outcome }
    }
}

/// The command, if it is to write a key.
fn put(command: &[u8]) -> Option<BorrowedPut<'_>> {
    let mut reader = Reader::new("command", command);
    if reader.u8("command kind").ok()? != PUT {
        return None;
    }
    let put = BorrowedPut::decode(&mut reader).ok()?;
    reader.finish().ok().map(|()| put)
}

impl StateMachine for Store {
    fn apply(&mut self, command: &[u8]) -> Result<Vec<u8>, MachineError> {
        Ok(self.shared().apply(command, &self.limits).encode())
    }

    fn snapshot(&self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(self.shared().state.clone())))
    }

    fn restore(&mut self, _at: Mark, from: &mut dyn io::Read) -> Result<(), MachineError> {
        let state = snapshot::read(from).map_err(|error| MachineError::Snapshot(Arc::new(error)))?;
        let mut shared = self.shared();
        shared.state = state;
        shared.news.tell_all();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keys, Put, Range};

    fn told(store: &mut Store, command: &Command) -> Answer {
        Answer::decode(&store.apply(&command.encode()).unwrap()).unwrap()
    }

    #[test]
    fn what_is_put_can_be_read_now_and_as_it_was() {
        let mut store = Store::default();
        for value in ["one", "two"] {
            told(&mut store, &Command::Put(Put::new("key", value)));
        }
        let value = |revision| {
            let range = Range { revision: Revision(revision), ..Range::new(Keys::all()) };
            store.range(&range).map(|(_, found)| found.kvs.first().map(|kv| kv.value.clone()))
        };
        assert_eq!(store.revision(), Revision(3));
        assert_eq!([value(0), value(2), value(3)], [b"two", b"one", b"two"].map(|value| Ok(Some(value.to_vec()))));
        assert_eq!((value(1), value(4)), (Ok(None), Err(Refusal::Future { newest: Revision(3) })));
    }

    #[test]
    fn what_is_no_command_is_answered_and_changes_nothing() {
        let mut store = Store::default();
        for command in [&b""[..], b"\x01", b"\x09", &[Command::Put(Put::new("k", "v")).encode(), vec![0]].concat()] {
            let answer = Answer::decode(&store.apply(command).unwrap()).unwrap();
            assert_eq!(answer, Answer { revision: Revision(1), outcome: Outcome::Refused(Refusal::Unreadable) });
        }
        assert_eq!(store.digest(), Store::default().digest());
    }
}
