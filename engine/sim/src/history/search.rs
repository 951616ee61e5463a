//! The search for a linearization of one part of a history: Wing and Gong's, with the memory that Lowe added.
//!
//! All invocations and returns stand in a list. An operation may take effect next if its invocation stands before the first return that
//! is left: that one's operation must not be passed. One that the model allows is taken out of the list, and the search goes on from
//! the front; if none is allowed, the last one is put back and its successors are tried. No configuration is entered twice. When every
//! operation that returned has taken effect, those of unknown outcome that have not never will.
//!
//! Four things keep the search short and leave its answer as it is:
//!
//! - what is allowed and only looks at the state, such as a read, is taken at once and never reconsidered: it can only be in the way;
//! - operations are tried in the order in which they returned, and those of unknown outcome last: what returns late, or never, is
//!   likelier to have taken effect late, or not yet;
//! - an operation of unknown outcome that would leave the state as it is, is not taken at all;
//! - of equal operations of unknown outcome the earlier one goes first, since it may stand wherever the later one may.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::configurations::{Entered, StateId, States, Taken};
use super::{History, Model, OpId, Outcome};

/// How a search ended.
pub(super) enum Found {
    /// Every operation has its instant.
    Linearizable,
    /// There are no instants for all of them.
    Stuck(Stuck),
    /// The budget was spent before either was known, and so many operations that returned had taken effect.
    Spent(usize),
}

/// The longest linearization of a prefix, and what stands in its way.
pub(super) struct Stuck {
    /// The operations that took effect, in this order.
    pub(super) order: Vec<OpId>,
    /// The state that they leave, in words.
    pub(super) state: String,
    /// The operation whose return cannot be passed, then the others that are open there and had returned.
    pub(super) next: Vec<OpId>,
    /// Those open there whose outcome is unknown.
    pub(super) unknown: Vec<OpId>,
}

/// The longest linearization of a prefix that was found so far.
#[derive(Default)]
struct Best {
    order: Vec<OpId>,
    /// How many of them had returned.
    returned: usize,
    state: StateId,
    next: Vec<OpId>,
    /// When the first of those returned.
    horizon: u32,
}

/// Who takes effect: a number among those that returned, or among those of unknown outcome.
#[derive(Clone, Copy, Debug)]
enum Who {
    Returned(u32),
    Unknown(u32),
}

/// An operation that takes effect.
#[derive(Clone, Copy, Debug)]
struct Move {
    who: Who,
    to: StateId,
    /// No other move need be tried in its place.
    forced: bool,
}

/// A move that was made, and the state that it was made in.
#[derive(Clone, Copy, Debug)]
struct Made {
    who: Who,
    from: StateId,
    forced: bool,
}

/// The budget is spent.
struct Spent;

/// A list of numbered entries, from which each can be taken and put back in reverse order. Entry 0 is its head and its end.
struct Links {
    next: Vec<u32>,
    previous: Vec<u32>,
}

impl Links {
    fn new(entries: u32) -> Self {
        let all = 0..=entries;
        Self {
            next: all.clone().map(|entry| if entry == entries { 0 } else { entry + 1 }).collect(),
            previous: all.map(|entry| entry.checked_sub(1).unwrap_or(entries)).collect(),
        }
    }

    fn after(&self, entry: u32) -> u32 {
        self.next[entry as usize]
    }

    fn take(&mut self, entry: u32) {
        let (next, previous) = (self.next[entry as usize], self.previous[entry as usize]);
        self.next[previous as usize] = next;
        self.previous[next as usize] = previous;
    }

    fn put_back(&mut self, entry: u32) {
        let (next, previous) = (self.next[entry as usize], self.previous[entry as usize]);
        self.next[previous as usize] = entry;
        self.previous[next as usize] = entry;
    }
}

/// An invocation or a return, of an operation that returned.
#[derive(Clone, Copy, Default)]
struct Event {
    order: u32,
    number: u32,
    returns: bool,
}

struct Search<'a, M: Model> {
    model: &'a M,
    history: &'a History<M::Call, M::Reply>,
    budget: &'a mut u64,
    /// Operations that returned, by number, with their entries: invocation and return.
    returned: Vec<(OpId, [u32; 2])>,
    /// By entry; the first is not one.
    events: Vec<Event>,
    links: Links,
    /// Operations of unknown outcome, by number, with the equal one before; entries are numbers plus one.
    unknown: Vec<(OpId, Option<u32>)>,
    unknown_links: Links,
    taken: Taken,
    unknown_taken: Taken,
    left: usize,
    states: States<M::State>,
    state: StateId,
    entered: Entered,
    made: Vec<Made>,
    best: Best,
    /// So many of the first moves are those of the best.
    shared: usize,
}

