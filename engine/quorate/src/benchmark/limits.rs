//! What this machine could do at most: the ceilings that lines are measured against.
//!
//! They are as simple as can be, because they must be believed: a sum over bytes, a copy, a hash function's own loop.

use std::hint::black_box;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use quorate_core::hash::{Digest, PARENT_KEY};
use sha2::block_api::compress256;

use super::pairwise::Side;

/// Reads all of these words, as `work` units.
pub(crate) fn reading<'a>(words: &'a [u32], work: usize) -> Side<'a> {
    Side::new(work, move || {
        let sum = black_box(words).iter().fold(0u32, |sum, &word| sum.wrapping_add(word));
        black_box(sum);
        Ok(())
    })
}

/// Copies so many bytes, as one unit.
pub(crate) fn copying(bytes: usize) -> Side<'static> {
    const TIMES: usize = 64;
    let (from, mut to) = (vec![7u8; bytes], vec![0u8; bytes]);
    Side::new(TIMES, move || {
        for _ in 0..TIMES {
            black_box(&mut to).copy_from_slice(black_box(&from));
        }
        Ok(())
    })
}

/// BLAKE3's many-at-a-time function over these blocks, again and again until it has hashed `total` of them.
pub(crate) fn hash_many(blocks: &[[u8; 64]], total: usize) -> Side<'_> {
    const AT_ONCE: usize = 256;
    let key: [u32; 8] = bytemuck::cast(PARENT_KEY);
    let mut out = vec![Digest::ZERO; blocks.len()];
    let rounds = total.div_ceil(blocks.len());
    Side::new(rounds * blocks.len(), move || {
        for _ in 0..rounds {
            for (blocks, out) in blocks.chunks(AT_ONCE).zip(out.chunks_mut(AT_ONCE)) {
                let mut inputs = [&blocks[0]; AT_ONCE];
                inputs.iter_mut().zip(blocks).for_each(|(input, block)| *input = block);
                let out = bytemuck::cast_slice_mut(out);
                Platform::detect().hash_many(&inputs[..blocks.len()], &key, 0, IncrementCounter::No, 16, 1, 10, out);
            }
            black_box(&out);
        }
        Ok(())
    })
}

/// SHA-256's block function, on the processor's SHA instructions where there are any: messages of `blocks` blocks, each with a state
/// of its own, until it has compressed `total` blocks.
pub(crate) fn compress(blocks: usize, total: usize) -> Side<'static> {
    let message = vec![[7u8; 64]; blocks];
    let messages = total.div_ceil(blocks);
    Side::new(messages * blocks, move || {
        for _ in 0..messages {
            let mut state = [0; 8];
            compress256(&mut state, black_box(&message));
            black_box(&state);
        }
        Ok(())
    })
}
