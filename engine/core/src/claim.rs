//! What a signature can be about: a context, the electorate that it names, and the kind of statement.
//!
//! Certificates and evidence begin with the same three facts and check them in the same way against a trust anchor: the cluster is
//! the anchor's, the electorate is one of its chain, and the electorate's header, which carries the rule and the weights, is the one
//! that hashes to the root that was signed. Nothing that a proof brings along is believed before that.
//!
//! Kind and electorate are in the signed bytes, so a signature never passes for one of another kind. Which kinds prove anything at
//! all is said by [`Meaning::of`]:
//!
//! | kind | meaning |
//! |---|---|
//! | PBFT commit, PBFT checkpoint | final |
//! | Raft ack, Paxos accepted | final: their votes are not signed, so a signed one is a co-signature of what is committed and applied |
//! | PBFT prepare, PBFT view change | a step: it counts inside the protocol and decides nothing |
//! | PBFT reply | none: it names a request, of which one context has many, and its rule is the client's f + 1 |
//! | Raft pre-grant, grant, deny and heartbeat, Paxos promise and nack | none: never signed, or not in favour of anything |
//! | everything of Snow | none: the electorate of a poll is a random sample, which no anchor knows |
//!
//! Candidates are digests under a domain of their own for each use ([`crate::hash::tagged`]): a block is never taken for a log root,
//! nor a log root for an electorate.
//!
//! **What honest members owe.** In one context a member names one candidate of each of these kinds, or it can be convicted
//! ([`crate::evidence`]). So a height has one log root, under one tree hash, and a height that changes the electorate certifies the
//! change and nothing else.

use thiserror::Error;

use crate::anchor::TrustAnchor;
use crate::codec::{DecodeError, Reader};
use crate::context::Context;
use crate::electorate::Header;
use crate::hash::Digest;
use crate::ids::{ClusterId, Epoch};
use crate::vote::{Engine, Kind, Paxos, Pbft, Raft};

/// What a quorum of signed statements of one kind is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The candidate is decided, for ever.
    Final,
    /// Something inside the protocol, from which no decision follows.
    Step,
}

impl Meaning {
    /// What `kind` means. Nothing can be proved with a kind that means nothing.
    #[must_use]
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Pbft(Pbft::Commit | Pbft::Checkpoint) | Kind::Raft(Raft::Ack) | Kind::Paxos(Paxos::Accepted) => Some(Self::Final),
            Kind::Pbft(Pbft::Prepare | Pbft::ViewChange) => Some(Self::Step),
            Kind::Pbft(Pbft::Reply)
            | Kind::Raft(Raft::PreGrant | Raft::Grant | Raft::Deny | Raft::HeartbeatAck)
            | Kind::Paxos(Paxos::Promise | Paxos::Nack)
            | Kind::Snow(..) => None,
        }
    }
}

/// Why a claim cannot be made, or is not one of the anchor's cluster.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClaimError {
    /// The kind belongs to another protocol than the context.
    #[error("{kind:?} is no kind of {engine:?}, the context's protocol")]
    ForeignKind {
        /// The kind.
        kind: Kind,
        /// The context's protocol.
        engine: Engine,
    },
    /// Nothing can be proved with this kind.
    #[error("{0:?} proves nothing; expected a kind whose signatures are final or a step towards that")]
    Meaningless(Kind),
    /// The context is of another cluster.
    #[error("the context is of cluster {found}; the trust anchor is of {expected}")]
    OtherCluster {
        /// The context's cluster.
        found: ClusterId,
        /// The anchor's.
        expected: ClusterId,
    },
    /// The electorate is not in the anchor's chain.
    #[error("the context names electorate {root}, which is none of the {known} that the trust anchor leads to")]
    UnknownElectorate {
        /// What the context names.
        root: Digest,
        /// How many electorates the anchor knows.
        known: usize,
    },
    /// The header is not that of the electorate.
    #[error("the electorate's header hashes to {found}; the context names {expected}")]
    OtherHeader {
        /// The header's hash.
        found: Digest,
        /// What the context names.
        expected: Digest,
    },
    /// A genesis electorate that does not begin the count.
    #[error("the electorate's header is of epoch {found}; in the trust anchor's chain it stands at {expected}")]
    OtherEpoch {
        /// The header's epoch.
        found: Epoch,
        /// The place in the chain.
        expected: Epoch,
    },
}

/// A context, the header of the electorate that it names, and a kind that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    context: Context,
    header: Header,
    kind: Kind,
}

