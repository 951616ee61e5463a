//! The layers below the verdicts, each against an implementation that is not ours: the field and the points against
//! integers and dalek, the lanes of SHA-512 against `sha2`, the scalars against dalek; and a planted fault.

use super::decompress::{Affine, Decompress, words};
use super::field::{Fe, SQRT_MINUS_ONE, Wide, power_p58};
use super::isa::Isa;
use super::lanes::{LIMB_MASK, Lanes, MAX_LANES, Row, Stage, dispatch};
use super::scalar::{digit, is_canonical, reduce, sign_bits};
use super::sha512::{Challenge, hash};
use super::shape::Shape;
use super::tables::KeyTables;
use super::verify::{KnownClaim, verify_known};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use sha2::{Digest, Sha512};

/// Limbs of the size that the lanes allow, as one number modulo p: the slow way, digit by digit in base 2^32.
fn modulo_p(limbs: &[u64; 5]) -> [u64; 4] {
    let mut value = Number::default();
    for limb in limbs.iter().rev() {
        value = value.shifted(51).plus(*limb);
    }
    value.reduced()
}

/// A number of up to 640 bits, little-endian.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Number([u64; 10]);

impl Number {
    fn shifted(self, bits: u32) -> Number {
        (0..bits).fold(self, |value, _| value.add(&value))
    }

    fn add(&self, other: &Number) -> Number {
        let (mut out, mut carry) = ([0; 10], false);
        for i in 0..10 {
            (out[i], carry) = self.0[i].carrying_add(other.0[i], carry);
        }
        assert!(!carry);
        Number(out)
    }

    fn plus(self, small: u64) -> Number {
        let mut other = Number::default();
        other.0[0] = small;
        self.add(&other)
    }

    fn from_words(words: [u64; 4]) -> Number {
        let mut out = Number::default();
        out.0[..4].copy_from_slice(&words);
        out
    }

    fn times(self, other: &Number) -> Number {
        let mut sum = Number::default();
        for bit in (0..512).rev() {
            sum = sum.add(&sum);
            if other.0[bit / 64] >> (bit % 64) & 1 == 1 {
                sum = sum.add(&self);
            }
        }
        sum
    }

    /// Modulo p, by folding 2^255 to 19 until nothing is left above.
    fn reduced(mut self) -> [u64; 4] {
        for _ in 0..4 {
            let mut high = Number::default();
            for i in 0..7 {
                high.0[i] = self.0[i + 3] >> 63 | self.0.get(i + 4).map_or(0, |word| word << 1);
            }
            let mut low = self;
            low.0[3] &= u64::MAX >> 1;
            low.0[4..].fill(0);
            self = (0..19).fold(low, |sum, _| sum.add(&high));
        }
        let p = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];
        if self.0[..4].iter().rev().ge(p.iter().rev()) {
            let raised = self.plus(19);
            self = raised;
            self.0[3] &= u64::MAX >> 1;
        }
        [self.0[0], self.0[1], self.0[2], self.0[3]]
    }
}

/// Runs one body on every instruction set.
fn on_every_isa<S: Stage<Output = ()> + Copy>(stage: S) {
    for isa in Isa::available() {
        dispatch(*isa, stage);
    }
}

/// Products of limbs of any size that the bounds allow, and what follows a product.
#[derive(Clone, Copy)]
struct Products([u64; 5], [u64; 5]);

