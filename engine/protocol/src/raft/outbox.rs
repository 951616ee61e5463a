//! What leaves a server, and what it has to wait for.
//!
//! Nothing leaves that depends on something which is not on disk yet (figure 2: "updated on stable storage before responding to RPCs").
//! A step gathers what is to be written; at its end that becomes one numbered request, and whatever the step wants to say waits for
//! the number that it depends on: all for the latest term and vote, acknowledgements for the latest entries too.

use std::collections::VecDeque;

use quorate_core::counting::RoundKey;
use quorate_core::ids::Height;
use quorate_core::mark::Mark;

use super::entry::Entry;
use super::message::Letter;

/// How much may wait for the disk. What is over is dropped, as if the network had lost it.
const WAITING_MAX: usize = 4096;

/// Something to be said once the disk has what it depends on.
#[derive(Clone, Debug)]
pub(super) enum Saying {
    Letter(Letter),
    /// The server's own vote in an election.
    OwnGrant(RoundKey),
}

/// What it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Term and vote.
    Hard,
    /// These, and every entry so far.
    Entries,
}

/// What a step wants written.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) hard: bool,
    pub(super) cut: Option<Height>,
    pub(super) entries: Vec<Entry>,
}

impl Draft {
    pub(super) fn is_empty(&self) -> bool {
        !self.hard && self.cut.is_none() && self.entries.is_empty()
    }
}

/// What is under way to the disk, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) draft: Draft,
    sayings: Vec<(Need, Saying)>,
    issued: u64,
    durable: u64,
    /// The last request that changed term or vote.
    hard: u64,
    /// Requests with entries that are under way, and where the log ended then.
    writes: VecDeque<(u64, Mark)>,
    waiting: VecDeque<(u64, Saying)>,
}

impl Outbox {
    pub(super) fn say(&mut self, need: Need, saying: Saying) {
        self.sayings.push((need, saying));
    }

    /// Numbers the draft, if there is one. The log ends at `end` with it.
    pub(super) fn issue(&mut self, end: Mark) -> Option<(u64, Draft)> {
        if self.draft.is_empty() {
            return None;
        }
        let draft = std::mem::take(&mut self.draft);
        self.issued += 1;
        if draft.hard {
            self.hard = self.issued;
        }
        if draft.cut.is_some() {
            // Where the log ended before is no longer a place in it, even if a later leader brings back the same entry.
            self.writes.clear();
        }
        if draft.cut.is_some() || !draft.entries.is_empty() {
            self.writes.push_back((self.issued, end));
        }
        Some((self.issued, draft))
    }

    /// Hands out what the step wants to say and may, and keeps the rest. With `hasty`, acknowledgements do not wait.
    pub(super) fn release(&mut self, hasty: bool, mut out: impl FnMut(Saying)) {
        for (need, saying) in self.sayings.drain(..) {
            let number = if need == Need::Entries && !hasty { self.issued } else { self.hard };
            if number <= self.durable {
                out(saying);
            } else if self.waiting.len() < WAITING_MAX {
                self.waiting.push_back((number, saying));
            }
        }
    }

    /// Takes note that everything up to a number is durable. Gives where the log ended with the newest entries among that, and puts
    /// what has waited for it among what is to be said.
    pub(super) fn durable(&mut self, number: u64) -> Option<Mark> {
        self.durable = self.durable.max(number.min(self.issued));
        let mut end = None;
        while self.writes.front().is_some_and(|write| write.0 <= self.durable)
            && let Some(write) = self.writes.pop_front()
        {
            end = Some(write.1);
        }
        let (durable, sayings) = (self.durable, &mut self.sayings);
        self.waiting.retain(|(number, saying)| {
            let ready = *number <= durable;
            if ready {
                sayings.push((Need::Hard, saying.clone()));
            }
            !ready
        });
        end
    }

    /// How many requests are under way to the disk, and how many sayings wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len() + self.writes.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.waiting.len() * size_of::<(u64, Saying)>() + self.writes.len() * size_of::<(u64, Mark)>()
    }
}
