//! `quorate kv del`: delete a key, or those that begin with it.

use clap::Args;
use miette::miette;
use quorate_kv::{Delete, Op, Outcome as Done, Transaction};
use serde_json::json;

use super::shown::{done, has_version, keys};
use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate kv del greeting
  quorate kv del users/ --prefix
  quorate kv del lock --if-version 1

Exit codes: 0 deleted, 1 there was no such key, or the condition did not hold, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate kv del`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The key
    key: String,
    /// All keys that begin with it
    #[arg(long)]
    prefix: bool,
    /// Only if the key was written so often since it came to be
    #[arg(long, value_name = "N", conflicts_with = "prefix")]
    if_version: Option<u64>,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let doing = format!("deleting {}", options.key);
    let delete = Delete { keys: keys(&options.key, options.prefix), prev_kv: false };
    let (revision, deleted, held) = reach.run(|client| async move {
        let Some(version) = options.if_version else {
            let done = done(client.kv().delete_with(delete).await, &doing)?;
            return Ok((done.revision, done.deleted, true));
        };
        let compares = vec![has_version(&options.key, version)];
        let transaction = Transaction { compares, success: vec![Op::Delete(delete)], failure: Vec::new() };
        let done = done(client.kv().transaction(transaction).await, &doing)?;
        match done.outcomes.first() {
            Some(Done::Deleted { deleted, .. }) => Ok((done.revision, *deleted, true)),
            None if !done.succeeded => Ok((done.revision, 0, false)),
            other => Err(miette!("{doing}: the store told {other:?}; expected how many keys it deleted")),
        }
    })?;
    if json {
        say_json(out, &json!({ "ok": deleted > 0, "deleted": deleted, "revision": revision.0 }))?;
    } else {
        say(
            out,
            &match (deleted, held) {
                (_, false) => "not deleted: the key has another version\n".to_owned(),
                (0, true) => "there is no such key\n".to_owned(),
                (1, true) => format!("1 key deleted at revision {revision}\n"),
                (deleted, true) => format!("{deleted} keys deleted at revision {revision}\n"),
            },
        )?;
    }
    Ok(if deleted > 0 { Outcome::Fine } else { Outcome::Failed })
}
