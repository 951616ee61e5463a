//! `quorate cluster transfer`: another member leads from now on. It is done when that member says so itself.

use std::time::{Duration, Instant};

use clap::Args;
use miette::{IntoDiagnostic as _, WrapErr as _};
use quorate_core::ids::{MemberId, PartitionId};
use quorate_net::wire::client::Role;
use quorate_node::client::Client;
use serde_json::{Value, json};

use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate cluster transfer
  quorate cluster transfer --to 2 --partition 1

Exit codes: 0 the other member leads, 1 it did not come to that in time, 2 usage, 3 the cluster could not be reached, or will not.";

/// Options of `quorate cluster transfer`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {
    /// Who is to lead [default: whoever is best suited]
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u64).range(1..))]
    to: Option<u64>,
    /// Which partition: 0 system, 1 kv [default: all]
    #[arg(long, value_name = "N")]
    partition: Option<u32>,
}

pub(super) fn run(options: &Options, reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let within = reach.timeout();
    let moved = reach.run(|client| async move {
        let all = client.status().await.into_diagnostic()?.partitions;
        let all = all.iter().map(|partition| partition.partition);
        let chosen: Vec<u32> = options.partition.map_or_else(|| all.collect(), |partition| vec![partition]);
        let mut moved = Vec::new();
        for partition in chosen {
            let asked = client.transfer(PartitionId(partition), options.to.map(MemberId)).await;
            let to = asked.into_diagnostic().wrap_err_with(|| format!("moving the leadership of partition {partition}"))?;
            moved.push((partition, to, leads(&client, partition, to, within).await));
        }
        Ok(moved)
    })?;
    let done = moved.iter().all(|(_, _, leads)| *leads);
    if json {
        let partition = |(partition, to, leads): &(u32, MemberId, bool)| json!({ "partition": partition, "to": to.0, "leads": leads });
        say_json(out, &json!({ "ok": done, "partitions": moved.iter().map(partition).collect::<Vec<Value>>() }))?;
    } else {
        let line = |(partition, to, leads): &(u32, MemberId, bool)| match leads {
            true => format!("partition {partition}: member {to} leads\n"),
            false => format!("partition {partition}: member {to} was asked to lead, and does not\n"),
        };
        say(out, &moved.iter().map(line).collect::<String>())?;
    }
    Ok(if done { Outcome::Fine } else { Outcome::Failed })
}

/// Waits until a member says that it leads.
async fn leads(client: &Client, partition: u32, member: MemberId, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    let address = async {
        let members = client.status().await.ok()?.members;
        members.into_iter().find(|known| known.id == member.0).map(|known| known.client_address)
    };
    let Some(address) = address.await else { return false };
    loop {
        if let Ok(status) = client.status_of(&address).await {
            let mut parts = status.partitions.iter();
            if parts.any(|part| part.partition == partition && part.role() == Role::Leader) {
                return true;
            }
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
