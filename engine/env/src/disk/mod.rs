//! Disks: named files below one root, and what a program may rely on after a crash.
//!
//! The contract is POSIX at its least generous, since that is what file systems and drives have in common:
//!
//! - What was written and then [`DiskFile::sync`]ed survives. What was written and not synced may survive, in part, in any order.
//! - A created, renamed or removed name survives once the folder was synced by [`Disk::sync_folder`]. Until then either name may be
//!   there. A rename is atomic: the new name holds the old file or the new one.
//! - A sync that failed has lost its writes, whatever a later one says. Nobody tries again.
//!
//! Paths are relative, with `/` between folders; `""` is the root.

mod crash;
mod memory;
mod real;

use std::io;

pub use crash::{Loss, Sector};
pub use memory::{MemoryDisk, Step};
pub use real::RealDisk;

/// A place for files.
pub trait Disk: Send + Sync {
    /// Makes a new, empty file. It is an error if the name is taken.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that exists, to read and to write.
    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of what had that name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Takes a file's name away.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The names of the files in a folder, sorted.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Makes a folder, unless it is there, and makes sure that it stays.
    fn make_folder(&self, folder: &str) -> io::Result<()>;

    /// Makes sure that what was created, renamed or removed in a folder stays so.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Takes a lock that ends with the process at the latest. It is an error of kind `WouldBlock` if somebody has it.
    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>>;
}

/// A file. Reads and writes say where; there is no cursor.
pub trait DiskFile: Send + Sync {
    /// How long it is.
    fn len(&self) -> io::Result<u64>;

    /// Whether it is empty.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads up to `into.len()` bytes; fewer only at the end of the file.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes all of `bytes`.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Writes all of `bytes`, for somebody who syncs next: has the drive begin with them, if it can be told to. Returns whether it was
    /// told. Then the sync has begun, so to speak, and what is computed before one waits for it costs no time.
    fn send_at(&self, bytes: &[u8], at: u64) -> io::Result<bool> {
        self.write_at(bytes, at)?;
        Ok(false)
    }

    /// Cuts the file, or lengthens it by zeros.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Returns when everything written, and the length, are where no crash can reach them.
    fn sync(&self) -> io::Result<()>;

    /// Reads exactly `into.len()` bytes.
    fn read_exact_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        match self.read_at(into, at)? {
            read if read == into.len() => Ok(()),
            read => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("the file ends after {read} of {} bytes at {at}", into.len())))
            }
        }
    }
}

/// A lock that is held until it is dropped.
pub trait Lock: Send + Sync {}

/// Whether an error says that there is no room, so that the same may succeed later.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}

/// The folder that a path is in.
fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
