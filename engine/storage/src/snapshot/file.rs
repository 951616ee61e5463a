//! A snapshot file: written in one stream, read by chunk.
//!
//! | bytes | part |
//! |---|---|
//! | 32 | header: magic 8, format version u32, bytes a chunk u32, 12 zero, CRC-32C of the 28 bytes before |
//! | total | the chunks, one behind the other, as they are |
//! | … | the manifest |
//! | 32 | footer: magic 8, offset of the manifest u64, its length u64, its CRC-32C, CRC-32C of the 28 bytes before |
//!
//! The footer comes last, so a file that was not finished has none. **No byte is believed before something else confirms it**: the
//! header and footer by their checksums, the manifest by the footer, a chunk by its digest in the manifest, the length by all of them.

use std::io;

use crc_fast::CrcAlgorithm;
use quorate_core::hash::{Digest, TreeHash};
use quorate_env::disk::{Disk, DiskFile};

use super::error::{Part, SnapshotDamage, SnapshotError, failed};
use super::manifest::{Manifest, Origin};

const HEADER_MAGIC: [u8; 8] = *b"QRTSNAP\n";
const FOOTER_MAGIC: [u8; 8] = *b"QRTSEND\n";
const FORMAT: u32 = 1;
/// The length of the header.
pub(super) const HEADER_BYTES: u64 = 32;
const FOOTER_BYTES: u64 = 32;

fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The first bytes of a file.
pub(super) fn header(chunk_bytes: u32) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[..8].copy_from_slice(&HEADER_MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[12..16].copy_from_slice(&chunk_bytes.to_le_bytes());
    seal(bytes)
}

/// Puts the checksum behind the rest.
fn seal(mut bytes: [u8; 32]) -> [u8; 32] {
    let crc = crc32c(&bytes[..28]);
    bytes[28..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Writes what comes behind the chunks, and syncs the file.
pub(super) fn finish(file: &dyn DiskFile, manifest: &Manifest) -> io::Result<()> {
    let (bytes, at) = (manifest.encode(), HEADER_BYTES + manifest.total());
    let mut footer = [0; 32];
    footer[..8].copy_from_slice(&FOOTER_MAGIC);
    footer[8..16].copy_from_slice(&at.to_le_bytes());
    footer[16..24].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
    footer[24..28].copy_from_slice(&crc32c(&bytes).to_le_bytes());
    file.write_at(&bytes, at)?;
    file.write_at(&seal(footer), at + bytes.len() as u64)?;
    file.set_len(at + bytes.len() as u64 + FOOTER_BYTES)?;
    file.sync()
}

/// Writes a snapshot file from front to back. What is written to it is the state.
pub struct Writer {
    file: Box<dyn DiskFile>,
    name: String,
    chunk_bytes: u32,
    buffer: Vec<u8>,
    total: u64,
    chunks: Vec<Digest>,
}

impl Writer {
    /// Begins a file that is empty.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn new(file: Box<dyn DiskFile>, name: &str, chunk_bytes: u32) -> Result<Self, SnapshotError> {
        let chunk_bytes = chunk_bytes.clamp(1, Manifest::CHUNK_BYTES_MAX);
        file.write_at(&header(chunk_bytes), 0).map_err(failed("writing the header of", name))?;
        let buffer = Vec::with_capacity(chunk_bytes as usize);
        Ok(Self { file, name: name.to_owned(), chunk_bytes, buffer, total: 0, chunks: Vec::new() })
    }

    /// Writes the rest and makes it all durable, except for the file's name.
    ///
    /// # Errors
    /// If the disk fails, or `meta` is too long.
    pub fn finish(mut self, origin: Origin, meta: Vec<u8>) -> Result<Manifest, SnapshotError> {
        let rest = std::mem::take(&mut self.buffer);
        if !rest.is_empty() {
            self.chunk(&rest).map_err(failed("writing", &self.name))?;
        }
        let manifest = Manifest::new(origin, meta, self.chunk_bytes, self.total, self.chunks)?;
        finish(self.file.as_ref(), &manifest).map_err(failed("finishing", &self.name))?;
        Ok(manifest)
    }

    fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(bytes, HEADER_BYTES + self.total)?;
        self.chunks.push(TreeHash::Blake3.leaf(bytes));
        self.total += bytes.len() as u64;
        Ok(())
    }
}

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let wanted = self.chunk_bytes as usize;
        if self.buffer.is_empty() && bytes.len() >= wanted {
            self.chunk(&bytes[..wanted])?;
            return Ok(wanted);
        }
        let taken = bytes.len().min(wanted - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == wanted {
            let mut full = std::mem::take(&mut self.buffer);
            self.chunk(&full)?;
            full.clear();
            self.buffer = full;
        }
        Ok(taken)
    }

    /// Does nothing: what is left over becomes the last chunk when the file is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A finished snapshot file, to be read by chunk.
