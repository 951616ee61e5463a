//! From 32 bytes to a point, as ZIP-215 reads them: any y below 2^255 counts modulo p, and either sign of x = 0.

use super::field::{D, Fe, SQRT_MINUS_ONE, power_p58};
use super::lanes::{Lanes, MAX_LANES, Row, Stage};

/// How many groups of lanes take the square root together.
const GROUPS: usize = 4;

/// A point in affine coordinates: the words of x, then those of y, both canonical.
#[derive(Clone, Copy)]
pub(crate) struct Affine {
    pub(crate) row: Row,
    /// Whether the encoding was one of a point. The row is the neutral element where it was not.
    pub(crate) valid: bool,
}

impl Affine {
    pub(crate) const NEUTRAL: Affine = Affine { row: Row([0, 0, 0, 0, 1, 0, 0, 0]), valid: false };
}

/// x and y of a row of each lane.
#[inline(always)]
pub(crate) fn load_affine<V: Lanes>(rows: &[Row; MAX_LANES]) -> (Fe<V>, Fe<V>) {
    let [x0, x1, x2, x3, y0, y1, y2, y3] = V::transpose(rows);
    (Fe::from_words([x0, x1, x2, x3]), Fe::from_words([y0, y1, y2, y3]))
}

/// The reverse of `load_affine`, for frozen elements.
#[inline(always)]
pub(crate) fn store_affine<V: Lanes>(x: Fe<V>, y: Fe<V>) -> [Row; MAX_LANES] {
    let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (x.to_words(), y.to_words());
    V::store_rows([x0, x1, x2, x3, y0, y1, y2, y3])
}

/// The four little-endian words of 32 bytes.
#[inline(always)]
pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// Decompresses every encoding; with `negate`, to minus the point.
pub(crate) struct Decompress<'a> {
    pub(crate) encodings: &'a [[u8; 32]],
    pub(crate) negate: bool,
    pub(crate) points: &'a mut [Affine],
}

impl Stage for Decompress<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let chunk = GROUPS * V::LANES;
        for (encodings, points) in self.encodings.chunks(chunk).zip(self.points.chunks_mut(chunk)) {
            if encodings.len() <= V::LANES {
                decompress_groups::<V, 1>(encodings, self.negate, points);
            } else {
                decompress_groups::<V, GROUPS>(encodings, self.negate, points);
            }
        }
    }
}

#[inline(always)]
fn decompress_groups<V: Lanes, const G: usize>(encodings: &[[u8; 32]], negate: bool, points: &mut [Affine]) {
    let zero = Fe::<V>::zero();
    let (mut y, mut sign) = ([zero; G], [0u8; G]);
    let (mut u, mut v, mut uv3, mut uv7) = ([zero; G], [zero; G], [zero; G], [zero; G]);
    for i in 0..G {
        let mut rows = [Row::ZERO; MAX_LANES];
        for (row, encoding) in rows.iter_mut().zip(encodings.iter().skip(i * V::LANES)).take(V::LANES) {
            row.0[..4].copy_from_slice(&words(encoding));
        }
        let [w0, w1, w2, w3, ..] = V::transpose(&rows);
        y[i] = Fe::from_words([w0, w1, w2, w3]);
        sign[i] = w3.test(V::splat(1 << 63));
        // x² = u/v with u = y² - 1, v = dy² + 1, which is never zero.
        let yy = y[i].square().carry();
        u[i] = yy.widen().sub(&Fe::one().widen()).settle();
        v[i] = yy.mul(&Fe::constant(D)).add(&Fe::one().widen()).carry();
        let v3 = v[i].square().carry().mul(&v[i]).carry();
        uv3[i] = v3.mul(&u[i]).carry();
        uv7[i] = v3.square().carry().mul(&v[i]).carry().mul(&u[i]).carry();
    }
    let powers = power_p58(&uv7);
    for i in 0..G {
        // A candidate: v·x² is u, or -u (then x·√-1 is the root), or neither (then there is none).
        let x = uv3[i].mul(&powers[i]).carry();
        let vxx = x.square().carry().mul(&v[i]);
        let direct = vxx.sub(&u[i].widen()).is_zero();
        let turned = vxx.add(&u[i].widen()).is_zero();
        let root = Fe::select(direct, &x, &x.mul(&Fe::constant(SQRT_MINUS_ONE)).carry()).widen().freeze();
        let odd = root.0[0].test(V::splat(1));
        let wanted = if negate { !sign[i] } else { sign[i] };
        let minus = Fe::zero().widen().sub(&root.widen()).freeze();
        let x = Fe::select(odd ^ wanted, &minus, &root);
        let valid = direct | turned;
        let x = Fe::select(valid, &x, &Fe::zero());
        let y = Fe::select(valid, &y[i].widen().freeze(), &Fe::one());
        let rows = store_affine(x, y);
        for (lane, point) in points.iter_mut().skip(i * V::LANES).take(V::LANES).enumerate() {
            *point = Affine { row: rows[lane], valid: valid >> lane & 1 == 1 };
        }
    }
}
