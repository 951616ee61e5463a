//! Points of the twisted Edwards curve -x² + y² = 1 + d x² y², and the formulas on them.
//!
//! The formulas are those of Hisil, Wong, Carter and Dawson for a = -1. They are complete: they hold for every pair of
//! points on the curve, of whatever order, and never give Z = 0. Each works on `G` independent groups of lanes in
//! lockstep, because one group alone leaves the multipliers waiting for its own results.

use super::field::{D_INVERSE, D2, Fe, Wide};
use super::lanes::Lanes;
use core::mem::MaybeUninit;

/// (X : Y : Z : T) with x = X/Z, y = Y/Z, T = XY/Z.
#[derive(Clone, Copy)]
pub(crate) struct Extended<V> {
    pub(crate) x: Wide<V>,
    pub(crate) y: Wide<V>,
    pub(crate) z: Wide<V>,
    pub(crate) t: Wide<V>,
}

/// (y + x, y - x, 2dxy), canonical: the form of precomputed tables.
#[derive(Clone, Copy)]
pub(crate) struct AffineNiels<V> {
    pub(crate) y_plus_x: Fe<V>,
    pub(crate) y_minus_x: Fe<V>,
    pub(crate) xy2d: Fe<V>,
}

/// (Y + X, Y - X, 2Z, 2dT): the form of tables that are used once.
#[derive(Clone, Copy)]
pub(crate) struct ProjectiveNiels<V> {
    pub(crate) y_plus_x: Fe<V>,
    pub(crate) y_minus_x: Fe<V>,
    pub(crate) z2: Fe<V>,
    pub(crate) t2d: Fe<V>,
}

impl<V: Lanes> AffineNiels<V> {
    #[inline(always)]
    pub(crate) fn from_affine(x: &Fe<V>, y: &Fe<V>) -> Self {
        let xy = x.mul(y).carry();
        AffineNiels {
            y_plus_x: y.widen().add(&x.widen()).freeze(),
            y_minus_x: y.widen().sub(&x.widen()).freeze(),
            xy2d: xy.mul(&Fe::constant(D2)).freeze(),
        }
    }

    /// Minus the point, in the lanes of the mask.
    #[inline(always)]
    pub(crate) fn negate(&self, lanes: u8) -> Self {
        AffineNiels {
            y_plus_x: Fe::select(lanes, &self.y_minus_x, &self.y_plus_x),
            y_minus_x: Fe::select(lanes, &self.y_plus_x, &self.y_minus_x),
            xy2d: self.xy2d.negate(lanes),
        }
    }
}

impl<V: Lanes> Extended<V> {
    #[inline(always)]
    pub(crate) fn from_affine(x: &Fe<V>, y: &Fe<V>) -> Self {
        Extended { x: x.widen(), y: y.widen(), z: Fe::one().widen(), t: x.mul(y) }
    }

    /// The point of a table entry, without an addition: (2x : 2y : 2), T = 2xy.
    #[inline(always)]
    pub(crate) fn from_affine_niels(entry: &AffineNiels<V>) -> Self {
        let z = Fe::constant([2, 0, 0, 0, 0]);
        Extended::from_sums(&entry.y_plus_x, &entry.y_minus_x, &z, &entry.xy2d)
    }

    /// The same of a projective entry: (2X : 2Y : 2Z), 2T.
    #[inline(always)]
    pub(crate) fn from_projective_niels(entry: &ProjectiveNiels<V>) -> Self {
        Extended::from_sums(&entry.y_plus_x, &entry.y_minus_x, &entry.z2, &entry.t2d)
    }

    #[inline(always)]
    fn from_sums(plus: &Fe<V>, minus: &Fe<V>, z: &Fe<V>, t2d: &Fe<V>) -> Self {
        Extended {
            // Settled, since formulas subtract coordinates.
            x: plus.widen().sub(&minus.widen()).settle().widen(),
            y: plus.widen().add(&minus.widen()).settle().widen(),
            z: z.widen(),
            t: Fe::constant(D_INVERSE).mul(t2d),
        }
    }

    #[inline(always)]
    pub(crate) fn to_niels(self) -> ProjectiveNiels<V> {
        ProjectiveNiels {
            y_plus_x: self.y.add(&self.x).settle(),
            y_minus_x: self.y.sub(&self.x).settle(),
            z2: self.z.double().carry(),
            t2d: self.t.carry().mul(&Fe::constant(D2)).carry(),
        }
    }
}

impl<V: Lanes> ProjectiveNiels<V> {
    /// Minus the point, in the lanes of the mask.
    #[inline(always)]
    pub(crate) fn negate(&self, lanes: u8) -> Self {
        ProjectiveNiels {
            y_plus_x: Fe::select(lanes, &self.y_minus_x, &self.y_plus_x),
            y_minus_x: Fe::select(lanes, &self.y_plus_x, &self.y_minus_x),
            z2: self.z2,
            t2d: self.t2d.negate(lanes),
        }
    }
}

