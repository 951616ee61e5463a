//! A ballot: a vote with what makes it worth believing.

use crate::hash::Digest;
use crate::vote::Vote;

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub struct Signature(pub [u8; 64]);

impl Signature {
    /// What stands where nothing is signed.
    pub const NONE: Self = Self([0; 64]);
}

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// A vote, the digest of the message body that it came with (zero where there is none), and its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ballot {
    /// What is said.
    pub vote: Vote,
    /// The digest of the body.
    pub body: Digest,
    /// The voter's signature over the round's signed bytes; [`Signature::NONE`] in rounds that are not signed.
    pub signature: Signature,
}

impl Ballot {
    /// A ballot without signature and body.
    #[must_use]
    pub fn unsigned(vote: Vote) -> Self {
        Self { vote, body: Digest::ZERO, signature: Signature::NONE }
    }
}
