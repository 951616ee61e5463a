//! The walk: s·B - k·A as a sum of table entries, for `G` groups of lanes in lockstep.
//!
//! All digits are known before the first addition, so all addresses are too: they are computed at once, and entries are
//! fetched ahead of the additions that need them. An entry is two cache lines; eight lanes' entries are loaded row by row
//! and transposed in registers, which beats gathers.

use super::field::Fe;
use super::lanes::{Lanes, MAX_LANES, Row};
use super::point::{
    AffineNiels, Extended, ProjectiveNiels, add_affine, add_projective, double_times,
};
use super::scalar::digit;
use super::shape::Shape;
use super::staged::{BASE_SHAPE, Group};

/// The most windows of any shape.
const MAX_STEPS: usize = 64;

/// How many additions ahead entries are fetched.
const AHEAD: usize = 3;

/// The windows of a key without tables: one table of odd multiples, made for the occasion, serves them all.
pub(crate) const UNKNOWN_SHAPE: Shape = Shape::new(4, 64);
const UNKNOWN_ENTRIES: usize = UNKNOWN_SHAPE.entries();

/// The entries that one scalar selects from a table, in the order in which they are added.
struct Path<'a> {
    table: &'a [Row],
    /// Row of each lane's entry.
    rows: [[u64; MAX_LANES]; MAX_STEPS],
    negative: [u8; MAX_STEPS],
    steps: usize,
}

impl<'a> Path<'a> {
    /// `first` is the row at which each lane's tables begin.
    #[inline(always)]
    fn plan<V: Lanes>(table: &'a [Row], shape: Shape, first: V, bits: &[V; 5]) -> Self {
        let mut path = Path {
            table,
            rows: [[0; MAX_LANES]; MAX_STEPS],
            negative: [0; MAX_STEPS],
            steps: 0,
        };
        let rows_per_table = 2 * shape.entries() as u64;
        for phase in (0..shape.phases()).rev() {
            let windows = (phase..shape.windows()).step_by(shape.phases() as usize);
            for (number, window) in windows.enumerate() {
                let (index, negative) = digit(bits, shape.width(), window);
                let start = first.add(V::splat(number as u64 * rows_per_table));
                path.rows[path.steps] = start.add(index.shl::<1>()).to_lanes();
                path.negative[path.steps] = negative;
                path.steps += 1;
            }
        }
        path
    }

    #[inline(always)]
    fn prefetch<V: Lanes>(&self, step: usize) {
        if step < self.steps {
            for row in &self.rows[step][..V::LANES] {
                let row = self.table.as_ptr().wrapping_add(*row as usize);
                V::prefetch(row);
                V::prefetch(row.wrapping_add(1));
            }
        }
    }

    #[inline(always)]
    fn entry<V: Lanes>(&self, step: usize) -> AffineNiels<V> {
        let mut first = [core::ptr::null(); MAX_LANES];
        let mut second = [core::ptr::null(); MAX_LANES];
        for lane in 0..V::LANES {
            let row = self.rows[step][lane] as usize;
            debug_assert!(row + 1 < self.table.len());
            first[lane] = self.table.as_ptr().wrapping_add(row);
            second[lane] = self.table.as_ptr().wrapping_add(row + 1);
        }
        // SAFETY: every row is the start of a lane's tables, plus a whole number of windows below the shape's, plus twice an
        // index that `digit` masks to the window's entries: a row of the table, and its neighbour is the entry's second.
        let ([a0, a1, a2, a3, a4, b0, b1, b2], [b3, b4, c0, c1, c2, c3, c4, _]) =
            unsafe { (V::load_rows(&first), V::load_rows(&second)) };
        AffineNiels {
            y_plus_x: Fe([a0, a1, a2, a3, a4]),
            y_minus_x: Fe([b0, b1, b2, b3, b4]),
            xy2d: Fe([c0, c1, c2, c3, c4]),
        }
        .negate(self.negative[step])
    }
}

