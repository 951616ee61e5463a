//! Heads: that of the file, and that of each block.

use crc_fast::{CrcAlgorithm, checksum};
use quorate_core::codec::{DecodeError, Reader};
use quorate_core::hash::Digest;

use crate::limits;
use crate::schema::{VERSION, Version};

/// What every trace begins with.
pub const MAGIC: [u8; 8] = *b"QRTtrace";

/// The length of the file's head.
pub const HEAD_BYTES: usize = 16;

/// The length of a block's head.
pub(super) const BLOCK_HEAD_BYTES: usize = 44;

/// The last bytes of each head are the checksum of those before.
const CRC_BYTES: usize = 4;

/// CRC-32C.
pub(super) fn crc(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The head of a file of this version.
pub(super) fn encode_head() -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..10].copy_from_slice(&VERSION.major.to_le_bytes());
    head[10..12].copy_from_slice(&VERSION.minor.to_le_bytes());
    let sum = crc(&head[..HEAD_BYTES - CRC_BYTES]);
    head[12..].copy_from_slice(&sum.to_le_bytes());
    head
}

/// Reads the head of a file.
pub(super) fn decode_head(bytes: &[u8]) -> Result<Version, DecodeError> {
    let mut reader = Reader::new("trace head", bytes);
    let magic: [u8; 8] = reader.array("magic")?;
    if magic != MAGIC {
        let found = format!("{:?}", String::from_utf8_lossy(&magic));
        return Err(reader.unexpected_at(0, "magic", found, format!("{:?}, a trace", String::from_utf8_lossy(&MAGIC))));
    }
    let at = reader.at();
    let version = Version { major: reader.u16("major version")?, minor: reader.u16("minor version")? };
    check(&mut reader, bytes)?;
    if version.major != VERSION.major {
        return Err(reader.unexpected_at(at, "version", version, format!("{}.x, which this build reads", VERSION.major)));
    }
    reader.finish()?;
    Ok(version)
}

/// Reads the checksum at the end of a head and compares.
fn check(reader: &mut Reader<'_>, head: &[u8]) -> Result<(), DecodeError> {
    let at = reader.at();
    let expected = crc(&head[..at]);
    match reader.u32("checksum")? {
        found if found == expected => Ok(()),
        found => Err(reader.unexpected_at(at, "checksum", format!("{found:08x}"), format!("{expected:08x} over what stands before"))),
    }
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Frames,
    End,
}

/// The head of a block, but for its checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHead {
    pub(super) holds: Holds,
    pub(super) compressed: bool,
    pub(super) number: u32,
    pub(super) stored: u32,
    pub(super) length: u32,
    pub(super) frames: u32,
    /// The first frame's sequence number, or how many frames the trace has.
    pub(super) first: u64,
    pub(super) time: u64,
    pub(super) payload_crc: u32,
}

impl BlockHead {
    pub(super) fn encode(&self) -> [u8; BLOCK_HEAD_BYTES] {
        let mut head = [0; BLOCK_HEAD_BYTES];
        head[0] = match self.holds {
            Holds::Frames => 1,
            Holds::End => 2,
        };
        head[1] = u8::from(self.compressed);
        head[4..8].copy_from_slice(&self.number.to_le_bytes());
        head[8..12].copy_from_slice(&self.stored.to_le_bytes());
        head[12..16].copy_from_slice(&self.length.to_le_bytes());
        head[16..20].copy_from_slice(&self.frames.to_le_bytes());
        head[20..28].copy_from_slice(&self.first.to_le_bytes());
        head[28..36].copy_from_slice(&self.time.to_le_bytes());
        head[36..40].copy_from_slice(&self.payload_crc.to_le_bytes());
        let sum = crc(&head[..BLOCK_HEAD_BYTES - CRC_BYTES]);
        head[40..].copy_from_slice(&sum.to_le_bytes());
        head
    }

    /// Reads a head. Its lengths fit what a block may have.
    pub(super) fn decode(bytes: &[u8; BLOCK_HEAD_BYTES], number: u32) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("block head", bytes);
        // Nothing in a damaged head means anything: its checksum comes first.
        reader.bytes("head", BLOCK_HEAD_BYTES - CRC_BYTES)?;
        check(&mut reader, bytes)?;
        let mut reader = Reader::new("block head", bytes);
        let holds = match reader.u8("kind of block")? {
            1 => Holds::Frames,
            2 => Holds::End,
            other => return Err(reader.unexpected_at(0, "kind of block", other, "1 or 2".into())),
        };
        let compressed = reader.bool("compression")?;
        let zero = reader.u16("unused bytes")?;
        let head = Self {
            holds,
            compressed,
            number: reader.u32("number")?,
            stored: reader.u32("stored length")?,
            length: reader.u32("length")?,
            frames: reader.u32("frames")?,
            first: reader.u64("first sequence")?,
            time: reader.u64("first time")?,
            payload_crc: reader.u32("payload checksum")?,
        };
        let unexpected = |at, field, found: u64, expected: String| Err(reader.unexpected_at(at, field, found, expected));
        if zero != 0 {
            return unexpected(2, "unused bytes", zero.into(), "0".into());
        }
        if head.number != number {
            return unexpected(4, "number", head.number.into(), format!("{number}: a block is missing, twice there, or out of order"));
        }
        let most = match head.holds {
            Holds::Frames => limits::BLOCK_BYTES,
            Holds::End => size_of::<Digest>(),
        };
        if head.length as usize > most {
            return unexpected(12, "length", head.length.into(), format!("at most {most}"));
        }
        let fits = if head.compressed { head.stored < head.length } else { head.stored == head.length };
        if !fits {
            let expected = format!("{} {}", if head.compressed { "less than" } else { "exactly" }, head.length);
            return unexpected(8, "stored length", head.stored.into(), expected);
        }
        let expected = match head.holds {
            Holds::Frames => 1..=head.length,
            Holds::End => 0..=0,
        };
        if !expected.contains(&head.frames) {
            return unexpected(16, "frames", head.frames.into(), format!("{} to {}", expected.start(), expected.end()));
        }
        Ok(head)
    }
}
