//! Traces made of an input. The first byte says how: 0 as it is, 1 with all checksums put right, so that what they guard is reached.

use crc_fast::{CrcAlgorithm, checksum};

pub(crate) const AS_IT_IS: u8 = 0;
pub(crate) const PUT_RIGHT: u8 = 1;

const HEAD: usize = 16;
const BLOCK_HEAD: usize = 44;

/// The trace that an input means.
pub(crate) fn placed(how: u8, rest: &[u8]) -> Vec<u8> {
    let mut trace = rest.to_vec();
    if how & PUT_RIGHT != 0 {
        put_right(&mut trace);
    }
    trace
}

fn put(bytes: &mut [u8], at: usize, sum: u32) {
    bytes[at..at + 4].copy_from_slice(&sum.to_le_bytes());
}

fn crc(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// Puts the checksum of every head and payload right, and numbers the blocks.
fn put_right(trace: &mut [u8]) {
    if trace.len() < HEAD {
        return;
    }
    let sum = crc(&trace[..12]);
    put(trace, 12, sum);
    let mut blocks = &mut trace[HEAD..];
    let mut number = 0_u32;
    while blocks.len() >= BLOCK_HEAD {
        put(blocks, 4, number);
        number += 1;
        let stored = u32::from_le_bytes([blocks[8], blocks[9], blocks[10], blocks[11]]) as usize;
        let end = BLOCK_HEAD.saturating_add(stored).min(blocks.len());
        let sum = crc(&blocks[BLOCK_HEAD..end]);
        put(blocks, 36, sum);
        let sum = crc(&blocks[..40]);
        put(blocks, 40, sum);
        blocks = &mut blocks[end..];
    }
}
