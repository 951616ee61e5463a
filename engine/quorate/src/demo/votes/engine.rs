//! The loop: rounds are opened as they come from the generator, each batch takes a piece of every open round through the pipeline,
//! and a round that has come to its end is read out, compared with nothing, and closed. The last decided one stays open a little
//! longer, so that a certificate can be made of it at any time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use quorate_core::block::Block;
use quorate_core::context::Context;
use quorate_core::decision::{Outcome, Rejections};
use quorate_core::evidence::Said;
use quorate_core::hash::Digest;
use quorate_core::ids::{Height, Voter};
use quorate_core::quorum::Rule;
use quorate_core::round::{Form, Rejection, RoundSpec};
use quorate_core::vote::Kind;
use quorate_pipeline::backend::{Descriptor, Timings};
use quorate_pipeline::registry::{Registry, RegistryError};
use quorate_pipeline::stages::Stage;
use quorate_pipeline::{Backend, Batch, ElectorateId, Limits, Pipeline, RoundId, What};

use super::cast::Cast;
use super::chain::Ledger;
use super::generator::Generator;
use super::options::Options;
use super::prepared::{KINDS, Planted, Prepared, ROWS};
use super::proof::{Accused, Certified};
use crate::commands::Usage;

/// A round between its opening and its end.
struct Open {
    id: RoundId,
    round: Prepared,
    /// How many of its pieces have come.
    delivered: usize,
}

/// A decided round whose signatures are still there.
struct Kept {
    id: RoundId,
    context: Context,
    block: Block,
    row: u8,
    supporters: Vec<Voter>,
}

/// How a round looks from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Its height.
    pub(crate) height: Height,
    /// What its leading block has by prepare and by commit.
    pub(crate) weight: [u64; 2],
    /// The decided block.
    pub(crate) decided: Option<Digest>,
}

/// What was found, and beside it what was planted, of all rounds that have ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Rounds in which a block was decided.
    pub(crate) decided: u64,
    /// Rounds that ended without a decision.
    pub(crate) undecided: u64,
    /// Votes that counted, repetitions included.
    pub(crate) valid: u64,
    /// Votes that said what their voter had said before.
    pub(crate) repeated: u64,
    /// Votes that did not count.
    pub(crate) rejections: Rejections,
    /// What was planted: the sums of all rounds.
    pub(crate) planted: Planted,
    /// How often each equivocator was planted.
    pub(crate) planted_acts: BTreeMap<Voter, u64>,
    /// Who equivocated.
    pub(crate) accused: BTreeMap<Voter, Accused>,
    /// How long the stages of counting took, over all batches.
    pub(crate) timings: Timings,
    /// How many batches there were, and how many votes in them.
    pub(crate) batches: u64,
    /// The votes of all batches.
    pub(crate) votes: u64,
    /// How long the merkle stage took for each certificate, in nanoseconds, sorted.
    pub(crate) trees: Vec<u64>,
}

impl Tally {
    /// Votes whose signature was looked at.
    #[must_use]
    pub(crate) fn verified(&self) -> u64 {
        self.valid + self.rejections[Rejection::Signature]
    }

    /// How long a stage takes for one round, in nanoseconds: the mean over all that ended. Trees are few, and built one by one, so
    /// that each pays for waking the threads: of merkle it is the median over the certificates.
    #[must_use]
    pub(crate) fn nanos_a_round(&self, stage: Stage) -> f64 {
        match stage {
            Stage::Merkle => self.trees.get(self.trees.len() / 2).map_or(0.0, |&nanos| nanos as f64),
            _ => self.timings.of(stage) as f64 / (self.decided + self.undecided).max(1) as f64,
        }
    }

    /// Verified votes for each second of the pipeline's own time.
    #[must_use]
    pub(crate) fn verified_a_second(&self) -> f64 {
        self.verified() as f64 * 1e9 / self.pipeline_nanos().max(1) as f64
    }

    /// The pipeline's own time for counting, in nanoseconds.
    #[must_use]
    pub(crate) fn pipeline_nanos(&self) -> u64 {
        [Stage::Decode, Stage::Verify, Stage::Aggregate, Stage::Quorum].map(|stage| self.timings.of(stage)).iter().sum()
    }
}

/// The rounds, the pipeline that counts them, and what has come of it.
pub(crate) struct Engine {
    cast: Arc<Cast>,
    pipeline: Pipeline,
    electorate: ElectorateId,
    generator: Generator,
    limit: usize,
    batch: Batch,
    open: Vec<Open>,
    kept: Option<Kept>,
    recent: VecDeque<Progress>,
    ledger: Ledger,
    tally: Tally,
}

impl Engine {
    /// How many ended rounds are remembered for whoever wants to see them.
    const RECENT: usize = 128;

