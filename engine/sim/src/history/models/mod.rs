//! The models, and the language that they share: operations on keys, and answers.
//!
//! [`Register`] is one value that is read, written, and compared and set. [`Kv`] is a map of texts that can be appended to. [`Store`] is a
//! map of values that may be absent, as the clients of a simulated cluster use it. Each is for one key at a time, and refuses the
//! operations of the others.

mod calls;
mod kv;
mod register;
mod store;

pub use calls::{Bytes, Call, Reply};
pub use kv::Kv;
pub use register::Register;
pub use store::Store;

use super::{History, Misfit, Model, Verdict, check};

/// The value of a key, if it has one.
type Value = Option<Bytes>;

/// A model by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One value.
    Register,
    /// Texts that can be appended to.
    Kv,
    /// Values that may be absent.
    Store,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Register, Self::Kv, Self::Store];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Register => Register.name(),
            Self::Kv => Kv.name(),
            Self::Store => Store.name(),
        }
    }

    /// The model of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The key of an operation, where the model has keys.
    #[must_use]
    pub fn key(self, call: &Call) -> Option<&str> {
        match self {
            Self::Register => Register.key(call),
            Self::Kv => Kv.key(call),
            Self::Store => Store.key(call),
        }
    }

    /// [`check()`] with this model.
    ///
    /// # Errors
    /// If the model does not have these operations.
    pub fn check(self, history: &History<Call, Reply>, budget: u64) -> Result<Verdict, Misfit> {
        match self {
            Self::Register => check(history, &Register, budget),
            Self::Kv => check(history, &Kv, budget),
            Self::Store => check(history, &Store, budget),
        }
    }
}

fn bytes_of(value: &Value) -> usize {
    value.as_ref().map_or(0, |value| value.as_bytes().len())
}

fn words_of(value: &Value) -> String {
    value.as_ref().map_or_else(|| "nothing".to_owned(), Bytes::to_string)
}

/// Whether a comparison that came out like this may have answered so.
fn answers(reply: Option<&Reply>, applied: bool) -> bool {
    reply.is_none_or(|reply| *reply == Reply::Applied(applied))
}

/// Whether a read that found this may have answered so.
fn reads(reply: Option<&Reply>, found: &Value) -> bool {
    match reply {
        None => true,
        Some(Reply::Value(value)) => value == found,
        Some(Reply::Done | Reply::Applied(_)) => false,
    }
}
