//! The same rounds through a backend and through the reference: everything that comes out must be equal.

use super::{Make, Script, Seeded, Verdict};
use crate::pipeline::{Limits, Pipeline, PipelineError, RoundId};
use crate::reference::Reference;
use crate::{Batch, Event};

/// How many rounds are open at once.
const TOGETHER: u64 = 24;

/// Compares a backend with the reference on the largest and smallest rounds, and on so many random ones, many of them open at once.
#[must_use]
pub fn differential(make: Make<'_>, seed: u64, rounds: u64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut rng = Seeded::new(seed);
    let mut pair = Pair::new(make);
    for (nth, script) in Script::extremes(&mut rng).into_iter().enumerate() {
        let result = pair.compare(make, &[script], &mut rng);
        verdict.case(result.map_err(|what| format!("seed {seed}, extreme {nth}: {what}")));
    }
    random(make, seed, rounds, &mut verdict);
    verdict
}

/// The random part of the comparison.
pub(super) fn random(make: Make<'_>, seed: u64, rounds: u64, verdict: &mut Verdict) {
    let mut rng = Seeded::new(seed);
    let mut pair = Pair::new(make);
    let mut done = 0;
    while done < rounds {
        let together = TOGETHER.min(rounds - done);
        let case = format!("seed {seed}, rounds {done} to {}", done + together - 1);
        done += together;
        let max_members = if rng.one_in(12) { 5000 } else { 300 };
        let scripts: Vec<Script> = (0..together).map(|_| Script::random(&mut rng, max_members)).collect();
        verdict.cases += together;
        if let Err(what) = pair.compare(make, &scripts, &mut rng) {
            verdict.failures.push(format!("{case}: {what}"));
        }
    }
}

/// The two that are compared.
struct Pair {
    subject: Pipeline,
    referee: Pipeline,
}

impl Pair {
    fn new(make: Make<'_>) -> Self {
        let referee = Pipeline::new(Box::new(Reference::new()), Limits::default());
        Self { subject: Pipeline::new(make(), Limits::default()), referee }
    }

    /// Compares, and after a difference, which leaves the two out of step, begins afresh.
    fn compare(&mut self, make: Make<'_>, scripts: &[Script], rng: &mut Seeded) -> Result<(), String> {
        let result = compare(&mut self.subject, &mut self.referee, scripts, rng);
        if result.is_err() {
            *self = Self::new(make);
        }
        result
    }
}

/// What one of the two pipelines has open.
struct Side<'a> {
    pipeline: &'a mut Pipeline,
    rounds: Vec<RoundId>,
    electorates: Vec<crate::ElectorateId>,
}

impl<'a> Side<'a> {
    fn open(pipeline: &'a mut Pipeline, scripts: &[Script], first_rows: &[usize]) -> Result<Self, PipelineError> {
        let (mut rounds, mut electorates) = (Vec::new(), Vec::new());
        for (script, &rows) in scripts.iter().zip(first_rows) {
            let electorate = pipeline.admit(&script.cast.electorate)?;
            rounds.push(pipeline.open(electorate, &script.spec, &script.candidates[..rows])?);
            electorates.push(electorate);
        }
        Ok(Self { pipeline, rounds, electorates })
    }

    /// Runs these pieces and says what happened, with rounds named by their number.
    fn run(&mut self, scripts: &[Script], pieces: &[(usize, std::ops::Range<usize>)]) -> Result<Vec<(usize, Event)>, PipelineError> {
        let mut batch = Batch::new();
        for (nth, range) in pieces {
            let ballots = &scripts[*nth].ballots[range.clone()];
            if scripts[*nth].spec.signed() {
                // Every ninth signed piece comes without its signatures, and must be rejected.
                if range.start % 9 == 8 {
                    let votes: Vec<_> = ballots.iter().map(|ballot| ballot.vote).collect();
                    batch.add_votes(self.rounds[*nth], &votes);
                } else {
                    batch.add_ballots(self.rounds[*nth], ballots);
                }
            } else {
                let votes: Vec<_> = ballots.iter().map(|ballot| ballot.vote).collect();
                batch.add_votes(self.rounds[*nth], &votes);
            }
        }
        self.pipeline.run(&batch)?;
        let number = |round: RoundId| self.rounds.iter().position(|&known| known == round);
        Ok(self.pipeline.events().iter().filter_map(|event| Some((number(event.round)?, *event))).collect())
    }
}

fn compare(subject: &mut Pipeline, referee: &mut Pipeline, scripts: &[Script], rng: &mut Seeded) -> Result<(), String> {
    let failed = |who: &'static str| move |error: PipelineError| format!("{who} failed: {error}");
    // Some candidates come late, when votes for them may have been rejected.
    let first_rows: Vec<usize> = scripts
        .iter()
        .map(|script| if rng.one_in(5) { rng.below(script.candidates.len() as u64 + 1) as usize } else { script.candidates.len() })
        .collect();
    let mut subject = Side::open(subject, scripts, &first_rows).map_err(failed("the subject"))?;
    let mut referee = Side::open(referee, scripts, &first_rows).map_err(failed("the referee"))?;
    let mut next = vec![0; scripts.len()];
    for run in 0..4 {
        let mut pieces = Vec::new();
        for (nth, script) in scripts.iter().enumerate() {
            let left = script.ballots.len() - next[nth];
            let mut take = if run == 3 { left } else { rng.below(left as u64 + 1) as usize };
            while take > 0 {
                let some = if rng.one_in(3) { 1 + rng.below(take as u64) as usize } else { take };
                pieces.push((nth, next[nth]..next[nth] + some));
                next[nth] += some;
                take -= some;
            }
        }
        rng.shuffle(&mut pieces);
        let found = subject.run(scripts, &pieces).map_err(failed("the subject"))?;
        let expected = referee.run(scripts, &pieces).map_err(failed("the referee"))?;
        let plain = |events: &[(usize, Event)]| events.iter().map(|(nth, event)| (*nth, event.kind, event.what)).collect::<Vec<_>>();
        if plain(&found) != plain(&expected) {
            return Err(format!("run {run}: events {:?}; expected {:?}", plain(&found), plain(&expected)));
        }
        if run == 1 {
            for (nth, script) in scripts.iter().enumerate() {
                for &candidate in &script.candidates[first_rows[nth]..] {
                    subject.pipeline.add_candidate(subject.rounds[nth], candidate).map_err(failed("the subject"))?;
                    referee.pipeline.add_candidate(referee.rounds[nth], candidate).map_err(failed("the referee"))?;
                }
            }
        }
    }
    for (nth, script) in scripts.iter().enumerate() {
        let (mine, theirs) = (subject.rounds[nth], referee.rounds[nth]);
        let found = subject.pipeline.outcome(mine).map_err(failed("the subject"))?;
        let expected = referee.pipeline.outcome(theirs).map_err(failed("the referee"))?;
        if found != expected {
            return Err(format!("round {nth}, {:?}: outcome {found:?}; expected {expected:?}", script.spec.form()));
        }
        let found = subject.pipeline.export(mine).map_err(failed("the subject"))?;
        let expected = referee.pipeline.export(theirs).map_err(failed("the referee"))?;
        if found != expected {
            return Err(format!("round {nth}, {:?}: the bitmaps or signatures differ", script.spec.form()));
        }
        for side in [&mut subject, &mut referee] {
            side.pipeline.close(side.rounds[nth]).map_err(failed("closing"))?;
            side.pipeline.dismiss(side.electorates[nth]).map_err(failed("dismissing"))?;
        }
    }
    Ok(())
}
