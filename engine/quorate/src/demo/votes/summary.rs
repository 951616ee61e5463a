//! What a run comes to: one object, for people and for scripts, that says whether what was planted is what was found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_core::decision::Rejections;
use quorate_core::ids::Voter;
use quorate_core::round::Rejection;
use quorate_core::sealed::Sealed;
use quorate_pipeline::stages::Stage;
use serde::Serialize;

use super::engine::kind_name;
use super::proof::{Accused, Certified};
use super::session::Session;
use crate::demo::figures::count;

/// Everything that a run comes to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What counted.
    pub backend: &'static str,
    /// The variant that was chosen at run time.
    pub variant: String,
    /// What it ran on.
    pub device: String,
    /// How many threads it used.
    pub threads: usize,
    /// How many members voted.
    pub members: usize,
    /// What they weigh together.
    pub total_weight: u64,
    /// What decides, in words.
    pub rule: String,
    /// What decides, as a weight.
    pub needed_weight: u64,
    /// Where everything came from.
    pub seed: u64,
    /// How long it ran, without pauses.
    pub elapsed_seconds: f64,
    /// Rounds in which a block was decided.
    pub rounds_decided: u64,
    /// Rounds that ended without.
    pub rounds_undecided: u64,
    /// How many decided blocks stand on each other, from the first on.
    pub chain_height: u64,
    /// The votes by what became of them.
    pub votes: Votes,
    /// Votes that were sent twice.
    pub duplicates: Check,
    /// Votes whose signature does not verify.
    pub forgeries: Check,
    /// Votes of another engine, kind, voter or candidate.
    pub foreign: Check,
    /// Members who voted for two blocks.
    pub equivocators: Equivocators,
    /// The time of each stage for one round, in nanoseconds; of merkle, the median for the tree of a certificate.
    pub stage_nanoseconds: BTreeMap<&'static str, f64>,
    /// Votes whose signatures were verified, for each second that the pipeline itself took.
    pub verified_votes_per_second: f64,
    /// Under what conditions.
    pub shape: Shape,
    /// What the signing threads could make together, for comparison.
    pub signatures_per_second: f64,
    /// The certificate of the last decided round; none if there was no decision.
    pub certificate: Option<CertificateSummary>,
    /// What convicts each equivocator.
    pub evidence: Vec<EvidenceSummary>,
    /// The trust anchor: the cluster's id.
    pub anchor: String,
    /// What was written.
    pub files: Vec<PathBuf>,
    /// What is not as it must be, a sentence each.
    pub faults: Vec<String>,
    /// Whether everything is as it must be.
    pub passed: bool,
}

/// Votes by outcome.
#[derive(Clone, Debug, Serialize)]
pub struct Votes {
    /// All that went through the pipeline.
    pub sent: u64,
    /// Those that count, repetitions included.
    pub valid: u64,
    /// Those among them that say what their voter had said before.
    pub repeated: u64,
    /// Those that do not count, by reason.
    pub rejected: BTreeMap<String, u64>,
}

/// What was planted, and what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Counted where it was planted.
    pub planted: u64,
    /// Counted by the pipeline.
    pub found: u64,
}

/// Who voted for two blocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Equivocators {
    /// How many members were made to.
    pub planted: usize,
    /// How many were caught.
    pub found: usize,
    /// How often they did, and were caught.
    pub acts: Check,
    /// The ids of those who were caught.
    pub members: Vec<u64>,
    /// Whether those who were caught, and how often each, are those who were planted.
    pub same: bool,
}

/// How much was counted at once.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Shape {
    /// Members a round.
    pub voters: usize,
    /// Rounds that were open at once.
    pub rounds_open: usize,
    /// Votes a batch, on average.
    pub votes_per_batch: f64,
    /// How many batches there were.
    pub batches: u64,
}

