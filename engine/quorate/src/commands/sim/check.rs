//! `quorate sim check`: many seeds, every invariant after every event, and the mistakes that must be found.
//!
//! Two things are shown: that the protocol as it is violates nothing, and that the same checks find each mistake that was planted, within
//! a stated number of seeds. What is found comes with the command that runs it again and with as little of its schedule as it takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context as _, IntoDiagnostic as _, miette};
use quorate_core::hash::Digest;
use quorate_sim::check::{self, Auditors, Hunt, Report, SEEDS_PER_PLANTED};
use quorate_sim::plan::{Plan, Planted};
use serde_json::json;
use signal_hook::consts::TERM_SIGNALS;

use super::crew::in_order;
use super::seeds::{Cluster, Seeds, planted};
use super::state::{self, Failed, Hunted, Soak, State};
use crate::commands::{Out, Outcome, say, say_json};
use crate::demo::parse_duration;

const AFTER: &str = "\
Examples:
  quorate sim check --seeds 0..200
  quorate sim check --seeds 0..200 --json --planted none | jq .violations
  quorate sim check --seeds 0..1000000 --for 8h --state soak.json
  quorate sim check --seeds 0..1 --planted vote-forgotten

The same seeds give the same result on every machine, with any number of jobs. A soak with --state can be stopped with Ctrl-C, and goes on
where it was when the same command is given again.

Exit codes: 0 nothing was violated and every planted mistake was found, 1 something was violated or a mistake was not found, 2 usage,
3 could not run, or was stopped before every planted mistake was looked for.";

/// So many failures are looked into; the rest are counted.
const REDUCED_MAX: usize = 5;
/// So many runs it may take to make a schedule shorter.
const REDUCING_RUNS: u32 = 200;
/// How often the state of a soak is written.
const WRITE_EVERY: Duration = Duration::from_secs(10);

/// Options of `quorate sim check`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The seeds, from the first up to the second
    #[arg(long, value_name = "A..B", default_value = "0..100")]
    seeds: Seeds,
    /// The planted mistakes that must be found: all, none, or the name of one
    #[arg(long, value_name = "NAME", default_value = "all")]
    planted: String,
    /// How many runs at once; one for each core if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Keep in this file how far the seeds were run, and go on from there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Begin no more seeds after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    limit: Option<Duration>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

impl Options {
    fn soak(&self) -> Soak {
        Soak {
            protocol: self.cluster.protocol.name().to_owned(),
            nodes: self.cluster.nodes,
            backend: self.cluster.backend_name().to_owned(),
            seeds: self.seeds.to_string(),
            planted: self.planted.clone(),
        }
    }

    fn jobs(&self) -> usize {
        self.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
    }
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let planted = planted(&options.planted)?;
    let engine = engine(options);
    let found = options.state.as_ref().map(|path| state::read(path, &options.soak(), &engine)).transpose()?.flatten();
    let mut state = found.unwrap_or_else(|| State::begin(options.soak(), &engine, options.seeds.first));
    let interrupted = Arc::<AtomicBool>::default();
    heed_signals(&interrupted)?;
    let began = Instant::now();
    let stop = || interrupted.load(Ordering::Relaxed) || options.limit.is_some_and(|limit| began.elapsed() >= limit);
    hunt(options, &planted, &mut state, &stop)?;
    soak(options, &mut state, &stop)?;
    if options.json {
        say_json(out, &as_json(options, &planted, &state))?
    } else {
        say(out, &in_words(options, &planted, &state))?
    }
    let missed = state.hunts.iter().any(|hunted| !hunted.caught);
    if state.hunts.len() < planted.len() && state.violations + state.liveness_failures == 0 {
        return Err(miette!("stopped before every planted mistake was looked for, so nothing is known about what the checks find"));
    }
    Ok(if state.violations + state.liveness_failures > 0 || missed { Outcome::Failed } else { Outcome::Fine })
}

