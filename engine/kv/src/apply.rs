//! Carrying commands out.

use crate::answer::Outcome;
use crate::checks::{Chosen, Step};
use crate::command::{BorrowedPut, Command, Delete};
use crate::history::Place;
use crate::limits::Limits;
use crate::read::{self, Budget};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::Transaction;
use crate::value::{LeaseId, Revision};

/// How many changes below the floor are forgotten with the compaction itself. The rest goes with later commands.
const TRIMMED_AT_ONCE: usize = 4096;

/// What writes at the next revision. Everything that one command writes is written by one of these.
struct Writer<'a> {
    state: &'a mut State,
    at: Place,
    budget: Budget,
}

impl State {
    /// Carries a command out. What is refused changes nothing.
    pub(crate) fn carry_out(&mut self, command: &Command, limits: &Limits) -> Result<Outcome, Refusal> {
        match command {
            Command::Put(put) => self.carry_out_put(put.borrowed(), limits),
            Command::Delete(delete) => self.write(limits, |writer| writer.delete(delete)),
            Command::Transaction(transaction) => self.carry_out_transaction(transaction, limits),
            Command::Compact(revision) => self.compact(*revision),
            Command::Grant { lease, ttl_seconds } => self.grant(*lease, *ttl_seconds, limits),
            Command::Revoke(lease) => self.end(*lease, None, limits),
            Command::KeepAlive(lease) => self.renew(*lease),
            Command::Expire { lease, renewals } => self.end(*lease, Some(*renewals), limits),
        }
    }

    /// Carries a write out, which is most of what a store does.
    pub(crate) fn carry_out_put(&mut self, put: BorrowedPut<'_>, limits: &Limits) -> Result<Outcome, Refusal> {
        limits.put(put)?;
        self.admits(put)?;
        self.write(limits, |writer| writer.put(put))
    }

    /// Writes at the next revision, which is the newest then, if anything was written.
    fn write<T>(&mut self, limits: &Limits, write: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        let at = Place { main: Revision(self.revision.0 + 1), sub: 0 };
        let mut writer = Writer { state: self, at, budget: Budget::new(limits.answer_bytes) };
        let written = write(&mut writer)?;
        if writer.at.sub > 0 {
            self.revision = at.main;
        }
        Ok(written)
    }

    fn carry_out_transaction(&mut self, transaction: &Transaction, limits: &Limits) -> Result<Outcome, Refusal> {
        limits.transaction(transaction)?;
        let chosen = self.choose(transaction);
        self.admits_all(&chosen)?;
        let before = chosen.writes_and_reads().then(|| self.clone());
        let outcome = self.write(limits, |writer| writer.list(&chosen));
        if let (Err(_), Some(before)) = (&outcome, before) {
            *self = before;
        }
        outcome
    }

    fn compact(&mut self, revision: Revision) -> Result<Outcome, Refusal> {
        if revision <= self.floor {
            return Err(Refusal::Compacted { floor: self.floor });
        }
        if revision > self.revision {
            return Err(Refusal::Future { newest: self.revision });
        }
        self.floor = revision;
        self.trim(TRIMMED_AT_ONCE);
        Ok(Outcome::Compacted)
    }

    fn grant(&mut self, lease: LeaseId, ttl_seconds: u64, limits: &Limits) -> Result<Outcome, Refusal> {
        if ttl_seconds == 0 || ttl_seconds > limits.ttl_seconds {
            return Err(Refusal::TtlOutOfRange { max: limits.ttl_seconds });
        }
        if lease.0 > i64::MAX as u64 {
            return Err(Refusal::LeaseIdOutOfRange(lease));
        }
        if self.leases.contains_key(&lease) {
            return Err(Refusal::LeaseExists(lease));
        }
        if self.leases.len() >= limits.leases {
            return Err(Refusal::TooManyLeases { max: limits.leases as u64 });
        }
        let lease = if lease == LeaseId::NONE { self.name_lease() } else { lease };
        self.add_lease(lease, ttl_seconds, 0);
        Ok(Outcome::Granted { lease, ttl_seconds })
    }

    /// A name that no lease has now, and none had that got its name here.
    fn name_lease(&mut self) -> LeaseId {
        loop {
            self.named = if self.named >= i64::MAX as u64 { 1 } else { self.named + 1 };
            if !self.leases.contains_key(&LeaseId(self.named)) {
                return LeaseId(self.named);
            }
        }
    }

    fn renew(&mut self, lease: LeaseId) -> Result<Outcome, Refusal> {
        let found = self.leases.get_mut(&lease).ok_or(Refusal::LeaseNotFound(lease))?;
        found.renewals += 1;
        Ok(Outcome::KeptAlive { lease, ttl_seconds: found.ttl_seconds, renewals: found.renewals })
    }

