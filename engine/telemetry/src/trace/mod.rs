//! The trace: recorded frames in a file, larger than memory, checked block by block.
//!
//! A trace is a head, blocks of frames, and an end block. All integers are little-endian.
//!
//! The **head** is 16 bytes:
//!
//! | bytes | field |
//! |---|---|
//! | 0–7 | the magic bytes, `QRTtrace` |
//! | 8–9 | the schema's major version, see [`VERSION`](crate::schema::VERSION) |
//! | 10–11 | its minor version |
//! | 12–15 | CRC-32C of the bytes before |
//!
//! A **block** is a head of 44 bytes and a payload:
//!
//! | bytes | field |
//! |---|---|
//! | 0 | 1 frames, 2 the end |
//! | 1 | how the payload is stored: 0 as it is, 1 as one LZ4 block |
//! | 2–3 | zero |
//! | 4–7 | the block's number in the trace, from zero |
//! | 8–11 | length of the payload as it is stored |
//! | 12–15 | its length before compression, at most [`BLOCK_BYTES`](crate::limits::BLOCK_BYTES) |
//! | 16–19 | how many frames |
//! | 20–27 | the first frame's sequence number; in the end block, how many frames the trace has |
//! | 28–35 | the first frame's time; in the end block, zero |
//! | 36–39 | CRC-32C of the payload as it is stored |
//! | 40–43 | CRC-32C of the head's bytes before |
//!
//! The payload of a block of frames is their bytes, one after the other (see [`schema`](crate::schema)), closed when they have reached
//! [`BLOCK_TARGET_BYTES`](crate::limits::BLOCK_TARGET_BYTES). The payload of the end block is empty, or the 32 bytes by which whoever
//! recorded names the whole run: for a simulation, its auditor's hash. Nothing follows the end block.
//!
//! **What a reader promises.** Memory is bounded by one block, whatever lengths are claimed. A trace that stops anywhere gives every
//! frame of its complete blocks and is reported as [unfinished](Ending::Unfinished): its writer may have crashed, or may still write. A
//! byte that was changed is an error which names the block and the byte; no frame of a block is given before the block was checked.
//!
//! ```
//! use quorate_core::ids::MemberId;
//! use quorate_telemetry::schema::{Appended, Body, Manifest};
//! use quorate_telemetry::trace::{Ending, Reader, Writer};
//!
//! let members = vec![MemberId(1), MemberId(2), MemberId(3)];
//! let engine_version = env!("CARGO_PKG_VERSION").into();
//! let mut writer = Writer::new(Vec::new())?;
//! writer.tell(0, None, Manifest { engine_version, protocol: "raft".into(), members, seed: Some(7), settings: vec![] })?;
//! writer.tell(1_500, Some(MemberId(2)), Appended { records: 3, bytes: 420 })?;
//! let file = writer.finish(None)?;
//!
//! let mut reader = Reader::new(&file[..])?;
//! while let Some(frame) = reader.next_frame()? {
//!     if let Body::Appended(appended) = frame.body {
//!         println!("{} ns: {} records", frame.time, appended.records);
//!     }
//! }
//! assert_eq!(reader.ending(), Some(Ending::Finished { audit: None }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod block;
mod reader;
mod survey;
mod writer;

pub use block::{HEAD_BYTES, MAGIC};
pub use reader::{BlockError, Ending, ReadError, Reader};
pub use survey::{LABELS_KEPT, Survey, survey};
pub use writer::{WriteError, Writer};
