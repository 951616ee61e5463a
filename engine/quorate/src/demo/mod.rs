//! `quorate demo`: a stream of signed votes through the pipeline, shown live, with its faults planted and found.
//!
//! ```text
//! generator (signs ahead) → bounded queues → engine (rounds, batches, pipeline) → model → view, lines, or the summary alone
//! ```
//!
//! Nothing that is shown is made up: the generator knows what it planted, the pipeline does not, and at the end the two are compared.
//! Everything but times depends on the seed alone.
#![forbid(unsafe_code)]

mod cast;
mod chain;
mod closing;
mod engine;
mod figures;
mod generator;
mod live;
mod model;
mod options;
mod plain;
mod proof;
mod session;
mod summary;
mod view;
mod votes;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use miette::IntoDiagnostic as _;

pub(crate) use figures::{count, rate};
pub use options::{Options, Share, parse_duration};
pub use summary::{CertificateSummary, Check, Equivocators, EvidenceSummary, Shape, Summary, Votes};

use session::Session;

/// How long the demo runs where nobody can quit it.
const UNWATCHED: Duration = Duration::from_secs(10);

/// Who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watcher {
    /// A person at a terminal that can be drawn on.
    Screen,
    /// A log, a pipe, or a person who wants lines.
    Lines,
    /// A script that wants the summary.
    Nobody,
}

/// Runs the demo, shows it, prints the summary, and fails unless what was planted was found and what was proved verifies.
///
/// # Errors
/// If the demo cannot run, or if something in it is not as it must be; the message says what.
pub fn run(options: &Options) -> miette::Result<()> {
    let (watcher, can_quit) = (watcher(options), !options.json && is_screen());
    let limit = options.duration.or((!can_quit).then_some(UNWATCHED));
    let mut session = Session::new(options, limit)?;
    session.heed_signals()?;
    match watcher {
        Watcher::Screen => live::show(&mut session)?,
        Watcher::Lines => plain::show(&mut session, &mut io::stdout().lock())?,
        Watcher::Nobody => while session.advance()? {},
    }
    let summary = conclude(session, options)?;
    let text = match watcher {
        Watcher::Nobody => serde_json::to_string_pretty(&summary).into_diagnostic()?,
        Watcher::Lines => format!("\n{summary}"),
        Watcher::Screen => summary.to_string(),
    };
    plain::print(&mut io::stdout().lock(), text.trim_end())?;
    verdict(&summary)
}

/// Runs the demo without showing anything, and says what it came to.
///
/// # Errors
/// If the demo cannot run. What is not as it must be stands in the summary.
pub fn rehearse(options: &Options) -> miette::Result<Summary> {
    let mut session = Session::new(options, Some(options.duration.unwrap_or(UNWATCHED)))?;
    while session.advance()? {}
    conclude(session, options)
}

fn conclude(mut session: Session, options: &Options) -> miette::Result<Summary> {
    session.finish()?;
    Summary::new(&session, options.out.as_deref())
}

/// The demo ran, and what it examined is not as it must be.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the demo found something wrong:\n{0}")]
pub struct Wrong(String);

fn verdict(summary: &Summary) -> miette::Result<()> {
    if summary.faults.is_empty() { Ok(()) } else { Err(Wrong(summary.faults.join("\n")).into()) }
}

fn watcher(options: &Options) -> Watcher {
    match (options.json, options.plain || !is_screen()) {
        (true, _) => Watcher::Nobody,
        (false, true) => Watcher::Lines,
        (false, false) => Watcher::Screen,
    }
}

/// Whether there is a terminal that can be drawn on, and somebody at it.
fn is_screen() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && io::stdout().is_terminal() && io::stdin().is_terminal()
}
