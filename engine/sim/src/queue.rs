//! What will happen, by time; at the same time, in the order in which it was put in.
//!
//! The heap holds small keys only, and what they stand for lies still beside it. The queue is bounded: a world that has more in front of
//! it than that has gone wrong, and is told so instead of taking all memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What will happen.
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<(u64, u64, u32)>>,
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    inserted: u64,
    limit: usize,
    refused: u64,
}

impl<T> Queue<T> {
    /// An empty queue with room for so much.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { heap: BinaryHeap::new(), slots: Vec::new(), free: Vec::new(), inserted: 0, limit, refused: 0 }
    }

    /// Puts something in. If there is no room, it is dropped and counted.
    pub fn push(&mut self, at: u64, what: T) {
        if self.heap.len() >= self.limit {
            self.refused += 1;
            return;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            }
        };
        self.slots[slot as usize] = Some(what);
        self.heap.push(Reverse((at, self.inserted, slot)));
        self.inserted += 1;
    }

    /// Takes out what comes next, and when it comes.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let Reverse((at, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.slots[slot as usize].take().map(|what| (at, what))
    }

    /// What comes next, and when.
    #[must_use]
    pub fn peek(&self) -> Option<(u64, &T)> {
        let Reverse((at, _, slot)) = self.heap.peek()?;
        self.slots[*slot as usize].as_ref().map(|what| (*at, what))
    }

    /// How much is in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// How much there was no room for.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_first_is_first_and_ties_are_in_order_of_insertion() {
        let mut queue = Queue::new(10);
        for (at, what) in [(5, 'c'), (3, 'a'), (5, 'd'), (3, 'b')] {
            queue.push(at, what);
        }
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, [(3, 'a'), (3, 'b'), (5, 'c'), (5, 'd')]);
    }

    #[test]
    fn what_there_is_no_room_for_is_counted_and_not_kept() {
        let mut queue = Queue::new(2);
        (0..5).for_each(|at| queue.push(at, ()));
        assert_eq!((queue.len(), queue.refused(), queue.is_empty()), (2, 3, false));
    }
}
