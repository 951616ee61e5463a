//! Thirty-two subtrees at a time, one in each lane of two 512-bit registers.
//!
//! The digests of sixteen lanes together are eight registers, one for each word. In that form the message of sixteen parents is simply
//! the left digests' eight registers and the right digests' eight: nothing has to be moved. So each lane walks a
//! subtree of its own, leaf by leaf, and only the blocks that come in (and the digests that are kept) are transposed.

mod blake3;
mod sha256;

use std::arch::x86_64::*;

use quorate_core::hash::{Digest, TreeHash};

use super::kernel::{CHUNK, Kind, LANES, RISE};

/// How many groups of sixteen lanes go together. One group alone would spend half its time waiting for its own results.
const GROUPS: usize = 2;
const LANES_IN_GROUP: usize = 16;

/// A digest of every lane: a register for each word, for each group.
type Digests = [[__m512i; 8]; GROUPS];

/// A block of every lane.
type Blocks = [[__m512i; 16]; GROUPS];

/// How many blocks each lane takes of a chunk.
const STEPS: usize = CHUNK / LANES;

/// How many nodes, and one more, each lane hashes for a chunk: a power of two.
const NODES: usize = 2 * STEPS;

/// Whether this processor has what the functions here are compiled for.
pub(super) fn detected() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vbmi2")
}

/// Hashes one block for each lane, into the place of `out` with the same number.
pub(super) fn hash_lanes(hash: TreeHash, kind: Kind, blocks: &[[u8; 64]; LANES], out: &mut [Digest; LANES]) {
    assert!(detected(), "the AVX-512 kernel was chosen on a processor that lacks it");
    // SAFETY: the processor has the features that the function is compiled for, as was just asserted.
    unsafe {
        match hash {
            TreeHash::Blake3 => each::<false>(kind, blocks, out),
            TreeHash::Sha256 => each::<true>(kind, blocks, out),
        }
    }
}

