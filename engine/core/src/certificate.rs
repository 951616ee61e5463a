//! A certificate: a quorum of signatures, with everything that is needed to believe it except a trust anchor.
//!
//! It holds the context and the electorate's header, the kind, the candidate, the rule, and for each signer its member record, its
//! signature and the digest of its message's body; one multi-proof shows that all those records stand in the electorate. Validity is a
//! function of these bytes and a [`TrustAnchor`], never of what the reader happens to know. The rule must be the header's, which the
//! electorate's root commits to: nobody can bring a weaker one. Nodes that saw different ballots may hold different certificates of
//! one decision; all of them are valid, and their candidates are the same.
//!
//! A certificate of a *step* (prepare, view change) is valid and decides nothing: who needs a decision asks
//! [`Certificate::is_final`], as receipts and electorate changes do.
//!
//! ZIP-215 takes keys of small order, under which anyone can sign anything. A member that has such a key is anyone's vote, as is one
//! that publishes its secret: the quorum rule has to outweigh both. With honest keys no changed bit leaves a certificate valid.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | version, 1 |
//! | 1–85 | context: cluster 32, engine 1, partition 4, electorate root 32, height 8, view 8 |
//! | 86–155 | electorate header: epoch 8, rule 9, joint 1, members 4, weights 8 + 8, members' root 32 |
//! | 156 | the kind's code |
//! | 157–188 | candidate |
//! | 189–197 | rule |
//! | 198–201 | number of signers u32, at least 1 and at most the header's members |
//! | 202– | each signer, 162 bytes: index u16 (rising), member record 64, body digest 32, signature 64 |
//! | then | number of proof nodes u32, and each node 32: the multi-proof for these indices, see [`crate::merkle`] |

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use thiserror::Error;

use crate::anchor::TrustAnchor;
use crate::ballot::Signature;
use crate::claim::{Claim, ClaimError, decode_nodes, encode_nodes};
use crate::codec::{DecodeError, Reader};
use crate::context::{Context, SignedBytes, fill};
use crate::electorate::{Electorate, Header, Member, VoteKey};
use crate::hash::{Digest, TreeHash};
use crate::ids::{MemberId, Voter, Weight};
use crate::merkle::{self, MultiProof, ProofError, multiproof_nodes};
use crate::quorum::{Rule, RuleError, Thresholds};
use crate::vote::Kind;
use crate::zip215;

/// One of those who signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its index in the electorate.
    pub voter: Voter,
    /// Its record in the electorate.
    pub member: Member,
    /// The digest of its message's body; zero where there is none.
    pub body: Digest,
    /// Its signature.
    pub signature: Signature,
}

impl Signer {
    /// The length of an encoded signer.
    pub const BYTES: usize = 2 + Member::BYTES + 32 + 64;
}

/// Why a certificate cannot be assembled, or is not valid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Cluster, electorate, header or kind.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The rule is not the electorate's.
    #[error("the certificate says that {found} decides; in its electorate {expected} decides")]
    OtherRule {
        /// The certificate's rule.
        found: Rule,
        /// The header's.
        expected: Rule,
    },
    /// The electorate's rule does not fit its weights.
    #[error("the electorate's rule does not fit its weights: {0}")]
    Rule(#[from] RuleError),
    /// Two quorums of the electorate need not share a member, so its decisions could contradict each other without a fault.
    #[error("two sets of {0} need not share a member, so they certify nothing; expected a rule under which any two do")]
    Divisible(Rule),
    /// The signers are not the electorate's members at these places.
    #[error("the signers are not members of the electorate as they say: {0}")]
    Membership(#[from] ProofError),
    /// The signers weigh too little.
    #[error("the signers weigh {found} in the {} half of the electorate; expected at least {needed}", ["first", "second"][half & 1])]
    Short {
        /// Which half: 0 or 1. A simple electorate is all first half.
        half: usize,
        /// The least weight that decides there.
        needed: Weight,
        /// The weight of the signers.
        found: Weight,
    },
    /// A signer has no vote key.
    #[error("signer {voter}, member {member}, has no vote key in the electorate; expected one, since it signs")]
    Keyless {
        /// Its index.
        voter: Voter,
        /// Its id.
        member: MemberId,
    },
    /// A signature is none.
    #[error("the signature of signer {voter}, member {member}, does not verify (ZIP-215) over this context, kind, candidate and body")]
    Signature {
        /// Its index.
        voter: Voter,
        /// Its id.
        member: MemberId,
    },
}

/// A quorum of signatures under one context, of one kind, for one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    claim: Claim,
    candidate: Digest,
    rule: Rule,
    /// By rising index; all below the header's number of members.
    signers: Vec<Signer>,
    /// The nodes of the multi-proof for the signers' indices.
    nodes: Vec<Digest>,
}

