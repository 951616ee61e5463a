//! A receipt: proof that one entry is in the log.
//!
//! It holds the entry's leaf hash, the inclusion proof, the log's root, and a certificate whose candidate is that root: under PBFT the
//! batch's, elsewhere the root that nodes co-sign of what is committed and applied. The root is certified together with the tree's
//! hash rule and size, because a root alone does not fix where a leaf stands.
//!
//! A log root is one more thing that a certificate can be for, and its digest has a domain of its own ([`LogRoot::digest`]): no block
//! and no electorate is ever read as a log root. The certificate must be of a final kind; a quorum of prepares is no receipt.
//!
//! A receipt says that the entry stands at its index, and everything in it is bound to that. Where the same entry was written twice, side
//! by side, the receipt of one with the index of the other is valid too, and true.
//!
//! Bytes: version 1 ‖ log root: hash 1, size 8, root 32 ‖ leaf hash 32 ‖ index 8 ‖ number of proof nodes u32, and each node 32 ‖
//! certificate.

use thiserror::Error;

use crate::anchor::TrustAnchor;
use crate::certificate::{Certificate, CertificateError};
use crate::claim::{decode_nodes, encode_nodes};
use crate::codec::{DecodeError, Reader};
use crate::hash::{Digest, TreeHash, tagged};
use crate::merkle::{InclusionProof, ProofError, TreeHead};
use crate::vote::Kind;

/// The state of a log, as its nodes certify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogRoot(pub TreeHead);

impl LogRoot {
    /// The length of an encoded log root.
    pub const BYTES: usize = 1 + 8 + 32;

    /// What is voted on, to certify this root. Of which log, at which height, is in the context of the votes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        self.encode(&mut bytes);
        tagged("quorate 2026-11 log root v1", &[&bytes])
    }

    /// Appends the canonical bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.0.hash.code());
        out.extend(self.0.size.to_le_bytes());
        out.extend(self.0.root.0);
    }

    /// Reads canonical bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let at = reader.at();
        let code = reader.u8("tree hash")?;
        let hash =
            TreeHash::from_code(code).ok_or_else(|| reader.unexpected_at(at, "tree hash", code, "1 (blake3) or 2 (sha256)".into()))?;
        Ok(Self(TreeHead { hash, size: reader.u64("size")?, root: Digest(reader.array("root")?) }))
    }
}

/// Why a receipt proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// It is for another entry.
    #[error("the entry's leaf hash is {found}; the receipt is for {expected}")]
    OtherEntry {
        /// The hash of the entry that was given.
        found: Digest,
        /// The hash in the receipt.
        expected: Digest,
    },
    /// The leaf is not in the log.
    #[error("the entry is not in the log under this root: {0}")]
    Inclusion(#[from] ProofError),
    /// The certificate is for something else.
    #[error("the certificate is for candidate {found}; expected {expected}, the digest of the log root")]
    OtherCandidate {
        /// The certificate's candidate.
        found: Digest,
        /// The log root's digest.
        expected: Digest,
    },
    /// The certificate proves no decision.
    #[error("the log root is certified by {0:?}, from which no decision follows; expected a kind that is final")]
    NotFinal(Kind),
    /// The certificate is not valid.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// Proof that an entry is in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    log: LogRoot,
    leaf: Digest,
    index: u64,
    nodes: Vec<Digest>,
    certificate: Certificate,
}

impl Receipt {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// A way to the root of `u64::MAX` leaves has no more nodes.
    const NODES_MAX: usize = 64;

    /// A receipt for `entry`, which `proof` shows to be in the log whose root is certified.
    ///
    /// # Errors
    /// If they do not fit together. Whether the certificate is valid is not looked at.
    pub fn new(log: LogRoot, entry: &[u8], proof: InclusionProof, certificate: Certificate) -> Result<Self, ReceiptError> {
        let leaf = log.0.hash.leaf(entry);
        proof.verify(&log.0, &leaf)?;
        let receipt = Self { log, leaf, index: proof.index, nodes: proof.path, certificate };
        receipt.check_candidate()?;
        Ok(receipt)
    }

    /// The log's root.
    #[must_use]
    pub fn log(&self) -> &LogRoot {
        &self.log
    }

    /// The entry's leaf hash.
    #[must_use]
    pub fn leaf(&self) -> Digest {
        self.leaf
    }

    /// Where in the log the entry stands.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What certifies the root.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Checks that `entry` is in the log, from the bytes and the anchor alone.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, anchor: &TrustAnchor, entry: &[u8]) -> Result<(), ReceiptError> {
        match self.log.0.hash.leaf(entry) {
            found if found != self.leaf => Err(ReceiptError::OtherEntry { found, expected: self.leaf }),
            _ => self.verify_leaf(anchor),
        }
    }

    /// Checks that some entry with this receipt's leaf hash is in the log, for a reader who does not have the entry.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify_leaf(&self, anchor: &TrustAnchor) -> Result<(), ReceiptError> {
        let head = &self.log.0;
        let proof = InclusionProof { hash: head.hash, index: self.index, size: head.size, path: self.nodes.clone() };
        proof.verify(head, &self.leaf)?;
        self.check_candidate()?;
        Ok(self.certificate.verify(anchor)?)
    }

    fn check_candidate(&self) -> Result<(), ReceiptError> {
        let (found, expected) = (self.certificate.candidate(), self.log.digest());
        if found != expected {
            return Err(ReceiptError::OtherCandidate { found, expected });
        }
        if !self.certificate.is_final() {
            return Err(ReceiptError::NotFinal(self.certificate.kind()));
        }
        Ok(())
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        self.log.encode(&mut out);
        out.extend(self.leaf.0);
        out.extend(self.index.to_le_bytes());
        encode_nodes(&self.nodes, &mut out);
        self.certificate.write(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no receipt. Whether it proves anything is for [`Receipt::verify`] to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("receipt", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let log = LogRoot::decode(&mut reader)?;
        let leaf = Digest(reader.array("leaf hash")?);
        let index = reader.u64("index")?;
        let nodes = decode_nodes(&mut reader, Self::NODES_MAX)?;
        let certificate = Certificate::read(&mut reader)?;
        reader.finish()?;
        Ok(Self { log, leaf, index, nodes, certificate })
    }
}