    /// Builds the electorate, starts the signers, and opens nothing yet.
    pub(crate) fn new(options: &Options) -> miette::Result<Self> {
        let cast = Arc::new(Cast::new(options)?);
        let generator = Generator::start(&cast, options)?;
        let mut pipeline = Pipeline::new(backend(&options.backend)?, Limits::default());
        pipeline.set_timed(true);
        let electorate = pipeline.admit(&cast.electorate).into_diagnostic().wrap_err("the pipeline does not take the electorate")?;
        Ok(Self {
            cast,
            pipeline,
            electorate,
            generator,
            limit: options.open_rounds(),
            batch: Batch::new(),
            open: Vec::new(),
            kept: None,
            recent: VecDeque::new(),
            ledger: Ledger::default(),
            tally: Tally::default(),
        })
    }

    /// Takes one piece of every open round through the pipeline. With `refill`, rounds are opened first, up to the limit; if the
    /// signers do not have them within `wait`, nothing is run and the answer is no.
    pub(crate) fn step(&mut self, refill: bool, wait: Duration) -> miette::Result<bool> {
        if (refill && !self.refill(wait)?) || self.open.is_empty() {
            return Ok(false);
        }
        self.batch.clear();
        for Open { id, round, delivered } in &mut self.open {
            if let Some(piece) = round.pieces.get(*delivered) {
                self.batch.add_ballots(*id, &round.ballots[piece.clone()]);
                *delivered += 1;
            }
        }
        let report = {
            let _still = self.generator.turnstile().hold();
            self.pipeline.run(&self.batch).into_diagnostic().wrap_err("the pipeline could not run a batch")?
        };
        self.tally.timings += report.timings;
        self.tally.batches += 1;
        self.tally.votes += report.votes as u64;
        self.stop_at_conflict()?;
        let (ended, open) = std::mem::take(&mut self.open).into_iter().partition(|open| open.delivered >= open.round.pieces.len());
        self.open = open;
        Vec::into_iter(ended).try_for_each(|open| self.end(open))?;
        Ok(true)
    }

    /// Lets the open rounds come to their end.
    pub(crate) fn drain(&mut self) -> miette::Result<()> {
        while self.step(false, Duration::ZERO)? {}
        Ok(())
    }

    fn refill(&mut self, wait: Duration) -> miette::Result<bool> {
        let until = Instant::now() + wait;
        while self.open.len() < self.limit {
            let Some(round) = self.generator.take(until.saturating_duration_since(Instant::now()))? else { return Ok(false) };
            let kinds = KINDS.map(|kind| (kind, Rule::TwoThirds));
            let spec = RoundSpec::new(round.context, Form::Candidates { rows: ROWS }, true, &kinds).into_diagnostic()?;
            let candidates: Vec<Digest> = round.blocks.iter().map(Block::id).collect();
            let id = self.pipeline.open(self.electorate, &spec, &candidates).into_diagnostic().wrap_err("cannot open a round")?;
            self.open.push(Open { id, round, delivered: 0 });
        }
        Ok(true)
    }

    /// Two decisions in one round prove more faults than the electorate tolerates: nothing may go on.
    fn stop_at_conflict(&self) -> miette::Result<()> {
        let Some(event) = self.pipeline.events().iter().find(|event| event.what == What::Conflict) else { return Ok(()) };
        let height = self.open.iter().find(|open| open.id == event.round).map(|open| open.round.context.height);
        Err(miette!(
            "two blocks reached a quorum of {} at height {}: more members are faulty than the electorate tolerates",
            kind_name(event.kind),
            height.unwrap_or_default()
        ))
    }

    /// Reads a round out, and closes the one that was kept before it.
    fn end(&mut self, Open { id, round, .. }: Open) -> miette::Result<()> {
        let outcome = self.pipeline.outcome(id).into_diagnostic()?;
        let progress = progress(&round, &outcome);
        self.count(id, &round, &outcome)?;
        let decided = outcome.decided().find(|standing| standing.kind == KINDS[1]);
        let closing = match decided {
            Some(standing) => {
                let block = round.blocks[usize::from(standing.row)].clone();
                self.ledger.decide(block.clone())?;
                self.tally.decided += 1;
                let supporters = standing.supporters.iter().collect();
                let kept = Kept { id, context: round.context, block, row: standing.row, supporters };
                self.keep(kept)
            }
            None => {
                self.tally.undecided += 1;
                Some(id)
            }
        };
        if let Some(closing) = closing {
            self.pipeline.close(closing).into_diagnostic()?;
        }
        if self.recent.len() == Self::RECENT {
            self.recent.pop_back();
        }
        self.recent.push_front(progress);
        Ok(())
    }

    /// Keeps the decided round that is the highest; the other can be closed.
    fn keep(&mut self, kept: Kept) -> Option<RoundId> {
        match &self.kept {
            Some(higher) if higher.context.height > kept.context.height => Some(kept.id),
            _ => self.kept.replace(kept).map(|before| before.id),
        }
    }

