//! Where requests are kept while they are open: slots that are used again, each time under another number.

use std::time::Instant;

use bytes::Bytes;
use quorate_net::wire::client::request;

use super::{To, What};

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It waits to be sent, for the first time or again.
    Waiting,
    /// It was sent on the connection that stands.
    Sent,
}

/// A request that has not ended.
pub(super) struct Slot {
    /// How many were given before it.
    pub(super) order: u64,
    pub(super) session: u32,
    pub(super) what: What,
    pub(super) to: To,
    pub(super) deadline: Option<Instant>,
    pub(super) stage: Stage,
    /// An attempt was made whose fate is open.
    pub(super) doubtful: bool,
    /// Its number in its session, or 0 as long as it has none.
    pub(super) sequence: u64,
    /// In which life of its session it got that number.
    pub(super) life: u32,
}

impl Slot {
    pub(super) fn new(order: u64, session: u32, what: What, to: To, deadline: Option<Instant>) -> Self {
        Self { order, session, what, to, deadline, stage: Stage::Waiting, doubtful: false, sequence: 0, life: 0 }
    }

    /// How much it takes of the window.
    pub(super) fn len(&self) -> usize {
        match &self.what {
            What::Command(bytes) | What::Watch(bytes) => Bytes::len(bytes),
            What::Ask(request::Body::Read(read), _) => read.query.len(),
            What::Open | What::Ask(..) => 0,
        }
    }
}

/// The requests that have not ended, by number: the slot below, its generation above.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<(u32, Option<Slot>)>,
    free: Vec<u32>,
}

fn number(at: usize, generation: u32) -> u64 {
    u64::from(generation) << 32 | at as u64
}

fn place(number: u64) -> (usize, u32) {
    ((number & u64::from(u32::MAX)) as usize, (number >> 32) as u32)
}

impl Slots {
    pub(super) fn insert(&mut self, slot: Slot) -> u64 {
        match self.free.pop() {
            Some(at) => {
                let (generation, place) = &mut self.slots[at as usize];
                *place = Some(slot);
                number(at as usize, *generation)
            }
            None => {
                self.slots.push((1, Some(slot)));
                number(self.slots.len() - 1, 1)
            }
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Slot> {
        let (at, generation) = place(number);
        self.slots.get(at).filter(|(current, _)| *current == generation)?.1.as_ref()
    }

    pub(super) fn get_mut(&mut self, number: u64) -> Option<&mut Slot> {
        let (at, generation) = place(number);
        self.slots.get_mut(at).filter(|(current, _)| *current == generation)?.1.as_mut()
    }

    /// Gives a request another number: what comes under the old one finds nothing.
    pub(super) fn renumber(&mut self, old: u64) -> Option<u64> {
        let (at, generation) = place(old);
        let (current, _) = self.slots.get_mut(at).filter(|(current, slot)| *current == generation && slot.is_some())?;
        *current = next(*current);
        Some(number(at, *current))
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Slot> {
        let (at, generation) = place(number);
        let (current, slot) = self.slots.get_mut(at).filter(|(current, _)| *current == generation)?;
        let slot = slot.take()?;
        *current = next(*current);
        self.free.push(at as u32);
        Some(slot)
    }

    /// The numbers of those for which `which` holds.
    pub(super) fn numbers(&self, which: impl Fn(&Slot) -> bool) -> Vec<u64> {
        let places = self.slots.iter().enumerate();
        places.filter(|(_, (_, slot))| slot.as_ref().is_some_and(&which)).map(|(at, (generation, _))| number(at, *generation)).collect()
    }
}

/// Generations begin anew after four thousand millions, but never with 0: no number is 0.
fn next(generation: u32) -> u32 {
    generation.checked_add(1).unwrap_or(1)
}
