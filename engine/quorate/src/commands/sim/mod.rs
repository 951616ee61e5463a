//! `quorate sim`: the simulator, and what it and others recorded. One file for each of its own commands.

mod check;
mod crew;
mod history;
mod replay;
mod run;
mod seeds;
mod state;

use clap::{Args, Subcommand};

use super::{Out, Outcome};

const AFTER: &str = "\
Examples:
  quorate sim check --seeds 0..200
  quorate sim replay --seed 4711
  quorate sim run --nodes 5 --out run.trace
  quorate sim history etcd.log

Exit codes: 0 nothing is wrong, 1 something is, 2 usage, 3 it could not be told.
`quorate sim COMMAND --help` has an example for each.";

/// Options of `quorate sim`.
#[derive(Debug, Args)]
#[command(after_help = AFTER, arg_required_else_help = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands of the simulator.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run many seeds with every invariant checked, and look for planted mistakes
    Check(check::Options),
    /// Run one seed again, and tell what happens
    Replay(replay::Options),
    /// Run one simulated cluster, and record it as a trace
    Run(run::Options),
    /// Check a history of clients: could one machine have given these answers?
    History(history::Options),
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    match &options.command {
        Command::Check(options) => check::run(options, out),
        Command::Replay(options) => replay::run(options, out),
        Command::Run(options) => run::run(options, out),
        Command::History(options) => history::run(options, out),
    }
}
