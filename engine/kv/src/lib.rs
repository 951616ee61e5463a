//! The built-in state machine: a multi-version key-value store with leases and watches.
//!
//! Bytes in, bytes out: a [`Command`] goes in and an [`Answer`] comes out, and both follow from the commands before, on every member the
//! same. The semantics are those of etcd's third version, so that its clients can be served from here:
//!
//! - One sequence of **revisions** for the whole store, which begins at 1, when it is empty. A command that changes something takes the
//!   next one; everything that one transaction writes shares it, in order.
//! - A key remembers **all its versions** since the last compaction, deletions among them. A [`Range`] reads at any of these revisions.
//! - A **transaction** compares, and then carries out one of two lists; one that writes nothing takes no revision.
//! - A **lease** has keys that go with it. Time is no part of the state: whoever leads asks an [`Expiry`] which leases have run out, and
//!   proposes [`Command::Expire`], which names how often the lease had been renewed. If it was renewed since, nothing happens.
//! - A **watch** is a [`Cursor`] into the changes, and nothing that the store has to remember: [`Store::changes`].
//!
//! A command that makes no sense is answered with a [`Refusal`]. Nothing that is said to the store stops a partition.
#![forbid(unsafe_code)]

mod answer;
mod apply;
mod changes;
mod checks;
mod codec;
mod command;
mod expiry;
mod history;
mod key;
mod keys;
mod lease;
mod limits;
mod query;
mod range;
mod read;
mod refusal;
mod snapshot;
mod state;
mod store;
mod transaction;
mod value;

pub use answer::{Answer, Outcome};
pub use changes::{Changes, Compacted, Cursor, Event, Following, Watch};
pub use command::{Command, Delete, Put};
pub use expiry::Expiry;
pub use keys::{End, Keys};
pub use lease::LeaseInfo;
pub use limits::Limits;
pub use query::{Query, QueryAnswer, Told};
pub use range::{Found, Range, Sort, SortBy};
pub use refusal::Refusal;
pub use store::Store;
pub use transaction::{Compare, Is, Op, Target, Transaction};
pub use value::{KeyValue, LeaseId, Revision};
