//! What stands in a segment where nothing was written yet: words that depend on the segment's salt and on their place.
//!
//! After a crash the log must tell a record that was never wholly written from one that was written and has changed since. The first is
//! cut off, the second must stop the node. If unwritten room were zero, a payload of zeros would look like it. So room is filled
//! with words that nobody could have written: whoever does not know the salt, which is random for each segment, meets one with a
//! chance of 2⁻⁶⁴.

use quorate_env::disk::DiskFile;

/// The unit in which a tear is recognised.
pub(super) const WORD: usize = 8;

/// How much is written at once.
const PIECE: usize = 1 << 20;

/// The words of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fill(pub(super) u64);

impl Fill {
    /// The word at a multiple of [`WORD`].
    fn word(self, at: u64) -> u64 {
        let mut mixed = self.0.wrapping_add(at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93);
        mixed ^ mixed >> 32
    }

    /// Ties a checksum to its place, so that a record that lies elsewhere does not pass for one that belongs there.
    pub(super) fn place(self, at: u64) -> u32 {
        (self.word(at) >> 13) as u32
    }

    fn words(self, at: u64, bytes: &[u8]) -> impl Iterator<Item = bool> + '_ {
        debug_assert!(at.is_multiple_of(WORD as u64));
        let words = bytes.chunks_exact(WORD).enumerate();
        words.map(move |(nth, word)| word == self.word(at + (nth * WORD) as u64).to_le_bytes())
    }

    /// Whether nothing was written here.
    pub(super) fn untouched(self, at: u64, bytes: &[u8]) -> bool {
        self.words(at, bytes).all(|same| same)
    }

    /// Whether some of this was not written.
    pub(super) fn has_hole(self, at: u64, bytes: &[u8]) -> bool {
        self.words(at, bytes).any(|same| same)
    }

    /// Fills a part of a file.
    pub(super) fn write(self, file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
        let mut piece = vec![0; PIECE.min((to - from) as usize)];
        let mut at = from;
        while at < to {
            let len = piece.len().min((to - at) as usize);
            for (nth, word) in piece[..len].chunks_exact_mut(WORD).enumerate() {
                word.copy_from_slice(&self.word(at + (nth * WORD) as u64).to_le_bytes());
            }
            file.write_at(&piece[..len], at)?;
            at += len as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quorate_env::disk::{Disk as _, MemoryDisk};

    use super::*;

    #[test]
    fn what_was_filled_is_untouched_until_something_is_written() {
        let file = MemoryDisk::new().create("a").unwrap();
        let fill = Fill(7);
        fill.write(file.as_ref(), 64, 4096).unwrap();
        let mut bytes = vec![0; 4096 - 64];
        file.read_exact_at(&mut bytes, 64).unwrap();
        assert!(fill.untouched(64, &bytes) && !Fill(8).has_hole(64, &bytes) && !fill.has_hole(0, &bytes));
        bytes[100] ^= 1;
        assert!(!fill.untouched(64, &bytes) && fill.has_hole(64, &bytes));
        assert!(!fill.has_hole(0, &[0; 512]), "zeros can be written");
    }
}
