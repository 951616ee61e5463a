//! `quorate trace`: what a recording holds, and a recording as others read it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use miette::{Context as _, IntoDiagnostic as _};
use quorate_telemetry::export::{ExportError, Format, Summary, export};
use quorate_telemetry::schema::{Body, Label};
use quorate_telemetry::trace::{Ending, LABELS_KEPT, ReadError, Reader, Survey, survey};
use serde_json::{Value, json};

use super::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate trace info run.trace
  quorate trace export run.trace --to parquet --out tables
  quorate trace export run.trace --to jsonl --out run.jsonl

`quorate trace export --help` says what the files are.

Exit codes: 0 fine, 1 the trace is damaged (what stood before was read), 2 usage, 3 no file, no trace, or a file that cannot be written.";

const AFTER_EXPORT: &str = "\
Examples:
  quorate trace export run.trace --to parquet --out tables
  quorate trace export run.trace --to jsonl --out run.jsonl

jsonl is one file, an object a line. csv and parquet are a folder of tables, always the same ones and with the same columns: votes,
rounds, roles, configurations, progress, messages, links, storage, pipeline_runs, client_operations, events, alerts, labels, manifest.
Times are nanoseconds since the recording began. Files of the same names are replaced.

Exit codes: 0 exported, 1 the trace is damaged (what stood before was exported), 2 usage, 3 no file, no trace, or a file that cannot be
written.";

/// Options of `quorate trace`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what a trace holds: its manifest, what was planted, how many frames of each kind, whether it is whole
    #[command(after_help = AFTER)]
    Info {
        /// The trace
        file: PathBuf,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Write a trace as Parquet, CSV or JSON lines
    #[command(after_help = AFTER_EXPORT)]
    Export {
        /// The trace
        file: PathBuf,
        /// What to write
        #[arg(long, value_name = "FORM")]
        to: To,
        /// Where: a file for jsonl, a folder for csv and parquet
        #[arg(long, value_name = "PATH")]
        out: PathBuf,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

/// The forms of an export.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// Tables in compressed columns
    Parquet,
    /// One object a line
    Jsonl,
    /// Tables as text
    Csv,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    match &options.command {
        Command::Info { file, json } => {
            let (trace, progress) = open(file)?;
            let survey = survey(trace);
            progress.finish_and_clear();
            if let Err(ReadError::Io(error)) = survey.ending {
                return Err(error).into_diagnostic().wrap_err_with(|| format!("cannot read {}", file.display()));
            }
            if *json {
                say_json(out, &as_json(file, &survey))?
            } else {
                say(out, &in_words(file, &survey))?
            }
            Ok(if survey.ending.is_ok() { Outcome::Fine } else { Outcome::Failed })
        }
        Command::Export { file, to, out: target, json } => {
            let format = match to {
                To::Parquet => Format::Parquet,
                To::Jsonl => Format::JsonLines,
                To::Csv => Format::Csv,
            };
            let (trace, progress) = open(file)?;
            let exported = export(trace, format, target);
            progress.finish_and_clear();
            report(out, file, target, *json, exported)
        }
    }
}

/// A trace, and the bar that shows how much of it was read where a person looks on.
fn open(path: &Path) -> miette::Result<(Reader<impl Read + use<>>, ProgressBar)> {
    let file = File::open(path).into_diagnostic().wrap_err_with(|| format!("cannot open {}", path.display()))?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left").into_diagnostic()?;
    let progress = ProgressBar::new(bytes).with_style(style);
    match Reader::new(progress.wrap_read(file)) {
        Ok(reader) => Ok((reader, progress)),
        Err(ReadError::Io(error)) => Err(error).into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display())),
        Err(error) => Err(error).into_diagnostic().wrap_err_with(|| format!("{} is no trace that can be read", path.display())),
    }
}

fn report(out: Out<'_>, file: &Path, target: &Path, json: bool, exported: Result<Summary, ExportError>) -> miette::Result<Outcome> {
    let (frames, damage, summary) = match exported {
        Ok(summary) => (summary.frames, None, Some(summary)),
        Err(ExportError::Trace { frames, error }) if !matches!(error, ReadError::Io(_)) => (frames, Some(error), None),
        Err(error) => return Err(error).into_diagnostic().wrap_err_with(|| format!("cannot export {}", file.display())),
    };
    let finished = summary.as_ref().map(|summary| matches!(summary.ending, Ending::Finished { .. }));
    let skipped = summary.as_ref().map_or(0, |summary| summary.skipped);
    if json {
        let files = summary.iter().flat_map(|summary| &summary.files);
        let files: Vec<Value> = files.map(|file| json!({ "path": file.path.display().to_string(), "rows": file.rows })).collect();
        let damage = damage.as_ref().map(ToString::to_string);
        let object = json!({
            "file": file.display().to_string(),
            "out": target.display().to_string(),
            "frames": frames,
            "skipped": skipped,
            "finished": finished,
            "damage": damage,
            "files": files,
        });
        say_json(out, &object)?;
    } else {
        let mut text = format!("{}: {frames} frames exported to {}\n", file.display(), target.display());
        for file in summary.iter().flat_map(|summary| &summary.files).filter(|file| file.rows > 0) {
            let name = file.path.file_name().unwrap_or_default();
            text += &format!("  {:<28} {}\n", name.to_string_lossy(), file.rows);
        }
        if skipped > 0 {
            text += &format!("  {skipped} frames of a later version were left out\n");
        }
        if finished == Some(false) {
            text += "  the trace is unfinished: whoever wrote it was stopped, or still writes\n";
        }
        if let Some(damage) = &damage {
            text += &format!("DAMAGED: {damage}\n");
        }
        say(out, &text)?;
    }
    Ok(if damage.is_none() { Outcome::Fine } else { Outcome::Failed })
}

