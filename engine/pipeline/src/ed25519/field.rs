//! The field of order p = 2^255 - 19, lane by lane, in five limbs of radix 2^51.
//!
//! Two types keep the bounds of [`Lanes`] apart: [`Wide`] is what products and sums are, [`Fe`] is what products take.
//! `Wide::carry` goes from one to the other. A subtraction adds a multiple of p first, and what it subtracts must be a
//! product or settled; debug builds check every bound on every lane.

use super::lanes::{LIMB_MASK, Lanes, MAX_LANES};

/// d = -121665/121666, the curve's constant.
pub(crate) const D: [u64; 5] = [0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff];
/// 2d.
pub(crate) const D2: [u64; 5] = [0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff];
/// 1/d.
pub(crate) const D_INVERSE: [u64; 5] = [0xf276cdc9f843, 0x3084f2a85c4bc, 0x6e73d982d775a, 0x721958b108a66, 0x40907ed214d5c];
/// A square root of -1.
pub(crate) const SQRT_MINUS_ONE: [u64; 5] = [0x61b274a0ea0b0, 0xd5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d];

/// An element that can be multiplied: limbs at most `V::TIGHT_LIMIT`, or `V::OPERAND_LIMIT` for one of two operands.
#[derive(Clone, Copy)]
pub(crate) struct Fe<V>(pub(crate) [V; 5]);

/// A sum or product that has not been carried: limbs at most `V::WIDE_LIMIT`.
#[derive(Clone, Copy)]
pub(crate) struct Wide<V>(pub(crate) [V; 5]);

#[inline(always)]
fn map<T: Copy, V>(a: &[T; 5], f: impl Fn(T) -> V) -> [V; 5] {
    [f(a[0]), f(a[1]), f(a[2]), f(a[3]), f(a[4])]
}

#[inline(always)]
fn zip<V: Lanes>(a: &[V; 5], b: &[V; 5], f: impl Fn(V, V) -> V) -> [V; 5] {
    [f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3]), f(a[4], b[4])]
}

impl<V: Lanes> Wide<V> {
    #[inline(always)]
    pub(crate) fn add(&self, other: &Self) -> Self {
        let sum = zip(&self.0, &other.0, V::add);
        V::assert_at_most(&sum, V::WIDE_LIMIT);
        Wide(sum)
    }

    #[inline(always)]
    pub(crate) fn double(&self) -> Self {
        self.add(self)
    }

    /// `self - other`, where `other` is a product or has been settled.
    #[inline(always)]
    pub(crate) fn sub(&self, other: &Self) -> Self {
        V::assert_at_most(&other.0, V::BIAS[0]);
        let bias = map(&V::BIAS, V::splat);
        let difference = zip(&zip(&self.0, &bias, V::add), &other.0, V::sub);
        V::assert_at_most(&difference, V::WIDE_LIMIT);
        Wide(difference)
    }

    #[inline(always)]
    pub(crate) fn carry(&self) -> Fe<V> {
        V::assert_at_most(&self.0, V::WIDE_LIMIT);
        let carried = V::carry(self.0);
        V::assert_at_most(&carried, V::TIGHT_LIMIT);
        Fe(carried)
    }

    /// As `carry`, to an element that may be subtracted.
    #[inline(always)]
    pub(crate) fn settle(&self) -> Fe<V> {
        V::assert_at_most(&self.0, V::WIDE_LIMIT);
        Fe(V::settle(self.0))
    }

