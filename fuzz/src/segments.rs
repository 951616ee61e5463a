//! Segments of a log, made of an input: as they are, behind a good first page, or with all their checksums put right.
//!
//! The first byte of an input says how the rest is placed. It is meant for a few bits:
//!
//! | bits | meaning |
//! |---|---|
//! | 1 | 0: the rest is the whole file of the first segment. 1: it lies behind the good first pages of up to three |
//! | 2 | Behind first pages: checksums, chains, and the length and count of each group are put right, so that what they guard is reached |
//! | 4 | Behind first pages: the segments have later numbers, as when the front of the log is gone |
//! | 8 | A whole file that is too short goes on as one to which nothing was written |

use std::sync::{Arc, OnceLock};

use quorate_core::ids::{ClusterId, MemberId};
use quorate_env::Env;
use quorate_env::clock::ManualClock;
use quorate_env::disk::{Disk as _, MemoryDisk};
use quorate_env::rng::Seeded;
use quorate_storage::LogError;
use quorate_storage::log::{Log, Owner, Recovery, Settings};

/// How long the first page is, and how long what follows it.
const PAGE: usize = 4096;
/// The lengths of a record's head, and of a group's own record.
const HEAD: usize = 32;
const GROUP: usize = 72;
const KIND_GROUP: u8 = 1;

pub(crate) const BEHIND_PAGES: u8 = 1;
pub(crate) const PUT_RIGHT: u8 = 2;
pub(crate) const FRONT_GONE: u8 = 4;
pub(crate) const FILLED: u8 = 8;

/// Opens the log on a disk; always with the same salts.
pub(crate) fn open(disk: &MemoryDisk) -> Result<(Log, Recovery), LogError> {
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(ManualClock::default()) };
    let owner = Owner { cluster: ClusterId::default(), member: MemberId(7) };
    let settings = Settings { segment_bytes: 2 * PAGE as u64, ahead: 1, ..Settings::default() };
    Log::open(env, "log", owner, settings, Box::new(Seeded::new(1)))
}

fn path(number: u64) -> String {
    format!("log/{number:016x}.seg")
}

/// The bytes of the segment with this number.
fn content(disk: &MemoryDisk, number: u64) -> Vec<u8> {
    let file = disk.open(&path(number)).expect("it was made");
    let mut bytes = vec![0; file.len().expect("a file in memory has a length") as usize];
    file.read_exact_at(&mut bytes, 0).expect("a file in memory can be read");
    bytes
}

/// The first three segments of a log, before anything is written to them.
fn empty() -> &'static [Vec<u8>; 3] {
    static EMPTY: OnceLock<[Vec<u8>; 3]> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let disk = MemoryDisk::new();
        let (log, _) = open(&disk).expect("an empty disk takes a log");
        log.prepare().expect("there is room");
        [1, 2, 3].map(|number| content(&disk, number))
    })
}

/// An input that gives the first segment of this disk with its first page.
pub(crate) fn whole(disk: &MemoryDisk) -> Vec<u8> {
    let behind = input(0, disk, 1).len() - 1;
    let mut bytes = content(disk, 1);
    bytes.truncate(PAGE + behind);
    [&[FILLED], &bytes[..]].concat()
}

/// An input that gives the first segments of this disk, up to where they were written to.
pub(crate) fn input(how: u8, disk: &MemoryDisk, segments: usize) -> Vec<u8> {
    let mut input = vec![how];
    for (number, empty) in (1..).zip(&empty()[..segments]) {
        let written = content(disk, number);
        let last = number as usize == segments;
        let end = (PAGE..written.len()).rev().find(|at| !last || written[*at] != empty[*at]).map_or(PAGE, |at| at + 1);
        input.extend_from_slice(&written[PAGE..end.next_multiple_of(8)]);
    }
    input
}

/// A disk with the log that an input stands for.
pub(crate) fn placed(how: u8, bytes: &[u8]) -> MemoryDisk {
    let disk = MemoryDisk::new();
    disk.make_folder("log").expect("a disk in memory has room");
    let put = |number, bytes: &[u8]| {
        let written = disk.create(&path(number)).and_then(|file| file.write_at(bytes, 0));
        written.expect("a disk in memory has room");
    };
    if how & BEHIND_PAGES == 0 {
        let filled = if how & FILLED == 0 { &[][..] } else { empty()[0].get(bytes.len()..).unwrap_or_default() };
        put(1, &[bytes, filled].concat());
        return disk;
    }
    let shift = if how & FRONT_GONE == 0 { 0 } else { 4 };
    let mut chain = [0; 32];
    for ((number, empty), content) in (1_u64..).zip(empty()).zip(bytes.chunks(PAGE)) {
        let mut file = empty.clone();
        file[PAGE..PAGE + content.len()].copy_from_slice(content);
        if how & PUT_RIGHT != 0 {
            put_right(&mut file, &mut chain);
        }
        file[8..16].copy_from_slice(&(number + shift).to_le_bytes());
        let sum = crc(&file[..72]).to_le_bytes();
        file[72..76].copy_from_slice(&sum);
        put(number + shift, &file);
    }
    disk
}

fn crc(bytes: &[u8]) -> u32 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The length of the record at a place, if one may be there.
fn record(file: &[u8], at: usize) -> Option<usize> {
    let head = file.get(at..at + HEAD)?;
    let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let size = HEAD + len.next_multiple_of(8);
    (size <= file.len() - at && head[8] != 0 && head[8] < 8).then_some(size)
}

/// Puts right what guards the groups of a segment, as far as there are any.
fn put_right(file: &mut [u8], chain: &mut [u8; 32]) {
    let salt = u64::from_le_bytes(std::array::from_fn(|nth| file[24 + nth]));
    let seal = |file: &mut [u8], at: usize, size: usize| {
        let sum = crc(&file[at + 4..at + size]) ^ place(salt, at as u64);
        file[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    };
    let mut at = PAGE;
    while record(file, at) == Some(GROUP) && file[at + 8] == KIND_GROUP {
        let (mut end, mut count) = (at + GROUP, 0_u32);
        while let Some(size) = record(file, end).filter(|_| file[end + 8] != KIND_GROUP) {
            seal(file, end, size);
            (end, count) = (end + size, count + 1);
        }
        file[at + 12..at + 16].copy_from_slice(&count.to_le_bytes());
        file[at + HEAD..at + HEAD + 8].copy_from_slice(&((end - at - GROUP) as u64).to_le_bytes());
        file[at + HEAD + 8..at + GROUP].copy_from_slice(chain);
        seal(file, at, GROUP);
        *chain = *blake3::keyed_hash(chain, &file[at..end]).as_bytes();
        at = end;
    }
}

/// What ties a checksum to its place, as the log's format has it.
fn place(salt: u64, at: u64) -> u32 {
    let mut mixed = salt.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((mixed ^ mixed >> 32) >> 13) as u32
}
