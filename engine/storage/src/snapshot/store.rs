//! The snapshots of a node: one folder of files, named by partition, index and term.
//!
//! A file is written under another name (`.writing`, or `.part` while it is received), synced, renamed to `.snap`, and the folder is
//! synced. So whatever is called `.snap` was complete, and a crash leaves the newest snapshot or the one before, never half of one. Older
//! ones go only after a newer one is durable. Leftovers of writing go when the folder is opened; what was received stays, to
//! be gone on with, unless a newer snapshot is there.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_env::disk::Disk;

use super::error::{Part, SnapshotDamage, SnapshotError, failed};
use super::file::{Reader, Writer};
use super::manifest::{Manifest, Origin};
use crate::machine::{SnapshotSource, said};
use crate::store::Mark;

/// The end of the name of a complete snapshot.
const COMPLETE: &str = "snap";
/// The end of the name of one that is being written.
const WRITING: &str = "writing";
/// The end of the name of one that is being received.
pub(super) const RECEIVING: &str = "part";

/// Who takes the snapshots, and in which pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The cluster. Files of another are refused.
    pub cluster: ClusterId,
    /// This member. Files of others are welcome: they were received.
    pub member: MemberId,
    /// How long a chunk is.
    pub chunk_bytes: u32,
}

impl Settings {
    /// How long a chunk is, unless somebody says otherwise.
    pub const CHUNK_BYTES: u32 = 1 << 20;

    /// A member of a cluster, and the usual chunks.
    #[must_use]
    pub fn new(cluster: ClusterId, member: MemberId) -> Self {
        Self { cluster, member, chunk_bytes: Self::CHUNK_BYTES }
    }
}

/// The newest snapshot that is whole, and what was wrong with newer ones.
pub struct Latest {
    /// The snapshot. Every byte of it was checked.
    pub reader: Option<Reader>,
    /// Newer files that are damaged. They stay where they are; somebody should be told.
    pub damaged: Vec<SnapshotError>,
}

/// A folder of snapshots. Clones are the same folder.
#[derive(Clone)]
pub struct Snapshots {
    disk: Arc<dyn Disk>,
    folder: Arc<str>,
    settings: Settings,
    newest: Arc<Mutex<BTreeMap<PartitionId, Mark>>>,
}

