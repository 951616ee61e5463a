//! Merkle trees over 2²⁰ records of 64 bytes, beside the raw speed of the hash functions that they are made of.
//!
//! The other side hashes as many 64-byte blocks as there are leaves, without a tree. BLAKE3's is `hash_many`, one compression for
//! each input. SHA-256's is the compression function, in one long chain and on independent blocks, since a processor may
//! overlap the latter. They are what the hash crates give, not what the processor can do: a ratio above one means that nodes
//! are hashed with more of them in flight.

use std::hint::black_box;

use blake3::IncrementCounter;
use blake3::platform::Platform;
use quorate_core::hash::TreeHash;
use quorate_pipeline::merkle::{RootBuilder, Threads};
use sha2::block_api::compress256;

use super::Numbers;
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

const LEAVES: usize = 1 << 20;
/// Leaves and parents. Under BLAKE3 each is one compression, under SHA-256 two.
const NODES: usize = 2 * LEAVES - 1;
const RECORD_BYTES: usize = 64;
/// How many inputs one call of `hash_many` gets. It is as fast with more.
const MANY: usize = 128;
/// The initial state of SHA-256, which is BLAKE3's too.
const INITIAL: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
/// CHUNK_START, CHUNK_END and ROOT: each input is a whole message.
const BLAKE3_FLAGS: [u8; 3] = [0, 1, 2 | 8];

pub(super) fn run(format: Format) {
    let mut numbers = Numbers(20);
    let records: Vec<[u8; RECORD_BYTES]> = (0..LEAVES).map(|_| numbers.bytes()).collect();
    let shape = "2^20 leaves of 64 bytes";

    let peer = format!("{} hash_many on 64-byte inputs", versioned("blake3"));
    let mut digests = vec![0; LEAVES * 32];
    let raw = Side::new(LEAVES, || hash_many(&records, &mut digests));
    let what = Comparison { stage: "merkle", variant: "blake3", shape, unit: "hashes/s", peer: &peer };
    line(format, &what, compare(Some(tree(TreeHash::Blake3, NODES, &records)), raw));

    let peer = format!("{} compress256, independent blocks", versioned("sha2"));
    let independent = Side::new(LEAVES, || {
        for record in &records {
            let mut state = INITIAL;
            compress256(&mut state, std::slice::from_ref(record));
            black_box(state);
        }
    });
    let what = Comparison { variant: "sha256", unit: "compressions/s", peer: &peer, ..what };
    line(format, &what, compare(Some(tree(TreeHash::Sha256, 2 * NODES, &records)), independent));

    let peer = format!("{} compress256, one long message", versioned("sha2"));
    let chained = Side::new(LEAVES, || {
        let mut state = INITIAL;
        compress256(&mut state, &records);
        black_box(state);
    });
    line(format, &Comparison { peer: &peer, ..what }, compare(Some(tree(TreeHash::Sha256, 2 * NODES, &records)), chained));
}

/// Our side: the root over all records.
fn tree(hash: TreeHash, work: usize, records: &[[u8; RECORD_BYTES]]) -> Side<'_> {
    let mut builder = RootBuilder::new(Threads::One);
    Side::new(work, move || {
        black_box(builder.root(hash, records));
    })
}

/// Hashes every record, as blake3 itself would hash so many short messages.
fn hash_many(records: &[[u8; RECORD_BYTES]], digests: &mut [u8]) {
    let platform = Platform::detect();
    let [flags, start, end] = BLAKE3_FLAGS;
    for (records, digests) in records.chunks(MANY).zip(digests.chunks_mut(MANY * 32)) {
        let mut inputs = [&records[0]; MANY];
        for (input, record) in inputs.iter_mut().zip(records) {
            *input = record;
        }
        platform.hash_many(&inputs[..records.len()], &INITIAL, 0, IncrementCounter::No, flags, start, end, digests);
    }
    black_box(digests);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_computes_real_hashes() {
        let records = [[3; RECORD_BYTES]; 5];
        let mut digests = [0; 5 * 32];
        hash_many(&records, &mut digests);
        assert_eq!(digests[32..64], *blake3::hash(&records[1]).as_bytes());
    }
}
