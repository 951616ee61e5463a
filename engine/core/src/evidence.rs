//! Evidence: two signatures of one member that no honest member gives.
//!
//! Both are under the same context and of the same kind, and they verify under ZIP-215 with the key that the electorate has for the
//! member. What they say makes the [`Fault`]:
//!
//! - *equivocation*: two candidates, of any kind that means something ([`crate::claim`]);
//! - *contradictory bodies*: one candidate with two bodies, where the kind has a body that must be unique, which is the view change.
//!
//! Two signatures over the same content are one vote and no evidence. The form is not written down but follows from the content, and
//! the lesser statement, by candidate and then body, stands first: the same two signatures make the same evidence.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | version, 1 |
//! | 1–156 | context 85, electorate header 70, kind 1, as in a certificate |
//! | 157–158 | the member's index u16 |
//! | 159–222 | its record |
//! | 223– | number of proof nodes u32, and each node 32: the inclusion proof of the record |
//! | the last 256 | two statements: candidate 32, body digest 32, signature 64 |

use thiserror::Error;

use crate::anchor::TrustAnchor;
use crate::ballot::Signature;
use crate::certificate::Statement;
use crate::claim::{Claim, ClaimError, decode_nodes, encode_nodes};
use crate::codec::{DecodeError, Reader};
use crate::context::Context;
use crate::electorate::{Electorate, Member};
use crate::hash::Digest;
use crate::ids::{MemberId, Voter};
use crate::merkle::{InclusionProof, ProofError};
use crate::vote::{Kind, Pbft};

/// What one signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// For which candidate.
    pub candidate: Digest,
    /// With which body; zero where there is none.
    pub body: Digest,
    /// The signature.
    pub signature: Signature,
}

impl Said {
    fn content(&self) -> (Digest, Digest) {
        (self.candidate, self.body)
    }
}

/// What a member did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It named two candidates.
    Equivocation,
    /// It gave one candidate two bodies.
    ContradictoryBodies,
}

/// Why two signatures are no evidence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvidenceError {
    /// Cluster, electorate, header or kind.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// Both say the same.
    #[error("both statements are for candidate {0} with the same body, which is one vote; expected two that differ")]
    Same(Digest),
    /// They differ only in a body that the kind does not bind.
    #[error("the statements differ only in their bodies, which is no fault in {0:?}; expected two candidates, or two view changes")]
    BodyIsNoFault(Kind),
    /// There is no such voter.
    #[error("voter {voter} is none of the electorate's {members} members")]
    UnknownVoter {
        /// Who is accused.
        voter: Voter,
        /// How many members there are.
        members: u32,
    },
    /// The member is not the electorate's at this place.
    #[error("the accused is not the member of the electorate that it is said to be: {0}")]
    Membership(#[from] ProofError),
    /// Whoever has no key signs nothing.
    #[error("member {0} has no vote key in the electorate; expected one, since it is said to have signed")]
    Keyless(MemberId),
    /// A signature is none.
    #[error("the {} signature of member {member} does not verify (ZIP-215) over what it is said to say", ["first", "second"][which & 1])]
    Signature {
        /// Which of the two: 0 or 1.
        which: usize,
        /// Who is accused.
        member: MemberId,
    },
}

/// Two signatures that convict a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    claim: Claim,
    voter: Voter,
    member: Member,
    nodes: Vec<Digest>,
    /// The lesser first; never of the same content.
    said: [Said; 2],
}

impl Evidence {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// Below 2^16 members a proof has no more nodes.
    const NODES_MAX: usize = 16;

