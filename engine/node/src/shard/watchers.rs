//! Those who follow changes.
//!
//! Each has a place in the history and is given what is new when there is room on its way. Nothing is kept for it: whoever is slow reads
//! older history, until that is not kept any more, and is told so.

use std::rc::Rc;

use quorate_core::ids::PartitionId;
use quorate_net::wire::client::{Why, response};
use tokio::sync::mpsc;

use super::Shard;
use crate::application::Watching;
use crate::handle::refused;
use crate::service::Guest;

/// How many bytes of changes are sent at once.
const BYTES: usize = 64 << 10;
/// How many may follow, of one client and altogether.
const PER_GUEST_MAX: usize = 1024;
const MAX: usize = 1 << 16;

/// Who follows.
pub(super) enum Follower {
    /// A client, by its number for the watch.
    Guest(Rc<Guest>, u64),
    /// Somebody in this process.
    Inside(mpsc::Sender<response::Body>),
}

struct Watcher {
    partition: PartitionId,
    follower: Follower,
    watching: Box<dyn Watching>,
}

/// All who follow.
#[derive(Default)]
pub(super) struct Watchers(Vec<Watcher>);

impl Watchers {
    pub(super) fn add(&mut self, partition: PartitionId, follower: Follower, watching: Box<dyn Watching>) {
        self.0.push(Watcher { partition, follower, watching });
    }

    /// Whether a client may follow more.
    pub(super) fn has_room_for(&self, guest: &Rc<Guest>) -> bool {
        let own = self.0.iter().filter(|watcher| matches!(&watcher.follower, Follower::Guest(other, _) if Rc::ptr_eq(other, guest)));
        self.0.len() < MAX && own.count() < PER_GUEST_MAX
    }

    /// A client does not follow any more. Returns whether it did.
    pub(super) fn cancel(&mut self, guest: &Rc<Guest>, watch: u64) -> bool {
        let before = self.0.len();
        self.0
            .retain(|watcher| !matches!(&watcher.follower, Follower::Guest(other, number) if Rc::ptr_eq(other, guest) && *number == watch));
        self.0.len() < before
    }

    /// A client has gone.
    pub(super) fn leave(&mut self, guest: &Rc<Guest>) {
        self.0.retain(|watcher| !matches!(&watcher.follower, Follower::Guest(other, _) if Rc::ptr_eq(other, guest)));
    }
}

impl Watcher {
    /// Sends what is new, as far as there is room. Returns whether it goes on.
    fn pump(&mut self) -> bool {
        loop {
            let room = match &self.follower {
                Follower::Guest(guest, _) if guest.is_closed() => return false,
                Follower::Guest(guest, _) => guest.has_room(),
                Follower::Inside(answers) if answers.is_closed() => return false,
                // One place is left for the end.
                Follower::Inside(answers) => answers.capacity() > 1,
            };
            if !room {
                return true;
            }
            match self.watching.next(BYTES) {
                Ok(Some(changes)) => self.send(response::Body::Changes(changes.into())),
                Ok(None) => return true,
                Err(why) => {
                    match &self.follower {
                        Follower::Guest(guest, number) => guest.respond(*number, refused(Why::Compacted, &why, 0)),
                        Follower::Inside(_) => self.send(refused(Why::Compacted, &why, 0)),
                    }
                    return false;
                }
            }
        }
    }

    fn send(&self, body: response::Body) {
        match &self.follower {
            Follower::Guest(guest, number) => guest.send(*number, body),
            // There was room, and nobody else sends.
            Follower::Inside(answers) => drop(answers.try_send(body)),
        }
    }
}

impl Shard {
    /// Sends those who follow what is new.
    pub(super) fn pump(&mut self) {
        if !self.watchers.0.is_empty() {
            let partitions = &self.partitions;
            self.watchers.0.retain_mut(|watcher| partitions.contains_key(&watcher.partition) && watcher.pump());
        }
    }
}
