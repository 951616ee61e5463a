//! What is left of changes that nobody synced.

use super::memory::{Change, NameChange};
use crate::rng::Seeded;

/// How much of what was not synced a crash takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// All of it.
    Everything,
    /// None of it, as when only the program dies.
    Nothing,
    /// Everything from some moment on; what was being written at that moment is torn.
    Torn,
    /// Anything: each sector and each name by itself, some sectors torn.
    Reordered,
}

impl Loss {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Everything, Self::Nothing, Self::Torn, Self::Reordered];

    /// The changes of names that survive.
    pub(super) fn names<'a>(self, changes: &'a [NameChange], rng: &mut Seeded) -> impl Iterator<Item = &'a NameChange> {
        let kept: Vec<bool> = match self {
            Self::Everything => vec![false; changes.len()],
            Self::Nothing => vec![true; changes.len()],
            Self::Torn => {
                let until = rng.below(changes.len() as u64 + 1) as usize;
                (0..changes.len()).map(|nth| nth < until).collect()
            }
            Self::Reordered => changes.iter().map(|_| rng.one_in(2)).collect(),
        };
        changes.iter().zip(kept).filter(|(_, kept)| *kept).map(|(change, _)| change)
    }
}

/// The unit in which drives write, and the one in which they may stop in the middle.
#[derive(Clone, Copy, Debug)]
pub struct Sector;

impl Sector {
    /// What is written as a whole, mostly.
    pub const BYTES: u64 = 512;
    /// What is always written as a whole, even where a sector is torn.
    pub const WORD: u64 = 8;
}

/// The changes of a file that survive, whole or in pieces.
pub(super) fn survivors(loss: Loss, changes: &[Change], rng: &mut Seeded) -> Vec<Change> {
    match loss {
        Loss::Everything => Vec::new(),
        Loss::Nothing => changes.to_vec(),
        Loss::Torn => {
            let until = rng.below(changes.len() as u64 + 1) as usize;
            let mut kept = changes[..until].to_vec();
            if let Some(Change::Write { at, bytes }) = changes.get(until) {
                // The tear is at a word of the disk, not of the write.
                let tear = (at + rng.below(bytes.len() as u64 + 1)) / Sector::WORD * Sector::WORD;
                kept.push(Change::Write { at: *at, bytes: bytes[..tear.saturating_sub(*at) as usize].to_vec() });
            }
            kept
        }
        Loss::Reordered => changes.iter().flat_map(|change| pieces(change, rng)).collect(),
    }
}

/// A random choice of a change's sectors.
fn pieces(change: &Change, rng: &mut Seeded) -> Vec<Change> {
    let Change::Write { at, bytes } = change else {
        return if rng.one_in(2) { vec![change.clone()] } else { Vec::new() };
    };
    let mut kept = Vec::new();
    let mut from = 0;
    while from < bytes.len() {
        let start = at + from as u64;
        let sector = ((Sector::BYTES - start % Sector::BYTES) as usize).min(bytes.len() - from);
        if rng.one_in(2) {
            let whole = !rng.one_in(8);
            let tear = (start + rng.below(sector as u64 + 1)) / Sector::WORD * Sector::WORD;
            let len = if whole { sector } else { tear.saturating_sub(start) as usize };
            kept.push(Change::Write { at: start, bytes: bytes[from..from + len].to_vec() });
        }
        from += sector;
    }
    kept
}
