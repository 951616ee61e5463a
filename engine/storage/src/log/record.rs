//! The bytes of a record, and of the group that heads those which were written together.
//!
//! | bytes of a record | field |
//! |---|---|
//! | 0–3 | CRC-32C of the rest with its payload, xor the place (see [`Fill::place`]) |
//! | 4–7 | length of the payload u32 |
//! | 8 | kind: 1 group, 2 entry, 3 cut, 4 floor, 5 state, 6 close |
//! | 9 | slot of a state; in a floor, 1 if it gave up all entries; else 0 |
//! | 10–11 | 0 |
//! | 12–15 | partition u32; in a group, how many records follow |
//! | 16–23 | index u64; in a group, the number of its first record |
//! | 24–31 | term u64; in a group, up to which number everything was durable when it was written |
//! | 32– | payload, zeros up to a multiple of 8 |
//!
//! A group's payload is the length of its records u64, and 32 bytes of chain: the hash over everything before it.

use crc_fast::CrcAlgorithm;
use quorate_core::hash::Digest;
use quorate_core::ids::{Height, PartitionId, View};

use super::fill::Fill;
use crate::store::{Mark, Record, Sequence};

/// The length of a record without payload.
pub(super) const HEAD: usize = 32;
/// The length of a group's own record.
pub(super) const GROUP: usize = HEAD + 40;

/// Records have lower numbers than this, so that counting on from one that was read never overflows.
const NUMBER_LIMIT: u64 = 1 << 63;

const KIND_GROUP: u8 = 1;
const KIND_ENTRY: u8 = 2;
const KIND_CUT: u8 = 3;
const KIND_FLOOR: u8 = 4;
const KIND_STATE: u8 = 5;
const KIND_CLOSE: u8 = 6;

/// How many bytes a record with so much payload takes.
pub(super) fn size(payload: usize) -> usize {
    HEAD + payload.next_multiple_of(8)
}

/// How many bytes a record takes.
pub(super) fn size_of(record: &Record<'_>) -> usize {
    match record {
        Record::Entry { payload: bytes, .. } | Record::State { value: bytes, .. } => size(bytes.len()),
        Record::Cut { .. } | Record::Floor { .. } => HEAD,
    }
}

/// What heads the records that were written together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) count: u32,
    pub(super) first: Sequence,
    pub(super) durable: Sequence,
    pub(super) len: u64,
    pub(super) chain: Digest,
}

/// A record as it lies in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Group(Group),
    Record(Record<'a>),
    /// A floor that gave up all entries, those behind it too.
    Reset(Record<'a>),
    /// The log was closed here.
    Close,
}

struct Raw<'a> {
    kind: u8,
    slot: u8,
    partition: u32,
    index: u64,
    term: u64,
    payload: &'a [u8],
}

fn checksum(bytes: &[u8]) -> u32 {
    crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

fn put(out: &mut Vec<u8>, raw: &Raw<'_>) {
    let mut head = [0; HEAD];
    head[4..8].copy_from_slice(&(raw.payload.len() as u32).to_le_bytes());
    (head[8], head[9]) = (raw.kind, raw.slot);
    head[12..16].copy_from_slice(&raw.partition.to_le_bytes());
    head[16..24].copy_from_slice(&raw.index.to_le_bytes());
    head[24..32].copy_from_slice(&raw.term.to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(raw.payload);
    out.resize(out.len().next_multiple_of(8), 0);
}

/// Writes the checksum of the record that is all of `bytes`, and at `at` in its segment.
fn seal(bytes: &mut [u8], at: u64, fill: Fill) {
    let sum = checksum(&bytes[4..]) ^ fill.place(at);
    bytes[..4].copy_from_slice(&sum.to_le_bytes());
}

/// Appends records to a group that begins at `base` in its segment, and tells `note` of each where it begins there.
///
/// The checksum of each is computed when the next lies behind it: who reads what was copied a moment ago waits for the copy.
pub(super) fn encode(run: &[Record<'_>], resets: bool, out: &mut Vec<u8>, base: u64, fill: Fill, mut note: impl FnMut(&Record<'_>, u32)) {
    let mut unsealed = out.len()..out.len();
    for record in run {
        let from = out.len();
        note(record, (base + from as u64) as u32);
        put(out, &raw(record, resets));
        if !unsealed.is_empty() {
            seal(&mut out[unsealed.clone()], base + unsealed.start as u64, fill);
        }
        unsealed = from..out.len();
    }
    if !unsealed.is_empty() {
        seal(&mut out[unsealed.clone()], base + unsealed.start as u64, fill);
    }
}

fn raw<'a>(record: &Record<'a>, resets: bool) -> Raw<'a> {
    match *record {
        Record::Entry { partition, mark, payload } => {
            Raw { kind: KIND_ENTRY, slot: 0, partition: partition.0, index: mark.index.0, term: mark.term.0, payload }
        }
        Record::Cut { partition, from } => Raw { kind: KIND_CUT, slot: 0, partition: partition.0, index: from.0, term: 0, payload: &[] },
        Record::Floor { partition, mark } => {
            Raw { kind: KIND_FLOOR, slot: u8::from(resets), partition: partition.0, index: mark.index.0, term: mark.term.0, payload: &[] }
        }
        Record::State { partition, slot, value } => {
            Raw { kind: KIND_STATE, slot, partition: partition.0, index: 0, term: 0, payload: value }
        }
    }
}

/// Appends the mark of an intended end.
pub(super) fn encode_close(out: &mut Vec<u8>, base: u64, fill: Fill) {
    let from = out.len();
    put(out, &Raw { kind: KIND_CLOSE, slot: 0, partition: 0, index: 0, term: 0, payload: &[] });
    seal(&mut out[from..], base + from as u64, fill);
}

