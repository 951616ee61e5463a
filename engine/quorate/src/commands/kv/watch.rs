//! `quorate kv watch`: a line for each change, as it happens, through changes of leaders and broken connections.

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_kv::{Event, Revision, Watch};
use quorate_node::client::kv::FollowError;
use serde_json::json;

use super::shown::{done, keys, pair, text};
use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say};

const AFTER: &str = "\
Examples:
  quorate kv watch greeting
  quorate kv watch users/ --prefix --revision 1 --limit 100
  quorate kv watch '' --prefix --json | jq .kv.key

Each line has put or del, the revision, the key, and the value. No change is left out or shown twice. If changes that were asked for
are not remembered any more, it ends and says so.

Exit codes: 0 ended by Ctrl-C or --limit, 1 changes were compacted away, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate kv watch`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The key
    key: String,
    /// All keys that begin with it
    #[arg(long)]
    prefix: bool,
    /// From this revision on [default: from now on]
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
    /// End after so many changes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Without the values
    #[arg(long)]
    keys_only: bool,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let watch = Watch::new(keys(&options.key, options.prefix));
    let doing = format!("watching {}", options.key);
    reach.run(|client| async move {
        let mut follow = done(client.kv().watch(watch, options.revision.map(Revision)).await, &doing)?;
        let mut left = options.limit.unwrap_or(u64::MAX);
        loop {
            let changes = tokio::select! {
                changes = follow.next() => changes,
                _ = tokio::signal::ctrl_c() => return Ok(Outcome::Fine),
            };
            let changes = match changes {
                Err(error @ FollowError::Compacted { .. }) => {
                    eprintln!("{error}");
                    return Ok(Outcome::Failed);
                }
                changes => changes.into_diagnostic().wrap_err_with(|| doing.clone())?,
            };
            let shown = changes.events.iter().take(usize::try_from(left).unwrap_or(usize::MAX));
            say(out, &shown.map(|event| line(event, options.keys_only, json)).collect::<String>())?;
            left = left.saturating_sub(changes.events.len() as u64);
            if left == 0 {
                return Ok(Outcome::Fine);
            }
        }
    })
}

fn line(event: &Event, keys_only: bool, json: bool) -> String {
    let (kv, kind) = (&event.kv, if event.is_deletion() { "del" } else { "put" });
    if json {
        let mut pair = pair(kv);
        if let Some(object) = pair.as_object_mut().filter(|_| keys_only || event.is_deletion()) {
            object.remove("value");
            object.remove("value_hex");
        }
        return json!({ "type": kind, "revision": kv.mod_revision.0, "kv": pair }).to_string() + "\n";
    }
    let value = if keys_only || event.is_deletion() { String::new() } else { format!("\t{}", text(&kv.value)) };
    format!("{kind}\t{}\t{}{value}\n", kv.mod_revision, text(&kv.key))
}