    /// Ends a lease, unless it was renewed since it had been renewed so often. Its keys go in one revision.
    fn end(&mut self, lease: LeaseId, renewals: Option<u64>, limits: &Limits) -> Result<Outcome, Refusal> {
        let found = self.leases.get(&lease).ok_or(Refusal::LeaseNotFound(lease))?;
        if renewals.is_some_and(|renewals| renewals != found.renewals) {
            return Err(Refusal::LeaseRenewed(lease));
        }
        let keys = found.keys.clone();
        let deleted = self.write(limits, |writer| {
            let doomed = keys.iter().filter_map(|key| writer.state.live(key).cloned()).collect::<Vec<_>>();
            doomed.iter().for_each(|record| writer.delete_one(record));
            Ok(doomed.len() as u64)
        })?;
        self.remove_lease(lease);
        Ok(Outcome::Ended { lease, deleted })
    }
}

impl Writer<'_> {
    fn list(&mut self, chosen: &Chosen<'_>) -> Result<Outcome, Refusal> {
        let outcomes = chosen.ops.iter().map(|step| match step {
            Step::Put(put) => self.put(*put),
            Step::Delete(delete) => self.delete(delete),
            Step::Range(range) => read::range(&self.state.keys, range, &mut self.budget).map(Outcome::Range),
            Step::Transaction(inner) => self.list(inner),
        });
        let outcomes = outcomes.collect::<Result<_, _>>()?;
        Ok(Outcome::Transaction { succeeded: chosen.succeeded, outcomes })
    }

    fn put(&mut self, put: BorrowedPut<'_>) -> Result<Outcome, Refusal> {
        let kept = if put.prev_kv || put.ignore_value || put.ignore_lease { self.state.live(put.key).cloned() } else { None };
        let prev = kept.as_ref().filter(|_| put.prev_kv).map(|before| self.budget.tell(before, true)).transpose()?;
        let value = kept.as_ref().filter(|_| put.ignore_value).map_or(put.value, |before| &before.value);
        let lease = kept.as_ref().filter(|_| put.ignore_lease).map_or(put.lease, |before| before.lease);
        self.state.put(self.at, put.key, value.into(), lease);
        self.at.sub += 1;
        Ok(Outcome::Put { prev })
    }

    fn delete(&mut self, delete: &Delete) -> Result<Outcome, Refusal> {
        let doomed = self.state.live_in(&delete.keys);
        let told = if delete.prev_kv { doomed.as_slice() } else { &[] };
        let prev = told.iter().map(|record| self.budget.tell(record, true)).collect::<Result<_, _>>()?;
        doomed.iter().for_each(|record| self.delete_one(record));
        Ok(Outcome::Deleted { deleted: doomed.len() as u64, prev })
    }

    fn delete_one(&mut self, record: &crate::history::Record) {
        self.state.delete(self.at, record);
        self.at.sub += 1;
    }
}

#[cfg(test)]
mod tests {
    use quorate_env::rng::Seeded;
    use quorate_storage::machine::SnapshotSource as _;

    use super::*;
    use crate::keys::Keys;
    use crate::range::Range;
    use crate::{Put, Watch};

    /// All that can be seen of a state.
    fn seen(state: &State) -> (Vec<u8>, Vec<crate::Found>, crate::Changes) {
        let mut bytes = Vec::new();
        crate::snapshot::Frozen(state.clone()).write_to(&mut bytes).unwrap();
        let at = |revision| Range { revision: Revision(revision), ..Range::new(Keys::all()) };
        let found = (state.floor.0..=state.revision.0).map(|revision| read::range(&state.keys, &at(revision), &mut Budget::new(1 << 20)));
        let watch = Watch { prev_kv: true, ..Watch::new(Keys::all()) };
        (bytes, found.collect::<Result<_, _>>().unwrap(), state.changes_for(&watch, state.floor.into(), 1 << 20).unwrap())
    }

    #[test]
    fn what_is_below_the_floor_makes_no_difference_while_it_is_forgotten() {
        let limits = Limits::default();
        for seed in 0..8 {
            let (mut rng, mut state) = (Seeded::new(seed), State::new());
            for _ in 0..300 {
                // One key is written so often that its versions become a tree.
                let key = if rng.one_in(2) { vec![b'h'] } else { vec![b'a' + rng.below(6) as u8] };
                let command = match rng.below(3) {
                    0 if !rng.one_in(4) => Command::Delete(Delete { keys: Keys::one(key), prev_kv: false }),
                    _ => Command::Put(Put::new(key, "value")),
                };
                state.carry_out(&command, &limits).unwrap();
            }
            for _ in 0..3 {
                state.floor = Revision(state.floor.0.max(1) + rng.below(state.revision.0 - state.floor.0.max(1) + 1));
                let (before, mut bytes) = (seen(&state), state.memory_bytes());
                while state.changes.front().is_some_and(|first| first.place.main < state.floor) {
                    state.trim(1);
                    assert_eq!(seen(&state), before, "seed {seed}, floor {}", state.floor);
                    assert!(state.memory_bytes() <= bytes);
                    bytes = state.memory_bytes();
                }
                let kept = state.keys.iter().map(|(_, history)| history.len()).sum::<usize>();
                assert!(kept <= state.changes.len() + before.1[0].kvs.len() + state.keys.len(), "seed {seed}: {kept} versions are kept");
            }
        }
    }
}
