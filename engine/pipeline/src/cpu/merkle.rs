//! merkle: all levels of a tree, many nodes at a time. What does the work is [`crate::merkle`].

use quorate_core::hash::{Digest, TreeHash};

use crate::merkle::{Levels, Threads};

/// The last tree.
pub(super) struct Tree {
    levels: Levels,
    empty: [Digest; 1],
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { levels: Levels::new(Threads::One), empty: [Digest::ZERO] }
    }

    /// Builds a tree, with [`Threads::Pool`] on the pool that this is called from.
    pub(super) fn run(&mut self, leaves: &[[u8; 64]], hash: u8, threads: Threads) {
        let hash = TreeHash::from_code(hash).unwrap_or_default();
        self.levels.set_threads(threads);
        self.levels.build(hash, leaves);
        self.empty = [hash.empty()];
    }

    /// The nodes, as the stage's declaration orders them.
    pub(super) fn nodes(&self) -> &[Digest] {
        if self.levels.nodes().is_empty() { &self.empty } else { self.levels.nodes() }
    }

    pub(super) fn footprint(&self) -> usize {
        size_of_val(self.levels.nodes())
    }
}