/// Hashes a chunk of blocks and then [`RISE`] levels of parents. `out` is the levels, lowest first: of the first ones, those
/// that are to be kept; empty slices stand for those that are not.
pub(super) fn raise(hash: TreeHash, kind: Kind, blocks: &[[u8; 64]; CHUNK], out: [&mut [Digest]; RISE + 1]) {
    assert!(detected(), "the AVX-512 kernel was chosen on a processor that lacks it");
    // SAFETY: as above.
    unsafe {
        match hash {
            TreeHash::Blake3 => walk::<false>(kind, blocks, out),
            TreeHash::Sha256 => walk::<true>(kind, blocks, out),
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn each<const SHA256: bool>(kind: Kind, blocks: &[[u8; 64]; LANES], out: &mut [Digest; LANES]) {
    let node = node::<SHA256>(kind, &load::<SHA256>(blocks, 0, 1));
    store::<SHA256>(&node, out, 0, 1);
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn walk<const SHA256: bool>(kind: Kind, blocks: &[[u8; 64]; CHUNK], out: [&mut [Digest]; RISE + 1]) {
    // The left siblings that wait for their right ones, by level: columns 0 to 7 of a parent's message.
    let mut waiting: [Blocks; RISE] = [[[_mm512_setzero_si512(); 16]; GROUPS]; RISE];
    let mut nodes = 0;
    for i in 0..STEPS {
        let mut digests = node::<SHA256>(kind, &load::<SHA256>(blocks, i, STEPS));
        let mut level = 0;
        loop {
            prefetch(blocks, nodes);
            out.iter().for_each(|level| prefetch(level, nodes));
            nodes += 1;
            if !out[level].is_empty() {
                store::<SHA256>(&digests, out[level], i >> level, STEPS >> level);
            }
            if level == RISE {
                break;
            }
            let message = &mut waiting[level];
            let is_right = (i >> level) & 1;
            for (message, digests) in message.iter_mut().zip(&digests) {
                message[8 * is_right..][..8].copy_from_slice(digests);
            }
            if is_right == 0 {
                break;
            }
            digests = node::<SHA256>(Kind::Parent, message);
            level += 1;
        }
    }
}

/// Asks for share `step` of [`NODES`] of the memory behind `items`, which the next chunk will use: the lanes jump about too
/// much for the processor to guess, and more requests at once than these would make it wait.
#[inline(always)]
fn prefetch<T>(items: &[T], step: usize) {
    const LINE: usize = 64;
    let share = size_of_val(items) / NODES;
    let behind = items.as_ptr_range().end.cast::<i8>().wrapping_add(share * step);
    for at in (0..share).step_by(LINE) {
        // SAFETY: a prefetch reads nothing that the program could see, and may name any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(behind.wrapping_add(at)) };
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2")]
fn node<const SHA256: bool>(kind: Kind, message: &Blocks) -> Digests {
    if SHA256 { sha256::node(kind, message) } else { blake3::node(kind, message) }
}

/// The order of bytes that turns SHA-256's big-endian words into the processor's, and back.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn swap_bytes(words: __m512i) -> __m512i {
    let order = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
    _mm512_shuffle_epi8(words, order)
}

/// Word `w` of block `first + stride × lane` goes to register `w` of the lane's group.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load<const SHA256: bool>(blocks: &[[u8; 64]], first: usize, stride: usize) -> Blocks {
    let next = first + stride * LANES_IN_GROUP;
    [load_group::<SHA256>(blocks, first, stride), load_group::<SHA256>(blocks, next, stride)]
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_group<const SHA256: bool>(blocks: &[[u8; 64]], first: usize, stride: usize) -> [__m512i; 16] {
    let row = |lane: usize| {
        let block = &blocks[first + stride * lane];
        // SAFETY: a block is the 64 bytes that are read, and the load needs no alignment.
        let row = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        if SHA256 { swap_bytes(row) } else { row }
    };
    let mut pairs = [_mm512_setzero_si512(); 16];
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_epi32(row(2 * i), row(2 * i + 1));
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(row(2 * i), row(2 * i + 1));
    }
    // quads[4 q + c]: for lanes 4 q to 4 q + 3, words c, c + 4, c + 8, c + 12, one to each 128-bit part.
    let mut quads = [_mm512_setzero_si512(); 16];
    for q in 0..4 {
        quads[4 * q] = _mm512_unpacklo_epi64(pairs[4 * q], pairs[4 * q + 2]);
        quads[4 * q + 1] = _mm512_unpackhi_epi64(pairs[4 * q], pairs[4 * q + 2]);
        quads[4 * q + 2] = _mm512_unpacklo_epi64(pairs[4 * q + 1], pairs[4 * q + 3]);
        quads[4 * q + 3] = _mm512_unpackhi_epi64(pairs[4 * q + 1], pairs[4 * q + 3]);
    }
    let mut words = [_mm512_setzero_si512(); 16];
    for c in 0..4 {
        let (a, b, d, e) = (quads[c], quads[4 + c], quads[8 + c], quads[12 + c]);
        let (even_low, odd_low) = (_mm512_shuffle_i32x4(a, b, 0x88), _mm512_shuffle_i32x4(a, b, 0xdd));
        let (even_high, odd_high) = (_mm512_shuffle_i32x4(d, e, 0x88), _mm512_shuffle_i32x4(d, e, 0xdd));
        words[c] = _mm512_shuffle_i32x4(even_low, even_high, 0x88);
        words[c + 8] = _mm512_shuffle_i32x4(even_low, even_high, 0xdd);
        words[c + 4] = _mm512_shuffle_i32x4(odd_low, odd_high, 0x88);
        words[c + 12] = _mm512_shuffle_i32x4(odd_low, odd_high, 0xdd);
    }
    words
}

/// The digest of lane `lane` goes to `out[first + stride × lane]`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store<const SHA256: bool>(digests: &Digests, out: &mut [Digest], first: usize, stride: usize) {
    store_group::<SHA256>(&digests[0], out, first, stride);
    store_group::<SHA256>(&digests[1], out, first + stride * LANES_IN_GROUP, stride);
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store_group<const SHA256: bool>(digests: &[__m512i; 8], out: &mut [Digest], first: usize, stride: usize) {
    // parts[r] holds words 0 to 3, and parts[4 + r] words 4 to 7, of lanes r, r + 4, r + 8, r + 12.
    let mut parts = [_mm512_setzero_si512(); 8];
    for half in 0..2 {
        let words = &digests[4 * half..];
        let (low, high) = (_mm512_unpacklo_epi32(words[0], words[1]), _mm512_unpackhi_epi32(words[0], words[1]));
        let (low2, high2) = (_mm512_unpacklo_epi32(words[2], words[3]), _mm512_unpackhi_epi32(words[2], words[3]));
        parts[4 * half] = _mm512_unpacklo_epi64(low, low2);
        parts[4 * half + 1] = _mm512_unpackhi_epi64(low, low2);
        parts[4 * half + 2] = _mm512_unpacklo_epi64(high, high2);
        parts[4 * half + 3] = _mm512_unpackhi_epi64(high, high2);
    }
    let (lower, upper) = (_mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15));
    for r in 0..4 {
        for (which, lane) in [(lower, r), (upper, r + 8)] {
            let two = _mm512_permutex2var_epi64(parts[r], which, parts[4 + r]);
            let two = if SHA256 { swap_bytes(two) } else { two };
            out[first + stride * lane].0 = bytemuck::cast(_mm512_castsi512_si256(two));
            out[first + stride * (lane + 4)].0 = bytemuck::cast(_mm512_extracti64x4_epi64(two, 1));
        }
    }
}
