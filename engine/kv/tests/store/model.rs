//! A store that keeps a whole map for every revision, looks at everything each time, and shares no code with the real one.
//!
//! Where a command is wrong in several ways, the model says all of them, and the store may name any.

use std::collections::BTreeMap;

use quorate_kv::{
    Command, Compare, Event, Found, KeyValue, Keys, LeaseId, Limits, Op, Outcome, Put, Query, Range, Refusal, Revision, SortBy, Target,
    Told, Transaction, Watch,
};

type Map = BTreeMap<Vec<u8>, KeyValue>;

pub(crate) struct Model {
    limits: Limits,
    /// The map at each revision; the first is at revision 1.
    maps: Vec<Map>,
    /// What happened at each revision, in order.
    events: Vec<Vec<Event>>,
    pub(crate) floor: u64,
    /// Seconds and renewals.
    leases: BTreeMap<u64, (u64, u64)>,
    named: u64,
}

/// What one command does to a copy of the map.
struct Draft {
    map: Map,
    events: Vec<Event>,
    revision: u64,
}

impl Model {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, maps: vec![Map::new()], events: vec![Vec::new()], floor: 0, leases: BTreeMap::new(), named: 0 }
    }

    pub(crate) fn revision(&self) -> u64 {
        self.maps.len() as u64
    }

    fn now(&self) -> &Map {
        &self.maps[self.maps.len() - 1]
    }

    pub(crate) fn at(&self, revision: u64) -> &Map {
        &self.maps[revision as usize - 1]
    }

    /// Does what it is told: what came of it, or everything that is wrong with it.
    pub(crate) fn apply(&mut self, command: &Command) -> Result<Outcome, Vec<Refusal>> {
        match command {
            Command::Put(put) => self.one(&Op::Put(put.clone())),
            Command::Delete(delete) => self.one(&Op::Delete(delete.clone())),
            Command::Transaction(transaction) => self.all(transaction),
            Command::Compact(revision) => {
                self.refuse(&[
                    (revision.0 <= self.floor, Refusal::Compacted { floor: Revision(self.floor) }),
                    (revision.0 > self.revision(), Refusal::Future { newest: Revision(self.revision()) }),
                ])?;
                self.floor = revision.0;
                Ok(Outcome::Compacted)
            }
            Command::Grant { lease, ttl_seconds } => {
                let (max, leases) = (self.limits.ttl_seconds, self.limits.leases);
                self.refuse(&[
                    (*ttl_seconds == 0 || *ttl_seconds > max, Refusal::TtlOutOfRange { max }),
                    (lease.0 > i64::MAX as u64, Refusal::LeaseIdOutOfRange(*lease)),
                    (self.leases.contains_key(&lease.0), Refusal::LeaseExists(*lease)),
                    (self.leases.len() >= leases, Refusal::TooManyLeases { max: leases as u64 }),
                ])?;
                let lease = if lease.0 == 0 {
                    self.named = (self.named + 1..).find(|name| !self.leases.contains_key(name)).unwrap();
                    LeaseId(self.named)
                } else {
                    *lease
                };
                self.leases.insert(lease.0, (*ttl_seconds, 0));
                Ok(Outcome::Granted { lease, ttl_seconds: *ttl_seconds })
            }
            Command::KeepAlive(lease) => {
                let (ttl_seconds, renewals) = self.leases.get_mut(&lease.0).ok_or(vec![Refusal::LeaseNotFound(*lease)])?;
                *renewals += 1;
                Ok(Outcome::KeptAlive { lease: *lease, ttl_seconds: *ttl_seconds, renewals: *renewals })
            }
            Command::Revoke(lease) => self.end(*lease),
            Command::Expire { lease, renewals } => match self.leases.get(&lease.0) {
                Some((_, real)) if real != renewals => Err(vec![Refusal::LeaseRenewed(*lease)]),
                _ => self.end(*lease),
            },
        }
    }

    fn end(&mut self, lease: LeaseId) -> Result<Outcome, Vec<Refusal>> {
        self.leases.remove(&lease.0).ok_or(vec![Refusal::LeaseNotFound(lease)])?;
        let mut draft = self.draft();
        let keys = self.keys_of(lease);
        keys.iter().for_each(|key| draft.delete(key));
        self.commit(draft);
        Ok(Outcome::Ended { lease, deleted: keys.len() as u64 })
    }

    fn keys_of(&self, lease: LeaseId) -> Vec<Vec<u8>> {
        self.now().values().filter(|kv| kv.lease == lease).map(|kv| kv.key.clone()).collect()
    }

    fn refuse(&self, reasons: &[(bool, Refusal)]) -> Result<(), Vec<Refusal>> {
        let found: Vec<_> = reasons.iter().filter(|(is, _)| *is).map(|(_, refusal)| *refusal).collect();
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    fn draft(&self) -> Draft {
        Draft { map: self.now().clone(), events: Vec::new(), revision: self.revision() + 1 }
    }

    fn commit(&mut self, draft: Draft) {
        if !draft.events.is_empty() {
            self.maps.push(draft.map);
            self.events.push(draft.events);
        }
    }

    fn one(&mut self, op: &Op) -> Result<Outcome, Vec<Refusal>> {
        let mut wrong = Vec::new();
        if let Op::Put(put) = op {
            self.wrong_with_put(put, &mut wrong);
        }
        self.needs(op, &mut wrong);
        self.finish(wrong, std::slice::from_ref(op)).map(|(_, outcomes)| outcomes.into_iter().next().unwrap())
    }

    fn all(&mut self, transaction: &Transaction) -> Result<Outcome, Vec<Refusal>> {
        let mut wrong = Vec::new();
        let mut total = 0;
        self.wrong_with(transaction, self.limits.operations as i64, 1, &mut total, &mut wrong);
        if total > self.limits.operations * self.limits.depth {
            wrong.push(Refusal::TooManyOperations { max: self.limits.operations as u64 });
        }
        if [&transaction.success, &transaction.failure].into_iter().flat_map(|list| ways(list)).any(|way| writes_twice(&way)) {
            wrong.push(Refusal::DuplicateKey);
        }
        let list = self.chosen(transaction);
        list.iter().for_each(|op| self.needs(op, &mut wrong));
        let succeeded = transaction.compares.iter().all(|compare| self.holds(compare));
        self.finish(wrong, list).map(|(_, outcomes)| Outcome::Transaction { succeeded, outcomes })
    }

    /// Carries a list out, unless something is wrong or would be too much.
    fn finish(&mut self, mut wrong: Vec<Refusal>, list: &[Op]) -> Result<((), Vec<Outcome>), Vec<Refusal>> {
        if wrong.is_empty() {
            let mut draft = self.draft();
            let outcomes: Vec<_> = list.iter().map(|op| self.carry_out(&mut draft, op)).collect();
            if outcomes.iter().map(told_bytes).sum::<usize>() <= self.limits.answer_bytes {
                self.commit(draft);
                return Ok(((), outcomes));
            }
            wrong.push(Refusal::AnswerTooLong { max: self.limits.answer_bytes as u64 });
        }
        Err(wrong)
    }

    fn carry_out(&self, draft: &mut Draft, op: &Op) -> Outcome {
        match op {
            Op::Put(put) => {
                let before = draft.map.get(&put.key).cloned();
                let old = before.clone().unwrap_or_default();
                draft.put(KeyValue {
                    key: put.key.clone(),
                    create_revision: if before.is_some() { old.create_revision } else { Revision(draft.revision) },
                    mod_revision: Revision(draft.revision),
                    version: old.version + 1,
                    lease: if put.ignore_lease { old.lease } else { put.lease },
                    value: if put.ignore_value { old.value } else { put.value.clone() },
                });
                Outcome::Put { prev: before.filter(|_| put.prev_kv) }
            }
            Op::Delete(delete) => {
                let gone: Vec<_> = draft.map.values().filter(|kv| delete.keys.contain(&kv.key)).cloned().collect();
                gone.iter().for_each(|kv| draft.delete(&kv.key));
                Outcome::Deleted { deleted: gone.len() as u64, prev: if delete.prev_kv { gone } else { Vec::new() } }
            }
            Op::Range(range) => Outcome::Range(found(if range.revision.0 == 0 { &draft.map } else { self.at(range.revision.0) }, range)),
            Op::Transaction(inner) => {
                let succeeded = inner.compares.iter().all(|compare| self.holds(compare));
                let outcomes = self.chosen(inner).iter().map(|op| self.carry_out(draft, op)).collect();
                Outcome::Transaction { succeeded, outcomes }
            }
        }
    }

    fn chosen<'a>(&self, transaction: &'a Transaction) -> &'a [Op] {
        if transaction.compares.iter().all(|compare| self.holds(compare)) { &transaction.success } else { &transaction.failure }
    }

    fn holds(&self, compare: &Compare) -> bool {
        let mut kvs: Vec<_> = self.now().values().filter(|kv| compare.keys.contain(&kv.key)).cloned().map(Some).collect();
        if kvs.is_empty() {
            kvs.push(None);
        }
        kvs.into_iter().all(|kv| {
            let there = kv.is_some();
            let kv = kv.unwrap_or_default();
            let order = match &compare.target {
                Target::Version(version) => kv.version.cmp(version),
                Target::Created(revision) => kv.create_revision.cmp(revision),
                Target::Modified(revision) => kv.mod_revision.cmp(revision),
                Target::Lease(lease) => kv.lease.cmp(lease),
                Target::Value(value) if there => kv.value.cmp(value),
                Target::Value(_) => return false,
            };
            match compare.is {
                quorate_kv::Is::Equal => order.is_eq(),
                quorate_kv::Is::NotEqual => order.is_ne(),
                quorate_kv::Is::Less => order.is_lt(),
                quorate_kv::Is::Greater => order.is_gt(),
            }
        })
    }

    fn wrong_with_put(&self, put: &Put, wrong: &mut Vec<Refusal>) {
        let (keys, values) = (self.limits.key_bytes, self.limits.value_bytes);
        let reasons = [
            (put.key.is_empty(), Refusal::EmptyKey),
            (put.key.len() > keys, Refusal::KeyTooLong { max: keys as u64 }),
            (put.value.len() > values, Refusal::ValueTooLong { max: values as u64 }),
            (put.ignore_value && !put.value.is_empty(), Refusal::ValueProvided),
            (put.ignore_lease && put.lease.0 != 0, Refusal::LeaseProvided),
        ];
        wrong.extend(reasons.into_iter().filter(|(is, _)| *is).map(|(_, refusal)| refusal));
    }

    fn wrong_with(&self, transaction: &Transaction, room: i64, depth: usize, total: &mut usize, wrong: &mut Vec<Refusal>) {
        let lens = [transaction.compares.len(), transaction.success.len(), transaction.failure.len()];
        *total += lens.iter().sum::<usize>();
        let room = room - *lens.iter().max().unwrap() as i64;
        if room < 0 {
            wrong.push(Refusal::TooManyOperations { max: self.limits.operations as u64 });
        }
        if depth > self.limits.depth {
            wrong.push(Refusal::TooDeep { max: self.limits.depth as u64 });
        }
        for op in transaction.success.iter().chain(&transaction.failure) {
            match op {
                Op::Put(put) => self.wrong_with_put(put, wrong),
                Op::Transaction(inner) => self.wrong_with(inner, room, depth + 1, total, wrong),
                Op::Delete(_) | Op::Range(_) => {}
            }
        }
    }

    /// What an operation that is carried out needs and does not find.
    fn needs(&self, op: &Op, wrong: &mut Vec<Refusal>) {
        match op {
            Op::Put(put) => {
                if (put.ignore_value || put.ignore_lease) && !self.now().contains_key(&put.key) {
                    wrong.push(Refusal::KeyNotFound);
                }
                if put.lease.0 != 0 && !self.leases.contains_key(&put.lease.0) {
                    wrong.push(Refusal::LeaseNotFound(put.lease));
                }
            }
            Op::Range(range) => wrong.extend(self.unreadable(range.revision)),
            Op::Transaction(inner) => self.chosen(inner).iter().for_each(|op| self.needs(op, wrong)),
            Op::Delete(_) => {}
        }
    }

    fn unreadable(&self, revision: Revision) -> Option<Refusal> {
        if revision.0 > self.revision() {
            return Some(Refusal::Future { newest: Revision(self.revision()) });
        }
        (revision.0 != 0 && revision.0 < self.floor).then_some(Refusal::Compacted { floor: Revision(self.floor) })
    }

    pub(crate) fn ask(&self, query: &Query) -> Told {
        match query {
            Query::Range(range) => {
                if let Some(refusal) = self.unreadable(range.revision) {
                    return Told::Refused(refusal);
                }
                let found = found(if range.revision.0 == 0 { self.now() } else { self.at(range.revision.0) }, range);
                let bytes = told_bytes(&Outcome::Range(found.clone()));
                let max = self.limits.answer_bytes;
                if bytes > max { Told::Refused(Refusal::AnswerTooLong { max: max as u64 }) } else { Told::Range(found) }
            }
            Query::Lease { lease, keys } => match self.leases.get(&lease.0) {
                None => Told::Refused(Refusal::LeaseNotFound(*lease)),
                Some((ttl_seconds, renewals)) => Told::Lease(quorate_kv::LeaseInfo {
                    lease: *lease,
                    ttl_seconds: *ttl_seconds,
                    renewals: *renewals,
                    keys: if *keys { self.keys_of(*lease) } else { Vec::new() },
                }),
            },
            Query::Leases => Told::Leases(self.leases.keys().copied().map(LeaseId).collect()),
        }
    }

    /// What a watch is to see from a revision on.
    pub(crate) fn seen(&self, watch: &Watch, from: u64) -> Vec<Event> {
        let mut seen = Vec::new();
        for (revision, events) in (1..).zip(&self.events).filter(|(revision, _)| *revision >= from) {
            for event in events.iter().filter(|event| watch.keys.contain(&event.kv.key)) {
                if if event.is_deletion() { watch.no_delete } else { watch.no_put } {
                    continue;
                }
                let remembered = watch.prev_kv && revision > self.floor;
                seen.push(Event { kv: event.kv.clone(), prev: event.prev.clone().filter(|_| remembered) });
            }
        }
        seen
    }
}

