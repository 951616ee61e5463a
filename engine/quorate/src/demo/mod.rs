//! `quorate demo`: the engine at work, for somebody who sees it for the first time. [`cluster`] is a real cluster under load; [`votes`],
//! what is beneath it: signed votes on their way through the pipeline.
//!
//! Nothing that is shown is made up, and at the end each demo checks what it showed.

pub mod cluster;
mod duration;
mod figures;
mod screen;
mod signals;
pub mod votes;

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};
use miette::{IntoDiagnostic as _, WrapErr as _};

pub use duration::parse_duration;
pub(crate) use figures::{count, rate};

/// How long a demo runs where nobody can quit it.
const UNWATCHED: Duration = Duration::from_secs(10);

/// A real cluster on this machine, under load, shown live: kill its leader and see what happens.
///
/// Nodes agree by Raft over TLS on ports of this machine, with certificates made for the occasion. Clients write and read, and remember
/// what they were told. At the end everything that was acknowledged must be there, and all nodes must hold the same.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, after_help = cluster::AFTER)]
pub struct Options {
    /// The cluster.
    #[command(flatten)]
    pub cluster: cluster::Options,
    /// Another demo.
    #[command(subcommand)]
    pub other: Option<Other>,
}

/// The other demos.
#[derive(Clone, Debug, Subcommand)]
pub enum Other {
    /// A stream of signed votes through the pipeline, with its faults planted and found
    Votes(votes::Options),
}

/// Runs a demo.
///
/// # Errors
/// If it cannot run, or if something in it is not as it must be; the message says what.
pub fn run(options: &Options) -> miette::Result<()> {
    match &options.other {
        Some(Other::Votes(options)) => votes::run(options),
        None => cluster::run(&options.cluster),
    }
}

/// The demo ran, and what it examined is not as it must be.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the demo found something wrong:\n{0}")]
pub struct Wrong(String);

/// Prints a line, and says whether anybody still reads: one who has gone away, as after `| head`, is no reason to complain.
fn print(out: &mut impl Write, text: &str) -> miette::Result<bool> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).into_diagnostic().wrap_err("cannot write to standard output"),
    }
}
