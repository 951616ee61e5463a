//! Segment files: their names, their first page, and how a new one comes to be.
//!
//! A segment is made under another name, filled and synced before it gets its own. So a file with a segment's name is whole, and
//! writing into it needs no change to the file system's books: that is what makes a sync cheap.
//!
//! | bytes of the first page | field |
//! |---|---|
//! | 0–7 | `QRTLOG` and the format's version, 1, as u16 |
//! | 8–15 | number u64 |
//! | 16–23 | length of the file u64 |
//! | 24–31 | salt u64 |
//! | 32–63 | cluster |
//! | 64–71 | member u64 |
//! | 72–75 | CRC-32C of bytes 0–71 |
//! | 76–4095 | 0 |

use std::io;

use crc_fast::{CrcAlgorithm, checksum};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, MemberId};
use quorate_env::disk::{Disk, DiskFile};

use super::fill::Fill;

/// Where records begin.
pub(super) const PAGE: u64 = 4096;

/// The format that this version writes, and the only one that there was so far.
pub const FORMAT: u16 = 1;

const MAGIC: &[u8; 6] = b"QRTLOG";
const FIELDS: usize = 72;

/// Whose log it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The cluster.
    pub cluster: ClusterId,
    /// The member of it.
    pub member: MemberId,
}

/// Whose log is in a folder, as its newest segment says; `None` if there is no log, or none that says so. Nothing is changed.
///
/// # Errors
/// If the folder or the segment cannot be read.
pub fn owner(disk: &dyn Disk, folder: &str) -> io::Result<Option<Owner>> {
    let Some(newest) = disk.list(folder)?.iter().filter_map(|name| number(name)).max() else { return Ok(None) };
    match Segment::open(disk, folder, newest)? {
        Head::Good { owner, .. } => Ok(Some(owner)),
        Head::Bad { .. } => Ok(None),
    }
}

/// A segment that is open.
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) len: u64,
    pub(super) fill: Fill,
    pub(super) file: Box<dyn DiskFile>,
}

/// The name of a segment.
pub(super) fn name(number: u64) -> String {
    format!("{number:016x}.seg")
}

/// The number in a segment's name.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

/// The name of what is not a segment yet.
pub(super) const UNFINISHED: &str = "next.tmp";

/// Why there is no new segment.
pub(super) struct Failed {
    pub(super) error: io::Error,
    /// Whether a sync failed, after which nobody knows what the disk holds.
    pub(super) fatal: bool,
}

/// What a first page says, or why it cannot be read.
pub(super) enum Head {
    Good { segment: Segment, owner: Owner },
    Bad { found: String, expected: String },
}

impl Segment {
    /// Makes a new one, ready to be written to.
    pub(super) fn create(disk: &dyn Disk, folder: &str, number: u64, len: u64, salt: u64, owner: &Owner) -> Result<Self, Failed> {
        let unfinished = format!("{folder}/{UNFINISHED}");
        let file = disk.create(&unfinished).map_err(|error| Failed { error, fatal: false })?;
        let fill = Fill(salt);
        let filled = file.write_at(&page(number, len, salt, owner), 0).and_then(|()| fill.write(file.as_ref(), PAGE, len));
        if let Err(error) = filled {
            // The room it took is wanted back. If that fails too, the next start removes it.
            let _ = disk.remove(&unfinished);
            return Err(Failed { error, fatal: false });
        }
        let named = || {
            file.sync()?;
            disk.rename(&unfinished, &format!("{folder}/{}", name(number)))?;
            disk.sync_folder(folder)
        };
        named().map_err(|error| Failed { error, fatal: true })?;
        Ok(Self { number, len, fill, file })
    }

    /// Opens the one with this number.
    pub(super) fn open(disk: &dyn Disk, folder: &str, number: u64) -> io::Result<Head> {
        let file = disk.open(&format!("{folder}/{}", name(number)))?;
        let (mut bytes, real) = (vec![0; PAGE as usize], file.len()?);
        let read = file.read_at(&mut bytes, 0)?;
        let bad = |found: String, expected: String| Ok(Head::Bad { found, expected });
        if read < bytes.len() {
            return bad(format!("{read} bytes"), format!("a first page of {PAGE}"));
        }
        if &bytes[..6] != MAGIC {
            return bad("another kind of file".into(), "a segment of a log".into());
        }
        let version = u16::from_le_bytes([bytes[6], bytes[7]]);
        let sum = u32::from_le_bytes([bytes[FIELDS], bytes[FIELDS + 1], bytes[FIELDS + 2], bytes[FIELDS + 3]]);
        if sum != checksum(CrcAlgorithm::Crc32Iscsi, &bytes[..FIELDS]) as u32 {
            return bad("a first page with a wrong checksum".into(), format!("{sum:#010x}"));
        }
        if version != FORMAT {
            return bad(format!("format {version}"), format!("format {FORMAT}; a newer version of this program wrote it"));
        }
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|nth| bytes[at + nth]));
        let (own, len, salt) = (word(8), word(16), word(24));
        if own != number || len != real || !(2 * PAGE..=u64::from(u32::MAX)).contains(&len) {
            return bad(format!("segment {own:x} of {len} bytes in a file of {real}"), format!("segment {number:x}, as its name says"));
        }
        let owner = Owner { cluster: ClusterId(Digest(std::array::from_fn(|nth| bytes[32 + nth]))), member: MemberId(word(64)) };
        Ok(Head::Good { segment: Self { number, len, fill: Fill(salt), file }, owner })
    }
}

fn page(number: u64, len: u64, salt: u64, owner: &Owner) -> Vec<u8> {
    let mut page = Vec::with_capacity(PAGE as usize);
    page.extend_from_slice(MAGIC);
    page.extend_from_slice(&FORMAT.to_le_bytes());
    for word in [number, len, salt] {
        page.extend_from_slice(&word.to_le_bytes());
    }
    page.extend_from_slice(owner.cluster.0.as_bytes());
    page.extend_from_slice(&owner.member.0.to_le_bytes());
    let sum = checksum(CrcAlgorithm::Crc32Iscsi, &page) as u32;
    page.extend_from_slice(&sum.to_le_bytes());
    page.resize(PAGE as usize, 0);
    page
}
