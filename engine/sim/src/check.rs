//! A run with everything checked, what a failure comes down to, and how soon planted mistakes are found.
//!
//! After every event, the invariants; at the end, that the cluster made progress once nothing went wrong any more, and that the history of
//! the clients is linearizable. A history that could not be judged within its budget is told apart: it is neither good nor bad.

use std::fmt;
use std::ops::Range;

use quorate_core::hash::{Digest, tagged};

use crate::World;
use crate::history::Verdict;
use crate::invariants::{Invariants, Observed, Violation};
use crate::judge;
use crate::minimise;
use crate::plan::{Options, Plan, Planted};

/// So many steps the check of a history may take.
pub const HISTORY_STEPS: u64 = 4_000_000;

/// From seed 0 on, with five servers, every planted mistake is found within so many seeds. Most take one or two, and none took more than
/// 56 when this was written; but any change of the world deals the seeds anew.
pub const SEEDS_PER_PLANTED: u64 = 200;

/// More events than this in a second of the world's time are no progress.
pub const EVENTS_PER_SECOND: u64 = 1_000_000;

const SECOND: u64 = 1_000_000_000;

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// An invariant did not hold.
    Violated(Violation),
    /// A server did, or found on its disk, what cannot come about.
    Impossible(String),
    /// The clients saw what no single machine could have answered.
    NotLinearizable(String),
    /// Nothing went wrong any more, and the cluster made no progress.
    Stuck(String),
}

impl Failure {
    /// What it is a failure of: an invariant's name, `impossible`, `linearizability`, or `progress`.
    #[must_use]
    pub fn of(&self) -> &'static str {
        match self {
            Self::Violated(violation) => violation.invariant,
            Self::Impossible(_) => "impossible",
            Self::NotLinearizable(_) => "linearizability",
            Self::Stuck(_) => "progress",
        }
    }

    /// Whether it is one of safety: something happened that must never happen.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        !matches!(self, Self::Stuck(_))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violated(violation) => violation.fmt(f),
            Self::Impossible(why) => write!(f, "impossible: {why}"),
            Self::NotLinearizable(why) => write!(f, "linearizability: {why}"),
            Self::Stuck(why) => write!(f, "progress: {why}"),
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// How many events there were.
    pub events: u64,
    /// How long it was, in nanoseconds of the world's time.
    pub time: u64,
    /// How many faults its plan has.
    pub faults: usize,
    /// The hash over everything that happened.
    pub auditor: [u8; 32],
    /// What went wrong. A run ends at the first violation.
    pub failure: Option<Failure>,
    /// Why it is not known whether the history is linearizable, if it is not.
    pub undecided: Option<String>,
}

/// Runs a plan to its end, or to the first violation. `watch` sees the world after every event, and what is known of it by then.
pub fn run(plan: &Plan, watch: impl FnMut(&World, &Observed)) -> Report {
    run_world(World::new(plan), plan, watch)
}

/// As [`run`], with everything told that a trace wants.
pub fn record(plan: &Plan, watch: impl FnMut(&World, &Observed)) -> Report {
    let mut world = World::new(plan);
    world.listen();
    run_world(world, plan, watch)
}

fn run_world(mut world: World, plan: &Plan, mut watch: impl FnMut(&World, &Observed)) -> Report {
    let mut invariants = Invariants::default();
    let (mut pace, mut breathless) = (Pace::default(), None);
    let violation = loop {
        let seen = invariants.see(world.events(), world.now(), world.facts());
        watch(&world, invariants.observed());
        if let Err(violation) = seen {
            break Some(*violation);
        }
        breathless = pace.see(world.events(), world.now());
        if breathless.is_some() || !world.step() {
            break None;
        }
    };
    let (mut failure, mut undecided) = (violation.map(Failure::Violated), None);
    if failure.is_none() {
        failure = world.broken().map(|why| Failure::Impossible(why.to_owned()));
    }
    if failure.is_none() {
        (failure, undecided) = judged(&world);
    }
    if failure.is_none() {
        failure = breathless.or_else(|| world.stuck()).map(Failure::Stuck);
    }
    Report {
        seed: plan.seed,
        events: world.events(),
        time: world.now(),
        faults: plan.faults.len(),
        auditor: world.auditor(),
        failure,
        undecided,
    }
}

/// How much happens while time goes on: more than [`EVENTS_PER_SECOND`] is a world that goes in circles.
#[derive(Default)]
struct Pace {
    since: u64,
    events: u64,
}

impl Pace {
    fn see(&mut self, events: u64, now: u64) -> Option<String> {
        if now - self.since >= SECOND {
            *self = Self { since: now, events };
        }
        let count = events - self.events;
        (count > EVENTS_PER_SECOND).then(|| format!("{count} events within a second, from {} ms on", self.since / 1_000_000))
    }
}

/// Whether the clients saw what a single machine could have answered.
fn judged(world: &World) -> (Option<Failure>, Option<String>) {
    match judge::judge(world.record().operations(), HISTORY_STEPS) {
        Ok(Verdict::Linearizable) => (None, None),
        Ok(Verdict::NotLinearizable(why)) => {
            let key = why.key.as_deref().unwrap_or("nothing");
            let (of, done) = (why.operations, why.linearized.len());
            let why = format!("of {of} operations on {key} only {done} can be put in an order, which leaves {}", why.state);
            (Some(Failure::NotLinearizable(why)), None)
        }
        Ok(Verdict::Undecided(progress)) => (None, Some(progress.to_string())),
        Err(why) => (Some(Failure::NotLinearizable(why.to_string())), None),
    }
}

