//! `quorate kv`: the key-value store from a command line. One file for each of its own commands.

mod del;
mod get;
mod put;
mod shown;
mod watch;

use clap::{Args, Subcommand};

use super::reach::Reach;
use super::{Out, Outcome};

const AFTER: &str = "\
Examples:
  quorate kv put greeting hello --profile client.toml
  quorate kv get greeting --json
  quorate kv get users/ --prefix --keys-only
  quorate kv watch users/ --prefix --revision 1

Exit codes: 0 done, 1 there is no such key, or the condition did not hold, 2 usage, 3 the cluster could not be reached, or will not.
`quorate kv COMMAND --help` has an example for each.";

/// Options of `quorate kv`.
#[derive(Debug, Args)]
#[command(after_help = AFTER, arg_required_else_help = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    reach: Reach,
    /// JSON instead of text
    #[arg(long, global = true)]
    json: bool,
}

/// The commands of the store.
#[derive(Debug, Subcommand)]
enum Command {
    /// Write a key
    Put(put::Options),
    /// Read a key, or those that begin with it
    Get(get::Options),
    /// Delete a key, or those that begin with it
    Del(del::Options),
    /// Follow what happens to a key, or to those that begin with it, until Ctrl-C
    Watch(watch::Options),
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let (reach, json) = (&options.reach, options.json);
    match &options.command {
        Command::Put(options) => put::run(options, reach, json, out),
        Command::Get(options) => get::run(options, reach, json, out),
        Command::Del(options) => del::run(options, reach, json, out),
        Command::Watch(options) => watch::run(options, reach, json, out),
    }
}