impl Stage for Products {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        // The seeds choose among the extremes and the values below them.
        let within = |seeds: [u64; 5], limit: u64| {
            seeds.map(|seed| match seed % 4 {
                0 => limit,
                1 => limit - seed % 3,
                2 => 0,
                _ => seed % (limit + 1),
            })
        };
        let (tight, free) = (within(self.0, V::TIGHT_LIMIT), within(self.1, V::OPERAND_LIMIT));
        let (a, b) = (Fe::<V>::constant(tight), Fe::<V>::constant(free));
        let (x, y) = (Number::from_words(modulo_p(&tight)), Number::from_words(modulo_p(&free)));
        let minus = |x: Number| Number::from_words(words(&[0; 32])).add(&Number::from_words(negated(x)));
        check(a.mul(&b), x.times(&y));
        check(a.square(), x.times(&x));
        // Everything that a point formula does to a product, at its largest.
        let (ab, aa) = (a.mul(&b), a.square());
        let (xy, xx) = (x.times(&y).folded(), x.times(&x).folded());
        check(ab.add(&aa), xy.add(&xx));
        check(ab.sub(&aa), xy.add(&minus(xx)));
        check(ab.double().add(&aa.sub(&ab)).carry().widen(), xy.add(&xy).add(&xx).add(&minus(xy)));
        let wide = Wide([V::splat(V::WIDE_LIMIT); 5]);
        check(wide.carry().widen(), Number::from_words(modulo_p(&[V::WIDE_LIMIT; 5])));
        check(wide.settle().widen(), Number::from_words(modulo_p(&[V::WIDE_LIMIT; 5])));
        check(a.invert().mul(&a), if x == Number::default() { x } else { Number::default().plus(1) });
    }
}

impl Number {
    fn folded(self) -> Number {
        Number::from_words(self.reduced())
    }
}

fn negated(x: Number) -> [u64; 4] {
    let p = [u64::MAX - 18, u64::MAX, u64::MAX, u64::MAX >> 1];
    let (mut out, mut borrow) = ([0; 4], false);
    for i in 0..4 {
        (out[i], borrow) = p[i].borrowing_sub(x.0[i], borrow);
    }
    Number::from_words(out).reduced()
}

fn check<V: Lanes>(got: Wide<V>, expected: Number) {
    let frozen = got.freeze();
    V::assert_at_most(&frozen.0, LIMB_MASK);
    let words = frozen.to_words().map(V::to_lanes);
    for lane in 0..V::LANES {
        assert_eq!(words.map(|word| word[lane]), expected.reduced());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn field_products_are_those_of_integers(a: [u64; 5], b: [u64; 5]) {
        on_every_isa(Products(a, b));
    }

    #[test]
    fn scalars_reduce_as_dalek_reduces_them(wide: [u64; 8], edge in 0..4usize) {
        let mut wide = wide;
        // Runs of ones and zeros reach the corrections of Barrett's quotient.
        for word in wide.iter_mut().skip(8 - 2 * edge) {
            *word = if edge % 2 == 0 { u64::MAX } else { 0 };
        }
        assert_reduces(&wide);
    }

    #[test]
    fn digits_add_up_to_the_scalar(bytes: [u8; 32], width in 4u32..9) {
        let scalar = Scalar::from_bytes_mod_order(bytes);
        assert_digits(&scalar, width);
    }
}

fn assert_reduces(wide: &[u64; 8]) {
    let mut bytes = [0; 64];
    for (chunk, word) in bytes.chunks_mut(8).zip(wide) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    assert_eq!(reduce(wide), words(Scalar::from_bytes_mod_order_wide(&bytes).as_bytes()));
}

fn assert_digits(scalar: &Scalar, width: u32) {
    let shape = Shape::new(width, 1);
    let bits = sign_bits(&words(scalar.as_bytes()), shape);
    let mut sum = Scalar::ZERO;
    for window in (0..shape.windows()).rev() {
        let (index, negative) = digit::<u64>(&bits, width, window);
        assert!(index < shape.entries() as u64);
        let digit = Scalar::from(2 * index + 1);
        sum = sum * Scalar::from(1u64 << width) + if negative & 1 == 1 { -digit } else { digit };
    }
    assert_eq!(sum, *scalar);
}

#[test]
fn scalars_at_the_edges() {
    assert_reduces(&[0; 8]);
    assert_reduces(&[u64::MAX; 8]);
    let order = words((-Scalar::ONE).as_bytes());
    for shift in 0..5 {
        for add in [0, 1, 2] {
            // L - 1, L, L + 1 times powers of 2^64.
            let mut wide = [0; 8];
            wide[shift..shift + 4].copy_from_slice(&order);
            wide[shift] += add;
            assert_reduces(&wide);
        }
    }
    assert!(is_canonical(&order) && is_canonical(&[0; 4]));
    assert!(!is_canonical(&[order[0] + 1, order[1], order[2], order[3]]) && !is_canonical(&[u64::MAX; 4]));
    for width in 4..9 {
        for scalar in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(2u8), Scalar::from(1u64 << 63)] {
            assert_digits(&scalar, width);
        }
    }
}

