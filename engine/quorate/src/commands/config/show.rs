//! `quorate config show`: the configuration in force, and where each value came from.

use clap::Args;
use quorate_node::config::{Config, ConfigError, Loaded, Origin, Remark, Seat, Set};
use quorate_protocol::raft::Part;
use serde_json::{Value, json};

use super::{Out, Outcome, Which};
use crate::commands::{say, say_json};

const AFTER: &str = "\
Examples:
  quorate config show
  quorate config show --config /etc/quorate/quorate.toml
  QUORATE_DURABILITY=memory quorate config show --json | jq '.settings[] | select(.from != \"default\")'

What is printed is itself a configuration in TOML.

Exit codes: 0 shown, 1 the configuration is wrong, 2 usage, 3 a file that cannot be read.";

/// Options of `quorate config show`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// One JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(options: &Options, out: Out<'_>) -> miette::Result<Outcome> {
    let read = options.which.read()?;
    let outcome = if read.is_ok() { Outcome::Fine } else { Outcome::Failed };
    match (read, options.json) {
        (Ok(loaded), true) => say_json(out, &object(&loaded))?,
        (Ok(loaded), false) => say(out, &text(&loaded))?,
        (Err(error), true) => say_json(out, &json!({ "ok": false, "problems": problems(&error) }))?,
        (Err(error), false) => say(out, &format!("{error}\n"))?,
    }
    Ok(outcome)
}

fn text(loaded: &Loaded) -> String {
    let mut text = match &loaded.file {
        Some(file) => format!("# {}\n", file.display()),
        None => "# no file was found; these are the defaults and the environment\n".to_owned(),
    };
    let lines: Vec<(String, &Origin)> =
        loaded.settings.iter().map(|Set { path, value, origin }| (format!("{path} = {value}"), origin)).collect();
    // Long lines stand out by themselves.
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or_default();
    for (line, origin) in lines {
        text += &format!("{line:width$}  # {origin}\n");
    }
    loaded.notes.iter().for_each(|note| text += &format!("# note: {note}\n"));
    text
}

fn object(loaded: &Loaded) -> Value {
    let setting = |set: &Set| {
        let value = json_value(&loaded.config, set.path, &set.value);
        json!({ "key": set.path, "value": value, "from": set.origin.to_string() })
    };
    json!({
        "ok": true,
        "file": loaded.file,
        "settings": loaded.settings.iter().map(setting).collect::<Vec<_>>(),
        "notes": loaded.notes.iter().map(remark).collect::<Vec<_>>(),
    })
}

/// A value for programs.
fn json_value(config: &Config, path: &str, value: &str) -> Value {
    if path != "cluster.members" {
        // All others are written as JSON writes them, too.
        return serde_json::from_str(value).unwrap_or_else(|_| value.into());
    }
    let seats = config.cluster.members.iter().map(|seat| {
        let part = match seat.part {
            Part::Voter => "voter",
            Part::Learner => "learner",
            Part::Witness => "witness",
        };
        let Seat { id, name, address, client, priority, .. } = seat;
        json!({ "id": id.0, "name": name, "address": address, "client": client, "part": part, "priority": priority })
    });
    seats.collect()
}

fn problems(error: &ConfigError) -> Vec<Value> {
    error.problems.iter().map(remark).collect()
}

/// A remark for programs.
pub(super) fn remark(remark: &Remark) -> Value {
    let mut value = json!({ "text": remark.what });
    match &remark.origin {
        Origin::Default => {}
        Origin::Environment(name) => value["variable"] = name.as_str().into(),
        Origin::File { file, mark } => {
            value["file"] = (**file).into();
            if let Some(mark) = mark {
                value["line"] = mark.line.into();
                value["column"] = mark.column.into();
            }
        }
    }
    value
}
