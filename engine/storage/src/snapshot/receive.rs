//! A snapshot that comes from another member, in chunks.
//!
//! It is written to a file of its own, which stays when the connection breaks or the node restarts. Whoever goes on with it brings the
//! manifest again; the chunks that are there are told by their digests, not by what anybody remembers, and only the rest is asked for. A
//! chunk that does not have its digest never gets in. The file takes the name of a snapshot when all of it was read back and is durable.
//!
//! One partition receives one snapshot at a time. Beginning another gives the first one up.

use quorate_core::hash::TreeHash;
use quorate_env::disk::DiskFile;

use super::error::{SnapshotError, failed};
use super::file::{HEADER_BYTES, Reader, finish, header};
use super::manifest::Manifest;
use super::store::{RECEIVING, Snapshots, file_name};

/// Takes in a snapshot, chunk by chunk.
pub struct Receiver {
    snapshots: Snapshots,
    manifest: Manifest,
    name: String,
    path: String,
    file: Box<dyn DiskFile>,
    next: u64,
}

impl Receiver {
    /// Begins, or goes on, with the snapshot that a manifest describes.
    ///
    /// # Errors
    /// If it is another cluster's, or the disk fails.
    pub fn begin(snapshots: &Snapshots, manifest: Manifest) -> Result<Self, SnapshotError> {
        let origin = *manifest.origin();
        let name = file_name(origin.partition, origin.mark, RECEIVING);
        let path = snapshots.path(&name);
        snapshots.same_cluster(&origin, &path)?;
        let mut known = false;
        for other in snapshots.receptions(origin.partition)? {
            if other == name {
                known = true;
            } else {
                snapshots.remove(&other)?;
            }
        }
        let disk = snapshots.disk();
        let file = if known { disk.open(&path) } else { disk.create(&path) }.map_err(failed("opening", &path))?;
        let mut receiver = Self { snapshots: snapshots.clone(), manifest, name, path, file, next: 0 };
        receiver.next = receiver.present().map_err(failed("reading", &receiver.path))?;
        if receiver.next == 0 {
            receiver.restart().map_err(failed("writing the header of", &receiver.path))?;
        }
        Ok(receiver)
    }

    /// What is being received.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The next chunk that is wanted; none when all are there.
    #[must_use]
    pub fn wanted(&self) -> Option<u64> {
        (self.next < self.manifest.count()).then_some(self.next)
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    /// If it is another chunk, does not have its digest, or the disk fails. The same chunk is still wanted, then.
    pub fn chunk(&mut self, nth: u64, bytes: &[u8]) -> Result<(), SnapshotError> {
        let expected = self.manifest.chunks().get(self.next as usize).filter(|_| nth == self.next);
        let Some(expected) = expected else {
            return Err(SnapshotError::OtherChunk { found: nth, wanted: self.next, count: self.manifest.count() });
        };
        let len = self.manifest.chunk_len(nth);
        if bytes.len() != len {
            return Err(SnapshotError::WrongChunk {
                chunk: nth,
                found: format!("{} bytes", bytes.len()),
                expected: format!("{len} bytes"),
            });
        }
        let found = TreeHash::Blake3.leaf(bytes);
        if found != *expected {
            return Err(SnapshotError::WrongChunk { chunk: nth, found: format!("digest {found}"), expected: format!("digest {expected}") });
        }
        self.file.write_at(bytes, self.offset(nth)).map_err(failed("writing", &self.path))?;
        self.next += 1;
        Ok(())
    }

    /// Makes it one of the node's snapshots, durable and checked.
    ///
    /// # Errors
    /// If chunks are missing, what was written does not read back, or the disk fails. What is there stays, to be gone on with.
    pub fn finish(self) -> Result<Reader, SnapshotError> {
        if let Some(wanted) = self.wanted() {
            return Err(SnapshotError::Incomplete { file: self.path, wanted, count: self.manifest.count() });
        }
        finish(self.file.as_ref(), &self.manifest).map_err(failed("finishing", &self.path))?;
        Reader::open(self.snapshots.disk(), &self.path)?.check()?;
        let origin = self.manifest.origin();
        self.snapshots.complete(&self.name, origin.partition, origin.mark)?;
        self.snapshots.reader(origin.partition, origin.mark)
    }

    /// Gives it up, and takes its file away.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn abandon(self) -> Result<(), SnapshotError> {
        self.snapshots.remove(&self.name)
    }

    fn offset(&self, nth: u64) -> u64 {
        HEADER_BYTES + nth * u64::from(self.manifest.chunk_bytes())
    }

    /// How many chunks from the first on are in the file.
    fn present(&self) -> std::io::Result<u64> {
        let len = self.file.len()?;
        let mut head = [0; HEADER_BYTES as usize];
        if len < HEADER_BYTES || self.file.read_at(&mut head, 0)? < head.len() || head != header(self.manifest.chunk_bytes()) {
            return Ok(0);
        }
        let mut buffer = Vec::new();
        for (nth, expected) in (0..).zip(self.manifest.chunks()) {
            let chunk = self.manifest.chunk_len(nth);
            if self.offset(nth) + chunk as u64 > len {
                return Ok(nth);
            }
            buffer.resize(chunk, 0);
            self.file.read_exact_at(&mut buffer, self.offset(nth))?;
            if TreeHash::Blake3.leaf(&buffer) != *expected {
                return Ok(nth);
            }
        }
        Ok(self.manifest.count())
    }

    /// Empties the file.
    fn restart(&self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_at(&header(self.manifest.chunk_bytes()), 0)
    }
}
