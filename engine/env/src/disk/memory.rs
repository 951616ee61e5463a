//! A disk in memory that knows what a crash could take away.
//!
//! Every file and every folder is kept twice: as the running program sees it, and as it surely is after a crash. Between the two lies a
//! list of changes that nobody has synced yet. A sync moves them over; [`MemoryDisk::after_crash`] makes a new disk out of
//! what is sure and a choice of what is not. A disk can also have a size, fail its next sync, and write down every step that is
//! taken, so that a test can stop the world at each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::crash::{Loss, survivors};
use super::{Disk, DiskFile, Lock, folder_of};
use crate::rng::Seeded;

/// Something that was done to a disk. Files are named by the order of their making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A file was made.
    Create(String),
    /// Bytes were written.
    Write(u64, u64, Vec<u8>),
    /// A file was cut or lengthened.
    SetLen(u64, u64),
    /// A file was synced.
    Sync(u64),
    /// A name was changed.
    Rename(String, String),
    /// A name was taken away.
    Remove(String),
    /// A folder was made.
    MakeFolder(String),
    /// A folder was synced.
    SyncFolder(String),
    /// Nothing was done to the disk, but whoever recorded wants to remember that this far had been promised.
    Note(u64),
}

/// A change of a file's content that was not synced yet.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write { at: u64, bytes: Vec<u8> },
    SetLen(u64),
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[at..end].copy_from_slice(bytes);
            }
            Self::SetLen(len) => content.resize(*len as usize, 0),
        }
    }
}

