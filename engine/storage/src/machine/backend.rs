//! redb on env's disk: a database file that can be crashed in a test.
//!
//! redb asks for positioned reads and writes, a length and a sync; that is what [`DiskFile`] is. Locks are not passed on: whoever owns
//! the data directory holds its lock.

use std::fmt;
use std::io;

use quorate_env::disk::DiskFile;
use redb::StorageBackend;

/// A file that redb keeps a database in.
pub struct DiskBackend {
    file: Box<dyn DiskFile>,
    name: String,
}

impl DiskBackend {
    /// A database in this file, which is called `name` where somebody must be told.
    #[must_use]
    pub fn new(file: Box<dyn DiskFile>, name: &str) -> Self {
        Self { file, name: name.to_owned() }
    }
}

impl fmt::Debug for DiskBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DiskBackend").field(&self.name).finish()
    }
}

impl StorageBackend for DiskBackend {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_at(data, offset)
    }
}
