//! Digests, and the two hashes that a Merkle tree can be built on.
//!
//! A [`Digest`] is 32 bytes and nothing else; what was hashed is known from where the digest stands. A
//! [`TreeHash`] is the rule by which a tree's leaves and parents are hashed:
//!
//! | rule | leaf | parent | empty tree |
//! |---|---|---|---|
//! | `blake3` | `keyed_hash(LEAF_KEY, data)` | `keyed_hash(PARENT_KEY, left ‖ right)` | `keyed_hash(PARENT_KEY, "")` |
//! | `sha256` | `SHA-256(0x00 ‖ data)` | `SHA-256(0x01 ‖ left ‖ right)` | `SHA-256("")` |
//!
//! `sha256` is RFC 6962 to the letter, so other people's verifiers work. `blake3` is the default: leaf and parent
//! are told apart by the key instead of by a prefix byte, which leaves a parent at exactly one compression.
//!
//! Everything that is hashed outside a tree goes through [`tagged`], so that no two uses can ever share an input.

use std::fmt;
use std::str::FromStr;

use bytemuck::{Pod, Zeroable};
use sha2::{Digest as _, Sha256};

/// The context string from which [`LEAF_KEY`] is derived.
pub const LEAF_CONTEXT: &str = "quorate 2026-07 merkle tree v1 leaf";

/// The context string from which [`PARENT_KEY`] is derived.
pub const PARENT_CONTEXT: &str = "quorate 2026-07 merkle tree v1 parent";

/// The BLAKE3 key of leaves: `derive_key(LEAF_CONTEXT, "")`.
pub const LEAF_KEY: [u8; 32] = *b"\xe4\x7c\x1a\xc6\x7b\x9b\x5e\x79\xd2\x05\xc3\x08\xcf\x1d\xad\xac\
    \x35\xbe\xb0\x91\x81\x0b\x23\xe2\xf5\x1e\x3c\x48\xf6\xc6\x58\x37";

/// The BLAKE3 key of parents: `derive_key(PARENT_CONTEXT, "")`.
pub const PARENT_KEY: [u8; 32] = *b"\x59\xe0\x90\x24\xb4\x36\xf6\x5f\x91\x3c\x39\x92\xc5\x61\x30\x12\
    \x12\xce\x53\xba\x28\x32\xb5\x87\x07\x92\x39\x47\x29\x67\xdb\x0f";

/// The prefix byte of an RFC 6962 leaf.
pub const SHA256_LEAF_PREFIX: u8 = 0x00;

/// The prefix byte of an RFC 6962 parent.
pub const SHA256_PARENT_PREFIX: u8 = 0x01;

/// A 32-byte hash value. Written and read as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Pod, Zeroable)]
#[repr(transparent)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Thirty-two zero bytes: "no digest here", in layouts that leave room for one.
    pub const ZERO: Self = Self([0; 32]);

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// Too short or too long.
    #[error("a digest is written as 64 hexadecimal digits, and this text has {found} bytes")]
    Length {
        /// The length of the text, in bytes.
        found: usize,
    },
    /// Some character is not a hexadecimal digit.
    #[error("a digest is written as 64 hexadecimal digits, and byte {at} of this text is {found:#04x}, which is none")]
    Digit {
        /// Where in the text, in bytes from its start.
        at: usize,
        /// What stands there.
        found: u8,
    },
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text: &[u8; 64] = text.as_bytes().try_into().map_err(|_| ParseDigestError::Length { found: text.len() })?;
        let nibble = |at: usize| match text[at] {
            digit @ b'0'..=b'9' => Ok(digit - b'0'),
            digit @ b'a'..=b'f' => Ok(digit - b'a' + 10),
            digit @ b'A'..=b'F' => Ok(digit - b'A' + 10),
            found => Err(ParseDigestError::Digit { at, found }),
        };
        let mut digest = Self::ZERO;
        for (i, byte) in digest.0.iter_mut().enumerate() {
            *byte = nibble(2 * i)? << 4 | nibble(2 * i + 1)?;
        }
        Ok(digest)
    }
}

/// The rule by which a Merkle tree is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum TreeHash {
    /// Keyed BLAKE3: one compression a parent. The default.
    #[default]
    Blake3,
    /// SHA-256 as in RFC 6962: two compressions a parent, and every other implementation's verifier.
    Sha256,
}

impl TreeHash {
    /// Every rule, in the order of the codes.
    pub const ALL: [Self; 2] = [Self::Blake3, Self::Sha256];

