//! A small cluster whose four members can sign, so that seeds are valid down to their last signature.

use ed25519_dalek::{Signer as _, SigningKey};
use quorate_core::anchor::{ElectorateChange, TrustAnchor};
use quorate_core::ballot::Signature;
use quorate_core::certificate::Certificate;
use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member, VoteKey};
use quorate_core::evidence::{Evidence, Said};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View, Voter};
use quorate_core::merkle::Tree;
use quorate_core::quorum::Rule;
use quorate_core::receipt::{LogRoot, Receipt};
use quorate_core::vote::{Kind, Pbft};

const COMMIT: Kind = Kind::Pbft(Pbft::Commit);

pub(crate) struct Cluster {
    electorate: Electorate,
    context: Context,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let electorate = Self::electorate(0);
        let context = Context {
            cluster: ClusterId(electorate.root()),
            engine: COMMIT.engine(),
            partition: PartitionId(0),
            electorate: electorate.root(),
            height: Height(7),
            view: View(2),
        };
        Self { electorate, context }
    }

    fn electorate(epoch: u64) -> Electorate {
        let member = |id| Member::new(id, 1).with_key(VoteKey(key(id).verifying_key().to_bytes()));
        Electorate::new(Epoch(epoch), Rule::TwoThirds, (0..4 + epoch).map(member)).expect("members with keys are an electorate")
    }

    fn said(&self, voter: u16, candidate: Digest) -> Said {
        let body = Digest::ZERO;
        let signature = key(u64::from(voter)).sign(&self.context.signed_bytes(COMMIT, &candidate, &body));
        Said { candidate, body, signature: Signature(signature.to_bytes()) }
    }

    fn certify(&self, candidate: Digest, voters: impl IntoIterator<Item = u16>) -> Certificate {
        let ballots = voters.into_iter().map(|voter| {
            let said = self.said(voter, candidate);
            (Voter(voter), said.body, said.signature)
        });
        Certificate::assemble(self.context, &self.electorate, COMMIT, candidate, ballots).expect("enough voters sign")
    }

    pub(crate) fn certificate(&self, voters: impl IntoIterator<Item = u16>) -> Certificate {
        self.certify(Digest([0xca; 32]), voters)
    }

    /// The cluster, and the change to an electorate of five.
    pub(crate) fn anchor(&self) -> TrustAnchor {
        let next = *Self::electorate(1).header();
        let change = ElectorateChange { next, certificate: self.certify(ElectorateChange::digest(&next), 0..4) };
        TrustAnchor::new(self.context.cluster, [change]).expect("the change is certified")
    }

    pub(crate) fn receipt(&self) -> Receipt {
        let entries: Vec<[u8; 2]> = (0..5).map(|entry| [entry, 0]).collect();
        let tree = Tree::of_data(TreeHash::Blake3, &entries);
        let log = LogRoot(tree.head());
        let proof = tree.inclusion(2).expect("there are five entries");
        Receipt::new(log, &entries[2], proof, self.certify(log.digest(), 0..3)).expect("the entry is in the log")
    }

    pub(crate) fn equivocation(&self) -> Evidence {
        let said = [self.said(1, Digest([1; 32])), self.said(1, Digest([2; 32]))];
        Evidence::new(self.context, &self.electorate, COMMIT, Voter(1), said).expect("two candidates are a fault")
    }
}

fn key(member: u64) -> SigningKey {
    let mut seed = [0x51; 32];
    seed[..8].copy_from_slice(&member.to_le_bytes());
    SigningKey::from_bytes(&seed)
}