impl Claim {
    /// The length of an encoded claim: context, header, and the kind's code, whose protocol the context names.
    pub const BYTES: usize = Context::BYTES + Header::BYTES + 1;

    /// A claim of `kind`.
    ///
    /// # Errors
    /// If the kind is not the context's or means nothing, or if the header is not that of the context's electorate.
    pub fn new(context: Context, header: Header, kind: Kind) -> Result<Self, ClaimError> {
        let claim = Self::of_kind(context, header, kind)?;
        claim.check_header()?;
        Ok(claim)
    }

    fn of_kind(context: Context, header: Header, kind: Kind) -> Result<Self, ClaimError> {
        if kind.engine() != context.engine {
            return Err(ClaimError::ForeignKind { kind, engine: context.engine });
        }
        match Meaning::of(kind) {
            Some(_) => Ok(Self { context, header, kind }),
            None => Err(ClaimError::Meaningless(kind)),
        }
    }

    /// Where, when and by whom.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The electorate's fixed facts.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What kind of statement.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a quorum of these decides.
    #[must_use]
    pub fn is_final(&self) -> bool {
        Meaning::of(self.kind) == Some(Meaning::Final)
    }

    /// Checks that this is about the anchor's cluster, under one of its electorates.
    ///
    /// # Errors
    /// If it is not, with the first fact that differs.
    pub fn check(&self, anchor: &TrustAnchor) -> Result<(), ClaimError> {
        let (context, header) = (&self.context, &self.header);
        if context.cluster != anchor.cluster() {
            return Err(ClaimError::OtherCluster { found: context.cluster, expected: anchor.cluster() });
        }
        let Some(expected) = anchor.epoch_of(&context.electorate) else {
            return Err(ClaimError::UnknownElectorate { root: context.electorate, known: anchor.electorates() });
        };
        self.check_header()?;
        if header.epoch != expected {
            return Err(ClaimError::OtherEpoch { found: header.epoch, expected });
        }
        Ok(())
    }

    fn check_header(&self) -> Result<(), ClaimError> {
        match self.header.root() {
            root if root == self.context.electorate => Ok(()),
            found => Err(ClaimError::OtherHeader { found, expected: self.context.electorate }),
        }
    }

    /// Appends the canonical bytes.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.context.encode(out);
        self.header.encode(out);
        out.push(self.kind.code());
    }

    /// Reads canonical bytes. That the header is the right one is for [`Claim::check`] to say.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let context = Context::decode(reader)?;
        let header = Header::decode(reader)?;
        let at = reader.at();
        let code = reader.u8("kind")?;
        let kind = Kind::from_codes(context.engine as u8, code);
        kind.and_then(|kind| Self::of_kind(context, header, kind).ok())
            .ok_or_else(|| reader.unexpected_at(at, "kind", code, format!("a kind of {:?} that proves something", context.engine)))
    }
}

/// Appends a count and the digests that a proof of membership or inclusion consists of.
pub(crate) fn encode_nodes(nodes: &[Digest], out: &mut Vec<u8>) {
    out.extend((nodes.len() as u32).to_le_bytes());
    nodes.iter().for_each(|node| out.extend(node.0));
}

/// Reads a count, at most `limit`, and as many digests.
pub(crate) fn decode_nodes(reader: &mut Reader<'_>, limit: usize) -> Result<Vec<Digest>, DecodeError> {
    let count = reader.count("proof nodes", 32, limit)?;
    (0..count).map(|_| reader.array("proof node").map(Digest)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_in_favour_of_a_candidate_and_signed_means_anything() {
        let of = |engine, code| Kind::from_codes(engine as u8, code).map(Meaning::of);
        for engine in Engine::ALL.into_iter().filter(|engine| engine.is_snow()) {
            assert!((0..3).all(|code| of(engine, code) == Some(None)));
        }
        let finals = [(Engine::Raft, 3), (Engine::Pbft, 1), (Engine::Pbft, 2), (Engine::Paxos, 1)];
        let steps = [(Engine::Pbft, 0), (Engine::Pbft, 3)];
        for engine in [Engine::Raft, Engine::Pbft, Engine::Paxos] {
            for code in 0..Kind::LIMIT {
                let Some(found) = of(engine, code) else { continue };
                assert_eq!(found == Some(Meaning::Final), finals.contains(&(engine, code)));
                assert_eq!(found == Some(Meaning::Step), steps.contains(&(engine, code)));
            }
        }
    }
}
