//! `quorate completions`: a script that teaches a shell the commands and their options.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::{Out, say};
use crate::cli::Cli;

const AFTER: &str = "\
Examples:
  quorate completions bash > /etc/bash_completion.d/quorate
  quorate completions zsh > ~/.zfunc/_quorate
  quorate completions fish > ~/.config/fish/completions/quorate.fish

Exit codes: 0 written, 2 no such shell, 3 could not write.";

/// Options of `quorate completions`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "quorate", &mut script);
    say(out, &String::from_utf8_lossy(&script))
}