impl Draft {
    fn put(&mut self, kv: KeyValue) {
        let prev = self.map.insert(kv.key.clone(), kv.clone());
        self.events.push(Event { kv, prev });
    }

    fn delete(&mut self, key: &[u8]) {
        let prev = self.map.remove(key);
        let kv = KeyValue { key: key.to_vec(), mod_revision: Revision(self.revision), ..KeyValue::default() };
        self.events.push(Event { kv, prev });
    }
}

fn found(map: &Map, range: &Range) -> Found {
    let all: Vec<_> = map.values().filter(|kv| range.keys.contain(&kv.key)).cloned().collect();
    let count = all.len() as u64;
    if range.count_only {
        return Found { kvs: Vec::new(), more: false, count };
    }
    let below = |at: Revision, most: Revision| most.0 == 0 || at <= most;
    let mut kvs: Vec<_> = all
        .into_iter()
        .filter(|kv| kv.mod_revision >= range.min_mod_revision && below(kv.mod_revision, range.max_mod_revision))
        .filter(|kv| kv.create_revision >= range.min_create_revision && below(kv.create_revision, range.max_create_revision))
        .collect();
    kvs.sort_by(|one, other| {
        let order = match range.sort.by {
            SortBy::Key => one.key.cmp(&other.key),
            SortBy::Version => one.version.cmp(&other.version),
            SortBy::Created => one.create_revision.cmp(&other.create_revision),
            SortBy::Modified => one.mod_revision.cmp(&other.mod_revision),
            SortBy::Value => one.value.cmp(&other.value),
        };
        let order = if range.sort.descending { order.reverse() } else { order };
        order.then(one.key.cmp(&other.key))
    });
    let limit = if range.limit == 0 { kvs.len() } else { range.limit as usize };
    let more = kvs.len() > limit;
    kvs.truncate(limit);
    if range.keys_only {
        kvs.iter_mut().for_each(|kv| kv.value.clear());
    }
    Found { kvs, more, count }
}

