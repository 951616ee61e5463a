//! Building tables of odd multiples, a group of points at a time.
//!
//! Window `j` of the table holds the odd multiples of 2^(width · phases · j) times the point. They are computed by
//! additions in projective form and brought to affine form in batches, with one inversion a batch.

use super::decompress::load_affine;
use super::field::{Fe, Wide};
use super::lanes::{Lanes, MAX_LANES, Row, Stage};
use super::point::{AffineNiels, Extended, add_projective, double_times};
use super::shape::Shape;

/// Entries that share an inversion.
const BATCH: usize = 128;

/// Fills the tables of all points. `rows` holds `shape.rows_per_key()` rows for each.
pub(crate) struct Build<'a> {
    pub(crate) points: &'a [Row],
    pub(crate) shape: Shape,
    pub(crate) rows: &'a mut [Row],
}

/// An entry on its way to affine form.
struct Pending<V> {
    x: Wide<V>,
    y: Wide<V>,
    z: Fe<V>,
    /// The product of z of all entries before this one.
    before: Fe<V>,
}

impl Stage for Build<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let mut pending = Vec::with_capacity(BATCH);
        let size = self.shape.rows_per_key();
        for (points, rows) in self.points.chunks(V::LANES).zip(self.rows.chunks_mut(size * V::LANES)) {
            build_group::<V>(points, self.shape, rows, &mut pending);
        }
    }
}

#[inline(always)]
fn build_group<V: Lanes>(points: &[Row], shape: Shape, rows: &mut [Row], pending: &mut Vec<Pending<V>>) {
    let mut lanes = [points[0]; MAX_LANES];
    lanes[..points.len()].copy_from_slice(points);
    let (x, y) = load_affine::<V>(&lanes);
    let mut base = [Extended::from_affine(&x, &y)];
    let mut product = Fe::one();
    let mut written = 0;
    for table in 0..shape.tables() {
        if table > 0 {
            double_times(&mut base, (shape.width() * shape.phases()) as usize);
        }
        let mut twice = base;
        double_times(&mut twice, 1);
        let twice = [twice[0].to_niels()];
        let mut multiple = base;
        for entry in 0..shape.entries() {
            if entry > 0 {
                add_projective(&mut multiple, &twice);
            }
            let z = multiple[0].z.carry();
            pending.push(Pending { x: multiple[0].x, y: multiple[0].y, z, before: product });
            product = product.mul(&z).carry();
            if pending.len() == BATCH {
                written = flush(pending, &mut product, written, shape, points.len(), rows);
            }
        }
    }
    flush(pending, &mut product, written, shape, points.len(), rows);
}

/// Writes the pending entries behind the first `written`, and says how many there are now.
#[inline(always)]
fn flush<V: Lanes>(
    pending: &mut Vec<Pending<V>>,
    product: &mut Fe<V>,
    written: usize,
    shape: Shape,
    lanes: usize,
    rows: &mut [Row],
) -> usize {
    let size = shape.rows_per_key();
    let end = written + pending.len();
    let mut inverse = product.invert();
    for (i, entry) in pending.iter().enumerate().rev() {
        let z_inverse = inverse.mul(&entry.before).carry();
        inverse = inverse.mul(&entry.z).carry();
        let x = entry.x.carry().mul(&z_inverse).carry();
        let y = entry.y.carry().mul(&z_inverse).carry();
        let niels = AffineNiels::from_affine(&x, &y);
        let [a0, a1, a2, a3, a4] = niels.y_plus_x.0;
        let [b0, b1, b2, b3, b4] = niels.y_minus_x.0;
        let [c0, c1, c2, c3, c4] = niels.xy2d.0;
        let first = V::store_rows([a0, a1, a2, a3, a4, b0, b1, b2]);
        let second = V::store_rows([b3, b4, c0, c1, c2, c3, c4, V::splat(0)]);
        for lane in 0..lanes {
            let at = lane * size + 2 * (written + i);
            rows[at] = first[lane];
            rows[at + 1] = second[lane];
        }
    }
    pending.clear();
    *product = Fe::one();
    end
}