/// How many frames there are of each kind, by topic, in the order of the schema.
fn counts(survey: &Survey) -> Vec<(&'static str, Vec<(&'static str, u64)>)> {
    let mut topics: Vec<(&str, Vec<(&str, u64)>)> = Vec::new();
    for kind in Body::KINDS {
        let Some(&count) = survey.kinds.get(&kind.code) else { continue };
        match topics.last_mut() {
            Some((topic, kinds)) if *topic == kind.topic.name() => kinds.push((kind.name, count)),
            _ => topics.push((kind.topic.name(), vec![(kind.name, count)])),
        }
    }
    topics
}

fn as_json(file: &Path, survey: &Survey) -> Value {
    let manifest = survey.manifest.as_ref().map(|manifest| {
        json!({
            "engine_version": manifest.engine_version,
            "protocol": manifest.protocol,
            "members": manifest.members.iter().map(|member| member.0).collect::<Vec<_>>(),
            "seed": manifest.seed,
            "settings": manifest.settings,
        })
    });
    let label = |label: &Label| {
        json!({
            "member": label.member.map(|member| member.0),
            "kind": label.kind,
            "from_ns": label.from_ns,
            "until_ns": label.until_ns,
        })
    };
    let topics: serde_json::Map<String, Value> = counts(survey)
        .into_iter()
        .map(|(topic, kinds)| {
            let kinds = kinds.into_iter().map(|(kind, count)| (kind.to_owned(), count.into())).collect();
            (topic.to_owned(), Value::Object(kinds))
        })
        .collect();
    let audit = match survey.ending {
        Ok(Ending::Finished { audit }) => audit.map(|audit| audit.to_string()),
        _ => None,
    };
    json!({
        "file": file.display().to_string(),
        "version": survey.version.to_string(),
        "finished": matches!(survey.ending, Ok(Ending::Finished { .. })),
        "damage": survey.ending.as_ref().err().map(ToString::to_string),
        "audit": audit,
        "bytes": survey.bytes,
        "frames": survey.frames,
        "skipped": survey.skipped,
        "first_ns": survey.span.map(|(first, _)| first),
        "last_ns": survey.span.map(|(_, last)| last),
        "manifest": manifest,
        "topics": topics,
        "labels": survey.labels.iter().map(label).collect::<Vec<_>>(),
    })
}

fn in_words(file: &Path, survey: &Survey) -> String {
    let state = match &survey.ending {
        Ok(Ending::Finished { .. }) => "finished",
        Ok(Ending::Unfinished { .. }) => "unfinished",
        Err(_) => "damaged",
    };
    let mut text = format!("{}: a trace of version {}, {state}\n", file.display(), survey.version);
    let mut line = |name: &str, words: String| text += &format!("  {name:<12} {words}\n");
    if let Some(manifest) = &survey.manifest {
        let members: Vec<String> = manifest.members.iter().take(12).map(ToString::to_string).collect();
        let more = if manifest.members.len() > members.len() { ", …" } else { "" };
        let protocol = plain(&manifest.protocol);
        line("protocol", format!("{protocol}, {} members: {}{more}", manifest.members.len(), members.join(", ")));
        line("engine", plain(&manifest.engine_version));
        if let Some(seed) = manifest.seed {
            line("seed", seed.to_string());
        }
        manifest.settings.iter().for_each(|(key, value)| line("setting", format!("{} = {}", plain(key), plain(value))));
    }
    line("frames", format!("{} in {} bytes", survey.frames, survey.bytes));
    if survey.skipped > 0 {
        line("", format!("{} of them of a later version, which this build does not know", survey.skipped));
    }
    if let Some((first, last)) = survey.span {
        line("time", format!("{} s to {} s", seconds(first), seconds(last)));
    }
    for (topic, kinds) in counts(survey) {
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        line(topic, kinds.join(", "));
    }
    for label in &survey.labels {
        let place = label.member.map_or_else(String::new, |member| format!(" in member {member}"));
        let until = label.until_ns.map_or_else(|| "on".to_owned(), |until| format!("to {} s", seconds(until)));
        line("planted", format!("{}{place}, from {} s {until}", plain(&label.kind), seconds(label.from_ns)));
    }
    if survey.labels.len() == LABELS_KEPT {
        line("", "and what else the table of labels has".to_owned());
    }
    match &survey.ending {
        Ok(Ending::Finished { audit }) => audit.iter().for_each(|audit| line("audit", audit.to_string())),
        Ok(Ending::Unfinished { left_over: 0 }) => line("end", "missing: whoever wrote it was stopped, or still writes".to_owned()),
        Ok(Ending::Unfinished { left_over }) => {
            line("end", format!("missing, behind {left_over} bytes of an incomplete block: whoever wrote it was stopped, or still writes"));
        }
        Err(damage) => text += &format!("DAMAGED: {damage}\n"),
    }
    text
}

/// A text from a trace, which may be anybody's, without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

/// Nanoseconds as seconds, to the microsecond.
fn seconds(nanoseconds: u64) -> String {
    format!("{}.{:06}", nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000 / 1000)
}
