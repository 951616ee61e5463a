//! What the host keeps of open rounds and admitted electorates, beside what the backend holds.

use std::sync::Arc;

use quorate_core::decision::Rejections;
use quorate_core::electorate::Electorate;
use quorate_core::hash::Digest;
use quorate_core::quorum::{Rule, RuleError, Thresholds};
use quorate_core::round::{MAX_KINDS, RoundSpec};
use quorate_core::vote::Kind;

use crate::book::Book;
use crate::waiting::Waiting;

/// An open round, until it is closed. A handle to a closed round is recognised as such, even when its place is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoundId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// An admitted electorate, until it is dismissed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ElectorateId {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// A place for a round.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// Odd while a round is open here.
    pub(crate) generation: u32,
    pub(crate) spec: Option<RoundSpec>,
    pub(crate) kinds: [Option<Kind>; MAX_KINDS],
    pub(crate) thresholds: [Option<Thresholds>; MAX_KINDS],
    pub(crate) electorate: u32,
    pub(crate) candidates: Vec<Digest>,
    pub(crate) valid: u64,
    pub(crate) rejections: Rejections,
    /// For each kind, the rows that were reported as decided.
    pub(crate) decided: [u64; MAX_KINDS],
    /// For each kind, whether a conflict was reported.
    pub(crate) conflict: [bool; MAX_KINDS],
    /// In cumulative rounds, the offset plus one that was reported as reached.
    pub(crate) reached: u32,
    pub(crate) book: Book,
    pub(crate) waiting: Waiting,
    /// The run that last touched the round, and its work there.
    pub(crate) run: u64,
    pub(crate) work: u32,
}

impl Slot {
    /// Begins a new round here, in memory that the last one left.
    pub(crate) fn begin(&mut self, spec: &RoundSpec, electorate: u32, candidates: &[Digest]) {
        self.generation += 1;
        self.spec = Some(*spec);
        self.electorate = electorate;
        self.candidates.clear();
        self.candidates.extend_from_slice(candidates);
        self.valid = 0;
        self.rejections = Rejections::default();
        self.decided = [0; MAX_KINDS];
        self.conflict = [false; MAX_KINDS];
        self.reached = 0;
        self.book.clear();
        self.waiting.clear();
        self.run = 0;
    }

    /// Ends the round.
    pub(crate) fn end(&mut self) {
        self.generation += 1;
        self.spec = None;
    }

    /// The place of a kind among the round's.
    pub(crate) fn place(&self, kind: Kind) -> Option<usize> {
        self.kinds.iter().position(|&known| known == Some(kind))
    }
}

/// A place for an electorate.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    /// Odd while an electorate is admitted here.
    pub(crate) generation: u32,
    pub(crate) electorate: Option<Arc<Electorate>>,
    pub(crate) weights_at: u32,
    /// The weight of every member, if it is the same for all and there is no second half.
    pub(crate) uniform: Option<u64>,
    /// Whether the backend has its keys.
    pub(crate) keys: bool,
    pub(crate) open_rounds: u32,
}

impl Seat {
    /// The thresholds of a rule in this electorate; those of its own rule are at hand.
    pub(crate) fn thresholds(&self, electorate: &Electorate, rule: Rule) -> Result<Thresholds, RuleError> {
        if rule == electorate.header().rule { Ok(electorate.thresholds()) } else { Thresholds::new(rule, electorate.header().total) }
    }
}
