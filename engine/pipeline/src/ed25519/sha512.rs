//! SHA-512 of `R ‖ A ‖ M`, one message a lane.
//!
//! The rounds are written once over [`HashLanes`]; a lane whose message has ended keeps its state while the others go
//! on. Where there are no lanes, the `sha2` crate hashes, which knows the instructions of other machines.

use super::isa::Isa;
use super::lanes::MAX_LANES;
use sha2::{Digest, Sha512};

/// The first 64 bits of the fractional parts of the square roots of the first 8 primes.
const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The same of the cube roots of the first 80 primes.
const ROUND: [u64; 80] = [
    0x428a_2f98_d728_ae22,
    0x7137_4491_23ef_65cd,
    0xb5c0_fbcf_ec4d_3b2f,
    0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538,
    0x59f1_11f1_b605_d019,
    0x923f_82a4_af19_4f9b,
    0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242,
    0x1283_5b01_4570_6fbe,
    0x2431_85be_4ee4_b28c,
    0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f,
    0x80de_b1fe_3b16_96b1,
    0x9bdc_06a7_25c7_1235,
    0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2,
    0xefbe_4786_384f_25e3,
    0x0fc1_9dc6_8b8c_d5b5,
    0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275,
    0x4a74_84aa_6ea6_e483,
    0x5cb0_a9dc_bd41_fbd4,
    0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab,
    0xa831_c66d_2db4_3210,
    0xb003_27c8_98fb_213f,
    0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2,
    0xd5a7_9147_930a_a725,
    0x06ca_6351_e003_826f,
    0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc,
    0x2e1b_2138_5c26_c926,
    0x4d2c_6dfc_5ac4_2aed,
    0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de,
    0x766a_0abb_3c77_b2a8,
    0x81c2_c92e_47ed_aee6,
    0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364,
    0xa81a_664b_bc42_3001,
    0xc24b_8b70_d0f8_9791,
    0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218,
    0xd699_0624_5565_a910,
    0xf40e_3585_5771_202a,
    0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8,
    0x1e37_6c08_5141_ab53,
    0x2748_774c_df8e_eb99,
    0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63,
    0x4ed8_aa4a_e341_8acb,
    0x5b9c_ca4f_7763_e373,
    0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc,
    0x78a5_636f_4317_2f60,
    0x84c8_7814_a1f0_ab72,
    0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28,
    0xa450_6ceb_de82_bde9,
    0xbef9_a3f7_b2c6_7915,
    0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c,
    0xd186_b8c7_21c0_c207,
    0xeada_7dd6_cde0_eb1e,
    0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba,
    0x0a63_7dc5_a2c8_98a6,
    0x113f_9804_bef9_0dae,
    0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84,
    0x32ca_ab7b_40c7_2493,
    0x3c9e_be0a_15c9_bebc,
    0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6,
    0x597f_299c_fc65_7e2a,
    0x5fcb_6fab_3ad6_faec,
    0x6c44_198c_4a47_5817,
];

/// What is hashed for one signature: 64 bytes, then the message.
#[derive(Clone, Copy)]
pub(crate) struct Challenge<'a> {
    pub(crate) r: &'a [u8; 32],
    pub(crate) key: &'a [u8; 32],
    pub(crate) message: &'a [u8],
}

impl Challenge<'_> {
    /// How many blocks, with the padding: a 1 bit and 16 bytes of length.
    #[inline(always)]
    fn blocks(&self) -> usize {
        (64 + self.message.len() + 17).div_ceil(128)
    }

    /// Writes one block of the padded message.
    #[inline(always)]
    fn fill(&self, block: usize, out: &mut [u8; 128]) {
        let length = 64 + self.message.len();
        let (prefix, body) = out.split_at_mut(64);
        // The part of the message that starts where this block's free space starts.
        let (free, from) = if block == 0 {
            prefix[..32].copy_from_slice(self.r);
            prefix[32..].copy_from_slice(self.key);
            (body, 0)
        } else {
            (&mut out[..], 128 * block - 64)
        };
        let rest = self.message.get(from..).unwrap_or(&[]);
        let taken = rest.len().min(free.len());
        free[..taken].copy_from_slice(&rest[..taken]);
        free[taken..].fill(0);
        // The 1 bit stands right behind the message, in whichever block that is.
        if length / 128 == block {
            out[length % 128] = 0x80;
        }
        if block + 1 == self.blocks() {
            out[112..].copy_from_slice(&(8 * length as u128).to_be_bytes());
        }
    }
}

