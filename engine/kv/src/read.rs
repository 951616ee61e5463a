//! How the state is read: ranges, and what a transaction compares.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::OrdMap;

use crate::history::{History, Record};
use crate::key::Key;
use crate::keys::{End, Keys};
use crate::range::{Found, Range, SortBy};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::{Compare, Target};
use crate::value::{KeyValue, LeaseId, Revision};

/// How much may still be told.
pub(crate) struct Budget {
    left: usize,
    max: usize,
}

impl Budget {
    pub(crate) fn new(max: usize) -> Self {
        Self { left: max, max }
    }

    /// Takes what a key costs, and tells it.
    pub(crate) fn tell(&mut self, record: &Record, with_value: bool) -> Result<KeyValue, Refusal> {
        let cost = KeyValue::BYTES_MIN + record.key.len() + if with_value { record.value.len() } else { 0 };
        self.left = self.left.checked_sub(cost).ok_or(Refusal::AnswerTooLong { max: self.max as u64 })?;
        Ok(record.kv(with_value))
    }
}

/// Reads keys that are already known to be readable at the range's revision.
pub(crate) fn range(keys: &OrdMap<Key, History>, range: &Range, budget: &mut Budget) -> Result<Found, Refusal> {
    let revision = if range.revision.0 == 0 { Revision(u64::MAX) } else { range.revision };
    let limit = if range.limit == 0 { usize::MAX } else { usize::try_from(range.limit).unwrap_or(usize::MAX) };
    // Whoever wants them in another order, or not all, must see them all first.
    let most = if range.count_only { 0 } else { usize::MAX };
    let most = if range.is_plain() { most.min(limit) } else { most };
    let (mut records, mut count) = (Vec::new(), 0_u64);
    walk(keys, &range.keys, revision, |record| {
        count += 1;
        if records.len() < most {
            records.push(record);
        }
    });
    if range.count_only {
        return Ok(Found { kvs: Vec::new(), more: false, count });
    }
    let mut more = (records.len() as u64) < count;
    if !range.is_plain() {
        records.retain(|record| range.wants(record.created, record.place.main));
        records.sort_by(|one, other| {
            let order = compare(range.sort.by, one, other);
            if range.sort.descending { order.reverse() } else { order }
        });
        more = records.len() > limit;
        records.truncate(limit);
    }
    let kvs = records.into_iter().map(|record| budget.tell(record, !range.keys_only)).collect::<Result<_, _>>()?;
    Ok(Found { kvs, more, count })
}

/// Goes along the keys that are there at a revision.
fn walk<'a>(all: &'a OrdMap<Key, History>, keys: &Keys, revision: Revision, mut see: impl FnMut(&'a Arc<Record>)) {
    match keys.end {
        End::Single => all.get(keys.key.as_slice()).and_then(|history| history.at(revision)).into_iter().for_each(see),
        _ if keys.are_none() => {}
        _ => all.range::<_, [u8]>(keys.bounds()).filter_map(|(_, history)| history.at(revision)).for_each(&mut see),
    }
}

fn compare(by: SortBy, one: &Record, other: &Record) -> Ordering {
    match by {
        SortBy::Key => one.key.cmp(&other.key),
        SortBy::Version => one.version.cmp(&other.version),
        SortBy::Created => one.created.cmp(&other.created),
        SortBy::Modified => one.place.main.cmp(&other.place.main),
        SortBy::Value => one.value.cmp(&other.value),
    }
}

impl State {
    /// Whether a comparison holds of all keys that it is about.
    pub(crate) fn holds(&self, compare: &Compare) -> bool {
        let holds = |created: Revision, modified: Revision, version: u64, lease: LeaseId, value: Option<&[u8]>| {
            let order = match &compare.target {
                Target::Version(than) => version.cmp(than),
                Target::Created(than) => created.cmp(than),
                Target::Modified(than) => modified.cmp(than),
                Target::Lease(than) => lease.cmp(than),
                Target::Value(than) => match value {
                    Some(value) => value.cmp(than),
                    None => return false,
                },
            };
            compare.is.holds(order)
        };
        let (mut any, mut all) = (false, true);
        walk(&self.keys, &compare.keys, Revision(u64::MAX), |record| {
            any = true;
            all = all && holds(record.created, record.place.main, record.version, record.lease, Some(&record.value));
        });
        if any { all } else { holds(Revision(0), Revision(0), 0, LeaseId::NONE, None) }
    }
}
