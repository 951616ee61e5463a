//! Histories of clients, and whether they are linearizable.
//!
//! A history is what clients did and were told: operations, each with the moment of its invocation and what became of it. It is
//! linearizable if every operation can be given one instant between its invocation and its return, such that a single machine that runs
//! them one after another at these instants gives the same answers. Three things can become of an operation:
//!
//! - it **returned** an answer: it took effect exactly once, before it returned;
//! - it **failed**: it certainly took no effect, and does not matter;
//! - it is **unknown**, because the client crashed, gave up, or was told nothing of worth: it takes effect once at any moment after its
//!   invocation, however late, or never.
//!
//! What the one machine would answer is for a [`Model`] to say; [`models`] has those of a register, of a map of texts that can be
//! appended to, and of the store that simulated clients use. A [`Recorder`] writes a history down while it happens, [`formats`] reads and
//! writes files of them, and [`check()`] decides. It is given a budget of steps rather than of time, so that it answers the same
//! everywhere, and where the budget ends it says [`Verdict::Undecided`]: a verdict, once given, is right.

mod check;
mod configurations;
pub mod formats;
pub mod models;
mod recorder;
mod search;

use std::hash::Hash;

pub use check::{Explanation, Misfit, Progress, Verdict, check};
pub use recorder::{Misrecorded, Recorder};

/// What one machine does that runs operations one after another.
pub trait Model {
    /// An operation with its arguments, as a client invokes it.
    type Call: Clone + Eq + Hash;
    /// What a client is told.
    type Reply;
    /// What the machine remembers.
    type State: Clone + Eq + Hash;

    /// Its name, for people.
    fn name(&self) -> &'static str;

    /// Whether there is such an operation, and such an answer to it. Histories with others are not judged.
    fn knows(&self, call: &Self::Call, reply: Option<&Self::Reply>) -> bool;

    /// The key that an operation is about, where operations on different keys have nothing to do with each other: a history is then
    /// linearizable if it is for each key. `None` if it is about everything, which must then be so for all operations.
    fn key<'call>(&self, call: &'call Self::Call) -> Option<&'call str>;

    /// The state before the first operation, of everything or of one key.
    fn initial(&self) -> Self::State;

    /// The state after an operation, if it may give this answer in this state. Whoever knows no answer asks for the effect alone; that
    /// an effect is impossible is an answer, too.
    fn step(&self, state: &Self::State, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<Self::State>;

    /// Whether an operation with this answer leaves every state as it is in which it may give it, as a read does. To say no is always
    /// right, and slower.
    fn only_looks(&self, call: &Self::Call, reply: &Self::Reply) -> bool;

    /// How many bytes a state takes, about: larger ones use up the budget faster, which bounds memory.
    fn bytes(&self, state: &Self::State) -> usize;

    /// A state in words.
    fn words(&self, state: &Self::State) -> String;
}

/// The number of an operation in its history, from 0 in the order of invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u32);

/// A client; with one outstanding operation, or with several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(pub u64);

/// When something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its place among all invocations and ends of the history; this alone decides what came before what.
    pub order: u32,
    /// What people call this moment: a time of the simulation, or the line of a file.
    pub at: u64,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// It took effect and returned.
    Returned(Moment, R),
    /// It certainly took no effect.
    Failed(Moment),
    /// It may take effect at any later moment, or never. There is a moment if the client was told so.
    Unknown(Option<Moment>),
}

/// One operation of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<C, R> {
    /// Who invoked it.
    pub client: Client,
    /// What was invoked.
    pub call: C,
    /// When.
    pub invoked: Moment,
    /// What became of it.
    pub outcome: Outcome<R>,
}

impl<C, R> Operation<C, R> {
    /// The answer, if there was one.
    #[must_use]
    pub fn reply(&self) -> Option<&R> {
        match &self.outcome {
            Outcome::Returned(_, reply) => Some(reply),
            Outcome::Failed(_) | Outcome::Unknown(_) => None,
        }
    }
}

/// What all clients did, in the order of invocation. A [`Recorder`] makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<C, R> {
    operations: Vec<Operation<C, R>>,
}

impl<C, R> History<C, R> {
    /// The operations; an [`OpId`] is a place among them.
    #[must_use]
    pub fn operations(&self) -> &[Operation<C, R>] {
        &self.operations
    }

    /// One operation.
    #[must_use]
    pub fn get(&self, id: OpId) -> Option<&Operation<C, R>> {
        self.operations.get(id.0 as usize)
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        let mut clients: Vec<Client> = self.operations.iter().map(|operation| operation.client).collect();
        clients.sort_unstable();
        clients.dedup();
        clients.len()
    }
}
