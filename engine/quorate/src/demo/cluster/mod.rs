//! `quorate demo`: a real cluster on this machine, over TLS, under load, shown live.
//!
//! ```text
//! plan (ports, certificates, files) → crew (nodes, here or in processes) ← load (clients) → meter ┐
//!                                                        └→ gaze (asks every node) → chronicle ───┴→ model → view, lines, or the summary
//! ```
//!
//! It only asks what any client could ask. What clients were told is kept in a ledger, and at the end it must all be there, on every node.

mod check;
mod chronicle;
pub(crate) mod crew;
mod gaze;
mod hints;
pub(crate) mod home;
mod latencies;
mod ledger;
mod live;
mod load;
mod meter;
mod model;
pub(crate) mod options;
mod plain;
pub(crate) mod plan;
pub(crate) mod ports;
mod process;
mod session;
mod sight;
mod summary;
mod view;

#[cfg(test)]
mod tests;

use std::io;
use std::time::{Duration, Instant};

use miette::IntoDiagnostic as _;

pub use options::{AFTER, Durability, Load, Options, Protocol};
pub use summary::Summary;

use super::screen::{self, Watcher};
use super::{UNWATCHED, Wrong, print, signals};
use session::Session;

/// How often the nodes are looked at where nobody watches.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs a cluster, shows it, examines it, and prints what it came to.
///
/// # Errors
/// If it cannot run, or if something in it is not as it must be; the message says what.
pub fn run(options: &Options) -> miette::Result<()> {
    let launched = Instant::now();
    let watcher = Watcher::of(options.json, options.plain);
    let can_quit = !options.json && screen::is_there();
    let limit = options.duration.or((!can_quit).then_some(UNWATCHED));
    let mut session = Session::begin(options, limit, signals::heed()?, launched)?;
    if watcher != Watcher::Nobody {
        // On a screen, it is what stands there when the demo is over.
        print(&mut io::stdout().lock(), &plain::opening(&session.shape(), &session.hints(), &session.process_ids()))?;
    }
    match watcher {
        Watcher::Screen => live::show(&mut session)?,
        Watcher::Lines => plain::show(&mut session, &mut io::stdout().lock())?,
        Watcher::Nobody => {
            while !session.is_over() {
                session.tick();
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
    if watcher == Watcher::Screen {
        print(&mut io::stdout().lock(), "Checking that everything is there, and stopping …\n")?;
    }
    let summary = session.finish()?;
    let text = match watcher {
        Watcher::Nobody => serde_json::to_string_pretty(&summary).into_diagnostic()?,
        Watcher::Lines => format!("\n{summary}"),
        Watcher::Screen => summary.to_string(),
    };
    print(&mut io::stdout().lock(), text.trim_end())?;
    if summary.errors.is_empty() { Ok(()) } else { Err(Wrong(summary.errors.join("\n")).into()) }
}
