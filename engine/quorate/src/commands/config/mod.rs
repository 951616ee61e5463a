//! `quorate config`: what a node is told, made, shown and checked. One file for each of its own commands.

mod addresses;
mod certificates;
mod certs;
mod check;
mod create;
mod directory;
mod form;
mod show;

use std::fs::File;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_node::config::{ConfigError, Loaded, Sources, read};

use super::{Out, Outcome};

const AFTER: &str = "\
Examples:
  quorate config create --nodes 3 --name prod --out prod
  quorate config certs --cluster prod --members 1,2,3 --out prod/certs
  quorate config check --config prod/node-1.toml
  quorate config show

A configuration is looked for in this order: --config, QUORATE_CONFIG, quorate.toml (or .yaml, .json, or consensus.json) in this directory,
in ~/.quorate and in /etc/quorate. Variables such as QUORATE_NODE_ID, QUORATE_BIND_ADDRESS and QUORATE_DURABILITY override single keys.

Exit codes: 0 fine, 1 the configuration is wrong, 2 usage, 3 a file that cannot be read or written.
`quorate config COMMAND --help` has an example for each.";

/// Options of `quorate config`.
#[derive(Debug, Args)]
#[command(after_help = AFTER, arg_required_else_help = true)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// What can be done with configurations.
#[derive(Debug, Subcommand)]
enum Command {
    /// Show the configuration in force, and where each value came from
    Show(show::Options),
    /// Write a configuration with every key explained, or one for each node of a cluster
    Create(create::Options),
    /// Look for everything that is wrong or doubtful in a configuration and around it
    Check(check::Options),
    /// Make certificates for the members and clients of a cluster
    Certs(certs::Options),
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    match &options.command {
        Command::Show(options) => show::run(options, out),
        Command::Create(options) => create::run(options, out),
        Command::Check(options) => check::run(options, out),
        Command::Certs(options) => certs::run(options, out),
    }
}

/// Where to find the configuration.
#[derive(Debug, Args)]
struct Which {
    /// The file; without it the configuration is looked for
    #[arg(long, short, value_name = "FILE", visible_alias = "consensus-config")]
    config: Option<PathBuf>,
}

impl Which {
    /// Reads the configuration. A file that was named and cannot be opened is no wrong configuration, but none.
    fn read(&self) -> miette::Result<Result<Loaded, ConfigError>> {
        if let Some(file) = &self.config {
            File::open(file).into_diagnostic().wrap_err_with(|| format!("{} cannot be read", file.display()))?;
        }
        Ok(read(&Sources::of_process(self.config.clone())))
    }
}