    /// The byte that stands for this rule in encodings. It never changes, and is never zero.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Blake3 => 1,
            Self::Sha256 => 2,
        }
    }

    /// The rule that `code` stands for.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Blake3),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }

    /// The name that stands for this rule in configuration and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blake3 => "blake3",
            Self::Sha256 => "sha256",
        }
    }

    /// The hash of a leaf that holds `data`.
    #[must_use]
    pub fn leaf(&self, data: &[u8]) -> Digest {
        match self {
            Self::Blake3 => Digest(blake3::keyed_hash(&LEAF_KEY, data).into()),
            Self::Sha256 => Digest(Sha256::new().chain_update([SHA256_LEAF_PREFIX]).chain_update(data).finalize().into()),
        }
    }

    /// The hash of the node above `left` and `right`.
    #[must_use]
    pub fn parent(&self, left: &Digest, right: &Digest) -> Digest {
        let mut block = [SHA256_PARENT_PREFIX; 65];
        block[1..33].copy_from_slice(&left.0);
        block[33..].copy_from_slice(&right.0);
        match self {
            Self::Blake3 => Digest(blake3::keyed_hash(&PARENT_KEY, &block[1..]).into()),
            Self::Sha256 => Digest(Sha256::digest(block).into()),
        }
    }

    /// The root of the tree that has no leaves.
    #[must_use]
    pub fn empty(&self) -> Digest {
        match self {
            Self::Blake3 => Digest(blake3::keyed_hash(&PARENT_KEY, b"").into()),
            Self::Sha256 => Digest(Sha256::digest(b"").into()),
        }
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no rule for hashing trees.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no tree hash is called {0:?}; there are \"blake3\" and \"sha256\"")]
pub struct ParseTreeHashError(String);

impl FromStr for TreeHash {
    type Err = ParseTreeHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|hash| hash.name() == text).ok_or_else(|| ParseTreeHashError(text.to_owned()))
    }
}

/// The hash of `parts` under `domain`, for everything that is not a node of a tree.
///
/// BLAKE3 in key-derivation mode: `domain` is the context string, and the material is every part, each preceded by its
/// length as a little-endian u64. So neither another domain nor another division into parts can give the same
/// input. A domain is a constant of the program, like `"quorate 2026-07 electorate root v1"`, and used for one thing.
#[must_use]
pub fn tagged(domain: &'static str, parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(domain);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
    }
    Digest(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_are_derived_from_their_context_strings() {
        assert_eq!(LEAF_KEY, blake3::derive_key(LEAF_CONTEXT, b""));
        assert_eq!(PARENT_KEY, blake3::derive_key(PARENT_CONTEXT, b""));
    }

    #[test]
    fn sha256_trees_hash_as_rfc_6962_says() {
        let hash = TreeHash::Sha256;
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        let parent = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
        assert_eq!(hash.empty().to_string(), empty);
        assert_eq!(hash.leaf(b"").to_string(), empty_leaf);
        assert_eq!(hash.parent(&hash.leaf(b""), &hash.leaf(b"\0")).to_string(), parent);
    }

    #[test]
    fn a_leaf_is_never_a_parent_of_the_same_bytes() {
        for hash in TreeHash::ALL {
            let (left, right) = (hash.leaf(b"left"), hash.leaf(b"right"));
            assert_ne!(hash.leaf(&[left.0, right.0].concat()), hash.parent(&left, &right));
            assert_ne!(hash.parent(&left, &right), hash.parent(&right, &left));
            assert_ne!(hash.leaf(b""), hash.empty());
        }
    }

    #[test]
    fn codes_and_names_lead_back_to_their_hash() {
        for code in 0..=u8::MAX {
            assert!(TreeHash::from_code(code).is_none_or(|hash| hash.code() == code));
        }
        for hash in TreeHash::ALL {
            assert_eq!(TreeHash::from_code(hash.code()), Some(hash));
            assert_eq!(hash.to_string().parse(), Ok(hash));
        }
        assert!("md5".parse::<TreeHash>().is_err());
        assert_eq!(TreeHash::default(), TreeHash::Blake3);
    }

    #[test]
    fn a_digest_reads_back_what_it_writes_and_says_what_is_wrong_with_the_rest() {
        let digest = TreeHash::Blake3.leaf(b"text");
        let text = digest.to_string();
        assert_eq!(text.parse(), Ok(digest));
        assert_eq!(text.to_uppercase().parse(), Ok(digest));
        assert_eq!(text[1..].parse::<Digest>(), Err(ParseDigestError::Length { found: 63 }));
        let spoiled = format!("{}g", &text[..63]);
        assert_eq!(spoiled.parse::<Digest>(), Err(ParseDigestError::Digit { at: 63, found: b'g' }));
    }

    #[test]
    fn a_tagged_hash_depends_on_the_domain_and_on_where_the_parts_divide() {
        let all = [
            tagged("quorate test one", &[b"ab", b"c"]),
            tagged("quorate test two", &[b"ab", b"c"]),
            tagged("quorate test one", &[b"a", b"bc"]),
            tagged("quorate test one", &[b"abc"]),
            tagged("quorate test one", &[b"ab", b"c", b""]),
            tagged("quorate test one", &[]),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|other| other != one));
        }
    }

    #[test]
    fn the_encodings_of_today_are_the_encodings_of_tomorrow() {
        let hash = TreeHash::Blake3;
        let pinned = [hash.empty(), hash.leaf(b"quorate"), hash.parent(&Digest::ZERO, &hash.leaf(b"quorate"))];
        let tagged = tagged("quorate test pin", &[b"quorate", b""]);
        assert_eq!(
            [pinned[0], pinned[1], pinned[2], tagged].map(|digest| digest.to_string()[..16].to_owned()),
            ["d3446ba0ec14472b", "3fe81ee0e096af3e", "39ef031f53176b6f", "182baee00ca3ef92"]
        );
    }
}
