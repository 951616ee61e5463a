//! Repair: cut the log where it is damaged, with everything that is cut put aside.

use std::io;

use quorate_env::disk::{Disk, Lock};

use super::open::{advice, lock_in};
use super::recovery::Scanner;
use super::segment::{self, PAGE};
use crate::store::{Damage, LogError, Sequence};

const INDEX_BYTES: u64 = 64 << 20;

/// What a repair would lose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The last record that is kept.
    pub keeps: Sequence,
    /// How many records were found behind it, at least.
    pub records: u64,
    /// The segments that are changed or removed. Copies of them are left beside, under names that end in `.damaged`.
    pub segments: Vec<String>,
}

/// A repair that somebody may decide on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// What is wrong.
    pub damage: Damage,
    /// What it costs.
    pub loss: Loss,
    /// The segment in which the log will end, and where.
    end: Option<(u64, u64)>,
}

impl Repair {
    /// Takes the lock that a log holds while it is open.
    ///
    /// # Errors
    /// Of kind `WouldBlock` if somebody has it open.
    pub fn lock(disk: &dyn Disk, folder: &str) -> io::Result<Box<dyn Lock>> {
        disk.lock(&lock_in(folder))
    }

    /// Looks for damage in a log that nobody has open. Nothing is changed.
    ///
    /// # Errors
    /// If the files cannot be read.
    pub fn plan(disk: &dyn Disk, folder: &str) -> Result<Option<Self>, LogError> {
        let scan = Scanner::run(disk, folder, None, INDEX_BYTES)?;
        let keeps = scan.keeps();
        let Some(damage) = scan.damage else { return Ok(None) };
        let damage = advice(damage, keeps, scan.lost_until);
        let cut = segment::number(&damage.segment).unwrap_or(0);
        let opened = scan.segments.iter().any(|segment| segment.number == cut);
        let end = (opened && damage.offset >= PAGE).then_some((cut, damage.offset));
        let names = disk.list(folder).map_err(|error| LogError::Io(error.into()))?;
        let mut segments: Vec<String> = names.into_iter().filter(|name| segment::number(name).is_some_and(|n| n >= cut)).collect();
        segments.sort();
        let loss = Loss { keeps, records: scan.lost_until.0.saturating_sub(keeps.0), segments };
        Ok(Some(Self { damage, loss, end }))
    }

    /// Does it. If it is interrupted, it can be done again.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn apply(&self, disk: &dyn Disk, folder: &str) -> io::Result<()> {
        for name in &self.loss.segments {
            put_aside(disk, &format!("{folder}/{name}"))?;
        }
        disk.sync_folder(folder)?;
        // From the last to the first, so that there is never a gap.
        for name in self.loss.segments.iter().rev() {
            let kept = self.end.filter(|(number, _)| segment::number(name) == Some(*number));
            match kept {
                None => disk.remove(&format!("{folder}/{name}"))?,
                Some((number, from)) => {
                    if let segment::Head::Good { segment, .. } = segment::Segment::open(disk, folder, number)? {
                        segment.fill.write(segment.file.as_ref(), from, segment.len)?;
                        segment.file.sync()?;
                    }
                }
            }
            disk.sync_folder(folder)?;
        }
        Ok(())
    }
}

/// Copies a file to one whose name ends in `.damaged` and that is not there yet: earlier repairs left theirs.
fn put_aside(disk: &dyn Disk, path: &str) -> io::Result<()> {
    let unfinished = format!("{path}.copy");
    let (mut copy, mut nth) = (format!("{path}.damaged"), 1);
    while disk.open(&copy).is_ok() {
        nth += 1;
        copy = format!("{path}.{nth}.damaged");
    }
    if disk.open(&unfinished).is_ok() {
        disk.remove(&unfinished)?;
    }
    let (from, to) = (disk.open(path)?, disk.create(&unfinished)?);
    let (mut piece, mut at) = (vec![0; 1 << 20], 0);
    loop {
        let read = from.read_at(&mut piece, at)?;
        if read == 0 {
            break;
        }
        to.write_at(&piece[..read], at)?;
        at += read as u64;
    }
    to.sync()?;
    disk.rename(&unfinished, &copy)
}
