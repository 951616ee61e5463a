//! `quorate doctor`: what this machine has, what is wrong with it, and how to mend it.
//!
//! Every check measures or reads something real and ends in one of three: fine, worth knowing, or a problem with advice. Only problems
//! make the command fail. With `--repair-log` it looks at one log instead, see [`super::repair_log`].

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Out, Outcome, checks, repair_log, say, say_json};

const AFTER: &str = "\
Examples:
  quorate doctor --dir /var/lib/quorate
  quorate doctor --json | jq '.checks[] | select(.status == \"problem\")'
  quorate doctor --repair-log /var/lib/quorate

`--repair-log` shows where a log is damaged and what cutting it there would lose, and asks before it does anything. Copies
of what it changes are left beside, under names that end in `.damaged`. No node may have the log open.

Exit codes: 0 nothing is wrong (any more), 1 something is (with advice), 2 usage, 3 could not look.";

/// Options of `quorate doctor`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Options {
    /// The directory whose disk is measured: where a node's data would be
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Look for damage in the log of this data directory, show what a repair would lose, and ask whether to do it
    #[arg(long, value_name = "DIR", conflicts_with = "dir")]
    repair_log: Option<PathBuf>,
    /// Repair without asking
    #[arg(long, requires = "repair_log")]
    yes: bool,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// As it should be.
    Fine,
    /// Not wrong, but worth knowing.
    Note,
    /// Wrong.
    Problem,
}

/// What one check found.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: &'static str,
    pub(super) status: Status,
    pub(super) found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
    /// The measured values, for programs.
    pub(super) values: Value,
}

impl Check {
    pub(super) fn fine(name: &'static str, found: impl Into<String>, values: Value) -> Self {
        Self { name, status: Status::Fine, found: found.into(), advice: None, values }
    }

    /// The same, but worth knowing or wrong.
    pub(super) fn with(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same, but worth knowing or wrong, and what to do.
    pub(super) fn but(self, status: Status, advice: impl Into<String>) -> Self {
        Self { status, advice: Some(advice.into()), ..self }
    }
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    if let Some(dir) = &options.repair_log {
        return repair_log::run(dir, options.yes, options.json, out);
    }
    let checks = [
        checks::processor(),
        checks::cores(),
        checks::simd(),
        checks::gpu(),
        checks::memory(),
        checks::disk(&options.dir),
        checks::clock(),
        checks::known_answers(),
    ];
    report(&checks, options.json, out)
}

/// Says what checks found, and whether any found something wrong.
pub(super) fn report(checks: &[Check], json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let problems = checks.iter().filter(|check| check.status == Status::Problem).count();
    if json {
        say_json(out, &json!({ "ok": problems == 0, "version": env!("CARGO_PKG_VERSION"), "checks": checks }))?;
    } else {
        let mut text = String::new();
        for check in checks {
            let mark = match check.status {
                Status::Fine => "  ok    ",
                Status::Note => "  note  ",
                Status::Problem => "  WRONG ",
            };
            text += &format!("{mark}{:<11} {}\n", check.name, check.found);
            check.advice.iter().for_each(|advice| text += &format!("{:20}{advice}\n", ""));
        }
        text += &match problems {
            0 => "\nnothing is wrong\n".to_owned(),
            1 => "\n1 thing is wrong\n".to_owned(),
            _ => format!("\n{problems} things are wrong\n"),
        };
        say(out, &text)?;
    }
    Ok(if problems == 0 { Outcome::Fine } else { Outcome::Failed })
}
