//! The other side that is no rival but the limit: a file that was written once before, gathered writes, one sync.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::PAYLOAD_BYTES;

/// As long as a segment of ours.
const FILE_BYTES: u64 = 64 << 20;
const PIECE_BYTES: usize = 1 << 20;

/// What is done when the file is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// Begin again at its front.
    Wrap,
    /// Make another, written and synced as the first was, and remove this one.
    Another,
}

/// A file that whatever waits is written to.
pub(super) struct Raw<'a> {
    folder: PathBuf,
    file: File,
    at: u64,
    gathered: Vec<u8>,
    payloads: &'a [[u8; PAYLOAD_BYTES]],
    when_full: WhenFull,
}

impl<'a> Raw<'a> {
    pub(super) fn new(folder: &Path, payloads: &'a [[u8; PAYLOAD_BYTES]], when_full: WhenFull) -> Self {
        let file = prepared(folder);
        Self { folder: folder.to_owned(), file, at: 0, gathered: Vec::new(), payloads, when_full }
    }

    pub(super) fn commit(&mut self) {
        self.gathered.clear();
        for payload in self.payloads {
            self.gathered.extend_from_slice(payload);
        }
        if self.at + self.gathered.len() as u64 > FILE_BYTES {
            self.at = 0;
            if self.when_full == WhenFull::Another {
                std::fs::remove_file(self.folder.join("raw")).expect("the file can be removed");
                self.file = prepared(&self.folder);
            }
        }
        self.file.write_all_at(&self.gathered, self.at).expect("the file can be written to");
        self.file.sync_data().expect("the disk syncs");
        self.at += self.gathered.len() as u64;
    }

    /// Stops the run if the last group is not there.
    pub(super) fn check(&self) {
        let mut found = vec![0; self.gathered.len()];
        self.file.read_exact_at(&mut found, self.at - self.gathered.len() as u64).expect("the file can be read");
        assert!(found == self.gathered, "the file gives back what it was given");
    }
}

/// A file whose every block was written and synced.
fn prepared(folder: &Path) -> File {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create_new(true).open(folder.join("raw")).expect("a file can be made");
    let piece = vec![0x5a; PIECE_BYTES];
    for at in (0..FILE_BYTES).step_by(PIECE_BYTES) {
        file.write_all_at(&piece, at).expect("there is room for the file");
    }
    file.sync_data().expect("the disk syncs");
    File::open(folder).and_then(|folder| folder.sync_all()).expect("the folder syncs");
    file
}

/// Reads every file of a folder from front to end. Returns how many bytes there were.
pub(super) fn read_all(folder: &Path, buffer: &mut [u8]) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let mut file = File::open(entry.expect("the folder can be listed").path()).expect("its files can be opened");
        loop {
            match file.read(buffer).expect("its files can be read") {
                0 => break,
                read => bytes += read as u64,
            }
        }
    }
    bytes
}
