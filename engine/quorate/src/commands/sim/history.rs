//! `quorate sim history`: whether a recorded history is linearizable, and if not, where it stops making sense.
//!
//! The explanation shows the key, the last operations of the longest linearization that was found with the state that they leave, and the
//! operations that would have to come next and cannot.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use miette::{Context as _, IntoDiagnostic as _, miette};
use quorate_sim::history::formats::{self, BYTES_MAX, Format, Parsed};
use quorate_sim::history::models::{Call, Kind, Reply};
use quorate_sim::history::{Explanation, History, OpId, Operation, Outcome as End, Verdict};
use serde_json::{Value, json};

use crate::commands::{Out, Outcome, Usage, say, say_json};

const AFTER: &str = "\
Examples:
  quorate sim history etcd.log
  quorate sim history run.jsonl --model store --budget 100000000
  quorate sim history - --json < history.edn

The file is a Jepsen log of a register, a map in EDN for each event, or our own lines of JSON; its first line tells. An operation of unknown
outcome (info, lost, or never ended) may have taken effect at any later time, or never.

Exit codes: 0 linearizable, 1 not (the reason is shown), 2 usage, 3 not readable, or undecided within the budget.";

/// Of a long list so many are shown to people.
const SHOWN: usize = 8;

/// Options of `quorate sim history`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// The history; - for standard input
    file: PathBuf,
    /// What one machine would answer; auto is what the file is made for
    #[arg(long, value_name = "MODEL", default_value = "auto", value_parser = ["auto", "register", "kv", "store"])]
    model: String,
    /// How many steps to look before giving up
    #[arg(long, value_name = "STEPS", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    budget: u64,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let name = options.file.display();
    let bytes = read(&options.file)?;
    let Parsed { format, model, history } =
        formats::parse(&bytes).into_diagnostic().wrap_err_with(|| format!("{name} is no history that can be read"))?;
    let model = Kind::named(&options.model).unwrap_or(model);
    let verdict = model.check(&history, options.budget).map_err(|error| Usage {
        what: format!("{name}: {error}"),
        help: Some("leave --model out to take the one that the file is made for".into()),
    })?;
    let told = Told { options, format, model, history: &history };
    match &verdict {
        Verdict::Linearizable => {
            told.say(out, "linearizable", "LINEARIZABLE\n", &[])?;
            Ok(Outcome::Fine)
        }
        Verdict::NotLinearizable(why) => {
            let text = format!("{}NOT LINEARIZABLE\n", told.explanation(why));
            told.say(out, "not-linearizable", &text, &[("explanation", told.explained(why))])?;
            Ok(Outcome::Failed)
        }
        Verdict::Undecided(progress) => {
            let more = json!({
                "steps": progress.steps, "keys_done": progress.keys_done, "key": progress.key,
                "linearized": progress.linearized, "operations": progress.operations,
            });
            told.say(out, "undecided", "UNDECIDED\n", &[("progress", more)])?;
            Err(miette!(help = "give it more steps with --budget", "{name} is undecided: {progress}"))
        }
    }
}

fn read(path: &Path) -> miette::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut bounded = |source: &mut dyn Read| source.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map(drop);
    let result = if path == Path::new("-") {
        bounded(&mut std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(|mut file| bounded(&mut file))
    };
    result.into_diagnostic().wrap_err_with(|| format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

/// What is told of a history.
struct Told<'a> {
    options: &'a Options,
    format: Format,
    model: Kind,
    history: &'a History<Call, Reply>,
}

impl Told<'_> {
    fn say(&self, out: Out<'_>, verdict: &str, text: &str, more: &[(&str, Value)]) -> miette::Result<()> {
        let (operations, clients, keys) = (self.history.operations().len(), self.history.clients(), self.keys());
        let file = self.options.file.display().to_string();
        if self.options.json {
            let mut line = json!({
                "file": file, "format": self.format.name(), "model": self.model.name(), "verdict": verdict,
                "operations": operations, "clients": clients, "keys": keys,
            });
            more.iter().for_each(|(name, value)| line[*name] = value.clone());
            return say_json(out, &line);
        }
        let model = self.model.name();
        let counted = format!("{}, {}, {}", many(operations, "operation"), many(clients, "client"), many(keys, "key"));
        say(out, &format!("{file}: {model}, {counted}\n{text}"))
    }

    fn keys(&self) -> usize {
        let mut keys: Vec<_> = self.history.operations().iter().map(|operation| self.model.key(&operation.call)).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.len()
    }

    /// Where it stops making sense, for people.
    fn explanation(&self, why: &Explanation) -> String {
        let of_key = why.key.as_ref().map_or_else(String::new, |key| format!(" on key {key:?}"));
        let all = many(why.operations, "operation");
        let mut text = format!("  {} of {all}{of_key} can be put in an order", why.linearized.len());
        let skipped = why.linearized.len().saturating_sub(SHOWN);
        text += &match (why.linearized.len(), skipped) {
            (0, _) => ":\n".to_owned(),
            (_, 0) => ", which is\n".to_owned(),
            _ => format!(", of which the last {SHOWN} are\n"),
        };
        why.linearized[skipped..].iter().for_each(|id| text += &self.words(*id));
        text += &format!("  that leaves {}\n", why.state);
        text += "  this must come next, and cannot:\n";
        let (must, others) = why.stuck.split_at(why.stuck.len().min(1));
        must.iter().for_each(|id| text += &self.words(*id));
        for (what, ids) in [("these are open, and do not help", others), ("of these nobody knows, and they do not help", &why.unknown)] {
            if !ids.is_empty() {
                text += &format!("  {what}:\n");
                ids.iter().take(SHOWN).for_each(|id| text += &self.words(*id));
            }
            if ids.len() > SHOWN {
                text += &format!("    and {} more\n", ids.len() - SHOWN);
            }
        }
        text
    }

    fn words(&self, id: OpId) -> String {
        let Some(Operation { client, call, invoked, outcome }) = self.history.get(id) else { return String::new() };
        let (from, client) = (invoked.at, client.0);
        let unit = match self.format {
            Format::Jepsen | Format::Edn => "line",
            Format::Lines => "at",
        };
        match outcome {
            End::Returned(to, reply) => format!("    {unit} {from} to {}, client {client}: {call} → {reply}\n", to.at),
            End::Failed(to) => format!("    {unit} {from} to {}, client {client}: {call}, which failed\n", to.at),
            End::Unknown(_) => format!("    {unit} {from}, client {client}: {call}, outcome unknown\n"),
        }
    }

    /// The same, for programs.
    fn explained(&self, why: &Explanation) -> Value {
        let all = |ids: &[OpId]| -> Vec<Value> { ids.iter().map(|id| self.value(*id)).collect() };
        json!({
            "key": why.key,
            "operations": why.operations,
            "linearized": all(&why.linearized),
            "state": why.state,
            "stuck": all(&why.stuck),
            "unknown": all(&why.unknown),
        })
    }

    fn value(&self, id: OpId) -> Value {
        let Some(Operation { client, call, invoked, outcome }) = self.history.get(id) else { return Value::Null };
        let (returned, reply) = match outcome {
            End::Returned(to, reply) => (Some(to.at), Some(reply.to_string())),
            End::Failed(_) | End::Unknown(_) => (None, None),
        };
        json!({
            "operation": id.0, "client": client.0, "call": call.to_string(), "invoked": invoked.at, "returned": returned, "reply": reply,
        })
    }
}

/// A number and a noun.
fn many(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
