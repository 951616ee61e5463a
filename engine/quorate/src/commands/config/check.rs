//! `quorate config check`: everything that is wrong or doubtful in a configuration, and in what it speaks of.
//!
//! Mistakes in the file come first, all of them. If there are none, the surroundings are looked at: certificates, the data directory,
//! the addresses. Nothing is changed; a file that is written to try the data directory is removed again.

use clap::Args;
use quorate_node::config::{Config, Durability, Loaded, Security};
use quorate_protocol::raft::Part;
use serde_json::json;

use super::{Out, Outcome, Which, addresses, certificates, directory, show};
use crate::commands::doctor::{Check, Status, report};

const AFTER: &str = "\
Examples:
  quorate config check
  quorate config check --config prod/node-1.toml
  quorate config check --json | jq '.checks[] | select(.status == \"problem\")'

Exit codes: 0 nothing is wrong, 1 something is (with advice), 2 usage, 3 a file that cannot be read.";

/// Options of `quorate config check`.
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
    let checks = match options.which.read()? {
        Ok(loaded) => around(&loaded),
        Err(error) => {
            let problem = |problem| Check::fine("setting", format!("{problem}"), show::remark(problem)).with(Status::Problem);
            error.problems.iter().map(problem).collect()
        }
    };
    report(&checks, options.json, out)
}

/// What there is to say about a configuration that holds together.
fn around(loaded: &Loaded) -> Vec<Check> {
    let config = &loaded.config;
    let mut checks = vec![match &loaded.file {
        Some(file) => Check::fine("file", file.display().to_string(), json!({ "file": file })),
        None => {
            let found = "none was found: these are the defaults and the environment";
            Check::fine("file", found, json!({ "file": null }))
                .but(Status::Note, "`quorate config create` writes one; `quorate config --help` says where it is looked for")
        }
    }];
    checks.extend(loaded.notes.iter().map(|note| Check::fine("setting", note.to_string(), show::remark(note)).with(Status::Note)));
    checks.push(members(config));
    checks.push(liars(config));
    checks.extend(certificates::checks(config));
    checks.push(security(config));
    checks.push(durability(config));
    checks.push(directory::check(config));
    checks.extend(addresses::checks(config));
    checks
}

/// How many members may fail.
fn members(config: &Config) -> Check {
    let seats = &config.cluster.members;
    let voters = seats.iter().filter(|seat| seat.part != Part::Learner).count();
    let may_fail = voters.saturating_sub(1) / 2;
    let role = if config.cluster.join { "joins" } else { "is one of" };
    let found = format!("node {} {role} cluster {} of {voters} that vote; {may_fail} of them may fail", config.node, config.cluster.name);
    let values = json!({ "cluster": config.cluster.name.as_str(), "node": config.node.0, "voters": voters, "may_fail": may_fail });
    let check = Check::fine("members", found, values);
    match voters {
        1 => check.but(Status::Note, "nothing survives the loss of this machine; three members survive that of one"),
        _ if voters.is_multiple_of(2) => {
            check.but(Status::Note, format!("{} would survive as much: an even number adds nothing", voters - 1))
        }
        _ => check,
    }
}

/// What the protocol does not promise.
fn liars(config: &Config) -> Check {
    let found = "Raft does not tolerate Byzantine nodes: a member that lies can break what the others promise";
    Check::fine("byzantine", found, json!({ "tolerated": 0 })).but(
        Status::Note,
        if config.security == Security::Plain {
            "and without TLS anybody who reaches a member can pose as another"
        } else {
            "TLS keeps others out; whoever has a member's key is a member"
        },
    )
}

fn security(config: &Config) -> Check {
    let values = json!({ "tls": config.security != Security::Plain, "insecure": config.insecure });
    match (&config.security, config.insecure) {
        (Security::Plain, false) => Check::fine("security", "plain text, at addresses of this machine alone", values),
        (Security::Plain, true) => {
            Check::fine("security", "plain text at addresses that others can reach, as security.insecure says", values)
                .but(Status::Note, "whoever reaches them reads and writes everything; `quorate config certs` makes certificates")
        }
        (Security::Tls { .. }, true) => {
            Check::fine("security", "mutual TLS", values).but(Status::Note, "security.insecure has no effect beside it")
        }
        (Security::Tls { .. }, false) => Check::fine("security", "mutual TLS", values),
    }
}

fn durability(config: &Config) -> Check {
    let name = |name: &str| json!({ "durability": name });
    match config.durability {
        Durability::Fsync => Check::fine("durability", "fsync: what was acknowledged survives a power cut", name("fsync")),
        Durability::Interval(interval) => {
            let found = format!("interval: a power cut can take what was acknowledged in the last {interval:?}");
            Check::fine("durability", found, name("interval")).but(Status::Note, "durability = \"fsync\" keeps everything")
        }
        Durability::Memory => Check::fine("durability", "memory: a node that stops has forgotten everything", name("memory"))
            .but(Status::Note, "if a majority stops, all is lost; durability = \"fsync\" keeps everything"),
    }
}
