//! The hash that ties each group to all before it, computed while the disk is busy.
//!
//! A group's hash is not wanted before the next group is written. Where the disk begins with a group as soon as it is written,
//! whoever is about to wait for it hashes first, and waits for less. Elsewhere the disk begins when it is waited for, and a large group is
//! hashed by another thread; but nobody depends on that thread's having time: whoever wants the hash first computes it.

use std::sync::{Arc, OnceLock};

use quorate_core::hash::Digest;

use super::{Group, record};

/// Waking a thread costs as much as hashing some KiB.
const ELSEWHERE_BYTES: usize = 64 << 10;

/// The last group, and the hash behind it once somebody has computed that.
pub(super) struct Tail {
    group: Arc<Group>,
    before: Digest,
    chain: OnceLock<Digest>,
}

impl Tail {
    pub(super) fn new(group: Arc<Group>, before: Digest) -> Self {
        Self { group, before, chain: OnceLock::new() }
    }

    /// The hash over this group and all before it.
    pub(super) fn linked(&self) -> Digest {
        *self.chain.get_or_init(|| record::link(&self.before, &self.group.bytes))
    }

    /// Computes the hash before the disk is waited for: here if the disk has begun, elsewhere if it is only told to by waiting.
    pub(super) fn link_while_waiting(self: &Arc<Self>, begun: bool) {
        if begun {
            self.linked();
        } else if self.group.bytes.len() >= ELSEWHERE_BYTES {
            let tail = Arc::clone(self);
            rayon::spawn(move || _ = tail.linked());
        }
    }
}
