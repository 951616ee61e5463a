//! A server's disk: the disk in memory, on which things go wrong by plan.
//!
//! What a crash takes is the disk in memory's own business. Here are the faults that come while the machine runs: the power that fails
//! between one operation and the next, a sync that fails, bits that flip at rest, a write that lands somewhere else too, and names that
//! nobody syncs (a planted mistake). A sync takes no time here: that it does is the world's business, which says later that it is done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use quorate_env::disk::{Disk, DiskFile, Lock, Loss, MemoryDisk, Sector};
use quorate_env::rng::Seeded;

/// There is power until somebody says otherwise.
const FOR_EVER: u32 = u32::MAX;

#[derive(Debug)]
struct Switches {
    /// How many changes the power still lasts for.
    power: AtomicU32,
    /// Whether the syncing of folders is left out.
    folders_unsynced: AtomicBool,
}

impl Switches {
    /// Whether there is power for another change.
    fn change(&self) -> io::Result<()> {
        match self.power.load(Ordering::Relaxed) {
            FOR_EVER => Ok(()),
            0 => Err(io::Error::other("the power is gone")),
            left => {
                self.power.store(left - 1, Ordering::Relaxed);
                Ok(())
            }
        }
    }
}

/// A disk on which things go wrong. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk {
    inner: MemoryDisk,
    switches: Arc<Switches>,
}

impl SimDisk {
    /// A disk with what this one holds. If folders are not synced, a crash can take away what should have been sure.
    #[must_use]
    pub fn new(inner: MemoryDisk, folders_unsynced: bool) -> Self {
        let switches = Switches { power: AtomicU32::new(FOR_EVER), folders_unsynced: AtomicBool::new(folders_unsynced) };
        Self { inner, switches: Arc::new(switches) }
    }

    /// Lets the power fail after so many more changes. What was written and not synced may be lost, as in any crash.
    pub fn cut_power_after(&self, changes: u32) {
        self.switches.power.store(changes, Ordering::Relaxed);
    }

    /// Whether the power lasts for another change.
    #[must_use]
    pub fn has_power(&self) -> bool {
        self.switches.power.load(Ordering::Relaxed) > 0
    }

    /// The power does not fail after all.
    pub fn keep_power(&self) {
        self.switches.power.store(FOR_EVER, Ordering::Relaxed);
    }

    /// Lets the next sync fail, and all after it until the process has begun again.
    pub fn fail_next_sync(&self) {
        self.inner.fail_sync_after(0);
    }

    /// Leaves room for so many more bytes, or for as many as anybody wants.
    pub fn leave_room(&self, bytes: Option<u64>) {
        self.inner.set_capacity(bytes.map(|bytes| self.inner.used() + bytes));
    }

    /// The disk after a crash. Power is back.
    #[must_use]
    pub fn after_crash(&self, loss: Loss, rng: &mut Seeded) -> Self {
        Self::new(self.inner.after_crash(loss, rng), self.switches.folders_unsynced.load(Ordering::Relaxed))
    }

    /// Flips a bit of what lies in these folders. Returns where.
    pub fn flip(&self, folders: &[&str], rng: &mut Seeded) -> Option<(String, u64)> {
        let (path, len) = self.victim(folders, rng)?;
        let at = rng.below(len);
        let mut byte = [0];
        self.inner.open(&path).and_then(|file| file.read_exact_at(&mut byte, at)).ok()?;
        byte[0] ^= 1 << rng.below(8);
        self.inner.spoil(&path, at, &byte).ok()?;
        Some((path, at))
    }

    /// Lets what belongs to one sector of a file be written over another one. Returns where.
    pub fn misdirect(&self, folders: &[&str], rng: &mut Seeded) -> Option<(String, u64)> {
        let (path, len) = self.victim(folders, rng)?;
        let sectors = (len / Sector::BYTES).max(1);
        let (from, to) = (rng.below(sectors) * Sector::BYTES, rng.below(sectors) * Sector::BYTES);
        let mut sector = [0; Sector::BYTES as usize];
        let read = self.inner.open(&path).and_then(|file| file.read_at(&mut sector, from)).ok()?;
        self.inner.spoil(&path, to, &sector[..read]).ok()?;
        (from != to).then_some((path, to))
    }