    /// The canonical limbs: below 2^51 each, the value below p.
    #[inline(always)]
    pub(crate) fn freeze(&self) -> Fe<V> {
        let mask = V::splat(LIMB_MASK);
        let times19 = |x: V| x.shl::<4>().add(x.shl::<1>()).add(x);
        let [w0, w1, w2, w3, w4] = self.0;
        // One parallel carry: the value is now below 2^255 + 2^220, so below 2p.
        let a0 = w0.and(mask).add(times19(w4.shr::<51>()));
        let a1 = w1.and(mask).add(w0.shr::<51>());
        let a2 = w2.and(mask).add(w1.shr::<51>());
        let a3 = w3.and(mask).add(w2.shr::<51>());
        let a4 = w4.and(mask).add(w3.shr::<51>());
        // q = 1 if the value is at least p: then the value plus 19 reaches 2^255.
        let q = a0.add(V::splat(19)).shr::<51>();
        let q = a1.add(q).shr::<51>();
        let q = a2.add(q).shr::<51>();
        let q = a3.add(q).shr::<51>();
        let q = a4.add(q).shr::<51>();
        let a0 = a0.add(times19(q));
        let a1 = a1.add(a0.shr::<51>());
        let a2 = a2.add(a1.shr::<51>());
        let a3 = a3.add(a2.shr::<51>());
        let a4 = a4.add(a3.shr::<51>());
        Fe([a0.and(mask), a1.and(mask), a2.and(mask), a3.and(mask), a4.and(mask)])
    }

    /// The lanes in which the value is zero.
    #[inline(always)]
    pub(crate) fn is_zero(&self) -> u8 {
        let [a0, a1, a2, a3, a4] = self.freeze().0;
        a0.or(a1).or(a2).or(a3.or(a4)).equal(V::splat(0))
    }
}

impl<V: Lanes> Fe<V> {
    #[inline(always)]
    pub(crate) fn constant(limbs: [u64; 5]) -> Self {
        Fe(map(&limbs, V::splat))
    }

    #[inline(always)]
    pub(crate) fn one() -> Self {
        Fe::constant([1, 0, 0, 0, 0])
    }

    #[inline(always)]
    pub(crate) fn zero() -> Self {
        Fe::constant([0; 5])
    }

    #[inline(always)]
    pub(crate) fn widen(&self) -> Wide<V> {
        Wide(self.0)
    }

    #[inline(always)]
    pub(crate) fn mul(&self, other: &Fe<V>) -> Wide<V> {
        V::assert_at_most(&self.0, V::TIGHT_LIMIT);
        V::assert_at_most(&other.0, V::OPERAND_LIMIT);
        Wide(V::mul(&self.0, &other.0))
    }

    #[inline(always)]
    pub(crate) fn square(&self) -> Wide<V> {
        V::assert_at_most(&self.0, V::TIGHT_LIMIT);
        Wide(V::square(&self.0))
    }

    /// 2p - `self` in the lanes of the mask: an operand, but not a tight one. `self` is a table's entry: limbs at most 2p's.
    #[inline(always)]
    pub(crate) fn negate(&self, lanes: u8) -> Fe<V> {
        let twice_p = [2 * (LIMB_MASK - 18), 2 * LIMB_MASK, 2 * LIMB_MASK, 2 * LIMB_MASK, 2 * LIMB_MASK];
        V::assert_at_most(&self.0, twice_p[0]);
        Fe(zip(&map(&twice_p, V::splat), &self.0, |p, limb| V::select(lanes, p.sub(limb), limb)))
    }

    #[inline(always)]
    pub(crate) fn select(mask: u8, yes: &Fe<V>, no: &Fe<V>) -> Fe<V> {
        Fe(zip(&yes.0, &no.0, |yes, no| V::select(mask, yes, no)))
    }

    /// The low 255 bits of four little-endian words. The value may be p or more.
    #[inline(always)]
    pub(crate) fn from_words([w0, w1, w2, w3]: [V; 4]) -> Fe<V> {
        let mask = V::splat(LIMB_MASK);
        Fe([
            w0.and(mask),
            w0.shr::<51>().or(w1.shl::<13>()).and(mask),
            w1.shr::<38>().or(w2.shl::<26>()).and(mask),
            w2.shr::<25>().or(w3.shl::<39>()).and(mask),
            w3.shr::<12>().and(mask),
        ])
    }

