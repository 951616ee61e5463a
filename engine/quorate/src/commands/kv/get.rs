//! `quorate kv get`: read a key, or those that begin with it, now or as they were.

use clap::Args;
use quorate_kv::{Range, Revision};
use serde_json::{Value, json};

use super::shown::{done, keys, pair, text};
use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate kv get greeting
  quorate kv get users/ --prefix --limit 10
  quorate kv get greeting --revision 7 --json | jq .kvs[0].value

A single key is shown as its value; with --prefix, each line has key, tab and value. Bytes that are no text are shown as hex.

Exit codes: 0 found, 1 there is no such key, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate kv get`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The key
    key: String,
    /// All keys that begin with it
    #[arg(long)]
    prefix: bool,
    /// As it was at this revision
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    revision: u64,
    /// So many keys at most
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    limit: u64,
    /// Without the values
    #[arg(long)]
    keys_only: bool,
    /// From the member that answers, which may not have heard of the newest yet
    #[arg(long)]
    local: bool,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let range = Range {
        revision: Revision(options.revision),
        limit: options.limit,
        keys_only: options.keys_only,
        ..Range::new(keys(&options.key, options.prefix))
    };
    let (revision, found) = reach.run(|client| async move {
        let kv = if options.local { client.kv().local() } else { client.kv() };
        done(kv.range(range).await, &format!("reading {}", options.key))
    })?;
    if json {
        let kvs: Vec<Value> = found.kvs.iter().map(pair).collect();
        say_json(out, &json!({ "revision": revision.0, "count": found.count, "more": found.more, "kvs": kvs }))?;
    } else {
        let line = |kv: &quorate_kv::KeyValue| match (options.keys_only, options.prefix) {
            (true, _) => text(&kv.key) + "\n",
            (false, true) => format!("{}\t{}\n", text(&kv.key), text(&kv.value)),
            (false, false) => text(&kv.value) + "\n",
        };
        say(out, &found.kvs.iter().map(line).collect::<String>())?;
        if found.more {
            eprintln!("{} of {} keys are shown", found.kvs.len(), found.count);
        }
    }
    Ok(if found.kvs.is_empty() { Outcome::Failed } else { Outcome::Fine })
}
