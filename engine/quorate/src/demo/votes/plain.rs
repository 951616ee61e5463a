//! The demo without a screen: one line a second, for logs, pipes and terminals that cannot do more.

use std::io::Write;
use std::time::Duration;

use super::session::Session;
use crate::demo::figures::{clock, count, rate};
use crate::demo::print;

/// Runs to the end and prints a line a second.
pub(crate) fn show(session: &mut Session, out: &mut impl Write) -> miette::Result<()> {
    if !print(out, &opening(session))? {
        return Ok(());
    }
    let mut due = Duration::from_secs(1);
    while session.advance()? {
        if session.elapsed() >= due {
            session.certify_in_passing()?;
            if !print(out, &line(session))? {
                return Ok(());
            }
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
        rate(tally.verified_a_second()),
    )
}
