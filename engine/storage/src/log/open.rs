//! Opening a log: check the settings, scan, put in order what a crash left behind.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use quorate_env::Env;
use quorate_env::rng::Rng;
use thiserror::Error;

use super::commit::Turn;
use super::recovery::Scanner;
use super::segment::{self, PAGE, Segment};
use super::window::Window;
use super::{Log, Owner, Recovery, Settings, State, health, record};
use crate::store::{Damage, LogError, Sequence};

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name} is {found}; expected {expected}")]
pub struct SettingsError {
    /// Which.
    pub name: &'static str,
    /// What it is.
    pub found: u64,
    /// What it may be.
    pub expected: &'static str,
}

impl Settings {
    /// Checks that a log can be kept like this.
    ///
    /// # Errors
    /// Names the first setting that cannot be.
    pub fn check(&self) -> Result<(), SettingsError> {
        let page = PAGE;
        if !(2 * page..=1 << 30).contains(&self.segment_bytes) || !self.segment_bytes.is_multiple_of(page) {
            let expected = "a multiple of 4096 from 8192 to 1073741824";
            return Err(SettingsError { name: "segment_bytes", found: self.segment_bytes, expected });
        }
        if !(1..=64).contains(&self.ahead) {
            return Err(SettingsError { name: "ahead", found: self.ahead as u64, expected: "1 to 64" });
        }
        if self.pending_bytes < page {
            return Err(SettingsError { name: "pending_bytes", found: self.pending_bytes, expected: "at least 4096" });
        }
        Ok(())
    }
}

/// Writes what is in a part of a segment once more, and syncs.
fn write_again(segment: &Segment, from: u64, to: u64) -> std::io::Result<()> {
    let mut piece = vec![0; (1 << 20).min(to.saturating_sub(from) as usize)];
    let mut at = from;
    while at < to {
        let len = piece.len().min((to - at) as usize);
        segment.file.read_exact_at(&mut piece[..len], at)?;
        segment.file.write_at(&piece[..len], at)?;
        at += len as u64;
    }
    segment.file.sync()
}

/// The file whose lock says that somebody has the log open.
pub(super) fn lock_in(folder: &str) -> String {
    format!("{folder}/lock")
}

/// What to type when the log is damaged.
pub(super) fn advice(damage: Damage, last: Sequence, lost_until: Sequence) -> Damage {
    let lost = lost_until.0.saturating_sub(last.0);
    let loses = match lost {
        0 => format!("all records behind number {}", last.0),
        lost => format!("all records behind number {}, at least {lost}", last.0),
    };
    let repair = format!("`quorate doctor --repair-log DIR` would cut the log here, which loses {loses}; it shows which and asks first");
    Damage { repair, ..damage }
}

impl Log {
    /// Opens the log in a folder, or begins one. `rng` gives the salts of segments.
    ///
    /// # Errors
    /// [`LogError::Io`] of kind `WouldBlock` if somebody has it open. [`LogError::Corrupt`] if what is there is not what was written;
    /// it says where, and what can be done.
    pub fn open(env: Env, folder: &str, owner: Owner, settings: Settings, mut rng: Box<dyn Rng>) -> Result<(Self, Recovery), LogError> {
        let io = |error: std::io::Error| LogError::Io(error.into());
        settings.check().map_err(|error| io(std::io::Error::new(std::io::ErrorKind::InvalidInput, error)))?;
        let disk = env.disk.as_ref();
        disk.make_folder(folder).map_err(io)?;
        let lock = disk.lock(&lock_in(folder)).map_err(io)?;
        let mut scan = Scanner::run(disk, folder, Some(&owner), settings.index_bytes)?;
        if let Some(damage) = scan.damage.take() {
            return Err(LogError::Corrupt(Arc::new(advice(damage, scan.keeps(), scan.lost_until))));
        }
        for name in &scan.recovery.removed {
            disk.remove(&format!("{folder}/{name}")).map_err(io)?;
        }
        if scan.segments.is_empty() {
            let made =
                Segment::create(disk, folder, 1, settings.segment_bytes, rng.next_u64(), &owner).map_err(|failed| io(failed.error))?;
            scan.segments.push(made);
        }
        // A torn tail becomes room again. If a crash comes in between, it is as torn as before.
        for (nth, from, to) in &scan.dirty {
            let segment = &scan.segments[*nth];
            segment.fill.write(segment.file.as_ref(), *from, *to).and_then(|()| segment.file.sync()).map_err(io)?;
        }
        let (active, end) = scan.end;
        let mut ready: VecDeque<_> = scan.segments.split_off(active + 1).into();
        // Segments that were made ready with another length were never used.
        while ready.iter().any(|segment| segment.len != settings.segment_bytes) {
            let Some(segment) = ready.pop_back() else { break };
            let path = format!("{folder}/{}", segment::name(segment.number));
            disk.remove(&path).and_then(|()| disk.sync_folder(folder)).map_err(io)?;
        }
        // What is kept was read, but nobody knows whether the drive has it. If a sync failed and the process began again, memory may have
        // what the drive lost, and would not write it by itself.
        if let Some((_, first, from)) = scan.tail {
            for (nth, segment) in scan.segments.iter().enumerate().skip(first) {
                let from = if nth == first { from } else { PAGE };
                write_again(segment, from, scan.ends[nth]).map_err(io)?;
            }
        }
        disk.sync_folder(folder).map_err(io)?;
        let state = State {
            ledger: scan.ledger,
            offsets: scan.offsets,
            segments: scan.segments.into_iter().map(Arc::new).collect(),
            prepared: ready.into_iter().map(Arc::new).collect(),
            end,
            last: scan.last,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            recent: VecDeque::new(),
            recent_bytes: 0,
            spare: None,
            closed: false,
        };
        let turn = Turn {
            chain: scan.chain,
            tail: None,
            unwritten: VecDeque::new(),
            refused: false,
            unsynced: None,
            synced: scan.last,
            synced_at: env.clock.now(),
        };
        debug_assert!(end >= PAGE && record::GROUP > 0);
        let log = Self {
            _lock: lock,
            env,
            folder: folder.to_owned(),
            owner,
            settings,
            state: Mutex::new(state),
            turn: Mutex::new(turn),
            releasing: Mutex::new(()),
            window: Window::default(),
            salts: Mutex::new(rng),
            durable: AtomicU64::new(scan.last.0),
            watch: health::Watch::new(),
        };
        Ok((log, scan.recovery))
    }
}
