//! `quorate demo`: the engine at work.

use std::time::Duration;

use clap::Args;

/// Options of `quorate demo`.
#[derive(Debug, Args)]
pub struct Options {
    /// How long, such as 10s or 2m; until interrupted if not given
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub for_: Option<Duration>,
    /// One JSON object at the end, and nothing else
    #[arg(long)]
    pub json: bool,
    /// The backend that counts
    #[arg(long, default_value = "best", value_name = "NAME")]
    pub backend: String,
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "s" => 1.0,
        "m" => 60.0,
        "ms" => 0.001,
        _ => return Err("expected a number and a unit, such as 10s, 2m or 500ms".into()),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{digits:?} is no number"))?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

/// Runs the demonstration.
///
/// # Errors
/// Always, until there is something to show.
pub fn run(_options: Options) -> miette::Result<()> {
    Err(miette::miette!("there is nothing to show yet"))
}
