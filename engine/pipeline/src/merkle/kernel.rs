//! Which code hashes the nodes, chosen once at run time.
//!
//! Every kernel does two things: hash each of many 64-byte blocks, and raise a chunk of blocks by several levels at once.
//! They differ only in speed.

use std::sync::LazyLock;

use quorate_core::hash::{Digest, LEAF_KEY, PARENT_KEY, SHA256_LEAF_PREFIX, SHA256_PARENT_PREFIX, TreeHash};

use super::library;
#[cfg(target_arch = "x86_64")]
use super::{avx512, sha_ni};

/// How many blocks a vector kernel hashes at once.
pub(super) const LANES: usize = 32;

/// How many levels of parents follow the first hash of a chunk.
pub(super) const RISE: usize = 4;

/// How many blocks make a chunk: a subtree of `2^RISE` blocks for each lane. A chunk fits into the first-level cache, and with
/// all that is made from it into the second.
pub(super) const CHUNK: usize = LANES << RISE;

/// The flags of a keyed BLAKE3 hash whose input is one block: keyed, first of its chunk, last of its chunk, root.
#[cfg(target_arch = "x86_64")]
pub(super) const BLAKE3_FLAGS: u8 = BLAKE3_KEYED | BLAKE3_START | BLAKE3_END;
pub(super) const BLAKE3_KEYED: u8 = 1 << 4;
pub(super) const BLAKE3_START: u8 = 1 << 0;
pub(super) const BLAKE3_END: u8 = 1 << 1 | 1 << 3;

/// The state in which SHA-256 begins.
pub(super) const SHA256_INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The constants of SHA-256's rounds.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
pub(super) const SHA256_ROUNDS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// What a block is: the data of a leaf, or two digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Leaf,
    Parent,
}

impl Kind {
    /// The key of this kind's BLAKE3 hashes, as words.
    pub(super) const fn blake3_key(self) -> &'static [u32; 8] {
        const LEAF: [u32; 8] = words(&LEAF_KEY);
        const PARENT: [u32; 8] = words(&PARENT_KEY);
        match self {
            Self::Leaf => &LEAF,
            Self::Parent => &PARENT,
        }
    }

    /// The prefix byte of this kind's SHA-256 hashes.
    pub(super) const fn sha256_prefix(self) -> u8 {
        match self {
            Self::Leaf => SHA256_LEAF_PREFIX,
            Self::Parent => SHA256_PARENT_PREFIX,
        }
    }
}

const fn words(key: &[u8; 32]) -> [u32; 8] {
    let mut words = [0; 8];
    let mut i = 0;
    while i < 8 {
        words[i] = u32::from_le_bytes([key[4 * i], key[4 * i + 1], key[4 * i + 2], key[4 * i + 3]]);
        i += 1;
    }
    words
}

/// A way to hash nodes. All give the same digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// The `blake3` crate's many-at-a-time hashing, and the `sha2` crate's block function. Works everywhere.
    Library,
    /// SHA-256 two nodes at a time on the processor's SHA instructions; BLAKE3 as in `Library`.
    ShaNi,
    /// Thirty-two subtrees at a time in 512-bit registers (AVX-512 F, BW and VBMI2).
    Avx512,
}

impl Kernel {
    /// The fastest kernel that this processor has.
    #[must_use]
    pub fn detect() -> Self {
        static BEST: LazyLock<Kernel> = LazyLock::new(|| Kernel::available().last().unwrap_or(Kernel::Library));
        *BEST
    }

    /// The kernels that this processor has, slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        [Self::Library, Self::ShaNi, Self::Avx512].into_iter().filter(|kernel| kernel.is_available())
    }

    fn is_available(self) -> bool {
        match self {
            Self::Library => true,
            #[cfg(target_arch = "x86_64")]
            Self::ShaNi => sha_ni::detected(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::detected(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Hashes each of `blocks` into the place of `out` with the same number.
    pub(super) fn hash_each(self, hash: TreeHash, kind: Kind, blocks: &[[u8; 64]], out: &mut [Digest]) {
        assert_eq!(blocks.len(), out.len(), "a digest for each block");
        #[cfg(target_arch = "x86_64")]
        let (blocks, out) = match (self, hash) {
            (Self::Avx512, _) => in_groups(blocks, out, |blocks, out| avx512::hash_lanes(hash, kind, blocks, out)),
            _ => (blocks, out),
        };
        #[cfg(target_arch = "x86_64")]
        let (blocks, out) = match (self, hash) {
            (Self::ShaNi | Self::Avx512, TreeHash::Sha256) if sha_ni::detected() => {
                in_groups(blocks, out, |blocks, out| sha_ni::hash_two(kind, blocks, out))
            }
            _ => (blocks, out),
        };
        library::hash_each(hash, kind, blocks, out);
    }

    /// Hashes a chunk of blocks and the parents above them, [`RISE`] levels high. `out` is those levels, lowest first; the
    /// last must be there, and the others are skipped where the slice is empty.
    pub(super) fn raise(self, hash: TreeHash, kind: Kind, blocks: &[[u8; 64]; CHUNK], out: [&mut [Digest]; RISE + 1]) {
        #[cfg(target_arch = "x86_64")]
        if self == Self::Avx512 {
            return avx512::raise(hash, kind, blocks, out);
        }
        let mut digests = [Digest::ZERO; CHUNK];
        self.hash_each(hash, kind, blocks, &mut digests);
        let mut count = CHUNK;
        for (level, out) in out.into_iter().enumerate() {
            if level > 0 {
                count = self.hash_parents(hash, &mut digests[..count]);
            }
            if !out.is_empty() {
                out.copy_from_slice(&digests[..count]);
            }
        }
    }

    /// Replaces `digests`, a level, by the level above, in its front; gives how many those are. A last digest without a
    /// partner moves up as it is.
    pub(super) fn hash_parents(self, hash: TreeHash, digests: &mut [Digest]) -> usize {
        const AT_ONCE: usize = 2 * LANES;
        let mut parents = [Digest::ZERO; AT_ONCE];
        let pairs = digests.len() / 2;
        for first in (0..pairs).step_by(AT_ONCE) {
            let count = AT_ONCE.min(pairs - first);
            let blocks = bytemuck::cast_slice(&digests[2 * first..2 * (first + count)]);
            self.hash_each(hash, Kind::Parent, blocks, &mut parents[..count]);
            digests[first..first + count].copy_from_slice(&parents[..count]);
        }
        if digests.len() % 2 == 1 {
            digests[pairs] = digests[digests.len() - 1];
        }
        digests.len().div_ceil(2)
    }
}

/// Gives `hash` the blocks in groups of `N`, and returns what is left behind the last whole group.
#[cfg(target_arch = "x86_64")]
fn in_groups<'a, const N: usize>(
    blocks: &'a [[u8; 64]],
    out: &'a mut [Digest],
    hash: impl Fn(&[[u8; 64]; N], &mut [Digest; N]),
) -> (&'a [[u8; 64]], &'a mut [Digest]) {
    let (groups, rest) = blocks.as_chunks::<N>();
    let (out_groups, out_rest) = out.as_chunks_mut::<N>();
    groups.iter().zip(out_groups).for_each(|(blocks, out)| hash(blocks, out));
    (rest, out_rest)
}