pub struct Reader {
    file: Box<dyn DiskFile>,
    name: String,
    manifest: Manifest,
}

impl Reader {
    /// Opens a file and checks everything but the chunks.
    ///
    /// # Errors
    /// If the disk fails, or the file is damaged.
    pub fn open(disk: &dyn Disk, path: &str) -> Result<Self, SnapshotError> {
        let file = disk.open(path).map_err(failed("opening", path))?;
        let place = Place { file: file.as_ref(), name: path };
        let len = file.len().map_err(failed("reading the length of", path))?;
        if len < HEADER_BYTES + FOOTER_BYTES {
            let expected = format!("{} bytes or more", HEADER_BYTES + FOOTER_BYTES);
            return Err(place.damage(Part::Footer, 0, format!("a file of {len} bytes"), expected));
        }
        let chunk_bytes = place.header()?;
        let manifest = place.manifest(len - FOOTER_BYTES)?;
        if manifest.chunk_bytes() != chunk_bytes {
            return Err(place.damage(Part::Header, 12, format!("{chunk_bytes} bytes a chunk"), format!("{}", manifest.chunk_bytes())));
        }
        Ok(Self { name: path.to_owned(), manifest, file })
    }

    /// What the snapshot is of.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The file's path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a chunk into a buffer, whose length becomes the chunk's, and checks it.
    ///
    /// # Errors
    /// If there is no such chunk, the disk fails, or the chunk is damaged.
    pub fn read_chunk(&self, nth: u64, into: &mut Vec<u8>) -> Result<(), SnapshotError> {
        let expected = usize::try_from(nth).ok().and_then(|nth| self.manifest.chunks().get(nth));
        let Some(expected) = expected else {
            return Err(SnapshotError::NoChunk { file: self.name.clone(), chunk: nth, count: self.manifest.count() });
        };
        into.resize(self.manifest.chunk_len(nth), 0);
        let offset = HEADER_BYTES + nth * u64::from(self.manifest.chunk_bytes());
        self.file.read_exact_at(into, offset).map_err(failed("reading", &self.name))?;
        let found = TreeHash::Blake3.leaf(into);
        if found != *expected {
            let place = Place { file: self.file.as_ref(), name: &self.name };
            return Err(place.damage(Part::Chunk(nth), offset, format!("digest {found}"), format!("digest {expected}")));
        }
        Ok(())
    }

    /// Reads and checks every chunk.
    ///
    /// # Errors
    /// The first chunk that is damaged or cannot be read.
    pub fn check(&self) -> Result<(), SnapshotError> {
        let mut buffer = Vec::new();
        (0..self.manifest.count()).try_for_each(|nth| self.read_chunk(nth, &mut buffer))
    }

    /// The state, as a stream in which every byte was checked.
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        Body { reader: self, next: 0, buffer: Vec::new(), at: 0, broken: None }
    }
}

/// The state in a snapshot file, as a stream.
pub struct Body<'a> {
    reader: &'a Reader,
    next: u64,
    buffer: Vec<u8>,
    at: usize,
    broken: Option<SnapshotError>,
}

