//! Messages between the servers of the laboratory: each is in a list until the test lets it arrive, or loses it.

use std::collections::BTreeSet;

use quorate_protocol::raft::Message;

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Who sent it.
    pub from: u64,
    /// For whom it is.
    pub to: u64,
    /// What it says.
    pub message: Message,
}

/// Messages on their way, by age, and what is wrong with the links.
#[derive(Default)]
pub(super) struct Post {
    pub(super) mail: Vec<Mail>,
    cut: BTreeSet<(u64, u64)>,
    held: BTreeSet<(u64, u64)>,
}

impl Post {
    /// Takes a message, unless its link is cut.
    pub(super) fn send(&mut self, mail: Mail) {
        if !self.cut.contains(&(mail.from, mail.to)) {
            self.mail.push(mail);
        }
    }

    /// Cuts a link in one direction, and loses what is on it.
    pub(super) fn cut(&mut self, from: u64, to: u64) {
        self.cut.insert((from, to));
        self.lose(|mail| (mail.from, mail.to) == (from, to));
    }

    pub(super) fn hold(&mut self, from: u64, to: u64) {
        self.held.insert((from, to));
    }

    pub(super) fn heal(&mut self) {
        self.cut.clear();
        self.held.clear();
    }

    pub(super) fn lose(&mut self, which: impl Fn(&Mail) -> bool) -> Vec<Mail> {
        let (lost, kept) = std::mem::take(&mut self.mail).into_iter().partition(which);
        self.mail = kept;
        lost
    }

    /// The oldest message that `which` picks and no link holds back.
    pub(super) fn next(&mut self, which: impl Fn(&Mail) -> bool) -> Option<Mail> {
        let held = &self.held;
        let at = self.mail.iter().position(|mail| which(mail) && !held.contains(&(mail.from, mail.to)))?;
        Some(self.mail.remove(at))
    }
}
