//! The configurations that the log holds: the one in force is the last of them, and a cut brings back the one before.

use quorate_core::electorate::Member;
use quorate_core::ids::Height;
use quorate_core::mark::Mark;

use super::configuration::{Configuration, Peer};

/// Configurations by the entry from which they hold; the first holds as of the log's floor.
#[derive(Debug)]
pub(super) struct Members(Vec<(Height, Configuration)>);

impl Members {
    pub(super) fn new(at: Height, configuration: Configuration) -> Self {
        Self(vec![(at, configuration)])
    }

    fn newest(&self) -> &(Height, Configuration) {
        self.0.last().expect("there is a configuration as of the floor")
    }

    pub(super) fn current(&self) -> &Configuration {
        &self.newest().1
    }

    /// The entry from which the current one holds.
    pub(super) fn since(&self) -> Height {
        self.newest().0
    }

    /// The one before the current one, as long as the log may still come back to it.
    pub(super) fn before(&self) -> Option<&Configuration> {
        self.0.iter().rev().nth(1).map(|held| &held.1)
    }

    /// The one that held as of an entry.
    pub(super) fn at(&self, index: Height) -> &Configuration {
        let behind = self.0.partition_point(|held| held.0 <= index);
        &self.0[behind.max(1) - 1].1
    }

    pub(super) fn push(&mut self, at: Height, configuration: Configuration) {
        assert!(at > self.since(), "configurations come in the order of the log");
        self.0.push((at, configuration));
    }

    /// Forgets what entries from here on said. Returns whether that was the one in force.
    pub(super) fn cut(&mut self, from: Height) -> bool {
        let before = self.0.len();
        while self.0.len() > 1 && self.since() >= from {
            self.0.pop();
        }
        self.0.len() < before
    }

    /// Forgets what held before a snapshot's mark.
    pub(super) fn give_up(&mut self, mark: Mark) {
        let behind = self.0.partition_point(|held| held.0 <= mark.index);
        self.0.drain(..behind.max(1) - 1);
    }

    /// Begins anew with a received snapshot's.
    pub(super) fn replace(&mut self, at: Height, configuration: Configuration) {
        self.0 = vec![(at, configuration)];
    }

    /// About how much memory they take.
    pub(super) fn memory_bytes(&self) -> usize {
        let peers = |held: &(Height, Configuration)| held.1.peers().len() + held.1.outgoing().len();
        self.0.iter().map(|held| size_of::<Configuration>() + peers(held) * (size_of::<Peer>() + size_of::<Member>())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::ids::{Epoch, View};

    #[test]
    fn a_cut_brings_back_the_configuration_before() {
        let first = Configuration::new(Epoch(1), [Peer::voter(1)]).unwrap();
        let second = first.towards([Peer::voter(2)]).unwrap();
        let mut members = Members::new(Height(0), first.clone());
        members.push(Height(5), second.clone());
        members.push(Height(9), second.settled());
        assert_eq!((members.at(Height(4)), members.at(Height(8))), (&first, &second));
        assert!(members.cut(Height(9)) && !members.cut(Height(6)));
        assert_eq!((members.current(), members.since()), (&second, Height(5)));
        members.give_up(Mark { index: Height(7), term: View(1) });
        assert_eq!((members.0.len(), members.current()), (1, &second));
        assert!(!members.cut(Height(6)));
    }
}
