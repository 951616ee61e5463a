//! The trust anchor: what a reader has to know beforehand, and what follows from it.
//!
//! What must be known is a cluster's id, which is the root of its genesis electorate. The rest is a chain of electorate changes, each
//! certified by the electorate before. An anchor is checked when it is built, so one that exists is right: it knows the roots of all
//! electorates from genesis to its last step, and the epoch of each. A certificate under any of these can be valid; under another
//! it cannot.
//!
//! Step `n` of the chain is right when
//! - its certificate is under the electorate of epoch `n - 1`, not an older one, and verifies;
//! - its kind is final ([`crate::claim::Meaning`]): no prepare, no view change;
//! - its candidate is [`ElectorateChange::digest`] of the next header, a digest that no block and no log root can have;
//! - it is of the system partition, which is where electorates are decided;
//! - the next header is of epoch `n`.
//!
//! The next electorate may have another rule: that is for the electorate before it to decide, by its own.
//!
//! An anchor says which electorates followed genesis, not that none came after. Members whose keys are stolen years after they left
//! can certify another future; a reader that wants to be safe from that takes its anchor from someone who was there.
//!
//! Bytes: version 1 ‖ cluster 32 ‖ number of changes u32 ‖ each change: next header 70 ‖ certificate.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::certificate::{Certificate, CertificateError};
use crate::codec::{DecodeError, Reader};
use crate::electorate::Header;
use crate::hash::{Digest, tagged};
use crate::ids::{ClusterId, Epoch, PartitionId};
use crate::vote::Kind;

/// One step of the chain: the electorate before certifies the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElectorateChange {
    /// The next electorate.
    pub next: Header,
    /// The electorate before, saying so.
    pub certificate: Certificate,
}

impl ElectorateChange {
    /// What is voted on, to make `next` the next electorate. Which one it follows is in the context of the votes.
    #[must_use]
    pub fn digest(next: &Header) -> Digest {
        tagged("quorate 2026-11 electorate change v1", &[&next.root().0])
    }
}

/// Why a chain of electorate changes does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("electorate change {step}: {reason}")]
pub struct AnchorError {
    /// Which step, counted from 1: the epoch that it should have led to.
    pub step: u64,
    /// What is wrong with it.
    pub reason: StepError,
}

/// What is wrong with one electorate change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StepError {
    /// It is certified by an electorate other than the last.
    #[error("it is certified under electorate {found}; expected {expected}, the last of the chain")]
    NotTheLast {
        /// The electorate of the certificate.
        found: Digest,
        /// The chain's last.
        expected: Digest,
    },
    /// Its certificate proves no decision.
    #[error("it is certified by {0:?}, from which no decision follows; expected a kind that is final")]
    NotFinal(Kind),
    /// Its certificate is for something else.
    #[error("its certificate is for candidate {found}; expected {expected}, the change to this electorate")]
    OtherCandidate {
        /// The certificate's candidate.
        found: Digest,
        /// The digest of the change.
        expected: Digest,
    },
    /// Its certificate is of an ordinary log.
    #[error("it was decided in partition {0}; expected 0, the system partition")]
    OtherPartition(PartitionId),
    /// Its electorate does not follow on the last.
    #[error("it leads to epoch {found}; expected {expected}")]
    OtherEpoch {
        /// The next header's epoch.
        found: Epoch,
        /// One more than the last.
        expected: Epoch,
    },
    /// Its certificate is not valid.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// A cluster's id, and the electorates that are known to follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustAnchor {
    cluster: ClusterId,
    chain: Vec<ElectorateChange>,
    epochs: BTreeMap<Digest, Epoch>,
}

impl TrustAnchor {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// Where electorates are decided.
    pub const SYSTEM_PARTITION: PartitionId = PartitionId(0);

    /// The anchor that knows the genesis electorate alone.
    #[must_use]
    pub fn genesis(cluster: ClusterId) -> Self {
        Self { cluster, chain: Vec::new(), epochs: BTreeMap::from([(cluster.0, Epoch(0))]) }
    }

    /// The anchor that a chain of changes leads to.
    ///
    /// # Errors
    /// If a step of it is wrong.
    pub fn new(cluster: ClusterId, chain: impl IntoIterator<Item = ElectorateChange>) -> Result<Self, AnchorError> {
        let mut anchor = Self::genesis(cluster);
        chain.into_iter().try_for_each(|change| anchor.extend(change))?;
        Ok(anchor)
    }

    /// Takes one more step. If the step is wrong the anchor stays as it is.
    ///
    /// # Errors
    /// If the step is wrong.
    pub fn extend(&mut self, change: ElectorateChange) -> Result<(), AnchorError> {
        let epoch = Epoch(self.chain.len() as u64 + 1);
        self.check(&change, epoch).map_err(|reason| AnchorError { step: epoch.0, reason })?;
        self.epochs.insert(change.next.root(), epoch);
        self.chain.push(change);
        Ok(())
    }

    fn check(&self, ElectorateChange { next, certificate }: &ElectorateChange, epoch: Epoch) -> Result<(), StepError> {
        let context = certificate.context();
        if context.electorate != self.last() {
            return Err(StepError::NotTheLast { found: context.electorate, expected: self.last() });
        }
        if !certificate.is_final() {
            return Err(StepError::NotFinal(certificate.kind()));
        }
        if context.partition != Self::SYSTEM_PARTITION {
            return Err(StepError::OtherPartition(context.partition));
        }
        let digest = ElectorateChange::digest(next);
        if certificate.candidate() != digest {
            return Err(StepError::OtherCandidate { found: certificate.candidate(), expected: digest });
        }
        if next.epoch != epoch {
            return Err(StepError::OtherEpoch { found: next.epoch, expected: epoch });
        }
        Ok(certificate.verify(self)?)
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// The changes, the oldest first.
    #[must_use]
    pub fn chain(&self) -> &[ElectorateChange] {
        &self.chain
    }

    /// The root of the last electorate of the chain.
    #[must_use]
    pub fn last(&self) -> Digest {
        self.chain.last().map_or(self.cluster.0, |change| change.next.root())
    }

    /// How many electorates are known.
    #[must_use]
    pub fn electorates(&self) -> usize {
        self.epochs.len()
    }

    /// The epoch of the electorate with this root, if it is one of the chain.
    #[must_use]
    pub fn epoch_of(&self, root: &Digest) -> Option<Epoch> {
        self.epochs.get(root).copied()
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        out.extend(self.cluster.0.0);
        out.extend((self.chain.len() as u32).to_le_bytes());
        for change in &self.chain {
            change.next.encode(&mut out);
            change.certificate.write(&mut out);
        }
        out
    }

    /// Reads canonical bytes, and checks every step.
    ///
    /// # Errors
    /// If they are no anchor, or if a step is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("trust anchor", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let mut anchor = Self::genesis(ClusterId(Digest(reader.array("cluster")?)));
        let count = reader.count("electorate changes", Header::BYTES + Certificate::FIXED_BYTES, u32::MAX as usize)?;
        for _ in 0..count {
            let next = Header::decode(&mut reader)?;
            let certificate = Certificate::read(&mut reader)?;
            anchor.extend(ElectorateChange { next, certificate }).map_err(|error| reader.invalid(error))?;
        }
        reader.finish()?;
        Ok(anchor)
    }
}
