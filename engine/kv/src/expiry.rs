//! The clock of whoever leads: which leases have run out.
//!
//! A lease lives as long as it was granted for from the moment at which this clock saw it granted or renewed, or from when the leader came
//! to be one ([`Expiry::reset`]): a lease never ends early because a leader went, it may end late. What this says is a proposal; the
//! log decides, and a lease that was renewed meanwhile stays ([`Command::Expire`]).
//!
//! Time is an argument. A proposal that came to nothing is made again after a second.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_env::clock::Moment;

use crate::command::Command;
use crate::store::Store;
use crate::value::LeaseId;

const AGAIN: Duration = Duration::from_secs(1);

/// How many leases are said at a time to have run out.
const AT_ONCE: usize = 256;

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Moment,
    ttl: Duration,
    renewals: u64,
}

/// Knows when leases run out.
#[derive(Debug, Default)]
pub struct Expiry {
    /// Up to where it knows what happened to leases.
    seen: u64,
    leases: BTreeMap<LeaseId, Due>,
    by_time: BTreeSet<(Moment, LeaseId)>,
}

impl Expiry {
    /// Knows of no lease yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of what happened to leases since the last time. If that is nothing, it costs nothing.
    pub fn observe(&mut self, now: Moment, store: &Store) {
        let Some(news) = store.lease_news(self.seen) else { return };
        self.seen = news.version;
        if news.all {
            let gone: Vec<LeaseId> = {
                let there: BTreeSet<LeaseId> = news.leases.iter().map(|(lease, _)| *lease).collect();
                self.leases.keys().filter(|lease| !there.contains(lease)).copied().collect()
            };
            gone.into_iter().for_each(|lease| self.set(lease, None));
        }
        for (lease, found) in news.leases {
            let known = self.leases.get(&lease).map(|due| (due.ttl, due.renewals));
            let found = found.map(|(ttl_seconds, renewals)| (Duration::from_secs(ttl_seconds), renewals));
            if known != found || found.is_none() {
                self.set(lease, found.map(|(ttl, renewals)| Due { at: now + ttl, ttl, renewals }));
            }
        }
    }

    /// Gives all leases their full time again: this member leads from now on, and does not know when they were renewed.
    pub fn reset(&mut self, now: Moment) {
        let leases: Vec<_> = self.leases.iter().map(|(lease, due)| (*lease, *due)).collect();
        leases.into_iter().for_each(|(lease, due)| self.set(lease, Some(Due { at: now + due.ttl, ..due })));
    }

    /// When the next lease runs out.
    #[must_use]
    pub fn next(&self) -> Option<Moment> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// What is to be proposed now: some of the leases that have run out. They are not said again at once.
    pub fn due(&mut self, now: Moment) -> Vec<Command> {
        let due: Vec<LeaseId> = self.by_time.iter().take_while(|(at, _)| *at <= now).take(AT_ONCE).map(|(_, lease)| *lease).collect();
        let mut commands = Vec::with_capacity(due.len());
        for lease in due {
            let Some(due) = self.leases.get(&lease).copied() else { continue };
            commands.push(Command::Expire { lease, renewals: due.renewals });
            self.set(lease, Some(Due { at: now + AGAIN, ..due }));
        }
        commands
    }

    /// How long a lease still has, if it is known.
    #[must_use]
    pub fn left(&self, lease: LeaseId, now: Moment) -> Option<Duration> {
        self.leases.get(&lease).map(|due| due.at.since(now))
    }

    fn set(&mut self, lease: LeaseId, due: Option<Due>) {
        let before = match due {
            Some(due) => self.leases.insert(lease, due),
            None => self.leases.remove(&lease),
        };
        if let Some(before) = before {
            self.by_time.remove(&(before.at, lease));
        }
        if let Some(due) = due {
            self.by_time.insert((due.at, lease));
        }
    }
}
