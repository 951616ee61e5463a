//! `quorate doctor --repair-log`: what is wrong with a log, what cutting it there would lose, and, if somebody says yes, the cut.
//!
//! Nothing is changed before the answer. A node that lost records must not vote as if it had them: the last line says so.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_env::disk::RealDisk;
use quorate_storage::log::Repair;
use serde_json::json;

use super::{Out, Outcome, Usage, say, say_json};

/// The folder of the log in a data directory.
const FOLDER: &str = "log";

pub(super) fn run(dir: &Path, yes: bool, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let place = dir.join(FOLDER).display().to_string();
    if !dir.join(FOLDER).is_dir() {
        let help = "name the data directory of a node, the one with the folder `log` in it".to_owned();
        return Err(Usage { what: format!("there is no log at {place}"), help: Some(help) }.into());
    }
    let disk = RealDisk::open(dir).into_diagnostic()?;
    // Nobody may write while this one reads, and decides, and cuts.
    let _lock = Repair::lock(&disk, FOLDER).into_diagnostic().wrap_err_with(|| format!("{place} cannot be examined"))?;
    let plan = Repair::plan(&disk, FOLDER).into_diagnostic().wrap_err_with(|| format!("{place} cannot be read"))?;
    let Some(repair) = plan else {
        if json {
            say_json(out, &json!({ "ok": true, "log": place, "damage": null, "repaired": false }))?;
        } else {
            say(out, &format!("{place}: nothing is wrong\n"))?;
        }
        return Ok(Outcome::Fine);
    };
    let repaired = yes || (!json && asked(&repair, &place, out)?);
    if repaired {
        repair.apply(&disk, FOLDER).into_diagnostic().wrap_err_with(|| format!("{place} cannot be repaired"))?;
    }
    let (damage, loss) = (&repair.damage, &repair.loss);
    if json {
        say_json(
            out,
            &json!({
                "ok": repaired,
                "log": place,
                "damage": { "segment": damage.segment, "offset": damage.offset, "found": damage.found, "expected": damage.expected },
                "loses": { "after_record": loss.keeps.0, "records_at_least": loss.records, "segments": loss.segments },
                "repaired": repaired,
            }),
        )?;
    } else if repaired {
        let kept = format!("the log was cut behind record {}; what was cut lies beside in files that end in .damaged\n", loss.keeps.0);
        say(out, &(kept + "this node has forgotten what it may have promised: let it join anew rather than vote\n"))?;
    } else {
        say(out, "nothing was changed\n")?;
    }
    Ok(if repaired { Outcome::Fine } else { Outcome::Failed })
}

/// Shows what it would cost, and waits for an answer. Where nobody can answer, it is no.
fn asked(repair: &Repair, place: &str, out: Out<'_>) -> miette::Result<bool> {
    let (damage, loss) = (&repair.damage, &repair.loss);
    let mut text = format!("{place} is damaged:\n");
    text += &format!("  where      segment {}, offset {}\n", damage.segment, damage.offset);
    text += &format!("  found      {}\n  expected   {}\n", damage.found, damage.expected);
    let at_least = if loss.records == 0 { "none were found".into() } else { format!("at least {} were found", loss.records) };
    text += &format!("A repair keeps the records up to number {} and loses those behind it; {at_least} there.\n", loss.keeps.0);
    text += &format!("It changes or removes {}, and leaves a copy of each.\n", loss.segments.join(", "));
    say(out, &text)?;
    if !io::stdin().is_terminal() {
        say(out, "Nobody is here to answer; `--yes` repairs without asking.\n")?;
        return Ok(false);
    }
    say(out, "Repair it? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).into_diagnostic()?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