/// What tells this engine from one whose runs are others: its version, and the auditor of some runs.
fn engine(options: &Options) -> String {
    let mut auditors = Auditors::default();
    for seed in 0..3 {
        auditors.add(&check::run(&Plan::from_seed(seed, &options.cluster.options(None)), |_, _| {}));
    }
    format!("{} {:.16}", env!("CARGO_PKG_VERSION"), auditors.0.to_string())
}

/// Ends in good order at the first Ctrl-C, and at once at the second.
fn heed_signals(interrupted: &Arc<AtomicBool>) -> miette::Result<()> {
    for &signal in TERM_SIGNALS {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(interrupted)))
            .into_diagnostic()
            .wrap_err("cannot listen for Ctrl-C")?;
    }
    Ok(())
}

/// A bar where a person looks on.
fn bar(many: u64, done: u64, what: &'static str) -> miette::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{prefix} {bar:40} {pos} of {len}, {eta} left {msg}").into_diagnostic()?;
    Ok(ProgressBar::new(many).with_style(style).with_prefix(what).with_position(done))
}

/// Looks for every planted mistake, if that was not done before.
fn hunt(options: &Options, planted: &[Planted], state: &mut State, stop: &(impl Fn() -> bool + Sync)) -> miette::Result<()> {
    if !state.hunts.is_empty() || planted.is_empty() {
        return Ok(());
    }
    let progress = bar(planted.len() as u64, 0, "planted mistakes")?;
    let mut hunts = Vec::new();
    let look = |&planted: &Planted| check::hunt(planted, &options.cluster.options(None), 0..SEEDS_PER_PLANTED, stop);
    in_order(options.jobs(), planted.iter(), stop, look, |Hunt { planted, caught, seeds }| {
        progress.inc(1);
        let (seed, by) = caught.map(|(seed, failure)| (seed, failure.of().to_owned())).unzip();
        hunts.push(Hunted { name: planted.name().to_owned(), caught: by.is_some(), seed, seeds, by });
    });
    progress.finish_and_clear();
    if !stop() {
        state.hunts = hunts;
        options.state.as_ref().map_or(Ok(()), |path| state::write(path, state))?;
    }
    Ok(())
}

/// Runs the seeds that were not run before.
fn soak(options: &Options, state: &mut State, stop: &(impl Fn() -> bool + Sync)) -> miette::Result<()> {
    let Seeds { first, end } = options.seeds;
    let progress = bar(end - first, state.next - first, "seeds")?;
    let plan_of = |seed| Plan::from_seed(seed, &options.cluster.options(None));
    let work = |seed| {
        let began = Instant::now();
        let report = check::run(&plan_of(seed), |_, _| {});
        (report, began.elapsed())
    };
    let mut written = Instant::now();
    let mut failed = None;
    let seeds = state.next..end;
    in_order(options.jobs(), seeds, stop, work, |(report, took)| {
        take(options, state, &report, took);
        progress.inc(1);
        progress.set_message(format!("· {} violations", state.violations));
        if let Some(path) = &options.state
            && written.elapsed() >= WRITE_EVERY
        {
            failed = failed.take().or(state::write(path, state).err());
            written = Instant::now();
        }
    });
    progress.finish_and_clear();
    failed.map_or(Ok(()), Err)?;
    options.state.as_ref().map_or(Ok(()), |path| state::write(path, state))
}

/// Takes account of a run.
fn take(options: &Options, state: &mut State, report: &Report, took: Duration) {
    let mut auditors = Auditors(state.auditor.parse().unwrap_or(Digest::ZERO));
    auditors.add(report);
    state.auditor = auditors.0.to_string();
    state.next = report.seed + 1;
    state.events += report.events;
    state.busy_seconds += took.as_secs_f64();
    state.undecided += u64::from(report.undecided.is_some());
    let Some(failure) = &report.failure else { return };
    if failure.is_violation() {
        state.violations += 1
    } else {
        state.liveness_failures += 1
    }
    if state.failures.len() >= REDUCED_MAX {
        return;
    }
    let plan = Plan::from_seed(report.seed, &options.cluster.options(None));
    let reduced = check::reduce(&plan, failure, REDUCING_RUNS);
    state.failures.push(Failed {
        seed: report.seed,
        of: failure.of().to_owned(),
        detail: failure.to_string(),
        replay: options.cluster.replay(report.seed, None, None),
        faults: report.faults,
        schedule: reduced.plan.faults.iter().map(ToString::to_string).collect(),
        detail_reduced: reduced.report.failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        replay_reduced: options.cluster.replay(report.seed, None, Some(&reduced.keep)),
    });
}

