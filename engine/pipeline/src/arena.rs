//! Hands out regions of a buffer. Regions are rounded up to a power of two and kept in free lists by size, so that opening and closing
//! rounds of the same shape, millions of times, neither fragments nor allocates.

/// The regions of one buffer.
#[derive(Debug)]
pub(crate) struct Arena {
    /// By binary logarithm of the size.
    free: [Vec<u32>; 32],
    used: u32,
    limit: u32,
}

impl Arena {
    /// An arena of at most `limit` records.
    pub(crate) fn new(limit: u32) -> Self {
        Self { free: Default::default(), used: 0, limit }
    }

    /// A region of at least `records` records, or nothing if the arena is full. What is in it is left over from before.
    pub(crate) fn take(&mut self, records: u32) -> Option<u32> {
        let class = class_of(records);
        if let Some(at) = self.free[class].pop() {
            return Some(at);
        }
        let end = u64::from(self.used) + (1 << class);
        if end > u64::from(self.limit) {
            return None;
        }
        let at = self.used;
        self.used = end as u32;
        Some(at)
    }

    /// Gives a region back that was taken with the same number of records.
    pub(crate) fn give_back(&mut self, at: u32, records: u32) {
        debug_assert!(at < self.used, "a region that was never handed out");
        self.free[class_of(records)].push(at);
    }

    /// How many records were ever handed out: what the buffer must have room for.
    pub(crate) fn used(&self) -> usize {
        self.used as usize
    }
}

fn class_of(records: u32) -> usize {
    records.max(1).next_power_of_two().trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_never_overlap_and_come_back_after_use() {
        let mut arena = Arena::new(1 << 10);
        let mut taken: Vec<(u32, u32)> = [1, 2, 3, 5, 8, 13, 21, 1].map(|size| (arena.take(size).unwrap(), size)).to_vec();
        taken.sort_unstable();
        for pair in taken.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0);
        }
        let used = arena.used();
        for &(at, size) in &taken {
            arena.give_back(at, size);
        }
        for &(_, size) in &taken {
            arena.take(size).unwrap();
        }
        assert_eq!(arena.used(), used);
    }

    #[test]
    fn a_full_arena_says_so() {
        let mut arena = Arena::new(4);
        assert_eq!(arena.take(3), Some(0));
        assert_eq!(arena.take(1), None);
        arena.give_back(0, 3);
        assert_eq!(arena.take(4), Some(0));
        assert_eq!(Arena::new(u32::MAX).take(u32::MAX / 2 + 1), Some(0));
    }
}
