//! The commands, one file each, and what they have in common: an outcome, and where output goes.
//!
//! A command that examines something answers [`Outcome::Failed`] when that thing is bad, and an error only when it could not look.

pub mod benchmark;
mod checks;
pub mod completions;
pub mod doctor;
pub mod test;
pub mod verify;
mod words;

use std::io::{self, Write as _};

use miette::{Diagnostic, IntoDiagnostic as _};
use thiserror::Error;

use crate::cli::Command;
use crate::demo;

/// How an examination went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Fine,
    /// The thing examined is bad, and the output says why.
    Failed,
}

/// The command line asks for something that does not exist or does not fit together.
#[derive(Debug, Error, Diagnostic)]
#[error("{what}")]
pub struct Usage {
    /// What is wrong.
    pub what: String,
    /// What to type instead.
    #[help]
    pub help: Option<String>,
}

/// Runs a command.
///
/// # Errors
/// If it cannot do its work.
pub fn run(command: Command) -> miette::Result<Outcome> {
    match command {
        Command::Demo(options) => demo::run(options).map(|()| Outcome::Fine),
        Command::Test(options) => test::run(&options),
        Command::Benchmark(options) => benchmark::run(options).map(|()| Outcome::Fine),
        Command::Verify(options) => verify::run(&options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Completions(options) => completions::run(&options).map(|()| Outcome::Fine),
    }
}

/// The exit code of a result, after its error was reported: 0 fine, 1 the thing examined failed, 2 usage, 3 could not run.
#[must_use]
pub fn exit_code(result: &miette::Result<Outcome>) -> u8 {
    let report = match result {
        Ok(Outcome::Fine) => return 0,
        Ok(Outcome::Failed) => return 1,
        Err(report) => report,
    };
    // Whoever closed the pipe does not want to hear more.
    if report.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return 3;
    }
    eprintln!("{report:?}");
    if report.downcast_ref::<Usage>().is_some() { 2 } else { 3 }
}

/// Writes to standard output, all at once, and shows it at once.
fn say(text: &str) -> miette::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).into_diagnostic()
}

/// Writes one line of JSON to standard output.
fn say_json(value: &impl serde::Serialize) -> miette::Result<()> {
    let line = serde_json::to_string(value).into_diagnostic()?;
    say(&(line + "\n"))
}