#[test]
fn lanes_hash_as_sha2_does_at_every_length() {
    let bytes: Vec<u8> = (0..400u32).map(|i| (i * 31 + 7) as u8).collect();
    let (r, key) = ([0xa5; 32], [0x3c; 32]);
    // Neighbours in a group of lanes differ in length.
    let lengths: Vec<usize> = (0..=400).flat_map(|i| [i, 400 - i]).collect();
    let challenges: Vec<Challenge<'_>> = lengths.iter().map(|length| Challenge { r: &r, key: &key, message: &bytes[..*length] }).collect();
    for isa in Isa::available() {
        let mut digests = vec![[0; 8]; challenges.len()];
        hash(*isa, &challenges, &mut digests);
        for (length, digest) in lengths.iter().zip(&digests) {
            let expected: [u8; 64] = Sha512::new().chain_update(r).chain_update(key).chain_update(&bytes[..*length]).finalize().into();
            assert_eq!(*digest, Row::from_bytes(&expected).0, "{} at {length}", isa.name());
        }
    }
}

/// The root of a square, on every lane.
#[derive(Clone, Copy)]
struct Roots;

impl Stage for Roots {
    type Output = ();

    #[inline(always)]
    fn run<V: Lanes>(self) {
        let root = Fe::<V>::constant(SQRT_MINUS_ONE);
        assert_eq!(root.square().add(&Fe::one().widen()).is_zero() & 1, 1);
        // x^((p-5)/8) four times over, squared, is x^(p-5) = x^-4.
        let x = Fe::<V>::constant([3, 1, 4, 1, 5]);
        let [power] = power_p58(&[x]);
        let power = (0..3).fold(power, |power, _| power.square().carry());
        let fourth = x.square().carry().square().carry();
        let one = power.mul(&fourth).sub(&Fe::one().widen()).is_zero();
        assert_eq!(one & 1, 1);
    }
}

#[test]
fn powers_are_those_of_the_group() {
    on_every_isa(Roots);
}

#[test]
fn encodings_decompress_as_dalek_decompresses_them() {
    // Small and large y, either sign: among them y = 0, ±1, and those of p and more.
    let mut encodings = Vec::new();
    for low in 0..40u8 {
        for (fill, top) in [(0, 0), (0, 0x80), (0xff, 0x7f), (0xff, 0xff), (low.wrapping_mul(73), low)] {
            let mut bytes = [fill; 32];
            bytes[0] = if fill == 0xff { 0xff - low } else { low };
            bytes[31] = top;
            encodings.push(bytes);
        }
    }
    for isa in Isa::available() {
        for count in [1, 7, 8, 9, 32, 33, encodings.len()] {
            let mut points = vec![Affine::NEUTRAL; count];
            dispatch(*isa, Decompress { encodings: &encodings[..count], negate: false, points: &mut points });
            for (bytes, point) in encodings.iter().zip(&points) {
                let expected = CompressedEdwardsY(*bytes).decompress();
                assert_eq!(point.valid, expected.is_some(), "{bytes:02x?}");
                if let Some(expected) = expected {
                    assert_eq!(encode(&point.row), expected.compress().to_bytes(), "{bytes:02x?}");
                }
            }
        }
    }
}

fn encode(row: &Row) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, word) in bytes.chunks_mut(8).zip(&row.0[4..]) {
        chunk.copy_from_slice(&word.to_le_bytes());
    }
    bytes[31] |= (row.0[0] as u8) << 7;
    bytes
}

