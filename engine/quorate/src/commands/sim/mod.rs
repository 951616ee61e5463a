//! `quorate sim`: the simulator, and what it and others recorded. One file for each of its own commands.

mod history;

use clap::{Args, Subcommand};

use super::{Out, Outcome};

const AFTER: &str = "\
Example:
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
    /// Check a history of clients: could one machine have given these answers?
    History(history::Options),
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    match &options.command {
        Command::History(options) => history::run(options, out),
    }
}