/// A change of a folder that was not synced yet.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Set(String, u64),
    Clear(String),
    Move(String, String, u64),
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Set(path, file) => drop(names.insert(path.clone(), *file)),
            Self::Clear(path) => drop(names.remove(path)),
            Self::Move(from, to, file) => {
                // If the name was not there, the file was made and moved between two syncs, and only the making was lost.
                names.remove(from);
                names.insert(to.clone(), *file);
            }
        }
    }

    fn folder(&self) -> &str {
        match self {
            Self::Set(path, _) | Self::Clear(path) | Self::Move(path, ..) => folder_of(path),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Inode {
    now: Arc<Vec<u8>>,
    sure: Arc<Vec<u8>>,
    changes: Vec<Change>,
}

impl Inode {
    fn change(&mut self, change: Change) {
        change.apply(Arc::make_mut(&mut self.now));
        self.changes.push(change);
    }
}

#[derive(Debug, Default)]
struct World {
    files: Vec<Inode>,
    names: BTreeMap<String, u64>,
    sure_names: BTreeMap<String, u64>,
    name_changes: Vec<NameChange>,
    folders: BTreeSet<String>,
    locks: BTreeSet<String>,
    capacity: Option<u64>,
    syncs_until_failure: Option<u32>,
    steps: Option<Vec<Step>>,
}

impl World {
    fn note(&mut self, step: impl FnOnce() -> Step) {
        if let Some(steps) = &mut self.steps {
            steps.push(step());
        }
    }

    fn find(&self, path: &str) -> io::Result<u64> {
        self.names.get(path).copied().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{path}: no such file")))
    }

    fn folder(&self, folder: &str) -> io::Result<()> {
        if folder.is_empty() || self.folders.contains(folder) {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::NotFound, format!("{folder}: no such folder")))
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    /// Whether a file may become this long.
    fn room(&self, file: u64, len: u64) -> io::Result<()> {
        let Some(capacity) = self.capacity else { return Ok(()) };
        let others = self.names.values().filter(|other| **other != file).map(|other| self.files[*other as usize].now.len() as u64);
        if others.sum::<u64>() + len.max(self.files[file as usize].now.len() as u64) > capacity {
            return Err(io::Error::new(io::ErrorKind::StorageFull, format!("the disk has {capacity} bytes and all are taken")));
        }
        Ok(())
    }

    fn sync(&mut self, file: u64) -> io::Result<()> {
        let changes = std::mem::take(&mut self.files[file as usize].changes);
        if let Some(left) = &mut self.syncs_until_failure {
            if *left == 0 {
                // What was to be written is gone, though the program still sees it.
                return Err(io::Error::other("the disk could not write"));
            }
            *left -= 1;
        }
        let content = Arc::make_mut(&mut self.files[file as usize].sure);
        changes.iter().for_each(|change| change.apply(content));
        Ok(())
    }
}

/// Files in memory. Clones are the same disk.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    world: Arc<Mutex<World>>,
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the disk a size, or none.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.world().capacity = bytes;
    }

    /// How many bytes the files take.
    #[must_use]
    pub fn used(&self) -> u64 {
        let world = self.world();
        world.names.values().map(|file| world.files[*file as usize].now.len() as u64).sum()
    }

    /// Lets the sync after so many good ones fail, and all after it.
    pub fn fail_sync_after(&self, good: u32) {
        self.world().syncs_until_failure = Some(good);
    }

    /// Puts bytes into a file as a drive that errs does: no program wrote them, no sync is needed to make them last, and no step is noted.
    /// What lies behind the end of the file is left out.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn spoil(&self, path: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world();
        let file = world.find(path)? as usize;
        let inode = &mut world.files[file];
        for content in [&mut inode.now, &mut inode.sure] {
            let content = Arc::make_mut(content);
            let from = content.len().min(usize::try_from(at).unwrap_or(usize::MAX));
            let len = bytes.len().min(content.len() - from);
            content[from..from + len].copy_from_slice(&bytes[..len]);
        }
        Ok(())
    }

    /// Begins to write down every step.
    pub fn record(&self) {
        self.world().steps = Some(Vec::new());
    }

    /// What was written down.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.world().steps.take().unwrap_or_default()
    }

    /// Puts a remark between the steps.
    pub fn remark(&self, note: u64) {
        self.world().note(|| Step::Note(note));
    }

    /// Does again what was written down on a disk that began like this one.
    ///
    /// # Errors
    /// If this disk did not begin like that one.
    pub fn redo(&self, step: &Step) -> io::Result<()> {
        match step {
            Step::Create(path) => self.create(path).map(drop),
            Step::Write(file, at, bytes) => self.file(*file).write_at(bytes, *at),
            Step::SetLen(file, len) => self.file(*file).set_len(*len),
            Step::Sync(file) => self.file(*file).sync(),
            Step::Rename(from, to) => self.rename(from, to),
            Step::Remove(path) => self.remove(path),
            Step::MakeFolder(folder) => self.make_folder(folder),
            Step::SyncFolder(folder) => self.sync_folder(folder),
            Step::Note(_) => Ok(()),
        }
    }

    fn file(&self, file: u64) -> MemoryFile {
        MemoryFile { world: Arc::clone(&self.world), file }
    }

    /// The disk as a crash now may leave it.
    #[must_use]
    pub fn after_crash(&self, loss: Loss, rng: &mut Seeded) -> Self {
        let world = self.world();
        let after = |inode: &Inode, rng: &mut Seeded| {
            let content = if inode.changes.is_empty() {
                Arc::clone(&inode.sure)
            } else {
                let mut content = inode.sure.as_ref().clone();
                survivors(loss, &inode.changes, rng).iter().for_each(|change| change.apply(&mut content));
                Arc::new(content)
            };
            Inode { now: Arc::clone(&content), sure: content, changes: Vec::new() }
        };
        let mut files: Vec<Inode> = world.files.iter().map(|inode| after(inode, rng)).collect();
        let mut names = world.sure_names.clone();
        loss.names(&world.name_changes, rng).for_each(|change| change.apply(&mut names));
        // Nobody has a file open any more, so what has no name is gone.
        let named: BTreeSet<u64> = names.values().copied().collect();
        (0..).zip(&mut files).filter(|(file, _)| !named.contains(file)).for_each(|(_, inode)| *inode = Inode::default());
        let after = World { files, names: names.clone(), sure_names: names, folders: world.folders.clone(), ..World::default() };
        Self { world: Arc::new(Mutex::new(after)) }
    }

    /// How many changes a crash now could take away.
    #[must_use]
    pub fn unsure(&self) -> usize {
        let world = self.world();
        world.name_changes.len() + world.files.iter().map(|inode| inode.changes.len()).sum::<usize>()
    }
}