/// A failure with the faults that it takes.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// Which of the plan's faults are needed, by their place in it.
    pub keep: Vec<usize>,
    /// The plan with these alone.
    pub plan: Plan,
    /// What that came to.
    pub report: Report,
}

/// The plan with some of its faults only.
#[must_use]
pub fn with_faults(plan: &Plan, keep: &[usize]) -> Plan {
    let faults = keep.iter().filter_map(|&nth| plan.faults.get(nth).cloned()).collect();
    Plan { faults, ..plan.clone() }
}

/// Leaves out of a plan what the same failure can do without, in at most so many runs.
#[must_use]
pub fn reduce(plan: &Plan, failure: &Failure, runs: u32) -> Reduced {
    let fails = |report: &Report| report.failure.as_ref().is_some_and(|found| found.of() == failure.of());
    let keep = minimise::needed(plan.faults.len(), runs, |keep| fails(&run(&with_faults(plan, keep), |_, _| {})));
    let plan = with_faults(plan, &keep);
    let report = run(&plan, |_, _| {});
    Reduced { keep, plan, report }
}

/// How a search for a planted mistake went.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// What was planted.
    pub planted: Planted,
    /// The first seed that found it, and what it violated there.
    pub caught: Option<(u64, Failure)>,
    /// How many seeds that took, or were tried in vain.
    pub seeds: u64,
}

/// Looks for a planted mistake, seed by seed, until a run violates something. That a cluster is stuck does not count: it may be for a
/// mistake of the search's own. Ends early when `stop` says so.
pub fn hunt(planted: Planted, options: &Options, seeds: Range<u64>, stop: impl Fn() -> bool) -> Hunt {
    let options = Options { planted: Some(planted), ..*options };
    let mut tried = 0;
    for seed in seeds {
        if stop() {
            break;
        }
        tried += 1;
        let report = run(&Plan::from_seed(seed, &options), |_, _| {});
        if let Some(failure) = report.failure.filter(Failure::is_violation) {
            return Hunt { planted, caught: Some((seed, failure)), seeds: tried };
        }
    }
    Hunt { planted, caught: None, seeds: tried }
}

/// One hash over the auditors of many runs, in the order of their seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auditors(pub Digest);

impl Auditors {
    /// Takes account of the next run.
    pub fn add(&mut self, report: &Report) {
        self.0 = tagged("quorate 2026-11 simulation auditors v1", &[&self.0.0, &report.seed.to_le_bytes(), &report.auditor]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_protocol::raft::Planted as Mistake;

    fn quiet(seed: u64) -> Report {
        run(&Plan::from_seed(seed, &Options { faults: false, faults_ns: Some(500_000_000), ..Options::default() }), |_, _| {})
    }

    #[test]
    fn the_hash_over_runs_is_of_all_of_them_in_their_order() {
        let (first, second) = (quiet(1), quiet(2));
        assert_eq!((quiet(1), &first.failure), (first.clone(), &None));
        let of = |reports: &[&Report]| {
            let mut auditors = Auditors::default();
            reports.iter().for_each(|report| auditors.add(report));
            auditors
        };
        assert_ne!(of(&[&first, &second]), of(&[&second, &first]));
        assert_ne!(of(&[&first, &second]), of(&[&first]));
    }

    #[test]
    fn a_failure_that_shows_by_itself_takes_no_fault_and_is_the_same_again() {
        let hunt = hunt(Planted::Raft(Mistake::AckCountedTwice), &Options::default(), 0..10, || false);
        let (seed, failure) = hunt.caught.unwrap();
        let plan = Plan::from_seed(seed, &Options { planted: Some(hunt.planted), ..Options::default() });
        assert_eq!(run(&plan, |_, _| {}).failure, Some(failure.clone()));
        let reduced = reduce(&plan, &failure, 50);
        assert!(reduced.keep.is_empty() && reduced.plan.faults.is_empty());
        assert_eq!(reduced.report.failure.unwrap().of(), failure.of());
    }

    #[test]
    fn a_failure_that_takes_a_fault_keeps_it_and_little_else() {
        let hunt = hunt(Planted::FolderNotSynced, &Options::default(), 0..20, || false);
        let (seed, failure) = hunt.caught.unwrap();
        let plan = Plan::from_seed(seed, &Options { planted: Some(hunt.planted), ..Options::default() });
        let reduced = reduce(&plan, &failure, 50);
        assert!((1..=2).contains(&reduced.keep.len()), "{:?} of {}", reduced.keep, plan.faults.len());
        assert_eq!(reduced.report.failure.unwrap().of(), failure.of());
    }

    #[test]
    fn a_world_that_goes_in_circles_is_told_from_one_that_is_busy() {
        let mut pace = Pace::default();
        for second in 0..5 {
            assert_eq!(pace.see(second * EVENTS_PER_SECOND, second * SECOND), None);
        }
        assert_eq!(pace.see(5 * EVENTS_PER_SECOND, 4 * SECOND), None);
        assert!(pace.see(5 * EVENTS_PER_SECOND + 1, 5 * SECOND - 1).is_some());
    }

    #[test]
    fn a_hunt_that_is_stopped_or_has_no_seeds_finds_nothing() {
        let planted = Planted::Raft(Mistake::AckCountedTwice);
        let stopped = hunt(planted, &Options::default(), 0..10, || true);
        let without = hunt(planted, &Options::default(), 0..0, || false);
        assert!(stopped.caught.is_none() && stopped.seeds == 0 && without.caught.is_none());
    }
}
