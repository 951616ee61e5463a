//! `quorate sim replay`: one seed, told event by event.
//!
//! A run follows from its seed, so that what failed once fails again, with all the faults of its plan or with those alone that it takes.

use std::collections::VecDeque;

use clap::Args;
use quorate_sim::World;
use quorate_sim::check;
use quorate_sim::fact::Fact;
use quorate_sim::plan::Plan;
use serde_json::json;

use super::seeds::{Cluster, keep, one_planted};
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate sim replay --seed 4711
  quorate sim replay --seed 4711 --keep 3,17 --last 200
  quorate sim replay --seed 3 --planted vote-forgotten --verbose

`quorate sim check` prints the command for each seed that failed, and one with the faults alone that the failure takes.

Exit codes: 0 nothing was violated, 1 something was (it is the last line), 2 usage, 3 could not run.";

/// Options of `quorate sim replay`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// The seed
    #[arg(long, value_name = "N")]
    seed: u64,
    /// Only these faults of its plan, by their numbers, or none
    #[arg(long, value_name = "3,17")]
    keep: Option<String>,
    /// A mistake to plant
    #[arg(long, value_name = "NAME", default_value = "none")]
    planted: String,
    /// How much to tell of what came before the end
    #[arg(long, value_name = "N", default_value_t = 40)]
    last: usize,
    /// Tell everything
    #[arg(long, conflicts_with_all = ["last", "json"])]
    verbose: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let planted = one_planted(&options.planted)?;
    let whole = Plan::from_seed(options.seed, &options.cluster.options(planted));
    let kept = match &options.keep {
        Some(text) => keep(text, &whole)?,
        None => (0..whole.faults.len()).collect(),
    };
    let plan = check::with_faults(&whole, &kept);
    if !options.json {
        say(out, &schedule(options, &plan, &kept))?;
    }
    let mut told = Ok(());
    let mut tale = Tale { last: if options.json { 0 } else { options.last }, lines: VecDeque::new() };
    let report = check::run(&plan, |world, _| {
        if !options.verbose {
            return tale.hear(world);
        }
        for fact in world.facts().iter().filter(|fact| is_told(fact)) {
            if told.is_ok() {
                told = say(out, &line(world.now(), world.events(), fact));
            }
        }
    });
    told?;
    let failed = report.failure.as_ref();
    if options.json {
        let faults: Vec<String> = plan.faults.iter().map(ToString::to_string).collect();
        say_json(
            out,
            &json!({
                "protocol": options.cluster.protocol.name(),
                "seed": options.seed,
                "planted": planted.map(|planted| planted.name()),
                "events": report.events,
                "time_ns": report.time,
                "schedule": faults,
                "failure": failed.map(|failure| json!({ "of": failure.of(), "detail": failure.to_string() })),
                "undecided": report.undecided,
                "auditor": quorate_core::hash::Digest(report.auditor).to_string(),
            }),
        )?;
    } else {
        let mut text = String::new();
        tale.lines.iter().for_each(|(at, event, fact)| text += &line(*at, *event, fact));
        text += &format!("\n{} events, auditor {}\n", crate::demo::count(report.events), quorate_core::hash::Digest(report.auditor));
        text += &report.undecided.as_ref().map_or_else(String::new, |why| format!("the history is undecided {why}\n"));
        text += &failed.map_or_else(|| "nothing was violated\n".to_owned(), |failure| format!("FAILED {failure}\n"));
        say(out, &text)?;
    }
    Ok(if failed.is_none() { Outcome::Fine } else { Outcome::Failed })
}

fn schedule(options: &Options, plan: &Plan, kept: &[usize]) -> String {
    let Cluster { protocol, nodes, .. } = &options.cluster;
    let mut text = format!("{}, {nodes} servers, seed {}, planted: {}\n\n", protocol.name(), options.seed, options.planted);
    if kept.is_empty() {
        text += "  no faults\n";
    }
    kept.iter().zip(&plan.faults).for_each(|(nth, fault)| text += &format!("  [{nth}] {fault}\n"));
    text + "\n"
}

/// Whether a fact is worth telling: how much memory is used is not, as long as it is not too much.
fn is_told(fact: &Fact) -> bool {
    !matches!(fact, Fact::Memory { bytes, bytes_max, waiting, waiting_max, .. } if bytes <= bytes_max && waiting <= waiting_max)
}

fn line(now: u64, event: u64, fact: &Fact) -> String {
    format!("{:>5}.{:06} s {event:>8}  {fact}\n", now / 1_000_000_000, now / 1_000 % 1_000_000)
}

/// The last of what happened.
struct Tale {
    last: usize,
    lines: VecDeque<(u64, u64, Fact)>,
}

impl Tale {
    fn hear(&mut self, world: &World) {
        for fact in world.facts().iter().filter(|fact| is_told(fact)) {
            if self.lines.len() == self.last {
                self.lines.pop_front();
            }
            if self.lines.len() < self.last {
                self.lines.push_back((world.now(), world.events(), fact.clone()));
            }
        }
    }
}
