//! The two entrances: signatures by keys of an electorate, and by keys never seen before.
//!
//! Signatures are taken a block at a time: hashed and recoded, walked two groups of lanes at a time, brought to affine form with
//! one inversion, compared, and the rest settled. Everything lives on the stack.

use super::decompress::{Affine, Decompress, load_affine};
use super::field::Fe;
use super::finish::{BLOCK_GROUPS, Settle, Sums};
use super::isa::Isa;
use super::lanes::{Lanes, MAX_LANES, Row, Stage, dispatch, lanes};
use super::sha512::{Challenge, hash};
use super::shape::Shape;
use super::staged::{Group, Staged};
use super::tables::{KeyTables, base_table};
use super::walk::{Paths, Stranger, UNKNOWN_SHAPE, walk_known, walk_unknown};

/// Groups that are walked in lockstep, where there are enough signatures.
const LOCKSTEP: usize = 2;

/// The most signatures of a block, and of a small one, whose arrays are quicker to clear.
const LARGE_BLOCK: usize = BLOCK_GROUPS * MAX_LANES;
const SMALL_BLOCK: usize = 32;

/// A signature by a key of an electorate.
#[derive(Clone, Copy, Debug)]
pub struct KnownClaim<'a> {
    /// The key's index in the tables. An index past their end verifies nothing.
    pub key: u32,
    /// R and s.
    pub signature: &'a [u8; 64],
    /// What was signed.
    pub message: &'a [u8],
}

/// A signature by any key.
#[derive(Clone, Copy, Debug)]
pub struct UnknownClaim<'a> {
    /// The encoded key.
    pub key: &'a [u8; 32],
    /// R and s.
    pub signature: &'a [u8; 64],
    /// What was signed.
    pub message: &'a [u8],
}