/// Adds one step of every group's path.
#[inline(always)]
fn add_step<V: Lanes, const G: usize>(
    sums: &mut [Extended<V>; G],
    paths: &[Path<'_>; G],
    step: usize,
) {
    for path in paths {
        path.prefetch::<V>(step + AHEAD);
    }
    let mut entries = [paths[0].entry::<V>(step); G];
    for i in 1..G {
        entries[i] = paths[i].entry(step);
    }
    add_affine(sums, &entries);
}

/// s·B - k·A by tables of both points.
#[inline(always)]
pub(crate) fn walk_known<V: Lanes, const G: usize>(
    groups: &[Group<V>; G],
    tables: &[Row],
    shape: Shape,
    base: &[Row],
) -> [Extended<V>; G] {
    let keys: [Path<'_>; G] =
        core::array::from_fn(|i| Path::plan(tables, shape, groups[i].place, &groups[i].k));
    for path in &keys {
        for step in 0..AHEAD {
            path.prefetch::<V>(step);
        }
    }
    let bases: [Path<'_>; G] =
        core::array::from_fn(|i| Path::plan(base, BASE_SHAPE, V::splat(0), &groups[i].s));
    let mut sums = [Extended::from_affine_niels(&keys[0].entry(0)); G];
    for i in 1..G {
        sums[i] = Extended::from_affine_niels(&keys[i].entry(0));
    }
    let (mut step, mut step_of_phase) = (1, 0);
    for phase in (0..shape.phases()).rev() {
        // The first entry of all is where the sum began.
        let end = step_of_phase + (shape.windows() - phase).div_ceil(shape.phases()) as usize;
        while step < end {
            add_step(&mut sums, &keys, step);
            step += 1;
        }
        step_of_phase = end;
        if phase > 0 {
            double_times(&mut sums, shape.width() as usize);
        }
    }
    add_base(&mut sums, &bases);
    sums
}

#[inline(always)]
fn add_base<V: Lanes, const G: usize>(sums: &mut [Extended<V>; G], bases: &[Path<'_>; G]) {
    for step in 0..bases[0].steps {
        add_step(sums, bases, step);
    }
}

/// The odd multiples of one group's points, a lane's entry as three rows.
struct Multiples([[[Row; MAX_LANES]; 3]; UNKNOWN_ENTRIES]);

impl Multiples {
    #[inline(always)]
    fn store<V: Lanes>(&mut self, index: usize, entry: &ProjectiveNiels<V>) {
        let [a0, a1, a2, a3, a4] = entry.y_plus_x.0;
        let [b0, b1, b2, b3, b4] = entry.y_minus_x.0;
        let [c0, c1, c2, c3, c4] = entry.z2.0;
        let [d0, d1, d2, d3, d4] = entry.t2d.0;
        let none = V::splat(0);
        self.0[index] = [
            V::store_rows([a0, a1, a2, a3, a4, b0, b1, b2]),
            V::store_rows([b3, b4, c0, c1, c2, c3, c4, d0]),
            V::store_rows([d1, d2, d3, d4, none, none, none, none]),
        ];
    }

    #[inline(always)]
    fn load<V: Lanes>(&self, indices: V, negative: u8) -> ProjectiveNiels<V> {
        let indices = indices.to_lanes();
        let mut pointers = [[core::ptr::null(); MAX_LANES]; 3];
        for lane in 0..V::LANES {
            let entry = &self.0[indices[lane] as usize % UNKNOWN_ENTRIES];
            for (pointers, rows) in pointers.iter_mut().zip(entry) {
                pointers[lane] = &rows[lane];
            }
        }
        // SAFETY: all pointers point into `self`.
        let (
            [a0, a1, a2, a3, a4, b0, b1, b2],
            [b3, b4, c0, c1, c2, c3, c4, d0],
            [d1, d2, d3, d4, ..],
        ) = unsafe {
            (
                V::load_rows(&pointers[0]),
                V::load_rows(&pointers[1]),
                V::load_rows(&pointers[2]),
            )
        };
        ProjectiveNiels {
            y_plus_x: Fe([a0, a1, a2, a3, a4]),
            y_minus_x: Fe([b0, b1, b2, b3, b4]),
            z2: Fe([c0, c1, c2, c3, c4]),
            t2d: Fe([d0, d1, d2, d3, d4]),
        }
        .negate(negative)
    }
}

/// s·B - k·A for points -A that have no tables.
#[inline(always)]
pub(crate) fn walk_unknown<V: Lanes, const G: usize>(
    groups: &[Group<V>; G],
    points: &[(Fe<V>, Fe<V>); G],
    base: &[Row],
) -> [Extended<V>; G] {
    let bases: [Path<'_>; G] =
        core::array::from_fn(|i| Path::plan(base, BASE_SHAPE, V::splat(0), &groups[i].s));
    let mut sums = [Extended::from_affine(&points[0].0, &points[0].1); G];
    for i in 1..G {
        sums[i] = Extended::from_affine(&points[i].0, &points[i].1);
    }
    let mut doubled = sums;
    double_times(&mut doubled, 1);
    let mut twice = [doubled[0].to_niels(); G];
    for i in 1..G {
        twice[i] = doubled[i].to_niels();
    }
    let mut multiples = [const { Multiples([[[Row::ZERO; MAX_LANES]; 3]; UNKNOWN_ENTRIES]) }; G];
    for index in 0..UNKNOWN_ENTRIES {
        if index > 0 {
            add_projective(&mut sums, &twice);
        }
        for i in 0..G {
            multiples[i].store(index, &sums[i].to_niels());
        }
    }
    for window in (0..UNKNOWN_SHAPE.windows()).rev() {
        let mut entries = twice;
        for i in 0..G {
            let (index, negative) = digit(&groups[i].k, UNKNOWN_SHAPE.width(), window);
            entries[i] = multiples[i].load(index, negative);
        }
        if window + 1 == UNKNOWN_SHAPE.windows() {
            for i in 0..G {
                sums[i] = Extended::from_projective_niels(&entries[i]);
            }
        } else {
            double_times(&mut sums, UNKNOWN_SHAPE.width() as usize);
            add_projective(&mut sums, &entries);
        }
    }
    add_base(&mut sums, &bases);
    sums
}
