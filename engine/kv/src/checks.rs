//! Whether a command makes sense, before anything is done.
//!
//! First what can be said of the command alone: sizes, and that no key is written twice. Then, of the operations that will be carried out,
//! whether what they need is there. Only then does anything change, so that a refused transaction has changed nothing.

use std::collections::BTreeSet;

use crate::command::{BorrowedPut, Delete};
use crate::keys::Keys;
use crate::limits::Limits;
use crate::range::Range;
use crate::refusal::Refusal;
use crate::state::State;
use crate::transaction::{Op, Transaction};
use crate::value::{LeaseId, Revision};

/// The operations that a transaction turns out to do.
pub(crate) struct Chosen<'a> {
    pub(crate) succeeded: bool,
    pub(crate) ops: Vec<Step<'a>>,
}

/// One operation, with the list that was chosen if it is a transaction.
pub(crate) enum Step<'a> {
    Put(BorrowedPut<'a>),
    Delete(&'a Delete),
    Range(&'a Range),
    Transaction(Chosen<'a>),
}

impl Limits {
    pub(crate) fn key(&self, key: &[u8]) -> Result<(), Refusal> {
        match key.len() {
            0 => Err(Refusal::EmptyKey),
            len if len > self.key_bytes => Err(Refusal::KeyTooLong { max: self.key_bytes as u64 }),
            _ => Ok(()),
        }
    }

    pub(crate) fn put(&self, put: BorrowedPut<'_>) -> Result<(), Refusal> {
        self.key(put.key)?;
        if put.value.len() > self.value_bytes {
            return Err(Refusal::ValueTooLong { max: self.value_bytes as u64 });
        }
        if put.ignore_value && !put.value.is_empty() {
            return Err(Refusal::ValueProvided);
        }
        if put.ignore_lease && put.lease != LeaseId::NONE {
            return Err(Refusal::LeaseProvided);
        }
        Ok(())
    }

    /// What can be said of a transaction alone. A list may have as many operations as are left by the lists around it, and all of them
    /// together as many as lists that lie in each other could.
    pub(crate) fn transaction(&self, transaction: &Transaction) -> Result<(), Refusal> {
        let mut total = self.operations.saturating_mul(self.depth);
        self.sizes(transaction, self.operations, 1, &mut total)?;
        let (mut puts, mut deletes) = (BTreeSet::new(), Vec::new());
        written_once(&transaction.success, &mut puts, &mut deletes)?;
        written_once(&transaction.failure, &mut BTreeSet::new(), &mut Vec::new())
    }

    fn sizes(&self, transaction: &Transaction, operations: usize, depth: usize, total: &mut usize) -> Result<(), Refusal> {
        if depth > self.depth {
            return Err(Refusal::TooDeep { max: self.depth as u64 });
        }
        let longest = transaction.compares.len().max(transaction.success.len()).max(transaction.failure.len());
        let all = transaction.compares.len() + transaction.success.len() + transaction.failure.len();
        let (Some(left), Some(total_left)) = (operations.checked_sub(longest), total.checked_sub(all)) else {
            return Err(Refusal::TooManyOperations { max: self.operations as u64 });
        };
        *total = total_left;
        for op in transaction.success.iter().chain(&transaction.failure) {
            match op {
                Op::Put(put) => self.put(put.borrowed())?,
                Op::Delete(_) | Op::Range(_) => {}
                Op::Transaction(inner) => self.sizes(inner, left, depth + 1, total)?,
            }
        }
        Ok(())
    }
}

/// Checks that no key is written twice by a list of operations, and adds what the list writes and deletes to these.
///
/// The two lists of a transaction inside may write the same key, since only one of them is carried out; and a transaction may delete what
/// another list beside it deletes.
fn written_once<'a>(ops: &'a [Op], puts: &mut BTreeSet<&'a [u8]>, deletes: &mut Vec<&'a Keys>) -> Result<(), Refusal> {
    let own: Vec<&Keys> = ops.iter().filter_map(|op| if let Op::Delete(delete) = op { Some(&delete.keys) } else { None }).collect();
    let (mut written, mut deleted) = (BTreeSet::new(), own);
    for op in ops {
        let Op::Transaction(inner) = op else { continue };
        let (mut inner_puts, mut inner_deletes) = (BTreeSet::new(), Vec::new());
        for list in [&inner.success, &inner.failure] {
            let mut puts = BTreeSet::new();
            written_once(list, &mut puts, &mut inner_deletes)?;
            for key in &puts {
                once(key, &written, &deleted)?;
            }
            inner_puts.extend(puts);
        }
        written.iter().try_for_each(|key| once(key, &BTreeSet::new(), &inner_deletes))?;
        written.extend(inner_puts);
        deleted.extend(inner_deletes);
    }
    for op in ops {
        let Op::Put(put) = op else { continue };
        once(&put.key, &written, &deleted)?;
        written.insert(&put.key);
    }
    puts.extend(written);
    deletes.extend(deleted);
    Ok(())
}

fn once(key: &[u8], written: &BTreeSet<&[u8]>, deleted: &[&Keys]) -> Result<(), Refusal> {
    if written.contains(key) || deleted.iter().any(|keys| keys.contain(key)) { Err(Refusal::DuplicateKey) } else { Ok(()) }
}

impl State {
    /// Compares, and chooses what is done.
    pub(crate) fn choose<'a>(&self, transaction: &'a Transaction) -> Chosen<'a> {
        let succeeded = transaction.compares.iter().all(|compare| self.holds(compare));
        let list = if succeeded { &transaction.success } else { &transaction.failure };
        let ops = list.iter().map(|op| match op {
            Op::Put(put) => Step::Put(put.borrowed()),
            Op::Delete(delete) => Step::Delete(delete),
            Op::Range(range) => Step::Range(range),
            Op::Transaction(inner) => Step::Transaction(self.choose(inner)),
        });
        Chosen { succeeded, ops: ops.collect() }
    }

    /// Whether what a write needs is there.
    pub(crate) fn admits(&self, put: BorrowedPut<'_>) -> Result<(), Refusal> {
        if (put.ignore_value || put.ignore_lease) && self.live(put.key).is_none() {
            return Err(Refusal::KeyNotFound);
        }
        if put.lease != LeaseId::NONE && !self.leases.contains_key(&put.lease) {
            return Err(Refusal::LeaseNotFound(put.lease));
        }
        Ok(())
    }

    /// Whether a revision can be read. Zero is the newest.
    pub(crate) fn readable(&self, revision: Revision) -> Result<(), Refusal> {
        match revision {
            Revision(0) => Ok(()),
            past if past < self.floor => Err(Refusal::Compacted { floor: self.floor }),
            future if future > self.revision => Err(Refusal::Future { newest: self.revision }),
            _ => Ok(()),
        }
    }

    /// Whether what the chosen operations need is there.
    pub(crate) fn admits_all(&self, chosen: &Chosen<'_>) -> Result<(), Refusal> {
        chosen.ops.iter().try_for_each(|step| match step {
            Step::Put(put) => self.admits(*put),
            Step::Delete(_) => Ok(()),
            Step::Range(range) => self.readable(range.revision),
            Step::Transaction(inner) => self.admits_all(inner),
        })
    }
}

impl Chosen<'_> {
    /// Whether something is written and something is told of keys besides: then it may turn out too late that it is too much to tell.
    pub(crate) fn writes_and_reads(&self) -> bool {
        self.any(&|step| matches!(step, Step::Put(_) | Step::Delete(_)))
            && self.any(&|step| match step {
                Step::Put(put) => put.prev_kv,
                Step::Delete(delete) => delete.prev_kv,
                Step::Range(_) => true,
                Step::Transaction(_) => false,
            })
    }

    fn any(&self, what: &impl Fn(&Step<'_>) -> bool) -> bool {
        self.ops.iter().any(|step| what(step) || matches!(step, Step::Transaction(inner) if inner.any(what)))
    }
}
