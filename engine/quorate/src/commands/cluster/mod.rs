//! `quorate cluster`: how a cluster is, who is in it, and who leads. One file for each of its own commands.

mod members;
mod status;
mod table;
mod transfer;

use clap::{Args, Subcommand};

use super::reach::Reach;
use super::{Out, Outcome};

const AFTER: &str = "\
Examples:
  quorate cluster status --profile client.toml
  quorate cluster members add 4 --address 10.0.0.4:7000 --client-address 10.0.0.4:7001 --wait
  quorate cluster transfer --to 2

Exit codes: 0 done and well, 1 something is not as it should be, 2 usage, 3 the cluster could not be reached, or will not.
`quorate cluster COMMAND --help` has an example for each.";

/// Options of `quorate cluster`.
#[derive(Debug, Args)]
#[command(after_help = AFTER, arg_required_else_help = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    reach: Reach,
    /// One JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
}

/// The commands of a cluster.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask every member how it and its partitions are
    Status(status::Options),
    /// List, add or remove members
    Members(members::Options),
    /// Let another member lead
    Transfer(transfer::Options),
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let (reach, json) = (&options.reach, options.json);
    match &options.command {
        Command::Status(_) => status::run(reach, json, out),
        Command::Members(options) => members::run(options, reach, json, out),
        Command::Transfer(options) => transfer::run(options, reach, json, out),
    }
}
