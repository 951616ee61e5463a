//! What is on the screen, as plain data: made from a session, drawn by the view, and known to neither of them.

use std::time::Duration;

use quorate_core::round::Rejection;
use quorate_pipeline::stages::Stage;

use super::engine::{Progress, kind_name};
use super::session::Session;
use crate::demo::figures::{count, short_digest};

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// What counts: its name, variant and threads.
    pub(crate) backend: String,
    /// Who votes, and what decides.
    pub(crate) electorate: String,
    /// The beginning of the cluster's id.
    pub(crate) cluster: String,
    /// How long it has run.
    pub(crate) elapsed: Duration,
    /// When it ends by itself.
    pub(crate) limit: Option<Duration>,
    /// Whether it stands.
    pub(crate) paused: bool,
    /// Whether it goes slowly enough to be watched.
    pub(crate) slow: bool,
    /// The latest rounds, the newest first.
    pub(crate) rounds: Vec<Progress>,
    /// How many rounds are decided.
    pub(crate) decided: u64,
    /// The weight that decides, and all there is.
    pub(crate) needed: u64,
    /// See `needed`.
    pub(crate) total: u64,
    /// Votes by what became of them.
    pub(crate) outcomes: Vec<OutcomeRow>,
    /// Who voted for two blocks.
    pub(crate) accused: Vec<AccusedRow>,
    /// The stages, with the nanoseconds that each takes for a round.
    pub(crate) stages: Vec<(&'static str, f64)>,
    /// Verified votes a second of the pipeline's own time: over all, and sampled.
    pub(crate) rate: f64,
    /// See `rate`.
    pub(crate) rates: Vec<u64>,
    /// Under what conditions.
    pub(crate) shape: String,
    /// What the signing threads could make.
    pub(crate) signing: f64,
    /// How many threads sign.
    pub(crate) signers: usize,
    /// The last certificate.
    pub(crate) certificate: Option<CertificateRow>,
}

/// Votes with one outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutcomeRow {
    /// What became of them.
    pub(crate) name: &'static str,
    /// How many there are.
    pub(crate) found: u64,
    /// How many there must be.
    pub(crate) planted: u64,
    /// Whether they count.
    pub(crate) good: bool,
}

/// A member who voted for two blocks.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccusedRow {
    /// Its id.
    pub(crate) member: u64,
    /// How often it did.
    pub(crate) acts: u64,
    /// Where it was caught first: the height, the kind of vote, and the two blocks.
    pub(crate) height: u64,
    /// See `height`.
    pub(crate) kind: &'static str,
    /// See `height`.
    pub(crate) blocks: [String; 2],
    /// Whether the two signatures convict it.
    pub(crate) convicted: bool,
}

/// A certificate.
#[derive(Clone, Debug, Default)]
pub(crate) struct CertificateRow {
    /// Of which height.
    pub(crate) height: u64,
    /// The beginning of the block's id.
    pub(crate) block: String,
    /// How many signed.
    pub(crate) signers: usize,
    /// Of how many.
    pub(crate) members: usize,
    /// What they weigh.
    pub(crate) weight: u64,
    /// Its length.
    pub(crate) bytes: usize,
    /// Whether it verified.
    pub(crate) verified: bool,
    /// How long that took.
    pub(crate) took: Duration,
    /// Whether another cluster's anchor refuses it.
    pub(crate) refused_elsewhere: bool,
}

impl Model {
    /// How a session looks now, with at most so many rounds.
    pub(crate) fn of(session: &mut Session, rounds: usize, slow: bool) -> miette::Result<Self> {
        let rounds = session.engine.progress(rounds)?;
        let engine = &session.engine;
        let (tally, cast, descriptor) = (engine.tally(), engine.cast(), engine.descriptor());
        let thresholds = cast.electorate.thresholds();
        let (needed, total) = (thresholds.least[0].0, thresholds.total[0].0);
        let mut outcomes = vec![
            OutcomeRow { name: "valid", found: tally.valid, planted: tally.planted.valid, good: true },
            OutcomeRow { name: "of them repeated", found: tally.repeated, planted: tally.planted.repeated, good: true },
        ];
        outcomes.extend(Rejection::ALL.into_iter().map(|reason| OutcomeRow {
            name: reason.name(),
            found: tally.rejections[reason],
            planted: tally.planted.rejections[reason],
            good: false,
        }));
        let threads = if descriptor.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", descriptor.threads) };
        Ok(Self {
            backend: format!("{} · {} · {threads}", descriptor.name, descriptor.variant),
            electorate: format!("{} members · {} of weight {}", count(cast.keys.len() as u64), cast.electorate.header().rule, count(total)),
            cluster: short_digest(&cast.cluster().0),
            elapsed: session.elapsed(),
            limit: session.limit,
            paused: session.is_paused(),
            slow,
            rounds,
            decided: tally.decided,
            needed,
            total,
            outcomes,
            accused: tally
                .accused
                .values()
                .map(|accused| AccusedRow {
                    member: accused.member.0,
                    acts: accused.acts,
                    height: accused.height.0,
                    kind: kind_name(accused.kind),
                    blocks: accused.blocks.map(|block| short_digest(&block)),
                    convicted: accused.evidence.is_ok(),
                })
                .collect(),
            stages: Stage::ALL.into_iter().map(|stage| (stage.name(), tally.nanos_a_round(stage))).collect(),
            rate: tally.verified_a_second(),
            rates: session.rates.clone(),
            shape: format!("{} voters × {} rounds", count(cast.keys.len() as u64), engine.limit()),
            signing: engine.generator().signatures_per_second(),
            signers: engine.generator().threads(),
            certificate: session.certified.as_ref().map(|certified| CertificateRow {
                height: certified.height().0,
                block: short_digest(&certified.block.id()),
                signers: certified.certificate.signers().len(),
                members: cast.keys.len(),
                weight: certified.weight.0,
                bytes: certified.bytes,
                verified: certified.fault.is_none(),
                took: certified.took,
                refused_elsewhere: certified.refused_elsewhere,
            }),
        })
    }
}