impl Snapshots {
    /// Opens a folder, makes it if need be, and clears away what an interrupted write left. Nobody else may use it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn open(disk: Arc<dyn Disk>, folder: &str, settings: Settings) -> Result<Self, SnapshotError> {
        disk.make_folder(folder).map_err(failed("making the folder", folder))?;
        let snapshots = Self { disk, folder: folder.into(), settings, newest: Arc::default() };
        let names = snapshots.names()?;
        for name in &names {
            if let Some((partition, mark)) = parse(name, COMPLETE) {
                snapshots.note(partition, mark);
            }
        }
        for name in &names {
            let stale = parse(name, RECEIVING).is_some_and(|(partition, mark)| mark <= snapshots.newest(partition));
            if stale || parse(name, WRITING).is_some() {
                snapshots.remove(name)?;
            }
        }
        // A name that a program saw before it died may not be sure yet.
        snapshots.sync_folder()?;
        Ok(snapshots)
    }

    /// Who takes them, and in which pieces.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the newest snapshot of a partition was taken; zero if there is none. Whether it is whole was not looked at.
    #[must_use]
    pub fn newest(&self, partition: PartitionId) -> Mark {
        self.marks().get(&partition).copied().unwrap_or_default()
    }

    /// Where a partition's snapshots were taken, the oldest first.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn list(&self, partition: PartitionId) -> Result<Vec<Mark>, SnapshotError> {
        let names = self.names()?;
        let mut marks: Vec<_> =
            names.iter().filter_map(|name| parse(name, COMPLETE)).filter(|found| found.0 == partition).map(|found| found.1).collect();
        marks.sort();
        Ok(marks)
    }

    /// Writes a state as it was after an entry. When this returns, it is durable.
    ///
    /// # Errors
    /// If the state cannot be written out, or the disk fails. Then there is no such snapshot, and the others are as they were.
    pub fn write(
        &self,
        partition: PartitionId,
        mark: Mark,
        meta: Vec<u8>,
        source: &mut dyn SnapshotSource,
    ) -> Result<Manifest, SnapshotError> {
        let origin = Origin { cluster: self.settings.cluster, member: self.settings.member, partition, mark };
        let unfinished = file_name(partition, mark, WRITING);
        let path = self.path(&unfinished);
        // If the name is taken, somebody else is writing the same snapshot: that is an error, and the file is not ours to remove.
        let file = self.disk.create(&path).map_err(failed("making", &path))?;
        let written = Writer::new(file, &path, self.settings.chunk_bytes).and_then(|mut writer| {
            match catch_unwind(AssertUnwindSafe(|| source.write_to(&mut writer))) {
                Ok(Ok(())) => writer.finish(origin, meta),
                Ok(Err(error)) => Err(SnapshotError::Source { partition, problem: Arc::new(error) }),
                Err(panic) => {
                    let problem = io::Error::other(format!("it panicked: {}", said(panic.as_ref())));
                    Err(SnapshotError::Source { partition, problem: Arc::new(problem) })
                }
            }
        });
        let named = written.and_then(|manifest| self.complete(&unfinished, partition, mark).map(|()| manifest));
        if named.is_err() {
            // What went wrong first is what counts. If this fails too, the file goes when the folder is opened again.
            let _ = self.disk.remove(&path);
        }
        named
    }

    /// The newest snapshot of a partition that is whole, which is found by reading all of it.
    ///
    /// # Errors
    /// If the disk fails, or a file is another cluster's.
    pub fn latest(&self, partition: PartitionId) -> Result<Latest, SnapshotError> {
        let mut damaged = Vec::new();
        for mark in self.list(partition)?.into_iter().rev() {
            let checked = self.reader(partition, mark).and_then(|reader| reader.check().map(|()| reader));
            match checked {
                Ok(reader) => return Ok(Latest { reader: Some(reader), damaged }),
                Err(error) if error.damage().is_some() => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(Latest { reader: None, damaged })
    }

    /// Opens a snapshot, to send it. Its chunks are checked as they are read.
    ///
    /// # Errors
    /// If there is none, it is damaged or another cluster's, or the disk fails.
    pub fn reader(&self, partition: PartitionId, mark: Mark) -> Result<Reader, SnapshotError> {
        let path = self.path(&file_name(partition, mark, COMPLETE));
        let reader = match Reader::open(self.disk.as_ref(), &path) {
            Err(SnapshotError::Io { problem, .. }) if problem.kind() == io::ErrorKind::NotFound => {
                return Err(SnapshotError::Missing { partition, mark });
            }
            opened => opened?,
        };
        let origin = reader.manifest().origin();
        self.same_cluster(origin, &path)?;
        if (origin.partition, origin.mark) != (partition, mark) {
            let found = file_name(origin.partition, origin.mark, COMPLETE);
            let expected = file_name(partition, mark, COMPLETE);
            return Err(SnapshotError::Damaged(Box::new(SnapshotDamage { file: path, part: Part::Name, offset: 0, found, expected })));
        }
        Ok(reader)
    }

    /// Removes all but the newest snapshots of a partition, of which one always stays. Returns those that are left, the oldest first.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn prune(&self, partition: PartitionId, keep: usize) -> Result<Vec<Mark>, SnapshotError> {
        let mut marks = self.list(partition)?;
        let kept = marks.split_off(marks.len().saturating_sub(keep.max(1)));
        for mark in &marks {
            self.remove(&file_name(partition, *mark, COMPLETE))?;
        }
        if !marks.is_empty() {
            self.sync_folder()?;
        }
        Ok(kept)
    }

    /// The disk that they are on.
    pub(super) fn disk(&self) -> &dyn Disk {
        self.disk.as_ref()
    }

    /// Whether a snapshot is this cluster's.
    pub(super) fn same_cluster(&self, origin: &Origin, file: &str) -> Result<(), SnapshotError> {
        let (found, expected) = (origin.cluster, self.settings.cluster);
        if found == expected { Ok(()) } else { Err(SnapshotError::OtherCluster { file: file.to_owned(), found, expected }) }
    }

    /// Gives a file that is complete and synced its name, for good.
    pub(super) fn complete(&self, unfinished: &str, partition: PartitionId, mark: Mark) -> Result<(), SnapshotError> {
        let (from, to) = (self.path(unfinished), self.path(&file_name(partition, mark, COMPLETE)));
        self.disk.rename(&from, &to).map_err(failed("giving its name to", &to))?;
        self.sync_folder()?;
        self.note(partition, mark);
        Ok(())
    }

    /// What a partition has of receptions.
    pub(super) fn receptions(&self, partition: PartitionId) -> Result<Vec<String>, SnapshotError> {
        let mut names = self.names()?;
        names.retain(|name| parse(name, RECEIVING).is_some_and(|found| found.0 == partition));
        Ok(names)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        let path = self.path(name);
        self.disk.remove(&path).map_err(failed("removing", &path))
    }

    pub(super) fn path(&self, name: &str) -> String {
        if self.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.folder) }
    }

    fn names(&self) -> Result<Vec<String>, SnapshotError> {
        self.disk.list(&self.folder).map_err(failed("listing", &self.folder))
    }

    fn sync_folder(&self) -> Result<(), SnapshotError> {
        self.disk.sync_folder(&self.folder).map_err(failed("syncing", &self.folder))
    }

    fn note(&self, partition: PartitionId, mark: Mark) {
        let mut marks = self.marks();
        let newest = marks.entry(partition).or_default();
        *newest = mark.max(*newest);
    }

    fn marks(&self) -> MutexGuard<'_, BTreeMap<PartitionId, Mark>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `PPPPPPPP-IIIIIIIIIIIIIIII-TTTTTTTTTTTTTTTT.end`, so that names sort as snapshots do.
pub(super) fn file_name(partition: PartitionId, mark: Mark, end: &str) -> String {
    format!("{:08x}-{:016x}-{:016x}.{end}", partition.0, mark.index.0, mark.term.0)
}

/// Reads such a name. Anything else in the folder is somebody else's.
fn parse(name: &str, end: &str) -> Option<(PartitionId, Mark)> {
    let mut parts = name.strip_suffix(end)?.strip_suffix('.')?.split('-');
    let partition = PartitionId(u32::from_str_radix(parts.next()?, 16).ok()?);
    let index = Height(u64::from_str_radix(parts.next()?, 16).ok()?);
    let term = View(u64::from_str_radix(parts.next()?, 16).ok()?);
    let found = (partition, Mark { index, term });
    (parts.next().is_none() && file_name(found.0, found.1, end) == name).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_was_written_and_no_other_is() {
        let mark = Mark { index: Height(0xabc), term: View(7) };
        let name = file_name(PartitionId(16), mark, COMPLETE);
        assert_eq!(name, "00000010-0000000000000abc-0000000000000007.snap");
        assert_eq!(parse(&name, COMPLETE), Some((PartitionId(16), mark)));
        assert_eq!(parse(&name, RECEIVING), None);
        for other in ["1-2-3.snap", "00000010-0000000000000ABC-0000000000000007.snap", "notes.snap", "snap", ".snap"] {
            assert_eq!(parse(other, COMPLETE), None, "{other}");
        }
    }
}
