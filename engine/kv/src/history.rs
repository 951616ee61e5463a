//! The versions of one key, oldest first.
//!
//! A version is written once and shared by whoever holds it: the history, the list of changes, a snapshot being written. Most keys have
//! few; what is behind the newest is a list that is copied when a snapshot shares it, and from some length on a tree, which is not.

use std::sync::Arc;

use imbl::Vector;

use crate::key::Key;
use crate::value::{KeyValue, LeaseId, Revision};

/// How many versions are copied rather than shared.
const FEW: usize = 32;

/// Where something stands among all changes: at a revision, and there the so-manieth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) main: Revision,
    pub(crate) sub: u32,
}

/// One version of a key. Its number is zero where the key was deleted; it then has neither value nor lease.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) key: Key,
    pub(crate) place: Place,
    pub(crate) created: Revision,
    pub(crate) version: u64,
    pub(crate) lease: LeaseId,
    pub(crate) value: Box<[u8]>,
}

impl Record {
    pub(crate) fn is_deletion(&self) -> bool {
        self.version == 0
    }

    /// The key as it is told.
    pub(crate) fn kv(&self, with_value: bool) -> KeyValue {
        KeyValue {
            key: self.key.to_vec(),
            create_revision: self.created,
            mod_revision: self.place.main,
            version: self.version,
            lease: self.lease,
            value: if with_value { self.value.to_vec() } else { Vec::new() },
        }
    }

    /// What it takes in memory, once, wherever it is shared.
    pub(crate) fn memory_bytes(&self) -> usize {
        // Two counts before it, and a pointer to it from the history and from the changes, where lists are a quarter empty.
        size_of::<Self>() + 16 + 20 + self.key.bytes_elsewhere() + self.value.len()
    }
}

/// All versions of a key that are remembered. There is at least one.
#[derive(Clone, Debug)]
pub(crate) struct History {
    newest: Arc<Record>,
    older: Older,
}

#[derive(Clone, Debug)]
enum Older {
    None,
    Few(Arc<Vec<Arc<Record>>>),
    Many(Box<Vector<Arc<Record>>>),
}

impl History {
    pub(crate) fn new(first: Arc<Record>) -> Self {
        Self { newest: first, older: Older::None }
    }

    /// How many versions are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        1 + self.older.len()
    }

    /// The newest version, even if the key was deleted with it.
    pub(crate) fn newest(&self) -> &Arc<Record> {
        &self.newest
    }

    /// The newest version, if the key is there.
    pub(crate) fn live(&self) -> Option<&Arc<Record>> {
        Some(&self.newest).filter(|newest| !newest.is_deletion())
    }

    /// The key as it was at a revision, if it was there.
    pub(crate) fn at(&self, revision: Revision) -> Option<&Arc<Record>> {
        if self.newest.place.main <= revision {
            return self.live();
        }
        let known = self.older.until(revision);
        self.older.get(known.checked_sub(1)?).filter(|record| !record.is_deletion())
    }

    /// Adds a version behind all others.
    pub(crate) fn push(&mut self, record: Arc<Record>) {
        let before = std::mem::replace(&mut self.newest, record);
        match &mut self.older {
            Older::None => self.older = Older::Few(Arc::new(vec![before])),
            Older::Few(few) if few.len() < FEW => Arc::make_mut(few).push(before),
            Older::Few(few) => {
                let mut many: Vector<_> = few.iter().cloned().collect();
                many.push_back(before);
                self.older = Older::Many(Box::new(many));
            }
            Older::Many(many) => many.push_back(before),
        }
    }

    /// Forgets what cannot be read at `floor` or later, and hands it out. True if nothing is left: the key was deleted by then.
    pub(crate) fn cut(&mut self, floor: Revision, forgotten: &mut impl FnMut(&Record)) -> bool {
        if self.newest.place.main <= floor {
            self.older.drop_front(self.older.len(), forgotten);
            let gone = self.newest.is_deletion();
            if gone {
                forgotten(&self.newest);
            }
            return gone;
        }
        let known = self.older.until(floor);
        // The last of these is what is read at the floor, unless it is a deletion.
        let deleted = known.checked_sub(1).and_then(|last| self.older.get(last)).is_some_and(|record| record.is_deletion());
        self.older.drop_front(known.saturating_sub(usize::from(!deleted)), forgotten);
        false
    }
}

impl Older {
    fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    fn get(&self, nth: usize) -> Option<&Arc<Record>> {
        match self {
            Self::None => None,
            Self::Few(few) => few.get(nth),
            Self::Many(many) => many.get(nth),
        }
    }

    /// How many are of this revision or before.
    fn until(&self, revision: Revision) -> usize {
        let (mut least, mut most) = (0, self.len());
        while least < most {
            let middle = least + (most - least) / 2;
            if self.get(middle).is_some_and(|record| record.place.main <= revision) { least = middle + 1 } else { most = middle }
        }
        least
    }

    fn drop_front(&mut self, count: usize, forgotten: &mut impl FnMut(&Record)) {
        for nth in 0..count {
            self.get(nth).into_iter().for_each(|record| forgotten(record));
        }
        match self {
            Self::None => {}
            _ if count == 0 => {}
            _ if count == self.len() => *self = Self::None,
            Self::Few(few) => drop(Arc::make_mut(few).drain(..count)),
            Self::Many(many) => {
                let rest = many.split_off(count);
                *self = match rest.len() {
                    len if len <= FEW / 2 => Self::Few(Arc::new(rest.into_iter().collect())),
                    _ => Self::Many(Box::new(rest)),
                };
            }
        }
    }
}
