//! A snapshot on its way to another member: its manifest, then its chunks from where the other is.
//!
//! Every chunk is checked before it is handed out, so that damage is found by the member whose disk has it. One buffer serves all chunks.

use super::error::SnapshotError;
use super::file::Reader;
use super::manifest::Manifest;

/// Hands out the chunks of a snapshot, in order.
pub struct Sender {
    reader: Reader,
    next: u64,
    buffer: Vec<u8>,
}

impl Sender {
    /// Begins with the chunk that the receiver wants next.
    #[must_use]
    pub fn new(reader: Reader, next: u64) -> Self {
        Self { reader, next, buffer: Vec::new() }
    }

    /// What is sent first.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.reader.manifest()
    }

    /// Goes to another chunk, because the receiver asked for it.
    pub fn seek(&mut self, next: u64) {
        self.next = next;
    }

    /// The next chunk and its number; none when all were handed out.
    ///
    /// # Errors
    /// If the disk fails, or the chunk is damaged. The next call tries the same chunk.
    pub fn next_chunk(&mut self) -> Result<Option<(u64, &[u8])>, SnapshotError> {
        let nth = self.next;
        if nth >= self.reader.manifest().count() {
            return Ok(None);
        }
        self.reader.read_chunk(nth, &mut self.buffer)?;
        self.next += 1;
        Ok(Some((nth, &self.buffer)))
    }
}
