//! `quorate cluster members`: who is in the cluster, and who shall be.

use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};
use miette::IntoDiagnostic as _;
use quorate_core::ids::MemberId;
use quorate_net::wire::client::{Member, Part};
use quorate_node::client::{Client, RequestError};
use serde_json::{Value, json};

use super::status::part_word;
use super::table::table;
use crate::commands::reach::{Reach, told};
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate cluster members
  quorate cluster members add 4 --name d --address 10.0.0.4:7000 --client-address 10.0.0.4:7001 --wait
  quorate cluster members remove 2 --wait 1m

A change is decided on first, and then the partitions follow by joint consensus; --wait is for that. A member's number is never used again.

Exit codes: 0 done, 1 it was decided and is not in force yet, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate cluster members`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// What to do [default: list]
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the members that are decided on
    List,
    /// Add a member, or change what is known of one
    Add(Add),
    /// Remove a member
    Remove(Remove),
}

#[derive(Debug, Args)]
struct Add {
    /// Its number, which no member had before
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    /// Its name, for people
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// Where members reach it
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    /// Where it serves clients
    #[arg(long, value_name = "ADDRESS")]
    client_address: String,
    /// What part it takes
    #[arg(long, value_name = "PART", default_value = "voter")]
    part: Takes,
    /// Who has more stands for election earlier
    #[arg(long, value_name = "N", default_value_t = 0)]
    priority: u8,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Args)]
struct Remove {
    /// Its number
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    id: u64,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, Args)]
struct Wait {
    /// Wait until it is in force in all partitions, so long at most
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "30s", value_parser = crate::demo::parse_duration)]
    wait: Option<Duration>,
}

/// What part a member takes.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Takes {
    /// It has the log and votes
    Voter,
    /// It has the log and does not vote
    Learner,
    /// It votes and keeps no data
    Witness,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    match &options.command {
        None | Some(Command::List) => list(reach, json, out),
        Some(Command::Add(add)) => {
            let part = match add.part {
                Takes::Voter => Part::Voter,
                Takes::Learner => Part::Learner,
                Takes::Witness => Part::Witness,
            };
            let member = Member {
                id: add.id,
                name: add.name.clone(),
                address: add.address.clone(),
                client_address: add.client_address.clone(),
                part: part.into(),
                priority: add.priority.into(),
            };
            change(reach, add.wait.wait, json, out, |client| async move { client.add_member(member).await })
        }
        Some(Command::Remove(remove)) => {
            let member = MemberId(remove.id);
            change(reach, remove.wait.wait, json, out, |client| async move { client.remove_member(member).await })
        }
    }
}

fn list(reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let members = reach.run(|client| async move { client.status().await.into_diagnostic() })?.members;
    if json {
        let member = |member: &Member| {
            json!({
                "member": member.id, "name": member.name, "address": member.address, "client_address": member.client_address,
                "part": part_word(member.part()), "priority": member.priority,
            })
        };
        say_json(out, &json!({ "members": members.iter().map(member).collect::<Vec<Value>>() }))?;
    } else {
        let mut rows = vec![["member", "name", "part", "priority", "members at", "clients at"].map(str::to_owned).to_vec()];
        rows.extend(members.iter().map(|member| {
            let (part, priority) = (part_word(member.part()).to_owned(), member.priority.to_string());
            vec![member.id.to_string(), member.name.clone(), part, priority, member.address.clone(), member.client_address.clone()]
        }));
        say(out, &table(&rows))?;
    }
    Ok(Outcome::Fine)
}

/// Has a change decided on, and waits until it is in force.
fn change<F>(reach: &Reach, wait: Option<Duration>, json: bool, out: Out<'_>, ask: impl FnOnce(Client) -> F) -> miette::Result<Outcome>
where
    F: Future<Output = Result<u64, RequestError>>,
{
    let began = Instant::now();
    let (revision, in_force) = reach.run(|client| async move {
        let revision = ask(client.clone()).await.map_err(|error| {
            let said = told(&error);
            miette::Report::msg(error).wrap_err(format!("changing the members: {said}"))
        })?;
        let in_force = match wait {
            Some(wait) => Some(client.settled(wait).await.into_diagnostic()?),
            None => None,
        };
        Ok((revision, in_force))
    })?;
    if json {
        say_json(out, &json!({ "ok": in_force != Some(false), "revision": revision, "in_force": in_force }))?;
    } else {
        say(
            out,
            &match in_force {
                None => format!("decided as number {revision}; `quorate cluster status` shows how the partitions follow\n"),
                Some(true) => format!("decided as number {revision}, and in force after {:.1?}\n", began.elapsed()),
                Some(false) => {
                    format!("decided as number {revision}, and not in force yet; `quorate cluster status` shows how far it is\n")
                }
            },
        )?;
    }
    Ok(if in_force == Some(false) { Outcome::Failed } else { Outcome::Fine })
}
