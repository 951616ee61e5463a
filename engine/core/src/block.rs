//! A block: what is proposed, voted on as one, and appended to a chain.
//!
//! A block's id is the hash of its [`Header`], whose layout is fixed: parent, height, timestamp, and the payload's length and hash.
//! So a header proves which block it heads without the payload, and a payload proves which header it belongs to. An id is never
//! taken from outside: the decoder computes it again and refuses a block that names itself wrongly.
//!
//! | bytes of a block | field |
//! |---|---|
//! | 0 | version, 1 |
//! | 1–32 | id |
//! | 33–64 | parent's id; zero for the first block of a chain |
//! | 65–72 | height u64 |
//! | 73–80 | timestamp u64 |
//! | 81–84 | length of the payload u32, at most [`Block::PAYLOAD_MAX`] |
//! | 85– | payload |

use thiserror::Error;

use crate::codec::{DecodeError, Reader};
use crate::hash::{Digest, tagged};
use crate::ids::Height;

/// A moment: nanoseconds since 1970-01-01 00:00 UTC, as the proposer's clock had it. It orders nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// What a block's id is the hash of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// The block before; zero for the first of a chain.
    pub parent: Digest,
    /// The position in the chain.
    pub height: Height,
    /// When it was proposed.
    pub timestamp: Timestamp,
    /// How many bytes the payload has.
    pub payload_len: u32,
    /// The payload's hash, see [`payload_hash`].
    pub payload_hash: Digest,
}

impl Header {
    /// The length of an encoded header.
    pub const BYTES: usize = 32 + 8 + 8 + 4 + 32;

    /// The block's id.
    #[must_use]
    pub fn id(&self) -> Digest {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        self.encode(&mut bytes);
        tagged("quorate 2026-11 block v1", &[&bytes])
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.parent.0);
        out.extend(self.height.0.to_le_bytes());
        out.extend(self.timestamp.0.to_le_bytes());
        out.extend(self.payload_len.to_le_bytes());
        out.extend(self.payload_hash.0);
    }

    /// Reads canonical bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parent = Digest(reader.array("parent")?);
        let height = Height(reader.u64("height")?);
        let timestamp = Timestamp(reader.u64("timestamp")?);
        let at = reader.at();
        let payload_len = reader.u32("payload length")?;
        if payload_len as usize > Block::PAYLOAD_MAX {
            return Err(reader.unexpected_at(at, "payload length", payload_len, format!("at most {}", Block::PAYLOAD_MAX)));
        }
        Ok(Self { parent, height, timestamp, payload_len, payload_hash: Digest(reader.array("payload hash")?) })
    }
}

/// The hash by which a header names its payload.
#[must_use]
pub fn payload_hash(payload: &[u8]) -> Digest {
    tagged("quorate 2026-11 block payload v1", &[payload])
}

/// Why bytes cannot be a block's payload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// There are too many.
    #[error("a payload of {0} bytes; expected at most {max}: spread it over several blocks", max = Block::PAYLOAD_MAX)]
    TooLarge(usize),
    /// The header is another block's.
    #[error("the payload hashes to {found}; the header says {expected}")]
    OtherPayload {
        /// The hash in the header.
        expected: Digest,
        /// The payload's.
        found: Digest,
    },
}

/// A block, whose id is known to be its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    id: Digest,
    header: Header,
    payload: Vec<u8>,
}

impl Block {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// The most bytes that a payload may have: 16 MiB. One block travels as one message.
    pub const PAYLOAD_MAX: usize = 16 << 20;

    /// A block behind `parent`.
    ///
    /// # Errors
    /// If the payload has more than [`Block::PAYLOAD_MAX`] bytes.
    pub fn new(parent: Digest, height: Height, timestamp: Timestamp, payload: Vec<u8>) -> Result<Self, BlockError> {
        if payload.len() > Self::PAYLOAD_MAX {
            return Err(BlockError::TooLarge(payload.len()));
        }
        let header = Header { parent, height, timestamp, payload_len: payload.len() as u32, payload_hash: payload_hash(&payload) };
        Ok(Self { id: header.id(), header, payload })
    }

