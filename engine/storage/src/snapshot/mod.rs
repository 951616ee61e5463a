//! Snapshots: a partition's state as it was after one entry, in a file that can be checked, sent in pieces, and trusted or refused.
//!
//! | step | rule | file |
//! |---|---|---|
//! | write | another name, sync, rename, sync of the folder: a snapshot is there wholly or not at all | `store.rs` |
//! | send | any chunk can be read by itself, and is checked before it leaves | `send.rs` |
//! | receive | each chunk is checked as it comes; what is there already is not sent again | `receive.rs` |
//!
//! What a snapshot is of, and the digest of each of its chunks, is its [`Manifest`]; how both lie in a file is told in `file.rs`.

mod error;
mod file;
mod manifest;
mod receive;
mod send;
mod store;

pub use error::{Part, SnapshotDamage, SnapshotError};
pub use file::{Body, Reader, Writer};
pub use manifest::{Manifest, Origin};
pub use receive::Receiver;
pub use send::Sender;
pub use store::{Latest, Settings, Snapshots};