    fn victim(&self, folders: &[&str], rng: &mut Seeded) -> Option<(String, u64)> {
        let mut files = Vec::new();
        for folder in folders {
            for name in self.inner.list(folder).unwrap_or_default() {
                let path = format!("{folder}/{name}");
                let len = self.inner.open(&path).and_then(|file| file.len()).unwrap_or(0);
                if len > 0 {
                    files.push((path, len));
                }
            }
        }
        let nth = rng.below(files.len().max(1) as u64) as usize;
        files.into_iter().nth(nth)
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.switches.change()?;
        self.file(self.inner.create(path)?)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.inner.open(path)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.switches.change()?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.switches.change()?;
        self.inner.remove(path)
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.inner.list(folder)
    }

    fn make_folder(&self, folder: &str) -> io::Result<()> {
        self.switches.change()?;
        self.inner.make_folder(folder)
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.switches.change()?;
        if self.switches.folders_unsynced.load(Ordering::Relaxed) { Ok(()) } else { self.inner.sync_folder(folder) }
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        self.inner.lock(path)
    }
}

impl SimDisk {
    fn file(&self, inner: Box<dyn DiskFile>) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(SimFile { inner, switches: Arc::clone(&self.switches) }))
    }
}

struct SimFile {
    inner: Box<dyn DiskFile>,
    switches: Arc<Switches>,
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        self.inner.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.switches.change()?;
        self.inner.write_at(bytes, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.switches.change()?;
        self.inner.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.switches.change()?;
        self.inner.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(disk: &SimDisk, path: &str) -> Vec<u8> {
        let file = disk.open(path).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    fn written(folders_unsynced: bool) -> SimDisk {
        let disk = SimDisk::new(MemoryDisk::new(), folders_unsynced);
        disk.make_folder("log").unwrap();
        let file = disk.create("log/a").unwrap();
        let bytes: Vec<u8> = (0..2048_u32).map(|at| (at / 512) as u8).collect();
        file.write_at(&bytes, 0).unwrap();
        file.sync().unwrap();
        disk.sync_folder("log").unwrap();
        disk
    }

    #[test]
    fn what_was_written_when_the_power_went_is_lost_unless_it_was_synced() {
        let disk = written(false);
        let file = disk.open("log/a").unwrap();
        disk.cut_power_after(1);
        file.write_at(&[9; 4], 0).unwrap();
        file.sync().unwrap_err();
        file.write_at(&[9; 4], 0).unwrap_err();
        let after = disk.after_crash(Loss::Everything, &mut Seeded::new(1));
        assert_eq!(content(&after, "log/a")[..4], [0; 4]);
        after.create("log/b").unwrap();
    }

    #[test]
    fn a_crash_takes_the_names_of_a_folder_that_nobody_really_synced() {
        let after = |folders_unsynced| written(folders_unsynced).after_crash(Loss::Everything, &mut Seeded::new(1));
        assert_eq!(after(false).list("log").unwrap(), ["a"]);
        assert!(after(true).list("log").unwrap().is_empty());
    }

    #[test]
    fn a_flipped_bit_and_a_misdirected_sector_change_what_is_at_rest() {
        let disk = written(false);
        let before = content(&disk, "log/a");
        let (path, at) = disk.flip(&["log", "none"], &mut Seeded::new(3)).unwrap();
        let differs = before.iter().zip(content(&disk, &path)).map(|(was, is)| (was ^ is).count_ones()).sum::<u32>();
        assert_eq!(differs, 1);
        assert!(at < 2048);
        let disk = written(false);
        let places: Vec<_> = (0..8).filter_map(|seed| disk.misdirect(&["log"], &mut Seeded::new(seed))).collect();
        assert!(!places.is_empty() && content(&disk, "log/a") != before);
    }

    #[test]
    fn a_disk_without_room_takes_nothing_more() {
        let disk = written(false);
        disk.leave_room(Some(10));
        let file = disk.open("log/a").unwrap();
        file.write_at(&[1; 10], 2048).unwrap();
        assert!(quorate_env::disk::is_full(&file.write_at(&[1], 2058).unwrap_err()));
        disk.leave_room(None);
        file.write_at(&[1], 2058).unwrap();
    }
}
