//! Snapshots: a partition's state as it was after one entry, in a file that can be checked, sent in pieces, and trusted or refused.
//!
//! | step | rule | file |
//! |---|---|---|
//! | take | the machine goes on while its frozen state is written | `take.rs` |
//! | write | another name, sync, rename, sync of the folder: a snapshot is there wholly or not at all | `store.rs` |
//! | truncate | the log gives up only what a durable snapshot holds | `take.rs` |
//! | send | any chunk can be read by itself, and is checked before it leaves | `send.rs` |
//! | receive | each chunk is checked as it comes; what is there already is not sent again | `receive.rs` |
//! | recover | the newest snapshot that checks out, to its last byte; what does not is reported | `recover.rs` |
//!
//! What a snapshot is of, and the digest of each of its chunks, is its [`Manifest`]; how both lie in a file is told in `file.rs`.

mod error;
mod file;
mod manifest;
mod policy;
mod receive;
mod recover;
mod send;
mod store;
mod take;

pub use error::{Part, SnapshotDamage, SnapshotError};
pub use file::{Body, Reader, Writer};
pub use manifest::{Manifest, Origin};
pub use policy::Policy;
pub use receive::Receiver;
pub use recover::{Recovered, recover, replay};
pub use send::Sender;
pub use store::{Latest, Settings, Snapshots};
pub use take::{Pending, Settled, begin, give_up, install, settle, take};
