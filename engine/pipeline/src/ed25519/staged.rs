//! What the stages hand to one another: a signature after hashing, as two cache lines.

use super::decompress::words;
use super::lanes::{Lanes, MAX_LANES, Row};
use super::scalar::{is_canonical, reduce, sign_bits};
use super::shape::Shape;

/// The shape of the base point's table: 32 windows of 8 bits, 512 KiB.
pub(crate) const BASE_SHAPE: Shape = Shape::new(8, 1);

/// A signature, ready for its walk.
#[derive(Clone, Copy)]
pub(crate) struct Staged {
    /// The sign bits of k, in five words; then the place of the key.
    pub(crate) challenge: Row,
    /// The sign bits of s, in four words; then R as it came.
    pub(crate) signature: Row,
}

impl Staged {
    pub(crate) const BLANK: Staged = Staged { challenge: Row::ZERO, signature: Row::ZERO };

    /// From the digest of the challenge, the signature's halves, the shape of the key's tables and their first row. Also whether s
    /// is below L, as it must be; where it is not, zero stands in.
    #[inline(always)]
    pub(crate) fn new(digest: &[u64; 8], r: &[u8; 32], s: &[u8; 32], shape: Shape, place: u64) -> (Staged, bool) {
        let s = words(s);
        let canonical = is_canonical(&s);
        let s = if canonical { s } else { [0; 4] };
        let k = sign_bits(&reduce(digest), shape);
        let s = sign_bits(&s, BASE_SHAPE);
        let r = words(r);
        let staged = Staged {
            challenge: Row([k[0], k[1], k[2], k[3], k[4], place, 0, 0]),
            signature: Row([s[0], s[1], s[2], s[3], r[0], r[1], r[2], r[3]]),
        };
        (staged, canonical)
    }
}

/// A group of staged signatures, transposed.
#[derive(Clone, Copy)]
pub(crate) struct Group<V> {
    pub(crate) k: [V; 5],
    pub(crate) place: V,
    pub(crate) s: [V; 5],
    pub(crate) r: [V; 4],
}

impl<V: Lanes> Group<V> {
    /// The group that starts at signature `first`; lanes past the end repeat the last signature.
    #[inline(always)]
    pub(crate) fn load(staged: &[Staged], first: usize) -> Self {
        let (mut challenges, mut signatures) = ([Row::ZERO; MAX_LANES], [Row::ZERO; MAX_LANES]);
        for lane in 0..V::LANES {
            let Staged { challenge, signature } = staged[(first + lane).min(staged.len() - 1)];
            challenges[lane] = challenge;
            signatures[lane] = signature;
        }
        let [k0, k1, k2, k3, k4, place, ..] = V::transpose(&challenges);
        let [s0, s1, s2, s3, r0, r1, r2, r3] = V::transpose(&signatures);
        Group { k: [k0, k1, k2, k3, k4], place, s: [s0, s1, s2, s3, V::splat(0)], r: [r0, r1, r2, r3] }
    }
}