/// Verifies signatures by known keys. `verdicts[i]` becomes what the referee says of `claims[i]`.
///
/// # Panics
/// If the two slices differ in length.
pub fn verify_known(tables: &KeyTables, claims: &[KnownClaim<'_>], verdicts: &mut [bool]) {
    assert_eq!(claims.len(), verdicts.len(), "one verdict for each claim");
    if tables.is_empty() {
        verdicts.fill(false);
        return;
    }
    let block = BLOCK_GROUPS * lanes(tables.isa());
    for (claims, verdicts) in claims.chunks(block).zip(verdicts.chunks_mut(block)) {
        if claims.len() <= SMALL_BLOCK {
            known_block::<SMALL_BLOCK>(tables, claims, verdicts);
        } else {
            known_block::<LARGE_BLOCK>(tables, claims, verdicts);
        }
    }
}

/// Verifies signatures by any keys. `verdicts[i]` becomes what the referee says of `claims[i]`.
///
/// # Panics
/// If the two slices differ in length.
pub fn verify_unknown(isa: Isa, claims: &[UnknownClaim<'_>], verdicts: &mut [bool]) {
    assert_eq!(claims.len(), verdicts.len(), "one verdict for each claim");
    let isa = isa.or_best();
    let block = BLOCK_GROUPS * lanes(isa);
    for (claims, verdicts) in claims.chunks(block).zip(verdicts.chunks_mut(block)) {
        if claims.len() <= SMALL_BLOCK {
            unknown_block::<SMALL_BLOCK>(isa, claims.iter().copied(), verdicts);
        } else {
            unknown_block::<LARGE_BLOCK>(isa, claims.iter().copied(), verdicts);
        }
    }
}

fn known_block<const BLOCK: usize>(tables: &KeyTables, claims: &[KnownClaim<'_>], verdicts: &mut [bool]) {
    // A key that is none is stood in for by the first key of the tables, and its verdict is struck out.
    const NOBODY: [u8; 32] = [0; 32];
    let known = claims.iter().map(|claim| {
        let (key, place) = tables.key(claim.key).map_or((&NOBODY, 0), |key| (key, claim.key));
        (UnknownClaim { key, signature: claim.signature, message: claim.message }, place)
    });
    if let Some(shape) = tables.shape() {
        let (isa, count) = (tables.isa(), claims.len());
        let mut block = Block::<BLOCK>::new(count);
        let size = shape.rows_per_key() as u64;
        block.stage(isa, shape, known.clone().map(|(claim, place)| (claim, u64::from(place) * size)));
        let Block { staged, matched, sums, .. } = &mut block;
        let staged = &staged[..count];
        dispatch(isa, WalkKnown { staged, shape, tables: tables.rows(), base: base_table(), matched, sums });
        block.settle(isa, known.map(|(claim, _)| claim), verdicts);
    } else {
        unknown_block::<BLOCK>(tables.isa(), known.map(|(claim, _)| claim), verdicts);
    }
    for (verdict, claim) in verdicts.iter_mut().zip(claims) {
        *verdict &= tables.key(claim.key).is_some();
    }
}

fn unknown_block<'a, const BLOCK: usize>(isa: Isa, claims: impl ExactSizeIterator<Item = UnknownClaim<'a>> + Clone, verdicts: &mut [bool]) {
    let count = claims.len();
    let mut block = Block::<BLOCK>::new(count);
    let mut keys = [[0; 32]; BLOCK];
    for (key, claim) in keys.iter_mut().zip(claims.clone()) {
        *key = *claim.key;
    }
    let mut points = [Affine::NEUTRAL; BLOCK];
    dispatch(isa, Decompress { encodings: &keys[..count], negate: true, points: &mut points[..count] });
    block.stage(isa, UNKNOWN_SHAPE, claims.clone().map(|claim| (claim, 0)));
    let Block { staged, matched, sums, .. } = &mut block;
    let staged = &staged[..count];
    dispatch(isa, WalkUnknown { staged, points: &points[..count], base: base_table(), matched, sums });
    block.settle(isa, claims, verdicts);
    for (verdict, point) in verdicts.iter_mut().zip(&points) {
        *verdict &= point.valid;
    }
}

/// Everything that a block of signatures needs between its stages.
struct Block<const BLOCK: usize> {
    count: usize,
    staged: [Staged; BLOCK],
    /// Whether s is below L.
    canonical: [bool; BLOCK],
    /// Whether the sum encodes to R.
    matched: [bool; BLOCK],
    /// The sums that do not.
    sums: [Row; BLOCK],
}

impl<const BLOCK: usize> Block<BLOCK> {
    #[inline(always)]
    fn new(count: usize) -> Self {
        assert!(count <= BLOCK);
        Block { count, staged: [Staged::BLANK; BLOCK], canonical: [true; BLOCK], matched: [false; BLOCK], sums: [Row::ZERO; BLOCK] }
    }

    /// Hashes and recodes all claims; each comes with the row of its key's tables.
    #[inline(always)]
    fn stage<'a>(&mut self, isa: Isa, shape: Shape, claims: impl Iterator<Item = (UnknownClaim<'a>, u64)> + Clone) {
        const EMPTY: Challenge<'static> = Challenge { r: &[0; 32], key: &[0; 32], message: &[] };
        let mut challenges = [EMPTY; BLOCK];
        let mut digests = [[0; 8]; BLOCK];
        for (challenge, (claim, _)) in challenges.iter_mut().zip(claims.clone()) {
            *challenge = Challenge { r: halves(claim.signature).0, key: claim.key, message: claim.message };
        }
        hash(isa, &challenges[..self.count], &mut digests[..self.count]);
        for (i, (claim, place)) in claims.enumerate() {
            let (r, s) = halves(claim.signature);
            (self.staged[i], self.canonical[i]) = Staged::new(&digests[i], r, s, shape, place);
        }
    }

    /// The verdicts: valid if s is canonical and the sum is R, or differs from it by torsion only.
    #[inline(always)]
    fn settle<'a>(&self, isa: Isa, claims: impl Iterator<Item = UnknownClaim<'a>>, verdicts: &mut [bool]) {
        let mut done = true;
        for (i, verdict) in verdicts.iter_mut().enumerate() {
            *verdict = self.canonical[i] && self.matched[i];
            done &= *verdict || !self.canonical[i];
        }
        if !done {
            self.settle_differing(isa, claims, verdicts);
        }
    }

    #[inline(never)]
    fn settle_differing<'a>(&self, isa: Isa, claims: impl Iterator<Item = UnknownClaim<'a>>, verdicts: &mut [bool]) {
        let mut encodings = [[0; 32]; BLOCK];
        let mut sums = [Row::ZERO; BLOCK];
        let mut open = 0;
        for (i, claim) in claims.enumerate() {
            if self.canonical[i] && !self.matched[i] {
                encodings[open] = *halves(claim.signature).0;
                sums[open] = self.sums[i];
                open += 1;
            }
        }
        let mut rs = [Affine::NEUTRAL; BLOCK];
        let mut settled = [false; BLOCK];
        dispatch(isa, Decompress { encodings: &encodings[..open], negate: false, points: &mut rs[..open] });
        dispatch(isa, Settle { sums: &sums[..open], rs: &rs[..open], verdicts: &mut settled[..open] });
        let mut settled = settled.iter();
        for (i, verdict) in verdicts.iter_mut().enumerate() {
            if self.canonical[i] && !self.matched[i] {
                *verdict = settled.next().copied().unwrap_or(false);
            }
        }
    }
}

