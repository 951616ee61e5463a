//! The demo without a screen: one line a second, for logs, pipes and terminals that cannot do more.

use std::io::{self, Write};
use std::time::Duration;

use miette::IntoDiagnostic as _;

use super::figures::{clock, count, rate};
use super::session::Session;

/// Runs to the end and prints a line a second.
pub(crate) fn show(session: &mut Session, out: &mut impl Write) -> miette::Result<()> {
    writeln!(out, "{}", opening(session)).into_diagnostic()?;
    let mut due = Duration::from_secs(1);
    while session.advance()? {
        if session.elapsed() >= due {
            session.certify_in_passing()?;
            writeln!(out, "{}", line(session)).and_then(|()| out.flush()).into_diagnostic()?;
            due = Duration::from_secs(session.elapsed().as_secs() + 1);
        }
    }
    Ok(())
}

fn opening(session: &Session) -> String {
    let engine = &session.engine;
    let (descriptor, cast) = (engine.descriptor(), engine.cast());
    let threads = descriptor.threads;
    format!(
        "Quorate demo: {} ({}, {threads} threads), {} members, cluster {}; Ctrl-C ends it",
        descriptor.name,
        descriptor.variant,
        count(cast.keys.len() as u64),
        cast.cluster()
    )
}

fn line(session: &Session) -> String {
    let tally = session.engine.tally();
    let speed = tally.verified() as f64 * 1e9 / tally.pipeline_nanos().max(1) as f64;
    let certificate = session.certified.as_ref().map_or_else(String::new, |certified| {
        let verdict = if certified.holds() { "verified" } else { "NOT VALID" };
        format!(" · certificate {}: {} signers, {verdict}", count(certified.height().0), certified.certificate.signers().len())
    });
    format!(
        "{:>6} {:>7} decided · {:>9} votes, {} rejected · {} equivocators · {} verified{certificate}",
        clock(session.elapsed()),
        count(tally.decided),
        count(tally.votes),
        count(tally.rejections.total()),
        tally.accused.len(),
        rate(speed),
    )
}

/// Writes to standard output. A reader that has gone away, as after `| head`, is no reason to complain.
pub(crate) fn to_stdout(text: &str) -> miette::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}
