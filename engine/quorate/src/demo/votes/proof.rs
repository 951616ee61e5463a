//! What is left when the votes are gone: a certificate of a decision and the evidence against a member, checked as a stranger would,
//! from their bytes and a trust anchor alone.

use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use quorate_core::ballot::Signature;
use quorate_core::block::Block;
use quorate_core::certificate::Certificate;
use quorate_core::context::Context;
use quorate_core::evidence::{Evidence, Said};
use quorate_core::hash::{Digest, TreeHash};
use quorate_core::ids::{Height, MemberId, Voter, Weight};
use quorate_core::vote::Kind;
use quorate_pipeline::Backend;
use quorate_pipeline::backend::Timings;
use quorate_pipeline::layout::Buffer;
use quorate_pipeline::recording::{Command, Recording};
use quorate_pipeline::stages::{Stage, merkle::node_count};

use super::cast::Cast;

/// A certificate, and what a stranger says of it.
#[derive(Clone, Debug)]
pub(crate) struct Certified {
    /// As it came back from its bytes.
    pub(crate) certificate: Certificate,
    /// What was decided.
    pub(crate) block: Block,
    /// What the signers weigh.
    pub(crate) weight: Weight,
    /// What decides.
    pub(crate) needed: Weight,
    /// How long its encoding is.
    pub(crate) bytes: usize,
    /// Why it does not verify; none if it does.
    pub(crate) fault: Option<String>,
    /// How long the verification took.
    pub(crate) took: Duration,
    /// Whether it is refused under another cluster's anchor, as it must be.
    pub(crate) refused_elsewhere: bool,
}

impl Certified {
    /// Assembles the certificate of a block from its voters' signatures, and has it verified.
    pub(crate) fn new(
        cast: &Cast,
        context: Context,
        kind: Kind,
        block: &Block,
        signatures: impl IntoIterator<Item = (Voter, Digest, Signature)>,
    ) -> miette::Result<Self> {
        let height = context.height;
        let assembled = Certificate::assemble(context, &cast.electorate, kind, block.id(), signatures)
            .into_diagnostic()
            .wrap_err_with(|| format!("the certificate of height {height} cannot be assembled from what the pipeline kept"))?;
        let bytes = assembled.encode();
        let certificate = Certificate::decode(&bytes)
            .into_diagnostic()
            .wrap_err_with(|| format!("the certificate of height {height} does not come back from its own bytes"))?;
        if certificate != assembled {
            return Err(miette!("the certificate of height {height} comes back from its bytes as another"));
        }
        let anchor = cast.anchor();
        let before = Instant::now();
        let verdict = certificate.verify(&anchor);
        let took = before.elapsed();
        let weight = cast.electorate.weigh(certificate.signers().iter().map(|signer| signer.voter))[0];
        Ok(Self {
            block: block.clone(),
            weight,
            needed: cast.electorate.thresholds().least[0],
            bytes: bytes.len(),
            fault: verdict.err().map(|error| error.to_string()),
            took,
            refused_elsewhere: certificate.verify(&cast.elsewhere).is_err(),
            certificate,
        })
    }

    /// Which height it is of.
    #[must_use]
    pub(crate) fn height(&self) -> Height {
        self.certificate.context().height
    }

    /// Whether it is valid here and nowhere else.
    #[must_use]
    pub(crate) fn holds(&self) -> bool {
        self.fault.is_none() && self.refused_elsewhere
    }

    /// The root over the certificate's leaves, from the backend's merkle stage; an error if the certificate itself says otherwise.
    pub(crate) fn merkle(&self, backend: &mut dyn Backend) -> miette::Result<Timings> {
        let hash = TreeHash::default();
        let leaves: Vec<u8> = self.certificate.leaves().flatten().collect();
        let count = self.certificate.signers().len();
        let nodes = node_count(count);
        let mut recording = Recording::new(true);
        recording.push(Command::Upload { to: Buffer::Leaves, bytes: &leaves });
        recording.push(Command::Dispatch { stage: Stage::Merkle, items: count, parameter: hash.code() });
        recording.push(Command::Download { from: Buffer::Nodes, bytes: nodes * 32 });
        let timings = backend.execute(&recording).into_diagnostic()?;
        let expected = self.certificate.root(hash);
        match backend.downloaded(Buffer::Nodes).last_chunk::<32>() {
            Some(&root) if Digest(root) == expected => Ok(timings),
            Some(&root) => Err(miette!("the merkle stage gives the certificate the root {}; expected {expected}", Digest(root))),
            None => Err(miette!("the merkle stage gave no root; expected {expected}")),
        }
    }
}

/// A member who voted for two blocks.
#[derive(Clone, Debug)]
pub(crate) struct Accused {
    /// Its id.
    pub(crate) member: MemberId,
    /// In how many rounds and kinds it was found.
    pub(crate) acts: u64,
    /// Where it was found first.
    pub(crate) height: Height,
    /// The kind of vote with which it was found there.
    pub(crate) kind: Kind,
    /// The two blocks that it voted for there.
    pub(crate) blocks: [Digest; 2],
    /// The two signatures, if they convict: verified under the cluster's anchor, refused under another's.
    pub(crate) evidence: Result<Evidence, String>,
}

impl Accused {
    /// Accuses a voter of having said both.
    #[must_use]
    pub(crate) fn new(cast: &Cast, context: Context, kind: Kind, voter: Voter, said: [Said; 2]) -> Self {
        let member = cast.electorate.member(voter).map(|member| member.id).unwrap_or_default();
        let evidence = Evidence::new(context, &cast.electorate, kind, voter, said).map_err(|error| error.to_string()).and_then(|made| {
            let evidence = Evidence::decode(&made.encode()).map_err(|error| error.to_string())?;
            evidence.verify(&cast.anchor()).map_err(|error| error.to_string())?;
            match evidence.verify(&cast.elsewhere) {
                Ok(()) => Err("it convicts under another cluster's anchor too".to_owned()),
                Err(_) => Ok(evidence),
            }
        });
        Self { member, acts: 0, height: context.height, kind, blocks: said.map(|said| said.candidate), evidence }
    }
}
