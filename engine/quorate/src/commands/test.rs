//! `quorate test`: a backend, through every suite.
//!
//! One line a suite, as it finishes: a row of a table, or with `--json` an object with at least `suite`, `backend`, `cases` and
//! `failed`. What is wrong follows its suite, a sentence for each case.

use std::time::Instant;

use clap::Args;
use quorate_pipeline::Backend;
use quorate_pipeline::conformance::Verdict;
use quorate_pipeline::cpu::Cpu;
use quorate_pipeline::registry::{Registry, RegistryError, nearest};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Out, Outcome, Usage, say, say_json};
use crate::suites::{Bench, Suite};

const AFTER: &str = "\
Examples:
  quorate test --backend cpu
  quorate test --backend cpu --json | jq 'select(.failed > 0)'
  quorate test --suite differential --seed 42 --rounds 100000
  quorate test --suite storage --rounds 50000
  quorate test --backend cpu --isa portable

All data is in the binary; nothing is read from disk. The same seed gives the same cases on every machine.

Exit codes: 0 every case passed, 1 a case failed, 2 no such suite or backend, 3 the backend does not start.";

/// Options of `quorate test`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Options {
    /// The backend to test: cpu, reference, or best for the best one present
    #[arg(long, default_value = "best", value_name = "NAME")]
    backend: String,
    /// Run only this suite, or `storage` for all of the log and its disk; may be given several times
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// One JSON object a suite, a line each
    #[arg(long)]
    json: bool,
    /// Show what the suites have to say even where nothing is wrong
    #[arg(long, conflicts_with = "json")]
    notes: bool,
    /// List the suites, and run none
    #[arg(long)]
    list: bool,
    /// Where the random cases come from
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// How many random rounds, in the suites that have them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    rounds: Option<u64>,
    /// The instruction set of the cpu backend; the best one present if not given
    #[arg(long, value_name = "SET", value_parser = ["portable", "avx2", "avx512-ifma"])]
    isa: Option<String>,
}

/// A line of the report.
#[derive(Serialize)]
struct Line<'a> {
    suite: &'a str,
    backend: &'a str,
    cases: u64,
    failed: usize,
    variant: &'a str,
    seed: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    failures: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

/// The key tables of one electorate in suites that admit thousands of them.
const LIGHT_KEY_TABLE_BYTES: u64 = 1 << 20;

/// At most so many failures of a suite are shown in the table; JSON has all of them.
const SHOWN: usize = 5;

/// Tests a backend of this registry, which may know backends from outside.
///
/// # Errors
/// If there is no such suite or backend, or if the backend does not start.
pub fn run(registry: &Registry, options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let suites = chosen(&options.suite)?;
    if options.list {
        return list(&suites, options.json, out);
    }
    let section = options.isa.as_ref().map_or(Value::Null, |isa| json!({ "isa": isa }));
    let name = registry.resolve(&options.backend).map_err(usage)?;
    let descriptor = registry.create(name, &section).map_err(usage)?.descriptor();
    if !options.json {
        let threads = if descriptor.threads == 1 { "1 thread".into() } else { format!("{} threads", descriptor.threads) };
        say(out, &format!("backend {name} ({}, {threads}), seed {}\n\n", descriptor.variant, options.seed))?;
        say(out, &format!("  {:<20}{:>8}{:>8}{:>9}\n", "suite", "cases", "failed", "time"))?;
    }
    let again = |section: &Value| -> Box<dyn Backend> {
        registry.create(name, section).expect("the backend started a moment ago, so it starts again")
    };
    let mut light_section = section.clone();
    if name == Cpu::NAME {
        light_section["key_table_bytes"] = json!(LIGHT_KEY_TABLE_BYTES);
    }
    let (make, light) = (|| again(&section), || again(&light_section));
    let bench = Bench { make: &make, light: &light, seed: options.seed, rounds: options.rounds };
    let (mut cases, mut failed, start) = (0, 0, Instant::now());
    for suite in &suites {
        let begin = Instant::now();
        let Verdict { cases: in_suite, failures, notes } = suite.run(&bench);
        cases += in_suite;
        failed += failures.len();
        let line = Line {
            suite: suite.name,
            backend: name,
            cases: in_suite,
            failed: failures.len(),
            variant: &descriptor.variant,
            seed: options.seed,
            seconds: (begin.elapsed().as_secs_f64() * 1e3).round() / 1e3,
            failures: &failures,
            notes: &notes,
        };
        if options.json { say_json(out, &line)? } else { say(out, &row(&line, options.notes))? }
    }
    if !options.json {
        let seconds = start.elapsed().as_secs_f64();
        let many = if suites.len() == 1 { "1 suite".into() } else { format!("{} suites", suites.len()) };
        say(
            out,
            &match failed {
                0 => format!("\nall {cases} cases of {many} passed in {seconds:.1} s\n"),
                _ => format!("\n{failed} of {cases} cases of {many} FAILED, in {seconds:.1} s\n"),
            },
        )?;
    }
    Ok(if failed == 0 { Outcome::Fine } else { Outcome::Failed })
}

fn row(line: &Line<'_>, notes: bool) -> String {
    let mut text = format!("  {:<20}{:>8}{:>8}{:>7.2} s\n", line.suite, line.cases, line.failed, line.seconds);
    for failure in line.failures.iter().take(SHOWN) {
        text += &format!("      FAILED {failure}\n");
    }
    if line.failures.len() > SHOWN {
        text += &format!("      and {} more; --json has all of them\n", line.failures.len() - SHOWN);
    }
    if notes {
        line.notes.iter().for_each(|note| text += &format!("      {note}\n"));
    }
    text
}

fn chosen(names: &[String]) -> miette::Result<Vec<&'static Suite>> {
    if names.is_empty() {
        return Ok(Suite::ALL.iter().collect());
    }
    let known = || Suite::ALL.iter().map(|suite| suite.name).chain(Suite::GROUPS.iter().map(|(name, _)| *name));
    names
        .iter()
        .map(|name| match Suite::named(name) {
            [] => {
                let near = nearest(name, known()).map_or_else(String::new, |near| format!("; did you mean {near}?"));
                let all = known().collect::<Vec<_>>().join(", ");
                Err(Usage { what: format!("no suite is called {name:?}{near}"), help: Some(format!("the suites are {all}")) }.into())
            }
            suites => Ok(suites.iter()),
        })
        .collect::<miette::Result<Vec<_>>>()
        .map(|found| found.into_iter().flatten().collect())
}

fn list(suites: &[&Suite], json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    for suite in suites {
        if json {
            say_json(out, &json!({ "suite": suite.name, "about": suite.about }))?;
        } else {
            say(out, &format!("{:<20}{}\n", suite.name, suite.about))?;
        }
    }
    Ok(Outcome::Fine)
}

/// A wrong name or key is the command line's fault; a backend that does not start is not.
fn usage(error: RegistryError) -> miette::Report {
    match error {
        RegistryError::Unknown { .. } | RegistryError::Key { .. } | RegistryError::Later { .. } => {
            Usage { what: error.to_string(), help: None }.into()
        }
        _ => miette::Report::msg(error),
    }
}