impl Body<'_> {
    /// What was wrong with the file, if reading failed.
    #[must_use]
    pub fn broken(self) -> Option<SnapshotError> {
        self.broken
    }
}

impl io::Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.broken {
            return Err(io::Error::new(io::ErrorKind::InvalidData, error.clone()));
        }
        if self.at == self.buffer.len() {
            if self.next == self.reader.manifest.count() {
                return Ok(0);
            }
            self.at = 0;
            if let Err(error) = self.reader.read_chunk(self.next, &mut self.buffer) {
                self.buffer.clear();
                self.broken = Some(error.clone());
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
            self.next += 1;
        }
        let taken = into.len().min(self.buffer.len() - self.at);
        into[..taken].copy_from_slice(&self.buffer[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// A file that is being opened, and what it is called.
struct Place<'a> {
    file: &'a dyn DiskFile,
    name: &'a str,
}

impl Place<'_> {
    fn damage(&self, part: Part, offset: u64, found: String, expected: String) -> SnapshotError {
        SnapshotError::Damaged(Box::new(SnapshotDamage { file: self.name.to_owned(), part, offset, found, expected }))
    }

    /// Reads one of the two ends, and checks it.
    fn sealed(&self, part: Part, at: u64, magic: [u8; 8]) -> Result<[u8; 32], SnapshotError> {
        let mut bytes = [0; 32];
        self.file.read_exact_at(&mut bytes, at).map_err(failed("reading", self.name))?;
        if bytes[..8] != magic {
            return Err(self.damage(part, at, bytes[..8].escape_ascii().to_string(), magic.escape_ascii().to_string()));
        }
        let (found, expected) = (u32_at(&bytes, 28), crc32c(&bytes[..28]));
        if found != expected {
            return Err(self.damage(part, at + 28, format!("CRC-32C {found:08x}"), format!("{expected:08x}")));
        }
        Ok(bytes)
    }

    /// Checks the header. Returns the bytes a chunk.
    fn header(&self) -> Result<u32, SnapshotError> {
        let bytes = self.sealed(Part::Header, 0, HEADER_MAGIC)?;
        match u32_at(&bytes, 8) {
            FORMAT => Ok(u32_at(&bytes, 12)),
            found => Err(SnapshotError::Format { file: self.name.to_owned(), found, expected: FORMAT }),
        }
    }

    /// Checks the footer, which begins at `end`, and the manifest before it.
    fn manifest(&self, end: u64) -> Result<Manifest, SnapshotError> {
        let footer = self.sealed(Part::Footer, end, FOOTER_MAGIC)?;
        let (at, len) = (u64_at(&footer, 8), u64_at(&footer, 16));
        if at < HEADER_BYTES || at.checked_add(len) != Some(end) {
            return Err(self.damage(
                Part::Footer,
                end + 8,
                format!("a manifest of {len} bytes at {at}"),
                format!("one that ends at {end}"),
            ));
        }
        // The length is no longer than the file, so it may be reserved.
        let mut bytes = vec![0; len as usize];
        self.file.read_exact_at(&mut bytes, at).map_err(failed("reading", self.name))?;
        let (found, expected) = (crc32c(&bytes), u32_at(&footer, 24));
        if found != expected {
            return Err(self.damage(Part::Manifest, at, format!("CRC-32C {found:08x}"), format!("{expected:08x}")));
        }
        let manifest = Manifest::decode(&bytes).map_err(|error| {
            self.damage(Part::Manifest, at.saturating_add(error.at as u64), error.problem.to_string(), "a manifest".into())
        })?;
        if HEADER_BYTES.checked_add(manifest.total()) != Some(at) {
            return Err(self.damage(
                Part::Manifest,
                at,
                format!("a state of {} bytes", manifest.total()),
                format!("{}", at - HEADER_BYTES),
            ));
        }
        Ok(manifest)
    }
}

fn u32_at(bytes: &[u8; 32], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; 32], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}