    /// The block of a header that was known first, now that its payload is here.
    ///
    /// # Errors
    /// If the payload is not the one that the header names.
    pub fn complete(header: Header, payload: Vec<u8>) -> Result<Self, BlockError> {
        let block = Self::new(header.parent, header.height, header.timestamp, payload)?;
        if block.header != header {
            return Err(BlockError::OtherPayload { expected: header.payload_hash, found: block.header.payload_hash });
        }
        Ok(block)
    }

    /// The block's name: the hash of its header.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.id
    }

    /// What the id is the hash of.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The block before; zero for the first of a chain.
    #[must_use]
    pub fn parent(&self) -> Digest {
        self.header.parent
    }

    /// The position in the chain.
    #[must_use]
    pub fn height(&self) -> Height {
        self.header.height
    }

    /// When it was proposed.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.header.timestamp
    }

    /// What it carries.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload, without a copy.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 32 + 32 + 8 + 8 + 4 + self.payload.len());
        out.push(Self::VERSION);
        out.extend(self.id.0);
        out.extend(self.header.parent.0);
        out.extend(self.header.height.0.to_le_bytes());
        out.extend(self.header.timestamp.0.to_le_bytes());
        out.extend(self.header.payload_len.to_le_bytes());
        out.extend_from_slice(&self.payload);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no block, or one whose id is not its hash.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("block", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let at = reader.at();
        let id = Digest(reader.array("id")?);
        let parent = Digest(reader.array("parent")?);
        let height = Height(reader.u64("height")?);
        let timestamp = Timestamp(reader.u64("timestamp")?);
        let len = reader.count("payload length", 1, Self::PAYLOAD_MAX)?;
        let payload = reader.bytes("payload", len)?.to_vec();
        let block = Self::new(parent, height, timestamp, payload).map_err(|error| reader.invalid(error))?;
        if block.id != id {
            return Err(reader.unexpected_at(at, "id", id, format!("{}, the hash of the header", block.id)));
        }
        reader.finish()?;
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(payload: &[u8]) -> Block {
        Block::new(Digest([7; 32]), Height(3), Timestamp(1_790_000_000_000_000_000), payload.to_vec()).unwrap()
    }

    #[test]
    fn a_header_proves_itself_without_its_payload_and_takes_only_its_own() {
        let block = block(b"three writes");
        let mut bytes = Vec::new();
        block.header().encode(&mut bytes);
        assert_eq!(bytes.len(), Header::BYTES);
        let header = Header::decode(&mut Reader::new("header", &bytes)).unwrap();
        assert_eq!(header.id(), block.id());
        assert_eq!(Block::complete(header, b"three writes".to_vec()).unwrap(), block);
        assert!(matches!(Block::complete(header, b"four writes!".to_vec()), Err(BlockError::OtherPayload { .. })));
    }

    #[test]
    fn every_field_changes_the_id() {
        let base = *block(b"payload").header();
        for other in [
            Header { parent: Digest::ZERO, ..base },
            Header { height: Height(4), ..base },
            Header { timestamp: Timestamp(1), ..base },
            Header { payload_len: 1, ..base },
            Header { payload_hash: Digest::ZERO, ..base },
        ] {
            assert_ne!(other.id(), base.id());
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_refused() {
        let bytes = block(b"payload").encode();
        assert_eq!(Block::decode(&bytes).unwrap(), block(b"payload"));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Block::decode(&flipped).is_err(), "bit {bit}");
        }
        assert!((0..bytes.len()).all(|len| Block::decode(&bytes[..len]).is_err()));
    }

    #[test]
    fn a_payload_above_the_bound_is_refused_before_it_is_read() {
        let long = Block::new(Digest::ZERO, Height(0), Timestamp(0), vec![0; Block::PAYLOAD_MAX + 1]);
        assert_eq!(long.unwrap_err(), BlockError::TooLarge(Block::PAYLOAD_MAX + 1));
        let mut bytes = block(b"").encode();
        bytes[81..].copy_from_slice(&(Block::PAYLOAD_MAX as u32 + 1).to_le_bytes());
        assert!(Block::decode(&bytes).unwrap_err().to_string().contains("at most 16777216"));
    }
}
