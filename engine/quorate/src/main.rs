//! The `quorate` binary: parse, run, and an exit code that means something.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser as _;
use quorate::cli::Cli;
use quorate::commands::{self, exit_code};

fn main() -> ExitCode {
    ExitCode::from(exit_code(&commands::run(Cli::parse().command)))
}
