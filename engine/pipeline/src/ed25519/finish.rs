//! From the sum P = s·B - k·A to a verdict.
//!
//! The quick answer: P's canonical encoding is R, byte for byte. Then [8](P - R) = 0, and the signature is valid. One
//! inversion serves a whole block of signatures. All others are settled by the equation itself, a group at a time: R is
//! decompressed as ZIP-215 reads it, and P - R must vanish after three doublings.

use super::decompress::{Affine, load_affine, store_affine};
use super::field::Fe;
use super::lanes::{Lanes, MAX_LANES, Row, Stage};
use super::point::{AffineNiels, Extended, add_affine_half, double_times};
use super::staged::{Group, Staged};

/// Groups of lanes that share an inversion.
pub(crate) const BLOCK_GROUPS: usize = 32;

/// The sums of a block's signatures, in the order of their groups.
pub(crate) struct Sums<V> {
    x: [Fe<V>; BLOCK_GROUPS],
    y: [Fe<V>; BLOCK_GROUPS],
    z: [Fe<V>; BLOCK_GROUPS],
    count: usize,
}

impl<V: Lanes> Sums<V> {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let blank = [Fe::zero(); BLOCK_GROUPS];
        Sums { x: blank, y: blank, z: blank, count: 0 }
    }

    #[inline(always)]
    pub(crate) fn push(&mut self, point: &Extended<V>) {
        self.x[self.count] = point.x.carry();
        self.y[self.count] = point.y.carry();
        self.z[self.count] = point.z.carry();
        self.count += 1;
    }

    /// Brings all sums to affine form and compares them with R. A sum that differs is written to `points`.
    #[inline(always)]
    pub(crate) fn compare(&self, staged: &[Staged], matched: &mut [bool], points: &mut [Row]) {
        let mut before = [Fe::zero(); BLOCK_GROUPS];
        let mut product = Fe::one();
        for i in 0..self.count {
            before[i] = product;
            product = product.mul(&self.z[i]).carry();
        }
        let mut inverse = product.invert();
        for i in (0..self.count).rev() {
            let z_inverse = inverse.mul(&before[i]).carry();
            inverse = inverse.mul(&self.z[i]).carry();
            let x = self.x[i].mul(&z_inverse).freeze();
            let y = self.y[i].mul(&z_inverse).freeze();
            let first = i * V::LANES;
            let [y0, y1, y2, y3] = y.to_words();
            let [r0, r1, r2, r3] = Group::<V>::load(staged, first).r;
            let encoded = y3.or(x.0[0].shl::<63>());
            let same = y0.equal(r0) & y1.equal(r1) & y2.equal(r2) & encoded.equal(r3);
            let lanes = V::LANES.min(staged.len() - first);
            for lane in 0..lanes {
                matched[first + lane] = same >> lane & 1 == 1;
            }
            if same.count_ones() < V::LANES as u32 {
                points[first..first + lanes].copy_from_slice(&store_affine(x, y)[..lanes]);
            }
        }
    }
}

/// Whether [8](P - R) = 0, signature by signature.
pub(crate) struct Settle<'a> {
    pub(crate) sums: &'a [Row],
    pub(crate) rs: &'a [Affine],
    pub(crate) verdicts: &'a mut [bool],
}

impl Stage for Settle<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        for first in (0..self.sums.len()).step_by(V::LANES) {
            let lanes = V::LANES.min(self.sums.len() - first);
            let (mut p, mut r) = ([Affine::NEUTRAL.row; MAX_LANES], [Affine::NEUTRAL.row; MAX_LANES]);
            for lane in 0..lanes {
                p[lane] = self.sums[first + lane];
                r[lane] = self.rs[first + lane].row;
            }
            let ((px, py), (rx, ry)) = (load_affine::<V>(&p), load_affine::<V>(&r));
            let r = AffineNiels::from_affine(&rx, &ry).negate(u8::MAX);
            let mut difference = [add_affine_half(&Extended::from_affine(&px, &py), &r).extend()];
            double_times(&mut difference, 3);
            let [Extended { x, y, z, .. }] = difference;
            let neutral = x.is_zero() & y.sub(&z).is_zero();
            for lane in 0..lanes {
                self.verdicts[first + lane] = self.rs[first + lane].valid && neutral >> lane & 1 == 1;
            }
        }
    }
}
