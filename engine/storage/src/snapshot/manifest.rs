//! What a snapshot is of, and how each of its chunks is told from any other.
//!
//! The state is a string of bytes, cut into chunks of one length (the last may be shorter). Each chunk has a BLAKE3 leaf digest, and all
//! of them a Merkle root, so that a chunk can be checked by itself and the whole by one digest. With the state goes `meta`: what the
//! node must know at that entry and the machine does not, such as the configuration and the log's Merkle frontier. It is opaque here.
//!
//! Bytes: version 1 ‖ cluster 32 ‖ member 8 ‖ partition 4 ‖ index 8 ‖ term 8 ‖ bytes a chunk u32 ‖ total 8 ‖ number of chunks u32, and
//! each digest 32 ‖ root 32 ‖ length of meta u32, and meta.

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_core::merkle;

use crate::store::Mark;

/// Whose state a snapshot holds, and of which moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The cluster.
    pub cluster: ClusterId,
    /// The member that took it.
    pub member: MemberId,
    /// The partition.
    pub partition: PartitionId,
    /// The last entry that is in it.
    pub mark: Mark,
}

/// What a snapshot is of, and the digests of its chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    origin: Origin,
    meta: Vec<u8>,
    chunk_bytes: u32,
    total: u64,
    chunks: Vec<Digest>,
    root: Digest,
}

impl Manifest {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;
    /// How much `meta` there may be.
    pub const META_BYTES_MAX: usize = 4 << 20;
    /// How long a chunk may be. Whoever receives one holds it in memory.
    pub const CHUNK_BYTES_MAX: u32 = 64 << 20;

    /// A manifest of chunks with these digests.
    ///
    /// # Errors
    /// If the parts do not fit together.
    pub fn new(origin: Origin, meta: Vec<u8>, chunk_bytes: u32, total: u64, chunks: Vec<Digest>) -> Result<Self, DecodeError> {
        let reader = Reader::new("snapshot manifest", &[]);
        check(&reader, meta.len(), chunk_bytes, total, chunks.len())?;
        let root = merkle::root(TreeHash::Blake3, &chunks);
        Ok(Self { origin, meta, chunk_bytes, total, chunks, root })
    }

    /// Whose state it is.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The last entry that is in it.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.origin.mark
    }

    /// What goes with the state.
    #[must_use]
    pub fn meta(&self) -> &[u8] {
        &self.meta
    }

    /// How long each chunk but the last is.
    #[must_use]
    pub fn chunk_bytes(&self) -> u32 {
        self.chunk_bytes
    }

    /// How long the state is.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The digest of every chunk.
    #[must_use]
    pub fn chunks(&self) -> &[Digest] {
        &self.chunks
    }

    /// How many chunks there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.chunks.len() as u64
    }

    /// The Merkle root over the chunks.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.root
    }

    /// How long a chunk is; nothing, if there is no such chunk.
    #[must_use]
    pub fn chunk_len(&self, nth: u64) -> usize {
        let start = nth.saturating_mul(u64::from(self.chunk_bytes));
        self.total.saturating_sub(start).min(u64::from(self.chunk_bytes)) as usize
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED_BYTES + 32 * self.chunks.len() + self.meta.len());
        out.push(Self::VERSION);
        out.extend(self.origin.cluster.0.0);
        out.extend(self.origin.member.0.to_le_bytes());
        out.extend(self.origin.partition.0.to_le_bytes());
        out.extend(self.origin.mark.index.0.to_le_bytes());
        out.extend(self.origin.mark.term.0.to_le_bytes());
        out.extend(self.chunk_bytes.to_le_bytes());
        out.extend(self.total.to_le_bytes());
        out.extend((self.chunks.len() as u32).to_le_bytes());
        self.chunks.iter().for_each(|digest| out.extend(digest.0));
        out.extend(self.root.0);
        out.extend((self.meta.len() as u32).to_le_bytes());
        out.extend(&self.meta);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are not a manifest, or its parts do not fit together.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("snapshot manifest", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let origin = Origin {
            cluster: ClusterId(Digest(reader.array("cluster")?)),
            member: MemberId(reader.u64("member")?),
            partition: PartitionId(reader.u32("partition")?),
            mark: Mark { index: Height(reader.u64("index")?), term: View(reader.u64("term")?) },
        };
        let chunk_bytes = reader.u32("bytes a chunk")?;
        let total = reader.u64("total")?;
        let count = reader.count("chunks", 32, usize::MAX)?;
        let chunks = (0..count).map(|_| reader.array("chunk digest").map(Digest)).collect::<Result<Vec<_>, _>>()?;
        let at = reader.at();
        let found = Digest(reader.array("root")?);
        let meta_len = reader.count("meta", 1, Self::META_BYTES_MAX)?;
        let meta = reader.bytes("meta", meta_len)?.to_vec();
        check(&reader, meta.len(), chunk_bytes, total, count)?;
        let root = merkle::root(TreeHash::Blake3, &chunks);
        if found != root {
            return Err(reader.unexpected_at(at, "root", found, format!("{root}, the root of the chunks")));
        }
        reader.finish()?;
        Ok(Self { origin, meta, chunk_bytes, total, chunks, root })
    }
}

/// The length of an encoding without chunks and meta.
const FIXED_BYTES: usize = 1 + 32 + 8 + 4 + 8 + 8 + 4 + 8 + 4 + 32 + 4;

/// Whether the parts of a manifest fit together.
fn check(reader: &Reader<'_>, meta: usize, chunk_bytes: u32, total: u64, count: usize) -> Result<(), DecodeError> {
    if meta > Manifest::META_BYTES_MAX {
        return Err(reader.invalid(format!("meta has {meta} bytes; expected at most {}", Manifest::META_BYTES_MAX)));
    }
    if chunk_bytes == 0 || chunk_bytes > Manifest::CHUNK_BYTES_MAX {
        return Err(reader.invalid(format!("a chunk has {chunk_bytes} bytes; expected 1 to {}", Manifest::CHUNK_BYTES_MAX)));
    }
    let needed = total.div_ceil(u64::from(chunk_bytes));
    if count as u64 != needed || u32::try_from(count).is_err() {
        return Err(reader.invalid(format!("{total} bytes are in {count} chunks; expected {needed} of {chunk_bytes} bytes")));
    }
    Ok(())
}
