//! Streams of frames, as they are or put right, so that the fuzzer gets past checksums.

use crc_fast::{CrcAlgorithm, checksum};
use quorate_net::frame::{Agreed, HEADER_BYTES, Kind, MAGIC};

/// How an input says what is done with it: its first byte. The second says into pieces of which length it is cut.
pub(crate) const AS_IT_IS: u8 = 0;
/// Each frame gets the magic, the version and the checksum that it should have.
pub(crate) const PUT_RIGHT: u8 = 1;
/// Bodies may be compressed.
pub(crate) const COMPRESSED: u8 = 2;

/// What both ends agreed on.
pub(crate) fn agreed(how: u8) -> Agreed {
    Agreed { version: 1, salt: 0x5a17, kind: Some(Kind::Raft), limit: 1 << 16, compression: how & COMPRESSED != 0 }
}

/// The stream that is meant.
pub(crate) fn placed(how: u8, stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    if how & PUT_RIGHT == 0 {
        return stream;
    }
    let (mut at, mut number) = (0, 0_u64);
    while let Some(head) = stream.get_mut(at..at + HEADER_BYTES) {
        head[..4].copy_from_slice(&MAGIC);
        head[4] = agreed(how).version;
        let mut checked = head[..16].to_vec();
        let end = at + HEADER_BYTES + u32::from_le_bytes([head[12], head[13], head[14], head[15]]) as usize;
        checked.extend(agreed(how).salt.to_le_bytes());
        checked.extend(number.to_le_bytes());
        let Some(body) = stream.get(at + HEADER_BYTES..end) else { break };
        checked.extend(body);
        let checksum = checksum(CrcAlgorithm::Crc32Iscsi, &checked) as u32;
        stream[at + 16..at + HEADER_BYTES].copy_from_slice(&checksum.to_le_bytes());
        (at, number) = (end, number + 1);
    }
    stream
}
