//! The operating system's files, below one folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Disk, DiskFile, Lock, folder_of};

/// Files below a folder.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// The files below `root`.
    ///
    /// # Errors
    /// If `root` is not a folder.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let is_folder = fs::metadata(&root).map_err(|error| said(error, &root))?.is_dir();
        if !is_folder {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{}: not a folder", root.display())));
        }
        Ok(Self { root })
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file really is. Nothing outside of the root can be named.
    fn place(&self, path: &str) -> io::Result<PathBuf> {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        if !inside {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{path:?} is not a path below the root")));
        }
        Ok(if path.is_empty() { self.root.clone() } else { self.root.join(path) })
    }

    fn opened(&self, path: &str, options: &OpenOptions) -> io::Result<Box<dyn DiskFile>> {
        let place = self.place(path)?;
        let file = options.open(&place).map_err(|error| said(error, &place))?;
        Ok(Box::new(RealFile { file: Handle::new(file), place, sends: AtomicBool::new(true) }))
    }
}

/// The same error, saying where.
fn said(error: io::Error, place: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", place.display()))
}

impl Disk for RealDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.opened(path, OpenOptions::new().read(true).write(true).create_new(true))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.opened(path, OpenOptions::new().read(true).write(true))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let from = self.place(from)?;
        fs::rename(&from, self.place(to)?).map_err(|error| said(error, &from))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        fs::remove_file(&place).map_err(|error| said(error, &place))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let place = self.place(folder)?;
        let mut names = Vec::new();
        for entry in fs::read_dir(&place).map_err(|error| said(error, &place))? {
            let entry = entry.map_err(|error| said(error, &place))?;
            if entry.file_type().map_err(|error| said(error, &place))?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let place = self.place(folder)?;
        match fs::create_dir(&place) {
            Ok(()) => self.sync_folder(folder_of(folder)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && place.is_dir() => {
                // Whoever made it may not have got further than that.
                self.sync_folder(folder_of(folder))
            }
            Err(error) => Err(said(error, &place)),
        }
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let place = self.place(folder)?;
        // Other systems have no such call: there a name lasts as soon as it is there, or nothing can be done about it.
        if cfg!(unix) { File::open(&place).and_then(|folder| folder.sync_all()).map_err(|error| said(error, &place)) } else { Ok(()) }
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        let place = self.place(path)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&place).map_err(|error| said(error, &place))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(RealLock(file))),
            Err(TryLockError::WouldBlock) => {
                Err(io::Error::new(io::ErrorKind::WouldBlock, format!("{}: another process holds this lock", place.display())))
            }
            Err(TryLockError::Error(error)) => Err(said(error, &place)),
        }
    }
}

/// Keeps the file that is locked open.
struct RealLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl Lock for RealLock {}

struct RealFile {
    file: Handle,
    place: PathBuf,
    /// Whether the system has not refused yet to have the drive begin at once.
    sends: AtomicBool,
}

impl DiskFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        self.file.with(|file| file.metadata()).map(|metadata| metadata.len()).map_err(|error| said(error, &self.place))
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < into.len() {
            match self.file.read_at(&mut into[read..], at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(said(error, &self.place)),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, at).map_err(|error| said(error, &self.place))
    }

    fn send_at(&self, bytes: &[u8], at: u64) -> io::Result<bool> {
        let mut sent = 0;
        while sent < bytes.len() && self.sends.load(Ordering::Relaxed) {
            match self.file.send_at(&bytes[sent..], at + sent as u64) {
                Ok(0) => break,
                Ok(more) => sent += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // An older system, or a file system that has no such thing.
                Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => {
                    self.sends.store(false, Ordering::Relaxed);
                }
                Err(error) => return Err(said(error, &self.place)),
            }
        }
        if sent < bytes.len() {
            self.write_at(&bytes[sent..], at + sent as u64)?;
        }
        Ok(sent == bytes.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.with(|file| file.set_len(len)).map_err(|error| said(error, &self.place))
    }

    fn sync(&self) -> io::Result<()> {
        self.file.with(|file| file.sync_data()).map_err(|error| said(error, &self.place))
    }
}

/// A file with positions.
#[cfg(unix)]
struct Handle(File);

#[cfg(unix)]
impl Handle {
    fn new(file: File) -> Self {
        Self(file)
    }

    fn with<T>(&self, call: impl FnOnce(&File) -> T) -> T {
        call(&self.0)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.0, into, at)
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, at)
    }

    /// Writes some bytes and has the drive begin with them.
    #[cfg(target_os = "linux")]
    fn send_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        use rustix::io::{ReadWriteFlags, pwritev2};

        // Since Linux 6.14: what is written goes on to the drive without waiting for anybody to ask. Pages that were in memory stay
        // there, others do not come to stay; a log has just filled the room that it writes to.
        const RWF_DONTCACHE: u32 = 0x80;
        let flags = ReadWriteFlags::from_bits_retain(RWF_DONTCACHE);
        Ok(pwritev2(&self.0, &[io::IoSlice::new(bytes)], at, flags)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn send_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A file whose cursor is moved under a lock, for systems that have nothing better.
#[cfg(not(unix))]
struct Handle(std::sync::Mutex<File>);

#[cfg(not(unix))]
impl Handle {
    fn new(file: File) -> Self {
        Self(std::sync::Mutex::new(file))
    }

    fn with<T>(&self, call: impl FnOnce(&File) -> T) -> T {
        call(&self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        use std::io::{Read as _, Seek as _};
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(io::SeekFrom::Start(at))?;
        file.read(into)
    }

    fn write_all_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        use std::io::{Seek as _, Write as _};
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(io::SeekFrom::Start(at))?;
        file.write_all(bytes)
    }

    fn send_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