    /// Accuses `voter` of having said both, in whatever order.
    ///
    /// # Errors
    /// If that is no fault, or if it cannot be proved.
    pub fn new(context: Context, electorate: &Electorate, kind: Kind, voter: Voter, said: [Said; 2]) -> Result<Self, EvidenceError> {
        let claim = Claim::new(context, *electorate.header(), kind)?;
        let unknown = EvidenceError::UnknownVoter { voter, members: electorate.header().members };
        let member = *electorate.member(voter).ok_or(unknown)?;
        let [one, other] = said;
        let said = if one.content() <= other.content() { [one, other] } else { [other, one] };
        let nodes = electorate.tree().inclusion(u64::from(voter.0))?.path;
        let evidence = Self { claim, voter, member, nodes, said };
        evidence.check_content()?;
        evidence.check_signatures()?;
        Ok(evidence)
    }

    /// What was signed about: context, electorate and kind.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Who is accused, as votes name it.
    #[must_use]
    pub fn voter(&self) -> Voter {
        self.voter
    }

    /// Who is accused.
    #[must_use]
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// What it said, the lesser first.
    #[must_use]
    pub fn said(&self) -> &[Said; 2] {
        &self.said
    }

    /// What it did.
    #[must_use]
    pub fn fault(&self) -> Fault {
        if self.said[0].candidate == self.said[1].candidate { Fault::ContradictoryBodies } else { Fault::Equivocation }
    }

    /// Checks everything, from the bytes and the anchor alone.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, anchor: &TrustAnchor) -> Result<(), EvidenceError> {
        self.claim.check(anchor)?;
        self.check_content()?;
        let head = self.claim.header().tree_head();
        let proof = InclusionProof { hash: head.hash, index: u64::from(self.voter.0), size: head.size, path: self.nodes.clone() };
        proof.verify(&head, &self.member.leaf())?;
        self.check_signatures()
    }

    fn check_content(&self) -> Result<(), EvidenceError> {
        let [one, other] = &self.said;
        if one.content() == other.content() {
            return Err(EvidenceError::Same(one.candidate));
        }
        let kind = self.claim.kind();
        if self.fault() == Fault::ContradictoryBodies && kind != Kind::Pbft(Pbft::ViewChange) {
            return Err(EvidenceError::BodyIsNoFault(kind));
        }
        Ok(())
    }

    fn check_signatures(&self) -> Result<(), EvidenceError> {
        let id = self.member.id;
        let key = self.member.key.ok_or(EvidenceError::Keyless(id))?;
        for (which, said) in self.said.iter().enumerate() {
            if !Statement::new(&self.claim, said.candidate).is_signed(&key, &said.body, &said.signature) {
                return Err(EvidenceError::Signature { which, member: id });
            }
        }
        Ok(())
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        self.claim.encode(&mut out);
        out.extend(self.voter.0.to_le_bytes());
        out.extend(self.member.record());
        encode_nodes(&self.nodes, &mut out);
        for said in &self.said {
            out.extend(said.candidate.0);
            out.extend(said.body.0);
            out.extend(said.signature.0);
        }
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no evidence. Whether it convicts is for [`Evidence::verify`] to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("evidence", bytes);
        reader.expect_u8("version", Self::VERSION)?;
        let claim = Claim::decode(&mut reader)?;
        let at = reader.at();
        let voter = Voter(reader.u16("index")?);
        let members = claim.header().members;
        if u32::from(voter.0) >= members {
            return Err(reader.unexpected_at(at, "index", voter, format!("less than {members}, the number of members")));
        }
        let member = Member::decode(&mut reader)?;
        let nodes = decode_nodes(&mut reader, Self::NODES_MAX)?;
        let at = reader.at();
        let said = [read_said(&mut reader)?, read_said(&mut reader)?];
        if said[0].content() >= said[1].content() {
            return Err(reader.unexpected_at(at, "first statement", said[0].candidate, "the lesser of two that differ".into()));
        }
        reader.finish()?;
        Ok(Self { claim, voter, member, nodes, said })
    }
}

fn read_said(reader: &mut Reader<'_>) -> Result<Said, DecodeError> {
    let candidate = Digest(reader.array("candidate")?);
    let body = Digest(reader.array("body digest")?);
    Ok(Said { candidate, body, signature: Signature(reader.array("signature")?) })
}