    /// Four little-endian words of a frozen element.
    #[inline(always)]
    pub(crate) fn to_words(self) -> [V; 4] {
        V::assert_at_most(&self.0, LIMB_MASK);
        let [l0, l1, l2, l3, l4] = self.0;
        [l0.or(l1.shl::<51>()), l1.shr::<13>().or(l2.shl::<38>()), l2.shr::<26>().or(l3.shl::<25>()), l3.shr::<39>().or(l4.shl::<12>())]
    }

    /// The inverse in every lane; zero has none and makes all lanes zero. The lanes are multiplied together, inverted
    /// once on 64-bit integers, whose chain of squarings has the shorter latency, and taken apart again.
    #[inline(always)]
    pub(crate) fn invert(&self) -> Fe<V> {
        let lanes = self.0.map(V::to_lanes);
        Fe(invert_each(&lanes, V::LANES).map(|limb| V::from_lanes(&limb)))
    }
}

/// Inverts the first `count` of eight elements, limb by limb.
fn invert_each(lanes: &[[u64; MAX_LANES]; 5], count: usize) -> [[u64; MAX_LANES]; 5] {
    let element = |lane: usize| Fe::<u64>([0, 1, 2, 3, 4].map(|limb: usize| lanes[limb][lane]));
    let mut before = [Fe::<u64>::one(); MAX_LANES];
    let mut product = Fe::<u64>::one();
    for (lane, before) in before.iter_mut().enumerate().take(count) {
        *before = product;
        product = product.mul(&element(lane)).carry();
    }
    let ([ones], [eleven]) = power_250(&[product]);
    // p - 2 = (2^250 - 1) · 2^5 + 11.
    let mut inverse = [ones];
    square_times(&mut inverse, 5);
    let mut inverse = inverse[0].mul(&eleven).carry();
    let mut out = [[0; MAX_LANES]; 5];
    for lane in (0..count).rev() {
        let here = inverse.mul(&before[lane]).carry();
        for (out, limb) in out.iter_mut().zip(here.0) {
            out[lane] = limb;
        }
        inverse = inverse.mul(&element(lane)).carry();
    }
    out
}

/// Squares every element `count` times. Several elements hide the latency of one chain.
#[inline(always)]
fn square_times<V: Lanes, const G: usize>(x: &mut [Fe<V>; G], count: usize) {
    for _ in 0..count {
        for x in x.iter_mut() {
            *x = x.square().carry();
        }
    }
}

#[inline(always)]
fn mul_each<V: Lanes, const G: usize>(a: &[Fe<V>; G], b: &[Fe<V>; G]) -> [Fe<V>; G] {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = out.mul(b).carry();
    }
    out
}

/// x^(2^250 - 1) and x^11.
#[inline(always)]
fn power_250<V: Lanes, const G: usize>(x: &[Fe<V>; G]) -> ([Fe<V>; G], [Fe<V>; G]) {
    let raise = |from: &[Fe<V>; G], count: usize, times: &[Fe<V>; G]| {
        let mut power = *from;
        square_times(&mut power, count);
        mul_each(&power, times)
    };
    let mut x2 = *x;
    square_times(&mut x2, 1);
    let x9 = raise(&x2, 2, x);
    let x11 = mul_each(&x9, &x2);
    let ones5 = raise(&x11, 1, &x9);
    let ones10 = raise(&ones5, 5, &ones5);
    let ones20 = raise(&ones10, 10, &ones10);
    let ones40 = raise(&ones20, 20, &ones20);
    let ones50 = raise(&ones40, 10, &ones10);
    let ones100 = raise(&ones50, 50, &ones50);
    let ones200 = raise(&ones100, 100, &ones100);
    let ones250 = raise(&ones200, 50, &ones50);
    (ones250, x11)
}

/// x^((p - 5) / 8) = x^(2^252 - 3).
#[inline(always)]
pub(crate) fn power_p58<V: Lanes, const G: usize>(x: &[Fe<V>; G]) -> [Fe<V>; G] {
    let (mut ones, _) = power_250(x);
    square_times(&mut ones, 2);
    mul_each(&ones, x)
}