/// A certificate, in figures.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateSummary {
    /// Of which height.
    pub height: u64,
    /// What was decided.
    pub block: String,
    /// How many signed.
    pub signers: usize,
    /// What they weigh.
    pub weight: u64,
    /// What decides.
    pub needed: u64,
    /// How long its encoding is.
    pub bytes: usize,
    /// Whether it verified offline, from its bytes and the trust anchor.
    pub verified: bool,
    /// How long that took.
    pub verify_microseconds: f64,
    /// Whether it was refused under another cluster's anchor, as it must be.
    pub refused_elsewhere: bool,
}

/// Evidence, in figures.
#[derive(Clone, Debug, Serialize)]
pub struct EvidenceSummary {
    /// Who.
    pub member: u64,
    /// In which round it was caught first.
    pub height: u64,
    /// With which kind of vote.
    pub kind: &'static str,
    /// For which two blocks.
    pub blocks: Vec<String>,
    /// Whether the two signatures convict, from their bytes and the trust anchor.
    pub verified: bool,
}

impl Summary {
    /// What a finished run comes to. With a directory, its proofs are written there.
    pub(crate) fn new(session: &Session, out: Option<&Path>) -> miette::Result<Self> {
        let (engine, tally) = (&session.engine, session.engine.tally());
        let (cast, descriptor, planted) = (engine.cast(), engine.descriptor(), &tally.planted);
        let thresholds = cast.electorate.thresholds();
        let signature = Rejection::Signature;
        let found_acts: BTreeMap<Voter, u64> = tally.accused.iter().map(|(&voter, accused)| (voter, accused.acts)).collect();
        let foreign = |rejections: &Rejections| rejections.total() - rejections[signature];
        let mut summary = Self {
            backend: descriptor.name,
            variant: descriptor.variant,
            device: descriptor.device,
            threads: descriptor.threads,
            members: cast.keys.len(),
            total_weight: thresholds.total[0].0,
            rule: cast.electorate.header().rule.to_string(),
            needed_weight: thresholds.least[0].0,
            seed: session.seed(),
            elapsed_seconds: session.elapsed().as_secs_f64(),
            rounds_decided: tally.decided,
            rounds_undecided: tally.undecided,
            chain_height: engine.height().0,
            votes: Votes {
                sent: tally.votes,
                valid: tally.valid,
                repeated: tally.repeated,
                rejected: tally.rejections.iter().map(|(reason, count)| (reason.name().replace(' ', "_"), count)).collect(),
            },
            duplicates: Check { planted: planted.repeated, found: tally.repeated },
            forgeries: Check { planted: planted.rejections[signature], found: tally.rejections[signature] },
            foreign: Check { planted: foreign(&planted.rejections), found: foreign(&tally.rejections) },
            equivocators: Equivocators {
                planted: tally.planted_acts.len(),
                found: found_acts.len(),
                acts: Check { planted: tally.planted_acts.values().sum(), found: found_acts.values().sum() },
                members: tally.accused.values().map(|accused| accused.member.0).collect(),
                same: tally.planted_acts == found_acts,
            },
            stage_nanoseconds: Stage::ALL.into_iter().map(|stage| (stage.name(), tally.nanos_a_round(stage))).collect(),
            verified_votes_per_second: tally.verified_a_second(),
            shape: Shape {
                voters: cast.keys.len(),
                rounds_open: engine.limit(),
                votes_per_batch: tally.votes as f64 / tally.batches.max(1) as f64,
                batches: tally.batches,
            },
            signatures_per_second: engine.generator().signatures_per_second(),
            certificate: session.certified.as_ref().map(|certified| CertificateSummary {
                height: certified.height().0,
                block: certified.block.id().to_string(),
                signers: certified.certificate.signers().len(),
                weight: certified.weight.0,
                needed: certified.needed.0,
                bytes: certified.bytes,
                verified: certified.fault.is_none(),
                verify_microseconds: certified.took.as_nanos() as f64 / 1000.0,
                refused_elsewhere: certified.refused_elsewhere,
            }),
            evidence: tally.accused.values().map(EvidenceSummary::new).collect(),
            anchor: cast.cluster().to_string(),
            files: out.map(|directory| write_proofs(session, directory)).transpose()?.unwrap_or_default(),
            faults: Vec::new(),
            passed: false,
        };
        summary.faults = summary.find_faults(session);
        summary.passed = summary.faults.is_empty();
        Ok(summary)
    }

