//! verify: blocks of signatures, which may span rounds of one electorate, so that small rounds fill the vector's lanes too.

use quorate_core::context::{Context, SignedBytes, fill};
use quorate_core::round::Rejection;
use rayon::prelude::*;

use super::{Cpu, is_valid};
use crate::Isa;
use crate::backend::{BackendError, Claim, ClaimKey};
use crate::ed25519::{KeyTables, KnownClaim, UnknownClaim, verify_known, verify_unknown};
use crate::layout::{RoundHeader, Segment, cell};
use crate::memory::{Inputs, Memory};

/// The admitted electorates' keys and their tables.
pub(super) struct Keys {
    isa: Isa,
    budget: usize,
    tables: Vec<Option<KeyTables>>,
}

impl Keys {
    pub(super) fn new(isa: Isa, budget: usize) -> Self {
        Self { isa, budget, tables: Vec::new() }
    }

    pub(super) fn admit(&mut self, electorate: u32, keys: &[[u8; 32]]) {
        let at = electorate as usize;
        if self.tables.len() <= at {
            self.tables.resize_with(at + 1, || None);
        }
        self.tables[at] = Some(KeyTables::build(keys, self.budget, self.isa));
    }

    pub(super) fn evict(&mut self, electorate: u32) {
        if let Some(tables) = self.tables.get_mut(electorate as usize) {
            *tables = None;
        }
    }

    pub(super) fn tables(&self, electorate: u32) -> Option<&KeyTables> {
        self.tables.get(electorate as usize)?.as_ref()
    }

    pub(super) fn footprint(&self) -> usize {
        self.tables.iter().flatten().map(KeyTables::footprint_bytes).sum()
    }

    /// Verifies claims over messages of any length, by known and unknown keys.
    pub(super) fn verify(&self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        for (claims, verdicts) in claims.chunks(BLOCK).zip(verdicts.chunks_mut(BLOCK)) {
            let unknown: Vec<UnknownClaim<'_>> = claims
                .iter()
                .filter_map(|claim| match claim.key {
                    ClaimKey::Unknown(key) => Some(UnknownClaim { key, signature: claim.signature, message: claim.message }),
                    ClaimKey::Known { .. } => None,
                })
                .collect();
            let mut found = vec![false; unknown.len()];
            verify_unknown(self.isa, &unknown, &mut found);
            let mut found = found.into_iter();
            for (claim, verdict) in claims.iter().zip(verdicts) {
                *verdict = match claim.key {
                    ClaimKey::Unknown(_) => found.next().unwrap_or(false),
                    ClaimKey::Known { electorate, voter } => {
                        let tables = self.tables(electorate).ok_or(BackendError::UnknownElectorate { backend: Cpu::NAME, electorate })?;
                        let known = KnownClaim { key: u32::from(voter), signature: claim.signature, message: claim.message };
                        let mut one = [false];
                        verify_known(tables, &[known], &mut one);
                        one[0]
                    }
                };
            }
        }
        Ok(())
    }
}

/// How many signatures are verified together.
const BLOCK: usize = 256;

/// A few signatures, as in a small round, are not worth a large block's memory.
const SMALL: usize = 16;

/// Where the votes to be verified stand.
#[derive(Default)]
pub(super) struct Scratch {
    wanted: Vec<Wanted>,
    verdicts: Vec<bool>,
}

/// One vote to be verified.
#[derive(Clone, Copy)]
struct Wanted {
    vote: u32,
    signature: u32,
    slot: u32,
}

pub(super) fn run(inputs: &Inputs<'_>, memory: &mut Memory, keys: &Keys, pool: Option<&rayon::ThreadPool>, scratch: &mut Scratch) {
    let Scratch { wanted, verdicts } = scratch;
    wanted.clear();
    for segment in inputs.segments {
        let slot = inputs.works[segment.work as usize].slot;
        if !memory.rounds[slot as usize].has(RoundHeader::SIGNED) || segment.signatures == Segment::VERIFIED {
            continue;
        }
        for nth in 0..segment.count {
            let cell = &mut memory.cells[(segment.first + nth) as usize];
            if !is_valid(*cell) {
                continue;
            }
            if segment.signatures == Segment::UNSIGNED {
                *cell = cell::rejected(Rejection::Signature);
            } else {
                wanted.push(Wanted { vote: segment.first + nth, signature: segment.signatures + nth, slot });
            }
        }
    }
    verdicts.clear();
    verdicts.resize(wanted.len(), false);
    let shared: &Memory = memory;
    let one = |wanted: &[Wanted], verdicts: &mut [bool]| {
        if wanted.len() <= SMALL {
            block::<SMALL>(inputs, shared, keys, wanted, verdicts);
        } else {
            block::<BLOCK>(inputs, shared, keys, wanted, verdicts);
        }
    };
    match pool {
        Some(pool) if wanted.len() > BLOCK => pool.install(|| {
            wanted.par_chunks(BLOCK).zip(verdicts.par_chunks_mut(BLOCK)).for_each(|(wanted, verdicts)| one(wanted, verdicts));
        }),
        _ => wanted.chunks(BLOCK).zip(verdicts.chunks_mut(BLOCK)).for_each(|(wanted, verdicts)| one(wanted, verdicts)),
    }
    for (wanted, &verifies) in wanted.iter().zip(verdicts.iter()) {
        if !verifies {
            memory.cells[wanted.vote as usize] = cell::rejected(Rejection::Signature);
        }
    }
}

/// Verifies up to `N` votes, electorate by electorate.
fn block<const N: usize>(inputs: &Inputs<'_>, memory: &Memory, keys: &Keys, wanted: &[Wanted], verdicts: &mut [bool]) {
    let mut messages: [SignedBytes; N] = [[0; Context::SIGNED_BYTES]; N];
    for (message, wanted) in messages.iter_mut().zip(wanted) {
        let round = &memory.rounds[wanted.slot as usize];
        let vote = inputs.votes[wanted.vote as usize];
        let candidate = &memory.candidates[(round.candidates_at + vote.candidate()) as usize];
        *message = memory.templates[wanted.slot as usize];
        fill(message, vote.kind(), candidate, &inputs.bodies[wanted.signature as usize]);
    }
    let claims: [KnownClaim<'_>; N] = std::array::from_fn(|nth| {
        let wanted = wanted[nth.min(wanted.len() - 1)];
        KnownClaim {
            key: u32::from(inputs.votes[wanted.vote as usize].voter().0),
            signature: &inputs.signatures[wanted.signature as usize].0,
            message: &messages[nth],
        }
    });
    let electorate = |wanted: &Wanted| memory.rounds[wanted.slot as usize].electorate;
    let mut first = 0;
    for group in wanted.chunk_by(|a, b| electorate(a) == electorate(b)) {
        let range = first..first + group.len();
        first = range.end;
        // Rounds are only opened as signed when their electorate's keys were admitted.
        if let Some(tables) = keys.tables(electorate(&group[0])) {
            verify_known(tables, &claims[range.clone()], &mut verdicts[range]);
        }
    }
}
