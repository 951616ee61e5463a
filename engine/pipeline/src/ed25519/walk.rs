//! The walk: s·B - k·A as a sum of table entries, for `G` groups of lanes in lockstep.
//!
//! All digits are known before the first addition, so all addresses are too: they are computed at once, and entries are
//! fetched ahead of the additions that need them. An entry is two cache lines; eight lanes' entries are loaded row by row
//! and transposed in registers, which beats gathers.

use super::field::Fe;
use super::lanes::{Lanes, MAX_LANES, Row};
use super::point::{AffineNiels, Extended, Halves, ProjectiveNiels, add_affine_half, add_projective, add_projective_half, double_times};
use super::scalar::digit;
use super::shape::Shape;
use super::staged::{BASE_SHAPE, Group};

/// The most windows of any shape.
const MAX_STEPS: usize = 64;

/// How many additions ahead entries are fetched.
const AHEAD: usize = 2;

/// The windows of a key without tables: one table of odd multiples, made for the occasion, serves them all.
pub(crate) const UNKNOWN_SHAPE: Shape = Shape::new(5, 64);
const UNKNOWN_ENTRIES: usize = UNKNOWN_SHAPE.entries();

/// The entries that one scalar selects from a table, in the order in which they are added.
#[derive(Clone)]
pub(crate) struct Path {
    /// Row of each lane's entry.
    rows: [[u64; MAX_LANES]; MAX_STEPS],
    negative: [u8; MAX_STEPS],
    steps: usize,
}

impl Path {
    pub(crate) const EMPTY: Path = Path { rows: [[0; MAX_LANES]; MAX_STEPS], negative: [0; MAX_STEPS], steps: 0 };

    /// `first` is the row at which each lane's tables begin.
    #[inline(always)]
    fn plan<V: Lanes>(&mut self, shape: Shape, first: V, bits: &[V; 5]) {
        let rows_per_table = 2 * shape.entries() as u64;
        self.steps = 0;
        for phase in (0..shape.phases()).rev() {
            let mut start = first;
            let mut window = phase;
            while window < shape.windows() {
                let (index, negative) = digit(bits, shape.width(), window);
                self.rows[self.steps] = start.add(index.shl::<1>()).to_lanes();
                self.negative[self.steps] = negative;
                self.steps += 1;
                start = start.add(V::splat(rows_per_table));
                window += shape.phases();
            }
        }
    }

    /// How many steps come before the doublings that follow `phase`.
    #[inline(always)]
    fn steps_to(&self, shape: Shape, phase: u32) -> usize {
        (phase..shape.phases()).map(|phase| (shape.windows() - phase).div_ceil(shape.phases()) as usize).sum()
    }

    /// Asks for the first or second rows of a step's entries.
    #[inline(always)]
    fn prefetch<V: Lanes>(&self, table: &[Row], step: usize, half: usize) {
        if step < self.steps {
            for row in &self.rows[step][..V::LANES] {
                V::prefetch(table.as_ptr().wrapping_add(*row as usize + half));
            }
        }
    }

    /// The entries of a step.
    ///
    /// # Safety
    /// The path was planned for this very table: its shape, and places that are starts of tables.
    #[inline(always)]
    unsafe fn entry<V: Lanes>(&self, table: &[Row], step: usize) -> AffineNiels<V> {
        let mut first = [core::ptr::null(); MAX_LANES];
        let mut second = [core::ptr::null(); MAX_LANES];
        for lane in 0..V::LANES {
            let row = self.rows[step][lane] as usize;
            debug_assert!(row + 1 < table.len());
            first[lane] = table.as_ptr().wrapping_add(row);
            second[lane] = table.as_ptr().wrapping_add(row + 1);
        }
        // SAFETY: every row is the start of a lane's tables, plus a whole number of windows below the shape's, plus twice an
        // index that `digit` masks to the window's entries: a row of the table, and its neighbour is the entry's second.
        let ([a0, a1, a2, a3, a4, b0, b1, b2], [b3, b4, c0, c1, c2, c3, c4, _]) = unsafe { (V::load_rows(&first), V::load_rows(&second)) };
        AffineNiels { y_plus_x: Fe([a0, a1, a2, a3, a4]), y_minus_x: Fe([b0, b1, b2, b3, b4]), xy2d: Fe([c0, c1, c2, c3, c4]) }
            .negate(self.negative[step])
    }
}

/// Adds one step of every group's path, and asks for the entries of a later one in between: a burst of requests would fill the
/// machine's queues and stall it.
///
/// # Safety
/// As [`Path::entry`].
#[inline(always)]
unsafe fn add_step<V: Lanes, const G: usize>(sums: &mut [Extended<V>; G], paths: &[Path; G], table: &[Row], step: usize) {
    // SAFETY: the first loop sets all of them.
    let mut halves = unsafe { Halves::<V, G>::new() };
    for i in 0..G {
        paths[i].prefetch::<V>(table, step + AHEAD, 0);
        // SAFETY: the caller vouches for it.
        let entry = unsafe { paths[i].entry(table, step) };
        halves.set(i, add_affine_half(&sums[i], &entry));
    }
    for i in 0..G {
        paths[i].prefetch::<V>(table, step + AHEAD, 1);
        halves.take(i).extend_into(&mut sums[i]);
    }
}

/// Room for the paths of `G` groups, reused from walk to walk.
pub(crate) struct Paths<const G: usize> {
    keys: [Path; G],
    bases: [Path; G],
}