    fn count(&mut self, id: RoundId, round: &Prepared, outcome: &Outcome) -> miette::Result<()> {
        let tally = &mut self.tally;
        tally.valid += outcome.valid;
        tally.repeated += outcome.repeated;
        tally.rejections += outcome.rejections;
        tally.planted.valid += round.planted.valid;
        tally.planted.repeated += round.planted.repeated;
        tally.planted.rejections += round.planted.rejections;
        for &(_, voter) in &round.planted.equivocations {
            *tally.planted_acts.entry(voter).or_default() += 1;
        }
        for (kind, voters) in &outcome.equivocators {
            for voter in voters.iter() {
                if !self.tally.accused.contains_key(&voter) {
                    let said = self.said(id, round, outcome, *kind, voter)?;
                    let accused = Accused::new(&self.cast, round.context, *kind, voter, said);
                    self.tally.accused.insert(voter, accused);
                }
                if let Some(accused) = self.tally.accused.get_mut(&voter) {
                    accused.acts += 1;
                }
            }
        }
        Ok(())
    }

    /// The two things that an equivocator signed.
    fn said(&self, id: RoundId, round: &Prepared, outcome: &Outcome, kind: Kind, voter: Voter) -> miette::Result<[Said; 2]> {
        let mut said = Vec::new();
        for standing in outcome.standings.iter().filter(|standing| standing.kind == kind && standing.supporters.contains(voter)) {
            if let Some(signed) = self.pipeline.signed(id, kind, standing.row, voter).into_diagnostic()? {
                said.push(Said { candidate: standing.candidate, body: signed.body, signature: signed.signature });
            }
        }
        let height = round.context.height;
        said.try_into().map_err(|said: Vec<Said>| {
            miette!("voter {voter} is reported to have voted for two blocks at height {height}; {} of its signatures were kept", said.len())
        })
    }

    /// The certificate of the last decided round; none if nothing is decided yet.
    pub(crate) fn certify(&mut self) -> miette::Result<Option<Certified>> {
        let Some(kept) = &self.kept else { return Ok(None) };
        let mut signatures = Vec::with_capacity(kept.supporters.len());
        for &voter in &kept.supporters {
            if let Some(signed) = self.pipeline.signed(kept.id, KINDS[1], kept.row, voter).into_diagnostic()? {
                signatures.push((voter, signed.body, signed.signature));
            }
        }
        let _still = self.generator.turnstile().hold();
        let certified = Certified::new(&self.cast, kept.context, KINDS[1], &kept.block, signatures)?;
        let nanos = certified.merkle(self.pipeline.backend_mut())?.of(Stage::Merkle);
        let place = self.tally.trees.partition_point(|&shorter| shorter < nanos);
        self.tally.trees.insert(place, nanos);
        Ok(Some(certified))
    }

    /// How the latest rounds stand: open or ended, the highest first.
    pub(crate) fn progress(&mut self, most: usize) -> miette::Result<Vec<Progress>> {
        let mut rows = Vec::new();
        for open in self.open.iter().rev().take(most) {
            let outcome = self.pipeline.outcome(open.id).into_diagnostic()?;
            rows.push(progress(&open.round, &outcome));
        }
        rows.extend(self.recent.iter().cloned());
        rows.sort_by_key(|row| std::cmp::Reverse(row.height));
        rows.truncate(most);
        Ok(rows)
    }

    /// Who takes part.
    #[must_use]
    pub(crate) fn cast(&self) -> &Cast {
        &self.cast
    }

    /// What counts.
    #[must_use]
    pub(crate) fn descriptor(&self) -> Descriptor {
        self.pipeline.backend().descriptor()
    }

    /// Who signs.
    #[must_use]
    pub(crate) fn generator(&self) -> &Generator {
        &self.generator
    }

    /// How many rounds are open at once.
    #[must_use]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// What has come of it so far.
    #[must_use]
    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// How long the chain of decided blocks is.
    #[must_use]
    pub(crate) fn height(&self) -> Height {
        self.ledger.height()
    }
}

/// A kind's name, as people say it.
#[must_use]
pub(crate) fn kind_name(kind: Kind) -> &'static str {
    if kind == KINDS[0] { "prepare" } else { "commit" }
}

fn progress(round: &Prepared, outcome: &Outcome) -> Progress {
    let weight = KINDS.map(|kind| {
        let of_kind = outcome.standings.iter().filter(|standing| standing.kind == kind);
        of_kind.map(|standing| standing.weight[0].0).max().unwrap_or(0)
    });
    let decided = outcome.decided().find(|standing| standing.kind == KINDS[1]).map(|standing| standing.candidate);
    Progress { height: round.context.height, weight, decided }
}

fn backend(name: &str) -> miette::Result<Box<dyn Backend>> {
    Registry::new().create(name, &serde_json::Value::Null).map_err(|error| match error {
        RegistryError::Backend(error) => miette::Report::msg(error).wrap_err(format!("backend {name:?} does not start")),
        wrong => Usage { what: wrong.to_string(), help: None }.into(),
    })
}
