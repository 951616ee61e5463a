//! The configurations that a search has been in: which operations took effect, and what state they left.
//!
//! Whatever way led there, what follows is the same, so no configuration is entered twice. Required operations are numbered by
//! invocation; all but a few of the first have taken effect and none but a few of the last, so only the words between are kept.
//! Those of unknown outcome are numbered on their own, since they stay open to the end.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::rc::Rc;

/// Without a random key: the same history is searched in the same way everywhere.
type Fixed = BuildHasherDefault<DefaultHasher>;

/// The number of a state.
pub(super) type StateId = u32;

/// Every state that was reached, once.
pub(super) struct States<S> {
    all: Vec<Rc<S>>,
    numbers: HashMap<Rc<S>, StateId, Fixed>,
}

impl<S: Eq + Hash> States<S> {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), numbers: HashMap::default() }
    }

    pub(super) fn get(&self, id: StateId) -> &S {
        &self.all[id as usize]
    }

    /// The state's number. `None` if there are four billion of them already.
    pub(super) fn number(&mut self, state: S) -> Option<StateId> {
        if let Some(&id) = self.numbers.get(&state) {
            return Some(id);
        }
        let id = StateId::try_from(self.all.len()).ok()?;
        let state = Rc::new(state);
        self.all.push(Rc::clone(&state));
        self.numbers.insert(state, id);
        Some(id)
    }
}

/// A set of numbers below a bound, which remembers where its full words end and its empty ones begin.
#[derive(Debug)]
pub(super) struct Taken {
    words: Vec<u64>,
    /// All words below are full.
    floor: usize,
    /// All words from here on are empty.
    top: usize,
}

impl Taken {
    pub(super) fn new(bound: usize) -> Self {
        Self { words: vec![0; bound.div_ceil(64)], floor: 0, top: 0 }
    }

    pub(super) fn holds(&self, number: u32) -> bool {
        self.words[number as usize / 64] >> (number % 64) & 1 == 1
    }

    pub(super) fn insert(&mut self, number: u32) {
        let word = number as usize / 64;
        self.words[word] |= 1 << (number % 64);
        self.top = self.top.max(word + 1);
        while self.words.get(self.floor) == Some(&u64::MAX) {
            self.floor += 1;
        }
    }

    pub(super) fn remove(&mut self, number: u32) {
        let word = number as usize / 64;
        self.words[word] &= !(1 << (number % 64));
        self.floor = self.floor.min(word);
        while self.top > 0 && self.words[self.top - 1] == 0 {
            self.top -= 1;
        }
    }

    /// The words between.
    fn window(&self) -> &[u64] {
        self.words.get(self.floor..self.top).unwrap_or_default()
    }
}

/// The configurations entered so far.
#[derive(Default)]
pub(super) struct Entered {
    all: HashSet<Box<[u64]>, Fixed>,
    key: Vec<u64>,
}

impl Entered {
    /// Enters a configuration; false if it was entered before.
    pub(super) fn enter(&mut self, required: &Taken, unknown: &Taken, state: StateId) -> bool {
        let window = required.window();
        self.key.clear();
        // Both lengths are told by the first two words, so no two configurations have one key.
        self.key.extend([(required.floor as u64) << 32 | u64::from(state), (window.len() as u64) << 32 | unknown.floor as u64]);
        self.key.extend_from_slice(window);
        self.key.extend_from_slice(unknown.window());
        if self.all.contains(self.key.as_slice()) {
            return false;
        }
        self.all.insert(self.key.as_slice().into())
    }

    /// How many words the last one took.
    pub(super) fn words(&self) -> u64 {
        self.key.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_entered_once_and_differs_by_each_of_its_parts() {
        let (mut required, mut unknown, mut entered) = (Taken::new(300), Taken::new(70), Entered::default());
        assert!(entered.enter(&required, &unknown, 0) && entered.enter(&required, &unknown, 1));
        for number in 0..300 {
            required.insert(number);
            assert!(entered.enter(&required, &unknown, 0), "{number}");
            assert!(!entered.enter(&required, &unknown, 0), "{number}");
        }
        unknown.insert(69);
        assert!(entered.enter(&required, &unknown, 0));
        unknown.remove(69);
        for number in (0..300).rev() {
            assert!(required.holds(number) && !entered.enter(&required, &unknown, 0));
            required.remove(number);
        }
        assert!(!required.holds(0) && !entered.enter(&required, &unknown, 0));
        required.insert(299);
        assert!(entered.enter(&required, &unknown, 0));
    }
}
