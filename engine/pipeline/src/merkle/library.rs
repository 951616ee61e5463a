//! The kernel that works everywhere: BLAKE3's own many-at-a-time hashing, SHA-256's own block function.
//!
//! `blake3::platform` is public but undocumented; it is what the crate itself hashes many chunks with, and it chooses its
//! instructions at run time. A tree node is one block hashed with the flags of a whole keyed hash, so the digests
//! are `blake3::keyed_hash`'s. `sha2` chooses SHA-NI by itself where there is SHA-NI.

use std::sync::LazyLock;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use quorate_core::hash::{Digest, TreeHash};
use sha2::block_api::compress256;

use super::kernel::{BLAKE3_END, BLAKE3_KEYED, BLAKE3_START, Kind, SHA256_INITIAL};

/// Hashes each of `blocks` into the place of `out` with the same number.
pub(super) fn hash_each(hash: TreeHash, kind: Kind, blocks: &[[u8; 64]], out: &mut [Digest]) {
    match hash {
        TreeHash::Blake3 => blake3_each(kind, blocks, out),
        TreeHash::Sha256 => out.iter_mut().zip(blocks).for_each(|(out, block)| *out = sha256(kind, block)),
    }
}

fn blake3_each(kind: Kind, blocks: &[[u8; 64]], out: &mut [Digest]) {
    const AT_ONCE: usize = 64;
    static PLATFORM: LazyLock<Platform> = LazyLock::new(Platform::detect);
    for (blocks, out) in blocks.chunks(AT_ONCE).zip(out.chunks_mut(AT_ONCE)) {
        let mut inputs = [&blocks[0]; AT_ONCE];
        inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
        PLATFORM.hash_many(
            &inputs[..blocks.len()],
            kind.blake3_key(),
            0,
            IncrementCounter::No,
            BLAKE3_KEYED,
            BLAKE3_START,
            BLAKE3_END,
            bytemuck::cast_slice_mut(out),
        );
    }
}

/// SHA-256 of the prefix of `kind` and the block: 65 bytes, so two blocks of its own.
fn sha256(kind: Kind, block: &[u8; 64]) -> Digest {
    let mut message = [[0; 64]; 2];
    message[0][0] = kind.sha256_prefix();
    message[0][1..].copy_from_slice(&block[..63]);
    message[1][0] = block[63];
    message[1][1] = 0x80;
    message[1][62..].copy_from_slice(&(65u16 * 8).to_be_bytes());
    let mut state = SHA256_INITIAL;
    compress256(&mut state, &message);
    Digest(bytemuck::cast(state.map(u32::to_be_bytes)))
}
