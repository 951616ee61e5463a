//! The chores of the project, as one program: `cargo xtask <chore>`.
//!
//! A chore is a file here with a `run` in it, a line in [`cli::CHORES`], and nothing to install. What a chore needs
//! beyond Rust, a C compiler and git it installs itself where it may, or it says what to type.
//! Exit codes: 0 all is well, 1 the chore failed, 2 the command line made no sense.
#![forbid(unsafe_code)]

mod bench;
mod cli;
mod cluster;
mod crates;
mod fuzz;
mod kill;
mod layers;
mod licences;
mod nearest;
mod packages;
mod purity;
mod registry;
mod self_test;
mod shell;
mod sim;
mod spdx;
mod test;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match cli::parse(&arguments) {
        Ok(cli::Request::Print(text)) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Ok(cli::Request::Run(chore, options)) => match (chore.run)(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("{message}");
                ExitCode::FAILURE
            }
        },
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
