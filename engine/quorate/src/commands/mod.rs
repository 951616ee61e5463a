//! The commands, one file each, and what they have in common: an outcome, and where output goes.
//!
//! A command that examines something answers [`Outcome::Failed`] when that thing is bad, and an error only when it could not look.

mod checks;
pub mod cluster;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod kv;
pub mod node;
mod reach;
mod repair_log;
pub mod sim;
pub mod test;
pub mod trace;
pub mod verify;
mod words;

use std::io;

use miette::{Diagnostic, IntoDiagnostic as _};
use quorate_pipeline::registry::Registry;
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

/// Nobody reads the output any more.
#[derive(Debug, Error, Diagnostic)]
#[error("the output was closed")]
struct Closed;

/// Runs a command.
///
/// # Errors
/// If it cannot do its work.
pub fn run(command: Command) -> miette::Result<Outcome> {
    let out: Out<'_> = &mut io::stdout();
    match command {
        Command::Demo(options) => demo::run(&options).map(|()| Outcome::Fine),
        Command::Test(options) => test::run(&Registry::new(), &options, out),
        Command::Benchmark(options) => crate::benchmark::run(&options).map(|()| Outcome::Fine),
        Command::Verify(options) => verify::run(&options, out),
        Command::Sim(options) => sim::run(&options, out),
        Command::Trace(options) => trace::run(&options, out),
        Command::Node(options) => node::run(&options, out).map(|()| Outcome::Fine),
        Command::Kv(options) => kv::run(&options, out),
        Command::Cluster(options) => cluster::run(&options, out),
        Command::Config(options) => config::run(&options, out),
        Command::Doctor(options) => doctor::run(&options, out),
        Command::Completions(options) => completions::run(&options, out).map(|()| Outcome::Fine),
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
    if report.downcast_ref::<Closed>().is_some() {
        return 3;
    }
    eprintln!("{report:?}");
    if report.downcast_ref::<Usage>().is_some() {
        2
    } else if report.downcast_ref::<demo::Wrong>().is_some() {
        1
    } else {
        3
    }
}

/// Where a command's output goes: standard output, or a test that reads it.
pub type Out<'a> = &'a mut dyn io::Write;

/// Writes all at once, and shows it at once.
fn say(out: Out<'_>, text: &str) -> miette::Result<()> {
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Closed.into(),
        _ => miette::Report::msg(error).wrap_err("cannot write the output"),
    })
}

/// Writes one line of JSON.
fn say_json(out: Out<'_>, value: &impl serde::Serialize) -> miette::Result<()> {
    let line = serde_json::to_string(value).into_diagnostic()?;
    say(out, &(line + "\n"))
}