    /// What is not as it must be, a sentence each.
    fn find_faults(&self, session: &Session) -> Vec<String> {
        let tally = session.engine.tally();
        let mut faults = Vec::new();
        let mut expect_same = |what: &str, planted: u64, found: u64| {
            if planted != found {
                faults.push(format!("{what}: {} planted, {} found", count(planted), count(found)));
            }
        };
        expect_same("valid votes", tally.planted.valid, tally.valid);
        expect_same("votes sent twice", tally.planted.repeated, tally.repeated);
        for ((reason, planted), (_, found)) in tally.planted.rejections.iter().zip(tally.rejections.iter()) {
            expect_same(&format!("votes rejected for {}", reason.name()), planted, found);
        }
        expect_same("equivocators", self.equivocators.planted as u64, self.equivocators.found as u64);
        expect_same("equivocations", self.equivocators.acts.planted, self.equivocators.acts.found);
        if !self.equivocators.same {
            faults.push("those who were caught voting for two blocks are not those who were made to, or not as often".to_owned());
        }
        if self.rounds_undecided > 0 {
            faults.push(format!("{} rounds ended without a decision, although a quorum voted in each", count(self.rounds_undecided)));
        }
        if self.chain_height != self.rounds_decided {
            faults.push(format!("{} blocks are decided, but the chain of them has {}", self.rounds_decided, self.chain_height));
        }
        match &session.certified {
            None => faults.push("no round was decided, so there is no certificate: let it run longer".to_owned()),
            Some(Certified { fault: Some(fault), .. }) => faults.push(format!("the last certificate does not verify: {fault}")),
            Some(certified) if !certified.refused_elsewhere => {
                faults.push("the last certificate verifies under another cluster's anchor too".to_owned());
            }
            Some(_) => {}
        }
        for accused in tally.accused.values() {
            if let Err(fault) = &accused.evidence {
                faults.push(format!("the evidence against member {} does not convict: {fault}", accused.member));
            }
        }
        faults
    }
}

impl EvidenceSummary {
    fn new(accused: &Accused) -> Self {
        Self {
            member: accused.member.0,
            height: accused.height.0,
            kind: kind_name(accused.kind),
            blocks: accused.blocks.map(|block| block.to_string()).to_vec(),
            verified: accused.evidence.is_ok(),
        }
    }
}

/// Writes certificate, block, anchor and evidence as sealed files.
fn write_proofs(session: &Session, directory: &Path) -> miette::Result<Vec<PathBuf>> {
    let cast = session.engine.cast();
    let mut proofs = vec![("anchor.qrt".to_owned(), Sealed::from(cast.anchor()))];
    if let Some(certified) = &session.certified {
        proofs.push(("certificate.qrt".to_owned(), certified.certificate.clone().into()));
        proofs.push(("block.qrt".to_owned(), certified.block.clone().into()));
    }
    for accused in session.engine.tally().accused.values() {
        if let Ok(evidence) = &accused.evidence {
            proofs.push((format!("evidence-{}.qrt", accused.member), evidence.clone().into()));
        }
    }
    std::fs::create_dir_all(directory).into_diagnostic().wrap_err_with(|| format!("cannot create {}", directory.display()))?;
    let write = |(name, sealed): (String, Sealed)| {
        let path = directory.join(name);
        std::fs::write(&path, sealed.encode()).into_diagnostic().wrap_err_with(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    };
    proofs.into_iter().map(write).collect()
}
