//! `quorate kv put`: write a key, perhaps only if it is as somebody remembers it.

use std::io::Read as _;

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _, miette};
use quorate_kv::{LeaseId, Op, Outcome as Done, Put, Range, Transaction};
use serde_json::json;

use super::shown::{done, has_version, keys, pair, text};
use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say, say_json};

/// More than any store takes.
const VALUE_BYTES_MAX: u64 = 4 << 20;

const AFTER: &str = "\
Examples:
  quorate kv put greeting hello
  quorate kv put config - < config.json
  quorate kv put lock me --if-absent --lease 7
  quorate kv put greeting bye --if-version 1

Exit codes: 0 written, 1 the condition did not hold, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate kv put`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The key
    key: String,
    /// The value; - for standard input
    value: String,
    /// The lease that the key goes with
    #[arg(long, value_name = "ID", default_value_t = 0)]
    lease: u64,
    /// Only if the key is not there
    #[arg(long, conflicts_with = "if_version")]
    if_absent: bool,
    /// Only if the key was written so often since it came to be
    #[arg(long, value_name = "N")]
    if_version: Option<u64>,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let put = Put { lease: LeaseId(options.lease), ..Put::new(options.key.as_str(), value(&options.value)?) };
    let expected = if options.if_absent { Some(0) } else { options.if_version };
    let doing = format!("writing {}", options.key);
    // Without a condition it is a transaction whose comparisons, of which there are none, all hold.
    let transaction = Transaction {
        compares: expected.into_iter().map(|version| has_version(&options.key, version)).collect(),
        success: vec![Op::Put(put.clone())],
        failure: vec![Op::Range(Range::new(keys(&options.key, false)))],
    };
    let (revision, found) = reach.run(|client| async move {
        if expected.is_none() {
            return Ok((done(client.kv().put_with(put).await, &doing)?.revision, None));
        }
        let transaction = done(client.kv().transaction(transaction).await, &doing)?;
        let found = match transaction.outcomes.into_iter().next() {
            Some(Done::Range(found)) if !transaction.succeeded => Some(found.kvs.into_iter().next()),
            _ if transaction.succeeded => None,
            other => return Err(miette!("{doing}: the store told {other:?} of the key; expected what was found")),
        };
        Ok((transaction.revision, found))
    })?;
    if json {
        let current = found.as_ref().map(|found| found.as_ref().map(pair));
        say_json(out, &json!({ "ok": found.is_none(), "revision": revision.0, "found": current }))?;
    } else {
        say(
            out,
            &match &found {
                None => format!("written at revision {revision}\n"),
                Some(None) => "not written: there is no such key\n".to_owned(),
                Some(Some(kv)) => format!("not written: the key has version {}, and its value is {}\n", kv.version, text(&kv.value)),
            },
        )?;
    }
    Ok(if found.is_none() { Outcome::Fine } else { Outcome::Failed })
}

fn value(typed: &str) -> miette::Result<Vec<u8>> {
    if typed != "-" {
        return Ok(typed.into());
    }
    let mut value = Vec::new();
    let read = std::io::stdin().lock().take(VALUE_BYTES_MAX + 1).read_to_end(&mut value);
    let read = read.into_diagnostic().wrap_err("the value cannot be read from standard input")?;
    if read as u64 > VALUE_BYTES_MAX {
        return Err(miette!("the value has more than {VALUE_BYTES_MAX} bytes, which no store takes"));
    }
    Ok(value)
}
