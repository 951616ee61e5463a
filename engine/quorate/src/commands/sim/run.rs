//! `quorate sim run`: one simulated cluster, recorded.
//!
//! What is written is a trace like that of a real cluster, with labels of everything that was done to it on purpose.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context as _, IntoDiagnostic as _};
use quorate_core::hash::Digest;
use quorate_sim::check;
use quorate_sim::plan::Plan;
use quorate_sim::trace::Recording;
use quorate_telemetry::export::{Format, export};
use quorate_telemetry::trace::Reader;
use serde_json::json;

use super::seeds::{Cluster, one_planted};
use crate::commands::{Out, Outcome, say, say_json};
use crate::demo::parse_duration;

const AFTER: &str = "\
Examples:
  quorate sim run --protocol raft --nodes 5 --out run.trace
  quorate sim run --seed 7 --duration 30s --out run.trace --export parquet,csv
  quorate sim run --planted ack-before-fsync --out run.trace --json

An export is beside the trace, under its name and .jsonl, .csv or .parquet; the latter two are folders of tables.
`quorate trace info` says what a trace holds.

Exit codes: 0 recorded, and nothing was violated; 1 recorded, and something was; 2 usage, 3 could not run or write.";

/// Options of `quorate sim run`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    #[command(flatten)]
    cluster: Cluster,
    /// Where everything comes from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How long things go wrong, in the cluster's time; a time without faults follows
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// A mistake to plant
    #[arg(long, value_name = "NAME", default_value = "none")]
    planted: String,
    /// The trace
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Also write it as these, separated by commas
    #[arg(long, value_name = "FORMS", value_delimiter = ',')]
    export: Vec<Form>,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Tables in compressed columns
    Parquet,
    /// One object a line
    Jsonl,
    /// Tables as text
    Csv,
}

impl Form {
    fn format(self) -> Format {
        match self {
            Self::Parquet => Format::Parquet,
            Self::Jsonl => Format::JsonLines,
            Self::Csv => Format::Csv,
        }
    }

    fn beside(self, trace: &Path) -> PathBuf {
        let mut path = trace.as_os_str().to_owned();
        path.push(match self {
            Self::Parquet => ".parquet",
            Self::Jsonl => ".jsonl",
            Self::Csv => ".csv",
        });
        path.into()
    }
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let planted = one_planted(&options.planted)?;
    let faults_ns = options.duration.map(|duration| duration.as_nanos().min(u128::from(u64::MAX)) as u64);
    let plan = Plan::from_seed(options.seed, &quorate_sim::plan::Options { faults_ns, ..options.cluster.options(planted) });
    let name = options.out.display();
    let file = File::create(&options.out).into_diagnostic().wrap_err_with(|| format!("cannot write {name}"))?;
    let mut recording = Recording::new(BufWriter::new(file), &plan, env!("CARGO_PKG_VERSION"))
        .into_diagnostic()
        .wrap_err_with(|| format!("cannot write {name}"))?;
    let style = ProgressStyle::with_template("{bar:40} {percent} % of the faults, {eta} left {msg}").into_diagnostic()?;
    let progress = ProgressBar::new(plan.shape.faults_ns).with_style(style);
    let began = Instant::now();
    let report = check::record(&plan, |world, observed| {
        recording.take(world, observed);
        if world.events().is_multiple_of(1 << 14) {
            progress.set_position(world.now().min(plan.shape.faults_ns));
            progress.set_message(format!("· {} events", crate::demo::count(world.events())));
        }
    });
    progress.finish_and_clear();
    let seconds = began.elapsed().as_secs_f64();
    let frames = recording.finish(&report).into_diagnostic().wrap_err_with(|| format!("cannot write {name}"))?;
    let bytes = std::fs::metadata(&options.out).map_or(0, |metadata| metadata.len());
    let mut exports = Vec::new();
    for form in &options.export {
        let path = form.beside(&options.out);
        let file = File::open(&options.out).into_diagnostic().wrap_err_with(|| format!("cannot read {name}"))?;
        let trace = Reader::new(file).into_diagnostic().wrap_err_with(|| format!("cannot read {name}"))?;
        export(trace, form.format(), &path).into_diagnostic().wrap_err_with(|| format!("cannot export to {}", path.display()))?;
        exports.push(path.display().to_string());
    }
    let rate = if seconds > 0.0 { (report.events as f64 / seconds).round() } else { 0.0 };
    let (auditor, failed) = (Digest(report.auditor), report.failure.as_ref());
    if options.json {
        let object = json!({
            "protocol": options.cluster.protocol.name(),
            "nodes": options.cluster.nodes,
            "seed": options.seed,
            "planted": planted.map(|planted| planted.name()),
            "events": report.events,
            "events_per_second": rate,
            "time_ns": report.time,
            "violations": u64::from(failed.is_some_and(check::Failure::is_violation)),
            "liveness_failures": u64::from(failed.is_some_and(|failure| !failure.is_violation())),
            "failure": failed.map(ToString::to_string),
            "trace": name.to_string(),
            "frames": frames,
            "bytes": bytes,
            "exports": exports,
            "auditor": auditor.to_string(),
        });
        say_json(out, &object)?;
    } else {
        let mut text = format!("{} events in {:.1} s of the cluster's time", crate::demo::count(report.events), report.time as f64 / 1e9);
        text += &format!(", {} while recording\n", crate::demo::rate(rate));
        text += &format!("{name}: {} frames, {} bytes\n", crate::demo::count(frames), crate::demo::count(bytes));
        exports.iter().for_each(|path| text += &format!("{path}\n"));
        text += &failed.map_or_else(|| "nothing was violated\n".to_owned(), |failure| format!("FAILED {failure}\n"));
        text += &format!("auditor {auditor}\n");
        say(out, &text)?;
    }
    Ok(if failed.is_none() { Outcome::Fine } else { Outcome::Failed })
}