impl Certificate {
    /// The version that an encoding begins with.
    pub const VERSION: u8 = 1;

    /// The length of an encoding without signers and proof nodes.
    pub const FIXED_BYTES: usize = 1 + Claim::BYTES + 32 + Rule::BYTES + 4 + 4;

    /// The length of a leaf's record.
    pub const LEAF_BYTES: usize = 64;

    /// Makes a certificate from ballots for one candidate, in any order: voter, body digest, signature.
    ///
    /// Ballots that do not count (an unknown voter, one without key, a signature that does not verify) are left out. Of several valid
    /// ones of a voter, that with the least signature, then body, is kept: the same ballots make the same certificate.
    ///
    /// # Errors
    /// If the context names another electorate, if nothing can be proved with this kind or rule, or if what counts weighs too little.
    pub fn assemble(
        context: Context,
        electorate: &Electorate,
        kind: Kind,
        candidate: Digest,
        ballots: impl IntoIterator<Item = (Voter, Digest, Signature)>,
    ) -> Result<Self, CertificateError> {
        let claim = Claim::new(context, *electorate.header(), kind)?;
        let statement = Statement::new(&claim, candidate);
        let mut kept: BTreeMap<Voter, (Signature, Digest)> = BTreeMap::new();
        for (voter, body, signature) in ballots {
            let Some(key) = electorate.member(voter).and_then(|member| member.key) else { continue };
            let counts = || statement.is_signed(&key, &body, &signature);
            match kept.entry(voter) {
                Entry::Vacant(place) => {
                    if counts() {
                        place.insert((signature, body));
                    }
                }
                Entry::Occupied(mut place) => {
                    if (signature, body) < *place.get() && counts() {
                        place.insert((signature, body));
                    }
                }
            }
        }
        let signers: Vec<Signer> = kept
            .into_iter()
            .filter_map(|(voter, (signature, body))| Some(Signer { voter, member: *electorate.member(voter)?, body, signature }))
            .collect();
        check_weight(quorum_of(electorate.header())?, &signers)?;
        let indices: Vec<u64> = signers.iter().map(|signer| u64::from(signer.voter.0)).collect();
        let nodes = electorate.tree().multiproof(&indices)?.nodes;
        Ok(Self { claim, candidate, rule: electorate.header().rule, signers, nodes })
    }

    /// What was signed about: context, electorate and kind.
    #[must_use]
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// Where, when and by whom.
    #[must_use]
    pub fn context(&self) -> &Context {
        self.claim.context()
    }

    /// The fixed facts of the electorate.
    #[must_use]
    pub fn header(&self) -> &Header {
        self.claim.header()
    }