/// What the keys that are told take in an answer.
fn told_bytes(outcome: &Outcome) -> usize {
    let all = |kvs: &[KeyValue]| kvs.iter().map(|kv| 40 + kv.key.len() + kv.value.len()).sum();
    match outcome {
        Outcome::Put { prev } => all(prev.as_slice()),
        Outcome::Deleted { prev, .. } => all(prev),
        Outcome::Range(found) => all(&found.kvs),
        Outcome::Transaction { outcomes, .. } => outcomes.iter().map(told_bytes).sum(),
        _ => 0,
    }
}

/// Every way in which a list can be carried out, whatever its transactions compare to.
fn ways(list: &[Op]) -> Vec<Vec<Op>> {
    list.iter().fold(vec![Vec::new()], |ways_before, op| {
        let ends: Vec<Vec<Op>> = match op {
            Op::Transaction(inner) => [&inner.success, &inner.failure].into_iter().flat_map(|list| ways(list)).collect(),
            other => vec![vec![other.clone()]],
        };
        ways_before.iter().flat_map(|way| ends.iter().map(move |end| [way.as_slice(), end].concat())).collect()
    })
}

fn writes_twice(way: &[Op]) -> bool {
    way.iter().enumerate().any(|(nth, op)| {
        let Op::Put(put) = op else { return false };
        way.iter().enumerate().any(|(other, op)| match op {
            Op::Put(second) => other != nth && second.key == put.key,
            Op::Delete(delete) => delete.keys.contain(&put.key),
            _ => false,
        })
    })
}

/// Whether an interval is what it is called, told once more.
#[test]
fn the_model_and_the_store_agree_on_what_a_key_lies_in() {
    for (keys, inside) in
        [(Keys::one("b"), "b"), (Keys::between("a", "b"), "a aa az"), (Keys::from("b"), "b ba c"), (Keys::prefix("a"), "a aa az")]
    {
        for key in ["", "a", "aa", "az", "b", "ba", "c"] {
            assert_eq!(keys.contain(key.as_bytes()), inside.split(' ').any(|one| one == key), "{keys:?}, {key}");
        }
    }
}
