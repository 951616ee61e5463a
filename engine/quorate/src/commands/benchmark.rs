//! `quorate benchmark`: this engine's stages and rounds, measured on this machine.

use clap::Args;

/// Options of `quorate benchmark`.
#[derive(Debug, Args)]
pub struct Options {
    /// The backend to measure
    #[arg(long, default_value = "best", value_name = "NAME")]
    pub backend: String,
    /// Measure only this suite
    #[arg(long, value_name = "NAME")]
    pub suite: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
    /// Shorter runs, wider error
    #[arg(long)]
    pub quick: bool,
}

/// Measures.
///
/// # Errors
/// Always, until there is something to measure with.
pub fn run(_options: Options) -> miette::Result<()> {
    Err(miette::miette!("there is nothing to measure with yet"))
}
