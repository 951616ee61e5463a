//! What can be typed: the commands, with help texts that say what each does, show an example and list the exit codes.

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::{commands, demo};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER: &str = "\
Exit codes of every command:
  0  fine
  1  the thing examined failed: a test, a proof, this machine
  2  the command line is wrong
  3  it could not run: a file, a device or a backend is missing

`quorate COMMAND --help` has an example for each.";

/// A GPU-first consensus engine: every vote goes through one pipeline, and what comes out is a decision with its evidence.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, styles = STYLES, after_help = AFTER, arg_required_else_help = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show a real cluster at work: three nodes under load, whose leader you can kill
    Demo(demo::Options),
    /// Run one node, headless
    Node(commands::node::Options),
    /// Make, show and check what a node is told, and its certificates
    Config(commands::config::Options),
    /// Test a backend: outside vectors, and every bit against the scalar reference
    Test(commands::test::Options),
    /// Measure this engine's stages and rounds on this machine
    Benchmark(crate::benchmark::Options),
    /// Check a certificate, receipt, evidence, anchor, electorate or block, offline
    Verify(commands::verify::Options),
    /// Simulate clusters that everything happens to, and check what simulated or real ones told their clients
    Sim(commands::sim::Options),
    /// Say what a recorded trace holds, or write it as Parquet, CSV or JSON lines
    Trace(commands::trace::Options),
    /// Read and write the key-value store of a cluster, and follow what happens to it
    Kv(commands::kv::Options),
    /// Say how a cluster is, change its members, and let another one lead
    Cluster(commands::cluster::Options),
    /// Look at this machine: what it has, what is wrong, and how to mend it
    Doctor(commands::doctor::Options),
    /// Print a completion script for a shell
    Completions(commands::completions::Options),
}
