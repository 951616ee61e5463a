//! `quorate demo votes`: a stream of signed votes through the pipeline, shown live, with its faults planted and found.
//!
//! ```text
//! generator (signs ahead) → bounded queues → engine (rounds, batches, pipeline) → model → view, lines, or the summary alone
//! ```
//!
//! Nothing that is shown is made up: the generator knows what it planted, the pipeline does not, and at the end the two are compared.
//! Everything but times depends on the seed alone.

mod cast;
mod chain;
mod closing;
mod engine;
mod generator;
mod live;
mod model;
mod options;
mod plain;
mod prepared;
mod proof;
mod session;
mod summary;
mod view;

use std::io;

use miette::IntoDiagnostic as _;

pub use options::{Options, Share};
pub use summary::{CertificateSummary, Check, Equivocators, EvidenceSummary, Shape, Summary, Votes};

use super::screen::{self, Watcher};
use super::{UNWATCHED, Wrong};
use session::Session;

/// Runs the demo, shows it, prints the summary, and fails unless what was planted was found and what was proved verifies.
///
/// # Errors
/// If the demo cannot run, or if something in it is not as it must be; the message says what.
pub fn run(options: &Options) -> miette::Result<()> {
    let watcher = Watcher::of(options.json, options.plain);
    let can_quit = !options.json && screen::is_there();
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
    crate::demo::print(&mut io::stdout().lock(), text.trim_end())?;
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

fn verdict(summary: &Summary) -> miette::Result<()> {
    if summary.faults.is_empty() { Ok(()) } else { Err(Wrong(summary.faults.join("\n")).into()) }
}