impl Disk for MemoryDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut world = self.world();
        world.folder(folder_of(path))?;
        if world.names.contains_key(path) {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{path}: there is such a file")));
        }
        world.note(|| Step::Create(path.to_owned()));
        let file = world.files.len() as u64;
        world.files.push(Inode::default());
        world.rename(NameChange::Set(path.to_owned(), file));
        drop(world);
        Ok(Box::new(self.file(file)))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let file = self.world().find(path)?;
        Ok(Box::new(self.file(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let file = world.find(from)?;
        if folder_of(from) != folder_of(to) {
            return Err(io::Error::new(io::ErrorKind::CrossesDevices, format!("{from} and {to} are in different folders")));
        }
        world.note(|| Step::Rename(from.to_owned(), to.to_owned()));
        world.rename(NameChange::Move(from.to_owned(), to.to_owned(), file));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        world.find(path)?;
        world.note(|| Step::Remove(path.to_owned()));
        world.rename(NameChange::Clear(path.to_owned()));
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let world = self.world();
        world.folder(folder)?;
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let names = world.names.keys().filter_map(|path| path.strip_prefix(&prefix)).filter(|name| !name.contains('/'));
        Ok(names.map(str::to_owned).collect())
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        let mut world = self.world();
        world.folder(folder_of(folder))?;
        world.note(|| Step::MakeFolder(folder.to_owned()));
        world.folders.insert(folder.to_owned());
        Ok(())
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut world = self.world();
        world.folder(folder)?;
        world.note(|| Step::SyncFolder(folder.to_owned()));
        let (sure, unsure): (Vec<_>, Vec<_>) = world.name_changes.drain(..).partition(|change| change.folder() == folder);
        world.name_changes = unsure;
        sure.iter().for_each(|change| change.apply(&mut world.sure_names));
        Ok(())
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        if !self.world().locks.insert(path.to_owned()) {
            return Err(io::Error::new(io::ErrorKind::WouldBlock, format!("{path}: somebody holds this lock")));
        }
        Ok(Box::new(MemoryLock { world: Arc::clone(&self.world), path: path.to_owned() }))
    }
}

struct MemoryLock {
    world: Arc<Mutex<World>>,
    path: String,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).locks.remove(&self.path);
    }
}

struct MemoryFile {
    world: Arc<Mutex<World>>,
    file: u64,
}

impl MemoryFile {
    fn with<T>(&self, call: impl FnOnce(&mut World) -> T) -> T {
        call(&mut self.world.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl DiskFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.with(|world| world.files[self.file as usize].now.len() as u64))
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        Ok(self.with(|world| {
            let content = &world.files[self.file as usize].now;
            let from = content.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
            let read = from.len().min(into.len());
            into[..read].copy_from_slice(&from[..read]);
            read
        }))
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.with(|world| {
            world.room(self.file, at + bytes.len() as u64)?;
            world.note(|| Step::Write(self.file, at, bytes.to_vec()));
            world.files[self.file as usize].change(Change::Write { at, bytes: bytes.to_vec() });
            Ok(())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with(|world| {
            world.room(self.file, len)?;
            world.note(|| Step::SetLen(self.file, len));
            world.files[self.file as usize].change(Change::SetLen(len));
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|world| {
            world.note(|| Step::Sync(self.file));
            world.sync(self.file)
        })
    }
}