    /// What kind of statement was signed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.claim.kind()
    }

    /// What was signed for.
    #[must_use]
    pub fn candidate(&self) -> Digest {
        self.candidate
    }

    /// What decides.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// Who signed, by rising index.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }

    /// Whether a valid certificate of this kind proves a decision, and not only a step towards one.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.claim.is_final()
    }

    /// Checks everything, from the bytes and the anchor alone.
    ///
    /// # Errors
    /// The first thing that is wrong, what is cheap to check before what is not.
    pub fn verify(&self, anchor: &TrustAnchor) -> Result<(), CertificateError> {
        self.claim.check(anchor)?;
        let header = self.header();
        if self.rule != header.rule {
            return Err(CertificateError::OtherRule { found: self.rule, expected: header.rule });
        }
        self.check_membership()?;
        check_weight(quorum_of(header)?, &self.signers)?;
        let statement = Statement::new(&self.claim, self.candidate);
        for Signer { voter, member, body, signature } in &self.signers {
            let (voter, id) = (*voter, member.id);
            let key = member.key.ok_or(CertificateError::Keyless { voter, member: id })?;
            if !statement.is_signed(&key, body, signature) {
                return Err(CertificateError::Signature { voter, member: id });
            }
        }
        Ok(())
    }

    fn check_membership(&self) -> Result<(), ProofError> {
        let head = self.header().tree_head();
        let indices = self.signers.iter().map(|signer| u64::from(signer.voter.0)).collect();
        let proof = MultiProof { hash: head.hash, size: head.size, indices, nodes: self.nodes.clone() };
        let leaves: Vec<Digest> = self.signers.iter().map(|signer| signer.member.leaf()).collect();
        proof.verify(&head, &leaves)
    }

    /// The certificate's leaves: what each signer says, in 64 bytes, without the signature. Member id u64, engine u8, kind u8, six
    /// zero bytes, candidate 32, sixteen zero bytes.
    pub fn leaves(&self) -> impl Iterator<Item = [u8; Self::LEAF_BYTES]> + '_ {
        self.signers.iter().map(|signer| {
            let mut leaf = [0; Self::LEAF_BYTES];
            leaf[..8].copy_from_slice(&signer.member.id.0.to_le_bytes());
            leaf[8] = self.kind().engine() as u8;
            leaf[9] = self.kind().code();
            leaf[16..48].copy_from_slice(&self.candidate.0);
            leaf
        })
    }

    /// The root of the tree over [`Certificate::leaves`]: a short name for "these members said this", the same whichever valid
    /// signatures show it. Audit logs hold it; it proves nothing without the certificate.
    #[must_use]
    pub fn root(&self, hash: TreeHash) -> Digest {
        let leaves: Vec<Digest> = self.leaves().map(|leaf| hash.leaf(&leaf)).collect();
        merkle::root(hash, &leaves)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::FIXED_BYTES + self.signers.len() * Signer::BYTES + self.nodes.len() * 32);
        self.write(&mut out);
        out
    }

    /// Reads canonical bytes.
    ///
    /// # Errors
    /// If they are no certificate. Whether it is a valid one is for [`Certificate::verify`] to say.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new("certificate", bytes);
        let certificate = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(certificate)
    }

    /// Appends the canonical bytes, which show where they end.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(Self::VERSION);
        self.claim.encode(out);
        out.extend(self.candidate.0);
        self.rule.encode(out);
        out.extend((self.signers.len() as u32).to_le_bytes());
        for signer in &self.signers {
            out.extend(signer.voter.0.to_le_bytes());
            out.extend(signer.member.record());
            out.extend(signer.body.0);
            out.extend(signer.signature.0);
        }
        encode_nodes(&self.nodes, out);
    }

    /// Reads the canonical bytes of a certificate that stands inside something else.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.expect_u8("version", Self::VERSION)?;
        let claim = Claim::decode(reader)?;
        let candidate = Digest(reader.array("candidate")?);
        let rule = Rule::decode(reader)?;
        let members = claim.header().members;
        let signers = read_signers(reader, members)?;
        let indices: Vec<u64> = signers.iter().map(|signer| u64::from(signer.voter.0)).collect();
        let at = reader.at();
        let needed = multiproof_nodes(&indices, u64::from(members)).map_err(|error| reader.invalid(error))?.len();
        let nodes = decode_nodes(reader, needed)?;
        if nodes.len() != needed {
            return Err(reader.unexpected_at(at, "proof nodes", nodes.len(), format!("{needed}, for these signers")));
        }
        Ok(Self { claim, candidate, rule, signers, nodes })
    }
}

fn read_signers(reader: &mut Reader<'_>, members: u32) -> Result<Vec<Signer>, DecodeError> {
    let count = reader.count("signers", Signer::BYTES, members as usize)?;
    let mut signers: Vec<Signer> = Vec::with_capacity(count);
    for _ in 0..count {
        let at = reader.at();
        let voter = Voter(reader.u16("signer's index")?);
        if let Some(last) = signers.last().filter(|last| last.voter >= voter) {
            return Err(reader.unexpected_at(at, "signer's index", voter, format!("more than {}, the one before", last.voter)));
        }
        if u32::from(voter.0) >= members {
            return Err(reader.unexpected_at(at, "signer's index", voter, format!("less than {members}, the number of members")));
        }
        let member = Member::decode(reader)?;
        let body = Digest(reader.array("body digest")?);
        let signature = Signature(reader.array("signature")?);
        signers.push(Signer { voter, member, body, signature });
    }
    Ok(signers)
}

/// What decides in this electorate, if its decisions mean anything.
fn quorum_of(header: &Header) -> Result<Thresholds, CertificateError> {
    let thresholds = header.thresholds()?;
    if thresholds.intersect() { Ok(thresholds) } else { Err(CertificateError::Divisible(header.rule)) }
}

fn check_weight(thresholds: Thresholds, signers: &[Signer]) -> Result<(), CertificateError> {
    for half in 0..2 {
        // Weights of members add up to a u64; those of liars may not, and are found out by the signatures.
        let sum = signers.iter().fold(0u64, |sum, signer| sum.saturating_add(signer.member.weight[half].0));
        let (needed, found) = (thresholds.least[half], Weight(sum));
        if found < needed {
            return Err(CertificateError::Short { half, needed, found });
        }
    }
    Ok(())
}

/// The bytes that signatures are checked over: all but the body, once for all signers.
pub(crate) struct Statement {
    template: SignedBytes,
    code: u8,
    candidate: Digest,
}

impl Statement {
    pub(crate) fn new(claim: &Claim, candidate: Digest) -> Self {
        Self { template: claim.context().template(), code: claim.kind().code(), candidate }
    }

    pub(crate) fn is_signed(&self, key: &VoteKey, body: &Digest, signature: &Signature) -> bool {
        let mut signed = self.template;
        fill(&mut signed, self.code, &self.candidate, body);
        zip215::verify(&key.0, &signed, &signature.0)
    }
}