/// Searches. `part` are operations in the order of invocation, and none of them failed.
pub(super) fn search<M: Model>(model: &M, history: &History<M::Call, M::Reply>, part: &[OpId], budget: &mut u64) -> Found {
    let mut search = Search::new(model, history, part, budget);
    match search.run() {
        Ok(true) => Found::Linearizable,
        Ok(false) => Found::Stuck(search.told()),
        Err(Spent) => Found::Spent(search.best.returned.max(search.returned.len() - search.left)),
    }
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, history: &'a History<M::Call, M::Reply>, part: &[OpId], budget: &'a mut u64) -> Self {
        let (mut events, mut returned, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let mut equal = HashMap::<&M::Call, u32, BuildHasherDefault<DefaultHasher>>::default();
        for &id in part {
            let Some(operation) = history.get(id) else { continue };
            match &operation.outcome {
                Outcome::Failed(_) => {}
                Outcome::Unknown(_) => {
                    let number = unknown.len() as u32;
                    unknown.push((id, equal.insert(&operation.call, number)));
                }
                Outcome::Returned(moment, _) => {
                    let number = returned.len() as u32;
                    returned.push((id, [0, 0]));
                    events.push(Event { order: operation.invoked.order, number, returns: false });
                    events.push(Event { order: moment.order, number, returns: true });
                }
            }
        }
        events.sort_unstable_by_key(|event| event.order);
        events.insert(0, Event::default());
        for (entry, event) in (0..).zip(&events).skip(1) {
            returned[event.number as usize].1[usize::from(event.returns)] = entry;
        }
        let mut states = States::new();
        let state = states.number(model.initial()).unwrap_or_default();
        Self {
            links: Links::new(events.len() as u32 - 1),
            unknown_links: Links::new(unknown.len() as u32),
            taken: Taken::new(returned.len()),
            unknown_taken: Taken::new(unknown.len()),
            left: returned.len(),
            entered: Entered::default(),
            made: Vec::new(),
            best: Best::default(),
            shared: 0,
            model,
            history,
            budget,
            returned,
            events,
            unknown,
            states,
            state,
        }
    }

    /// Whether there is a linearization.
    fn run(&mut self) -> Result<bool, Spent> {
        let mut behind = None;
        while self.left > 0 {
            let found = match behind.take() {
                None => self.first_move()?,
                Some(who) => self.move_behind(who)?,
            };
            let dead = match found {
                Some(Move { who, to, forced }) => {
                    self.make(who, to, forced);
                    let entered = self.entered.enter(&self.taken, &self.unknown_taken, to);
                    self.spend(self.entered.words() / 8)?;
                    !entered
                }
                None => {
                    self.keep_the_best();
                    true
                }
            };
            if dead {
                match self.undo() {
                    Some(who) => behind = Some(who),
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// What to try first where the search has just come.
    fn first_move(&mut self) -> Result<Option<Move>, Spent> {
        let mut entry = self.links.after(0);
        while let Some(number) = self.invoked(entry) {
            if self.only_looks(number) && self.allowed(Who::Returned(number))?.is_some() {
                return Ok(Some(Move { who: Who::Returned(number), to: self.state, forced: true }));
            }
            entry = self.links.after(entry);
        }
        self.returned_move(0)
    }

    /// What to try where this one was tried.
    fn move_behind(&mut self, who: Who) -> Result<Option<Move>, Spent> {
        match who {
            Who::Returned(number) => self.returned_move(self.returned[number as usize].1[1]),
            Who::Unknown(number) => self.unknown_move(self.unknown_links.after(number + 1)),
        }
    }

    /// The first that returned behind this entry and may take effect, and does not only look; one of unknown outcome if there is none.
    fn returned_move(&mut self, mut behind: u32) -> Result<Option<Move>, Spent> {
        loop {
            let (mut next, mut entry, mut seen) = (None, self.links.after(0), 0);
            while let Some(number) = self.invoked(entry) {
                let returns = self.returned[number as usize].1[1];
                if returns > behind && !self.only_looks(number) && next.is_none_or(|(_, earliest)| returns < earliest) {
                    next = Some((number, returns));
                }
                entry = self.links.after(entry);
                seen += 1;
            }
            self.spend(seen / 16)?;
            let Some((number, returns)) = next else { return self.unknown_move(self.unknown_links.after(0)) };
            if let Some(to) = self.allowed(Who::Returned(number))? {
                return self.reach(Who::Returned(number), to).map(Some);
            }
            behind = returns;
        }
    }

    /// The first of unknown outcome, from this entry on, that may take effect and matters.
    fn unknown_move(&mut self, mut entry: u32) -> Result<Option<Move>, Spent> {
        let horizon = self.events[self.first_return() as usize].order;
        while let Some(number) = entry.checked_sub(1) {
            let (id, equal) = self.unknown[number as usize];
            if self.history.get(id).is_none_or(|operation| operation.invoked.order > horizon) {
                break;
            }
            if equal.is_some_and(|equal| !self.unknown_taken.holds(equal)) {
                self.spend(1)?;
            } else if let Some(to) = self.allowed(Who::Unknown(number))?
                && to != *self.states.get(self.state)
            {
                return self.reach(Who::Unknown(number), to).map(Some);
            }
            entry = self.unknown_links.after(entry);
        }
        Ok(None)
    }

    fn only_looks(&self, number: u32) -> bool {
        let operation = self.history.get(self.id(Who::Returned(number)));
        operation.is_some_and(|operation| operation.reply().is_some_and(|reply| self.model.only_looks(&operation.call, reply)))
    }

    /// The operation that is invoked by this entry, which may be a return or the end.
    fn invoked(&self, entry: u32) -> Option<u32> {
        let event = self.events[entry as usize];
        (entry != 0 && !event.returns).then_some(event.number)
    }

    /// The entry of the first return that is left.
    fn first_return(&self) -> u32 {
        let mut entry = self.links.after(0);
        while self.invoked(entry).is_some() {
            entry = self.links.after(entry);
        }
        entry
    }

    /// The state that an operation leads to from here.
    fn allowed(&mut self, who: Who) -> Result<Option<M::State>, Spent> {
        let to = self.history.get(self.id(who)).and_then(|operation| {
            let state = self.states.get(self.state);
            self.model.step(state, &operation.call, operation.reply())
        });
        self.spend(1 + to.as_ref().map_or(0, |to| self.model.bytes(to) as u64 / 64))?;
        Ok(to)
    }

    fn reach(&mut self, who: Who, to: M::State) -> Result<Move, Spent> {
        let to = self.states.number(to).ok_or(Spent)?;
        Ok(Move { who, to, forced: false })
    }

    fn spend(&mut self, steps: u64) -> Result<(), Spent> {
        match self.budget.checked_sub(steps) {
            Some(left) => {
                *self.budget = left;
                Ok(())
            }
            None => {
                *self.budget = 0;
                Err(Spent)
            }
        }
    }

    fn id(&self, who: Who) -> OpId {
        match who {
            Who::Returned(number) => self.returned[number as usize].0,
            Who::Unknown(number) => self.unknown[number as usize].0,
        }
    }

    fn make(&mut self, who: Who, to: StateId, forced: bool) {
        match who {
            Who::Returned(number) => {
                let [invoked, returned] = self.returned[number as usize].1;
                self.links.take(invoked);
                self.links.take(returned);
                self.taken.insert(number);
                self.left -= 1;
            }
            Who::Unknown(number) => {
                self.unknown_links.take(number + 1);
                self.unknown_taken.insert(number);
            }
        }
        self.made.push(Made { who, from: self.state, forced });
        self.state = to;
    }

    /// Takes moves back up to one in whose place another can be tried.
    fn undo(&mut self) -> Option<Who> {
        while let Some(Made { who, from, forced }) = self.made.pop() {
            self.shared = self.shared.min(self.made.len());
            self.state = from;
            match who {
                Who::Returned(number) => {
                    let [invoked, returned] = self.returned[number as usize].1;
                    self.links.put_back(returned);
                    self.links.put_back(invoked);
                    self.taken.remove(number);
                    self.left += 1;
                }
                Who::Unknown(number) => {
                    self.unknown_links.put_back(number + 1);
                    self.unknown_taken.remove(number);
                }
            }
            if !forced {
                return Some(who);
            }
        }
        None
    }

    /// Remembers how far the search has come, if it never came farther.
    fn keep_the_best(&mut self) {
        let returned = self.returned.len() - self.left;
        // With as many, the one that takes less on trust is easier to follow.
        let better = returned > self.best.returned || (returned == self.best.returned && self.made.len() < self.best.order.len());
        if !better && !self.best.next.is_empty() {
            return;
        }
        let mut best = std::mem::take(&mut self.best);
        best.order.truncate(self.shared);
        best.order.extend(self.made[best.order.len()..].iter().map(|made| self.id(made.who)));
        self.shared = self.made.len();
        (best.returned, best.state) = (returned, self.state);
        let Event { order, number, .. } = self.events[self.first_return() as usize];
        best.horizon = order;
        best.next.clear();
        best.next.push(self.id(Who::Returned(number)));
        let mut entry = self.links.after(0);
        while let Some(other) = self.invoked(entry) {
            if other != number {
                best.next.push(self.id(Who::Returned(other)));
            }
            entry = self.links.after(entry);
        }
        self.best = best;
    }

    /// The best, as it is told.
    fn told(&mut self) -> Stuck {
        let Best { order, state, next, horizon, .. } = std::mem::take(&mut self.best);
        let mut taken: Vec<OpId> = order.clone();
        taken.sort_unstable();
        let open = |id: &OpId| self.history.get(*id).is_some_and(|operation| operation.invoked.order < horizon);
        let unknown = self.unknown.iter().map(|(id, _)| *id).filter(|id| open(id) && taken.binary_search(id).is_err()).collect();
        Stuck { order, state: self.model.words(self.states.get(state)), next, unknown }
    }
}