/// What the second half of an addition or doubling multiplies: X = EF, Y = GH, Z = FG, T = EH.
#[derive(Clone, Copy)]
pub(crate) struct Completed<V> {
    e: Fe<V>,
    f: Fe<V>,
    g: Fe<V>,
    h: Fe<V>,
}

impl<V: Lanes> Completed<V> {
    #[inline(always)]
    pub(crate) fn extend(&self) -> Extended<V> {
        Extended { x: self.e.mul(&self.f), y: self.g.mul(&self.h), z: self.f.mul(&self.g), t: self.e.mul(&self.h) }
    }

    /// As `extend`, in place.
    #[inline(always)]
    pub(crate) fn extend_into(&self, out: &mut Extended<V>) {
        self.project_into(out);
        out.t = self.e.mul(&self.h);
    }

    /// As `extend_into`, but leaves T as it was: enough for a doubling to follow.
    #[inline(always)]
    fn project_into(&self, out: &mut Extended<V>) {
        out.x = self.e.mul(&self.f);
        out.y = self.g.mul(&self.h);
        out.z = self.f.mul(&self.g);
    }
}

/// Room for the halves of `G` groups. It is not cleared first: that took a twentieth of all time.
pub(crate) struct Halves<V, const G: usize>([MaybeUninit<Completed<V>>; G]);

impl<V: Lanes, const G: usize> Halves<V, G> {
    /// # Safety
    /// Every half must be set before it is taken.
    #[inline(always)]
    pub(crate) unsafe fn new() -> Self {
        Halves([const { MaybeUninit::uninit() }; G])
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, group: usize, half: Completed<V>) {
        self.0[group].write(half);
    }

    #[inline(always)]
    pub(crate) fn take(&self, group: usize) -> &Completed<V> {
        // SAFETY: whoever called `new` promised that it was set.
        unsafe { self.0[group].assume_init_ref() }
    }
}

#[inline(always)]
fn complete<V: Lanes>(minus: Wide<V>, plus: Wide<V>, c: Wide<V>, d: Wide<V>) -> Completed<V> {
    Completed { e: plus.sub(&minus).carry(), f: d.sub(&c).carry(), g: d.add(&c).carry(), h: plus.add(&minus).carry() }
}

/// The first half of the addition of a table entry.
#[inline(always)]
pub(crate) fn add_affine_half<V: Lanes>(p: &Extended<V>, q: &AffineNiels<V>) -> Completed<V> {
    let minus = p.y.sub(&p.x).carry().mul(&q.y_minus_x);
    let plus = p.y.add(&p.x).carry().mul(&q.y_plus_x);
    let c = p.t.carry().mul(&q.xy2d);
    complete(minus, plus, c, p.z.double())
}

/// The first half of the addition of a projective table entry.
#[inline(always)]
pub(crate) fn add_projective_half<V: Lanes>(p: &Extended<V>, q: &ProjectiveNiels<V>) -> Completed<V> {
    let minus = p.y.sub(&p.x).carry().mul(&q.y_minus_x);
    let plus = p.y.add(&p.x).carry().mul(&q.y_plus_x);
    let c = p.t.carry().mul(&q.t2d);
    let d = p.z.carry().mul(&q.z2);
    complete(minus, plus, c, d)
}

/// Adds a projective table entry to each group.
#[inline(always)]
pub(crate) fn add_projective<V: Lanes, const G: usize>(sums: &mut [Extended<V>; G], entries: &[ProjectiveNiels<V>; G]) {
    // SAFETY: the loop sets all of them.
    let mut halves = unsafe { Halves::<V, G>::new() };
    for i in 0..G {
        halves.set(i, add_projective_half(&sums[i], &entries[i]));
    }
    for i in 0..G {
        halves.take(i).extend_into(&mut sums[i]);
    }
}

/// Doubles each group `times` times.
#[inline(always)]
pub(crate) fn double_times<V: Lanes, const G: usize>(sums: &mut [Extended<V>; G], times: usize) {
    // T is not read by a doubling, so all but the last leave it stale.
    for _ in 1..times {
        let halves = double_halves(sums);
        for i in 0..G {
            halves.take(i).project_into(&mut sums[i]);
        }
    }
    if times > 0 {
        let halves = double_halves(sums);
        for i in 0..G {
            halves.take(i).extend_into(&mut sums[i]);
        }
    }
}

#[inline(always)]
fn double_halves<V: Lanes, const G: usize>(sums: &[Extended<V>; G]) -> Halves<V, G> {
    // SAFETY: the loop sets all of them.
    let mut halves = unsafe { Halves::<V, G>::new() };
    for i in 0..G {
        let p = &sums[i];
        let xx = p.x.carry().square();
        let yy = p.y.carry().square();
        let zz = p.z.carry().square();
        let xy = p.x.add(&p.y).carry().square();
        // All of E, F, G, H with the other sign than usual, so that only products are subtracted.
        let h = xx.add(&yy);
        let g = xx.sub(&yy);
        let half = Completed { e: h.sub(&xy).carry(), f: zz.double().add(&g).carry(), g: g.carry(), h: h.carry() };
        halves.set(i, half);
    }
    halves
}