/// Writes a group's own record into the room that was left for it at the front of `bytes`.
pub(super) fn encode_group(group: &Group, bytes: &mut [u8], base: u64, fill: Fill) {
    let mut payload = [0; GROUP - HEAD];
    payload[..8].copy_from_slice(&group.len.to_le_bytes());
    payload[8..].copy_from_slice(group.chain.as_bytes());
    let mut own = Vec::with_capacity(GROUP);
    put(
        &mut own,
        &Raw { kind: KIND_GROUP, slot: 0, partition: group.count, index: group.first.0, term: group.durable.0, payload: &payload },
    );
    seal(&mut own, base, fill);
    bytes[..GROUP].copy_from_slice(&own);
}

fn le<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// How many bytes the record whose head this is takes, if its length is to be believed.
pub(super) fn claimed_size(head: &[u8; HEAD]) -> usize {
    size(u32::from_le_bytes(le(head, 4)) as usize)
}

/// The record at the front of `bytes`, which begins at `at` in its segment, and how many bytes it takes; or what is wrong.
pub(super) fn decode(bytes: &[u8], at: u64, fill: Fill) -> Result<(Found<'_>, usize), &'static str> {
    if bytes.len() < HEAD {
        return Err("no room for a record");
    }
    let len = u32::from_le_bytes(le(bytes, 4)) as usize;
    let size = size(len);
    if size > bytes.len() {
        return Err("a length beyond the end");
    }
    let sum = u32::from_le_bytes(le(bytes, 0));
    if checksum(&bytes[4..size]) ^ fill.place(at) != sum {
        return Err("a wrong checksum");
    }
    let payload = &bytes[HEAD..HEAD + len];
    let (kind, slot) = (bytes[8], bytes[9]);
    let partition = PartitionId(u32::from_le_bytes(le(bytes, 12)));
    let mark = Mark { index: Height(u64::from_le_bytes(le(bytes, 16))), term: View(u64::from_le_bytes(le(bytes, 24))) };
    let found = match kind {
        KIND_GROUP if mark.index.0.saturating_add(partition.0.into()) > NUMBER_LIMIT => return Err("a record number that no log reaches"),
        KIND_GROUP if len == GROUP - HEAD => Found::Group(Group {
            count: partition.0,
            first: Sequence(mark.index.0),
            durable: Sequence(mark.term.0),
            len: u64::from_le_bytes(le(payload, 0)),
            chain: Digest(le(payload, 8)),
        }),
        KIND_ENTRY => Found::Record(Record::Entry { partition, mark, payload }),
        KIND_CUT if len == 0 => Found::Record(Record::Cut { partition, from: mark.index }),
        KIND_FLOOR if len == 0 && slot == 0 => Found::Record(Record::Floor { partition, mark }),
        KIND_FLOOR if len == 0 && slot == 1 => Found::Reset(Record::Floor { partition, mark }),
        KIND_STATE => Found::Record(Record::State { partition, slot, value: payload }),
        KIND_CLOSE if len == 0 => Found::Close,
        _ => return Err("a record of no known kind"),
    };
    Ok((found, size))
}

/// The chain behind a group: the hash of its bytes, keyed by the chain before it.
pub(super) fn link(before: &Digest, group: &[u8]) -> Digest {
    Digest(*blake3::keyed_hash(before.as_bytes(), group).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Record<'static>> {
        let partition = PartitionId(7);
        let mark = Mark { index: Height(8), term: View(9) };
        vec![
            Record::Entry { partition, mark, payload: b"hello" },
            Record::Entry { partition, mark, payload: b"" },
            Record::Cut { partition, from: Height(8) },
            Record::Floor { partition, mark },
            Record::State { partition, slot: 3, value: b"a vote and more" },
        ]
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let fill = Fill(5);
        for record in samples() {
            let mut bytes = vec![0; 16];
            encode(&[record], false, &mut bytes, 4096, fill, |_, at| assert_eq!(at, 4112));
            assert_eq!(bytes.len() - 16, size_of(&record));
            assert_eq!(decode(&bytes[16..], 4112, fill), Ok((Found::Record(record), size_of(&record))));
            assert!(decode(&bytes[16..], 4120, fill).is_err(), "a record that lies elsewhere passes for one that belongs here");
            assert!(decode(&bytes[16..], 4112, Fill(6)).is_err(), "a record of another segment passes");
        }
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let fill = Fill(5);
        let mut bytes = Vec::new();
        encode(&samples()[..1], false, &mut bytes, 0, fill, |_, _| {});
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes, 0, fill).is_err(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_group_is_read_as_it_was_written() {
        let fill = Fill(1);
        let group = Group { count: 3, first: Sequence(4), durable: Sequence(3), len: 99, chain: Digest([6; 32]) };
        let mut bytes = vec![0; GROUP];
        encode_group(&group, &mut bytes, 4096, fill);
        assert_eq!(decode(&bytes, 4096, fill), Ok((Found::Group(group), GROUP)));
        for (first, good) in [((1 << 63) - 3, true), ((1 << 63) - 2, false), (u64::MAX, false)] {
            encode_group(&Group { first: Sequence(first), ..group }, &mut bytes, 4096, fill);
            assert_eq!(decode(&bytes, 4096, fill).is_ok(), good, "records from {first} on");
        }
        let (mut reset, floor) = (Vec::new(), samples()[3]);
        encode(&[floor], true, &mut reset, 0, fill, |_, _| {});
        assert_eq!(decode(&reset, 0, fill), Ok((Found::Reset(floor), HEAD)));
        let mut close = Vec::new();
        encode_close(&mut close, 0, fill);
        assert_eq!(decode(&close, 0, fill), Ok((Found::Close, HEAD)));
    }
}
