//! The bytes of proofs and frontiers.
//!
//! Every structure begins with one byte that names it and its version, then the code of its hash; then sizes and
//! indices as u64, counts as u32, nodes as 32 bytes, all little-endian, at fixed places. There is one encoding of
//! a value: whatever the decoder accepts, the encoder writes back the same.

use crate::codec::{DecodeError, Reader};
use crate::hash::{Digest, TreeHash};

/// A structure that has a canonical encoding: its name in errors, and its first byte.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) what: &'static str,
    pub(super) version: u8,
}

impl Format {
    /// The first two bytes of an encoding, with room for `capacity` bytes in all.
    pub(super) fn begin(self, hash: TreeHash, capacity: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&[self.version, hash.code()]);
        bytes
    }

    /// Checks the first two bytes, and gives the hash and the reader of the rest.
    pub(super) fn read(self, bytes: &[u8]) -> Result<(TreeHash, Reader<'_>), DecodeError> {
        let mut reader = Reader::new(self.what, bytes);
        reader.expect_u8("the version", self.version)?;
        let at = reader.at();
        let code = reader.u8("the tree hash")?;
        match TreeHash::from_code(code) {
            Some(hash) => Ok((hash, reader)),
            None => Err(reader.unexpected_at(at, "the tree hash", code, "1 (blake3) or 2 (sha256)".into())),
        }
    }
}

/// Appends `count` as a u32.
pub(super) fn put_count(bytes: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("a proof has far fewer than 2^32 nodes");
    bytes.extend_from_slice(&count.to_le_bytes());
}

/// Appends the count of `nodes` and the nodes.
pub(super) fn put_nodes(bytes: &mut Vec<u8>, nodes: &[Digest]) {
    put_count(bytes, nodes.len());
    bytes.extend_from_slice(bytemuck::cast_slice(nodes));
}

/// Reads a count, at most `limit`, and as many nodes.
pub(super) fn get_nodes(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<Digest>, DecodeError> {
    let count = reader.count("the node count", 32, limit)?;
    (0..count).map(|_| reader.array("a node").map(Digest)).collect()
}

/// Reads a count, at most `limit`, and as many indices.
pub(super) fn get_indices(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<u64>, DecodeError> {
    let count = reader.count("the index count", 8, limit)?;
    (0..count).map(|_| reader.u64("an index")).collect()
}
