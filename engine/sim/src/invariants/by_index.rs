//! Something for each index of a log.

use std::collections::BTreeMap;

use quorate_core::ids::Height;

const PAGE: u64 = 256;

/// A map whose keys come close to each other and mostly in order. One that lies far off costs a page, not all that is between.
#[derive(Debug)]
pub(super) struct ByIndex<T> {
    pages: BTreeMap<u64, Box<[Option<T>]>>,
}

impl<T> Default for ByIndex<T> {
    fn default() -> Self {
        Self { pages: BTreeMap::new() }
    }
}

impl<T> ByIndex<T> {
    /// What there is at an index.
    pub(super) fn get(&self, index: Height) -> Option<&T> {
        self.pages.get(&(index.0 / PAGE))?[(index.0 % PAGE) as usize].as_ref()
    }

    /// Puts something at an index, in the place of what was there.
    pub(super) fn insert(&mut self, index: Height, value: T) {
        let page = self.pages.entry(index.0 / PAGE).or_insert_with(|| (0..PAGE).map(|_| None).collect());
        page[(index.0 % PAGE) as usize] = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_at_its_index_and_nowhere_else() {
        let mut map = ByIndex::default();
        for index in [0, 1, 255, 256, u64::MAX] {
            map.insert(Height(index), index);
        }
        for index in [0, 1, 255, 256, u64::MAX] {
            assert_eq!(map.get(Height(index)), Some(&index));
        }
        for index in [2, 254, 257, 1 << 40] {
            assert_eq!(map.get(Height(index)), None);
        }
        assert_eq!(map.pages.len(), 3);
    }
}