fn events_per_second(state: &State) -> f64 {
    if state.busy_seconds > 0.0 { (state.events as f64 / state.busy_seconds).round() } else { 0.0 }
}

fn as_json(options: &Options, planted: &[Planted], state: &State) -> serde_json::Value {
    let caught = state.hunts.iter().filter(|hunted| hunted.caught).count();
    json!({
        "protocol": state.soak.protocol,
        "nodes": state.soak.nodes,
        "backend": state.soak.backend,
        "seeds": state.soak.seeds,
        "seeds_done": state.next - options.seeds.first,
        "finished": is_finished(options, planted, state),
        "events": state.events,
        "events_per_second": events_per_second(state),
        "violations": state.violations,
        "liveness_failures": state.liveness_failures,
        "undecided_histories": state.undecided,
        "failures": state.failures,
        "planted_bugs": { "total": planted.len(), "caught": caught, "seeds_at_most": SEEDS_PER_PLANTED, "table": state.hunts },
        "auditor": state.auditor,
    })
}

fn is_finished(options: &Options, planted: &[Planted], state: &State) -> bool {
    state.next == options.seeds.end && state.hunts.len() == planted.len()
}

fn in_words(options: &Options, planted: &[Planted], state: &State) -> String {
    let Soak { protocol, nodes, backend, seeds, .. } = &state.soak;
    let mut text = format!("{protocol}, {nodes} servers, backend {backend}, seeds {seeds}\n");
    if !state.hunts.is_empty() {
        let caught = state.hunts.iter().filter(|hunted| hunted.caught).count();
        text += &format!("\n  {:<24}{:>6}{:>7}   found by\n", "planted mistake", "seed", "seeds");
        for Hunted { name, seed, seeds, by, .. } in &state.hunts {
            let seed = seed.map_or("-".to_owned(), |seed| seed.to_string());
            text += &format!("  {name:<24}{seed:>6}{seeds:>7}   {}\n", by.as_deref().unwrap_or("NOT FOUND"));
        }
        text += &format!("  {caught} of {} were found, {SEEDS_PER_PLANTED} seeds for each at most\n", state.hunts.len());
    }
    for Failed { seed, detail, replay, faults, schedule, detail_reduced, replay_reduced, .. } in &state.failures {
        text += &format!("\nseed {seed} FAILED: {detail}\n  again: {replay}\n  of {faults} faults it takes {}\n", schedule.len());
        schedule.iter().for_each(|fault| text += &format!("    {fault}\n"));
        text += &format!("  which give: {detail_reduced}\n  with these alone: {replay_reduced}\n");
    }
    let failures = state.violations + state.liveness_failures;
    if failures > state.failures.len() as u64 {
        text += &format!("\nand {} more seeds failed\n", failures - state.failures.len() as u64);
    }
    let done = state.next - options.seeds.first;
    let rate = crate::demo::rate(events_per_second(state));
    let events = crate::demo::count(state.events);
    text += &format!("\n{} seeds, {events} events, {rate} a core\n", crate::demo::count(done));
    text += &format!("{} violations, {} without progress", state.violations, state.liveness_failures);
    text += &match state.undecided {
        0 => "\n".to_owned(),
        many => format!(", {many} histories undecided within their budget\n"),
    };
    text += &format!("auditor {}\n", state.auditor);
    if !is_finished(options, planted, state) {
        text += &match &options.state {
            Some(path) => format!("stopped before the end; the same command goes on from {}\n", path.display()),
            None => "stopped before the end\n".to_owned(),
        };
    }
    text
}