/// A vector of 64-bit lanes as SHA-512 needs it.
pub(crate) trait HashLanes: Copy {
    const LANES: usize;
    fn splat(value: u64) -> Self;
    fn add(self, other: Self) -> Self;
    fn rotate<const RIGHT: i32, const LEFT: i32>(self) -> Self;
    fn shift<const RIGHT: i32>(self) -> Self;
    fn xor(a: Self, b: Self, c: Self) -> Self;
    /// Bits of `yes` where `bit` is set, of `no` elsewhere.
    fn choose(bit: Self, yes: Self, no: Self) -> Self;
    fn majority(a: Self, b: Self, c: Self) -> Self;
    fn select(mask: u8, yes: Self, no: Self) -> Self;
    /// Sixteen big-endian words of each lane's block.
    fn load(blocks: &Blocks) -> [Self; 16];
    fn to_lanes(self) -> [u64; MAX_LANES];
}

/// One block a lane.
#[repr(align(64))]
pub(crate) struct Blocks(pub(crate) [[u8; 128]; MAX_LANES]);

/// The digests of up to `H::LANES` challenges, as little-endian words: the number that is reduced modulo L.
#[inline(always)]
pub(crate) fn hash_lanes<H: HashLanes>(challenges: &[Challenge<'_>], digests: &mut [[u64; 8]]) {
    debug_assert!(challenges.len() <= H::LANES && challenges.len() == digests.len());
    let mut blocks = Blocks([[0; 128]; MAX_LANES]);
    let longest = challenges.iter().map(Challenge::blocks).max().unwrap_or(0);
    let mut state = [H::splat(0); 8];
    for (state, initial) in state.iter_mut().zip(INITIAL) {
        *state = H::splat(initial);
    }
    for block in 0..longest {
        let mut running = 0u8;
        for (lane, challenge) in challenges.iter().enumerate() {
            if block < challenge.blocks() {
                challenge.fill(block, &mut blocks.0[lane]);
                running |= 1 << lane;
            }
        }
        let next = compress(&state, H::load(&blocks));
        for (state, next) in state.iter_mut().zip(next) {
            *state = H::select(running, next, *state);
        }
    }
    for (word, state) in state.iter().enumerate() {
        let lanes = state.to_lanes();
        for (digest, lane) in digests.iter_mut().zip(lanes) {
            digest[word] = lane.swap_bytes();
        }
    }
}

#[inline(always)]
fn compress<H: HashLanes>(state: &[H; 8], mut w: [H; 16]) -> [H; 8] {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for sixteen in 0..5 {
        for i in 0..16 {
            let sum1 = H::xor(e.rotate::<14, 50>(), e.rotate::<18, 46>(), e.rotate::<41, 23>());
            let choice = H::choose(e, f, g);
            let keyed = w[i].add(H::splat(ROUND[16 * sixteen + i]));
            let first = h.add(keyed).add(choice).add(sum1);
            let sum0 = H::xor(a.rotate::<28, 36>(), a.rotate::<34, 30>(), a.rotate::<39, 25>());
            let second = sum0.add(H::majority(a, b, c));
            (h, g, f, e, d, c, b, a) = (g, f, e, d.add(first), c, b, a, first.add(second));
            if sixteen < 4 {
                let (near, far) = (w[(i + 14) % 16], w[(i + 1) % 16]);
                let sigma1 = H::xor(near.rotate::<19, 45>(), near.rotate::<61, 3>(), near.shift::<6>());
                let sigma0 = H::xor(far.rotate::<1, 63>(), far.rotate::<8, 56>(), far.shift::<7>());
                w[i] = w[i].add(sigma0).add(w[(i + 9) % 16]).add(sigma1);
            }
        }
    }
    let [s0, s1, s2, s3, s4, s5, s6, s7] = *state;
    [s0.add(a), s1.add(b), s2.add(c), s3.add(d), s4.add(e), s5.add(f), s6.add(g), s7.add(h)]
}

/// The digests of any number of challenges.
pub(crate) fn hash(isa: Isa, challenges: &[Challenge<'_>], digests: &mut [[u64; 8]]) {
    match isa.or_best() {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512Ifma => {
            for (challenges, digests) in challenges.chunks(8).zip(digests.chunks_mut(8)) {
                // SAFETY: `or_best` returns Avx512Ifma only when every feature that it needs was detected.
                unsafe { super::avx512_hash::hash_eight(challenges, digests) }
            }
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => {
            for (challenges, digests) in challenges.chunks(4).zip(digests.chunks_mut(4)) {
                // SAFETY: `or_best` returns Avx2 only when it was detected.
                unsafe { super::avx2_hash::hash_four(challenges, digests) }
            }
        }
        _ => {
            for (challenge, digest) in challenges.iter().zip(digests) {
                let bytes: [u8; 64] =
                    Sha512::new().chain_update(challenge.r).chain_update(challenge.key).chain_update(challenge.message).finalize().into();
                *digest = super::lanes::Row::from_bytes(&bytes).0;
            }
        }
    }
}