impl<const G: usize> Paths<G> {
    pub(crate) const EMPTY: Paths<G> = Paths { keys: [Path::EMPTY; G], bases: [Path::EMPTY; G] };
}

/// s·B - k·A by tables of both points.
///
/// # Safety
/// `tables` are tables of `shape`, every lane's place is the first row of a key's, and `base` is of [`BASE_SHAPE`].
#[inline(always)]
pub(crate) unsafe fn walk_known<V: Lanes, const G: usize>(
    groups: &[Group<V>; G],
    paths: &mut Paths<G>,
    tables: &[Row],
    shape: Shape,
    base: &[Row],
) -> [Extended<V>; G] {
    let Paths { keys, bases } = paths;
    for i in 0..G {
        keys[i].plan(shape, groups[i].place, &groups[i].k);
        for step in 0..AHEAD {
            keys[i].prefetch::<V>(tables, step, 0);
            keys[i].prefetch::<V>(tables, step, 1);
        }
        bases[i].plan(BASE_SHAPE, V::splat(0), &groups[i].s);
    }
    // SAFETY: the caller vouches for the tables, and the paths were planned for them.
    unsafe {
        let mut sums = [Extended::from_affine_niels(&keys[0].entry(tables, 0)); G];
        for i in 1..G {
            sums[i] = Extended::from_affine_niels(&keys[i].entry(tables, 0));
        }
        let mut step = 1;
        for phase in (1..shape.phases()).rev() {
            let end = keys[0].steps_to(shape, phase);
            while step < end {
                add_step(&mut sums, keys, tables, step);
                step += 1;
            }
            double_times(&mut sums, shape.width() as usize);
        }
        // The base point's windows need no doubling: they take turns with the key's last, which gives memory time.
        for at in 0..bases[0].steps {
            add_step(&mut sums, bases, base, at);
            if step < keys[0].steps {
                add_step(&mut sums, keys, tables, step);
                step += 1;
            }
        }
        while step < keys[0].steps {
            add_step(&mut sums, keys, tables, step);
            step += 1;
        }
        sums
    }
}

/// The odd multiples of one group's points, a lane's entry as three rows.
pub(crate) struct Multiples([[[Row; MAX_LANES]; 3]; UNKNOWN_ENTRIES]);

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
        let ([a0, a1, a2, a3, a4, b0, b1, b2], [b3, b4, c0, c1, c2, c3, c4, d0], [d1, d2, d3, d4, ..]) =
            unsafe { (V::load_rows(&pointers[0]), V::load_rows(&pointers[1]), V::load_rows(&pointers[2])) };
        ProjectiveNiels {
            y_plus_x: Fe([a0, a1, a2, a3, a4]),
            y_minus_x: Fe([b0, b1, b2, b3, b4]),
            z2: Fe([c0, c1, c2, c3, c4]),
            t2d: Fe([d0, d1, d2, d3, d4]),
        }
        .negate(negative)
    }
}

/// Room for the walk of `G` groups of unknown keys.
pub(crate) struct Stranger<const G: usize> {
    bases: [Path; G],
    multiples: [Multiples; G],
}

impl<const G: usize> Stranger<G> {
    pub(crate) const EMPTY: Stranger<G> =
        Stranger { bases: [Path::EMPTY; G], multiples: [const { Multiples([[[Row::ZERO; MAX_LANES]; 3]; UNKNOWN_ENTRIES]) }; G] };
}

/// s·B - k·A for points -A that have no tables.
///
/// # Safety
/// `base` is of [`BASE_SHAPE`].
#[inline(always)]
pub(crate) unsafe fn walk_unknown<V: Lanes, const G: usize>(
    groups: &[Group<V>; G],
    room: &mut Stranger<G>,
    points: &[(Fe<V>, Fe<V>); G],
    base: &[Row],
) -> [Extended<V>; G] {
    let Stranger { bases, multiples } = room;
    let mut sums = [Extended::from_affine(&points[0].0, &points[0].1); G];
    for i in 0..G {
        bases[i].plan(BASE_SHAPE, V::splat(0), &groups[i].s);
        sums[i] = Extended::from_affine(&points[i].0, &points[i].1);
    }
    let mut doubled = sums;
    double_times(&mut doubled, 1);
    let mut twice = [doubled[0].to_niels(); G];
    for i in 1..G {
        twice[i] = doubled[i].to_niels();
    }
    for index in 0..UNKNOWN_ENTRIES {
        if index > 0 {
            add_projective(&mut sums, &twice);
        }
        for i in 0..G {
            multiples[i].store(index, &sums[i].to_niels());
        }
    }
    let shape = UNKNOWN_SHAPE;
    for i in 0..G {
        let (index, negative) = digit(&groups[i].k, shape.width(), shape.windows() - 1);
        sums[i] = Extended::from_projective_niels(&multiples[i].load(index, negative));
    }
    for window in (0..shape.windows() - 1).rev() {
        double_times(&mut sums, shape.width() as usize);
        // SAFETY: the first loop sets all of them.
        let mut halves = unsafe { Halves::<V, G>::new() };
        for i in 0..G {
            let (index, negative) = digit(&groups[i].k, shape.width(), window);
            halves.set(i, add_projective_half(&sums[i], &multiples[i].load(index, negative)));
        }
        for i in 0..G {
            halves.take(i).extend_into(&mut sums[i]);
        }
    }
    for step in 0..bases[0].steps {
        // SAFETY: the caller vouches for the table, and the paths were planned for it.
        unsafe { add_step(&mut sums, bases, base, step) };
    }
    sums
}