#[test]
fn tables_hold_the_odd_multiples_of_minus_the_key() {
    let key = EdwardsPoint::mul_base(&Scalar::from(77u8));
    for isa in Isa::available() {
        for shape in [Shape::new(4, 1), Shape::new(5, 2), Shape::new(7, 4), Shape::new(8, 8)] {
            let mut tables = KeyTables::build_shape(&[key.compress().to_bytes(); 3], Some(shape), *isa);
            let rows = tables.rows_mut();
            assert_eq!(rows.len(), 3 * shape.rows_per_key());
            let (first, rest) = rows.split_at(shape.rows_per_key());
            assert!(rest.chunks(first.len()).all(|rows| rows == first));
            let last = 2 * (shape.entries() * (shape.tables() as usize - 1) + 1);
            let mut scalar = Scalar::from(3u8);
            for _ in 0..shape.width() * shape.phases() * (shape.tables() - 1) {
                scalar += scalar;
            }
            let (x, y) = affine(&(-key * scalar));
            // y + x and y - x of three times the last window's point.
            let words: Vec<u64> = first[last].0.iter().chain(&first[last + 1].0).copied().collect();
            let sum = modulo_p(&[words[0], words[1], words[2], words[3], words[4]]);
            let difference = modulo_p(&[words[5], words[6], words[7], words[8], words[9]]);
            assert_eq!(sum, x.add(&y).reduced(), "{} {shape:?}", isa.name());
            assert_eq!(difference, y.add(&Number::from_words(negated(x))).reduced());
        }
    }
}

fn affine(point: &EdwardsPoint) -> (Number, Number) {
    let mut out = [Affine::NEUTRAL];
    let encodings = [point.compress().to_bytes()];
    dispatch(Isa::Portable, Decompress { encodings: &encodings, negate: false, points: &mut out });
    let row = out[0].row.0;
    (Number::from_words([row[0], row[1], row[2], row[3]]), Number::from_words([row[4], row[5], row[6], row[7]]))
}

#[test]
fn a_planted_fault_is_seen() {
    let signer = SigningKey::from_bytes(&[5; 32]);
    let messages: Vec<[u8; 8]> = (0..64u64).map(u64::to_le_bytes).collect();
    let signatures: Vec<[u8; 64]> = messages.iter().map(|message| signer.sign(message).to_bytes()).collect();
    let claims: Vec<KnownClaim<'_>> =
        messages.iter().zip(&signatures).map(|(message, signature)| KnownClaim { key: 0, signature, message }).collect();
    for isa in Isa::available() {
        let shape = Shape::new(4, 1);
        let mut tables = KeyTables::build_shape(&[signer.verifying_key().to_bytes()], Some(shape), *isa);
        let mut verdicts = [false; 64];
        verify_known(&tables, &claims, &mut verdicts);
        assert_eq!(verdicts, [true; 64]);
        // One bit of one entry of 512: a few of 64 signatures pass through it, and only those.
        tables.rows_mut()[2 * 8 * 30].0[1] ^= 1 << 20;
        verify_known(&tables, &claims, &mut verdicts);
        let wrong = verdicts.iter().filter(|verdict| !**verdict).count();
        assert!((1..32).contains(&wrong), "{}: {wrong}", isa.name());
    }
}

#[test]
#[should_panic(expected = "above its bound")]
#[cfg(debug_assertions)]
fn a_limb_above_its_bound_is_caught() {
    let large = Fe::<u64>([u64::MAX >> 9; 5]);
    let _ = large.mul(&large);
}

#[test]
fn rows_survive_transposition() {
    #[derive(Clone, Copy)]
    struct Transpose;
    impl Stage for Transpose {
        type Output = ();
        #[inline(always)]
        fn run<V: Lanes>(self) {
            let mut rows = [Row::ZERO; MAX_LANES];
            for (lane, row) in rows.iter_mut().enumerate().take(V::LANES) {
                row.0 = core::array::from_fn(|word| (10 * lane + word) as u64);
            }
            let words = V::transpose(&rows);
            for (word, lanes) in words.iter().enumerate() {
                for lane in 0..V::LANES {
                    assert_eq!(lanes.to_lanes()[lane], (10 * lane + word) as u64);
                }
            }
            assert_eq!(V::store_rows(words), rows);
        }
    }
    on_every_isa(Transpose);
}