/// R and s.
#[inline(always)]
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = signature.as_chunks::<32>();
    (&halves[0], &halves[1])
}

struct WalkKnown<'a> {
    staged: &'a [Staged],
    shape: Shape,
    tables: &'a [Row],
    base: &'a [Row],
    matched: &'a mut [bool],
    sums: &'a mut [Row],
}

impl Stage for WalkKnown<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let WalkKnown {
            staged,
            shape,
            tables,
            base,
            ..
        } = self;
        let mut sums = Sums::<V>::new();
        let (mut one, mut several) = (Paths::<1>::EMPTY, Paths::<LOCKSTEP>::EMPTY);
        let mut first = 0;
        while first < staged.len() {
            if staged.len() - first > V::LANES {
                let groups = [
                    Group::load(staged, first),
                    Group::load(staged, first + V::LANES),
                ];
                // SAFETY: `known_block` passes tables of `shape`, places that are starts of a key's, and the base table.
                for sum in &unsafe { walk_known(&groups, &mut several, tables, shape, base) } {
                    sums.push(sum);
                }
                first += LOCKSTEP * V::LANES;
            } else {
                let groups = [Group::load(staged, first)];
                // SAFETY: as above.
                let [sum] = unsafe { walk_known(&groups, &mut one, tables, shape, base) };
                sums.push(&sum);
                first += V::LANES;
            }
        }
        sums.compare(staged, self.matched, self.sums);
    }
}

struct WalkUnknown<'a> {
    staged: &'a [Staged],
    points: &'a [Affine],
    base: &'a [Row],
    matched: &'a mut [bool],
    sums: &'a mut [Row],
}

impl Stage for WalkUnknown<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let WalkUnknown {
            staged,
            points,
            base,
            ..
        } = self;
        let mut sums = Sums::<V>::new();
        let (mut one, mut several) = (Stranger::<1>::EMPTY, Stranger::<LOCKSTEP>::EMPTY);
        let mut first = 0;
        while first < staged.len() {
            if staged.len() - first > V::LANES {
                let next = first + V::LANES;
                let groups = [Group::load(staged, first), Group::load(staged, next)];
                let keys = [load_points(points, first), load_points(points, next)];
                // SAFETY: `unknown_block` passes the base table.
                for sum in &unsafe { walk_unknown(&groups, &mut several, &keys, base) } {
                    sums.push(sum);
                }
                first += LOCKSTEP * V::LANES;
            } else {
                let groups = [Group::load(staged, first)];
                let keys = [load_points(points, first)];
                // SAFETY: as above.
                let [sum] = unsafe { walk_unknown(&groups, &mut one, &keys, base) };
                sums.push(&sum);
                first += V::LANES;
            }
        }
        sums.compare(staged, self.matched, self.sums);
    }
}

/// The affine points of the group that starts at `first`.
#[inline(always)]
fn load_points<V: Lanes>(points: &[Affine], first: usize) -> (Fe<V>, Fe<V>) {
    let mut rows = [Affine::NEUTRAL.row; MAX_LANES];
    for (row, point) in rows.iter_mut().zip(&points[first..]).take(V::LANES) {
        *row = point.row;
    }
    load_affine(&rows)
}
