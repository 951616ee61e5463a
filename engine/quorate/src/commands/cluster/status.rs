//! `quorate cluster status`: every member is asked, and what they say is set side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use miette::IntoDiagnostic as _;
use quorate_net::wire::client::{Member, NodeStatus, Part, PartitionStatus, Role};
use quorate_node::client::RequestError;
use quorate_node::{KV, SYSTEM};
use serde_json::{Value, json};

use super::table::table;
use crate::commands::reach::Reach;
use crate::commands::{Out, Outcome, say, say_json};

const AFTER: &str = "\
Examples:
  quorate cluster status --profile client.toml
  quorate cluster status --json | jq '.partitions[] | {partition, leader}'

Exit codes: 0 every member answers and every partition has a leader, 1 not so, 2 usage, 3 the cluster could not be reached.";

/// Options of `quorate cluster status`.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Options {}

/// A member, and what it says.
type Asked = (Member, Result<NodeStatus, RequestError>);

pub(super) fn run(reach: &Reach, json: bool, out: Out<'_>) -> miette::Result<Outcome> {
    let all = reach.run(|client| async move { client.status_of_all().await.into_diagnostic() })?;
    let partitions = by_partition(&all);
    let leaders: BTreeMap<u32, Option<u64>> = partitions.iter().map(|(partition, parts)| (*partition, leader(parts))).collect();
    let stopped = partitions.values().flatten().any(|(_, part)| !part.stopped.is_empty());
    let well = all.iter().all(|(_, answer)| answer.is_ok()) && leaders.values().all(Option::is_some) && !stopped;
    if json {
        let partitions: Vec<Value> =
            leaders.iter().map(|(partition, leader)| json!({ "partition": partition, "leader": leader })).collect();
        let members: Vec<Value> = all.iter().map(member).collect();
        say_json(out, &json!({ "ok": well, "cluster": cluster(&all), "partitions": partitions, "members": members }))?;
    } else {
        say(out, &text(&all, &partitions))?;
    }
    Ok(if well { Outcome::Fine } else { Outcome::Failed })
}

fn cluster(all: &[Asked]) -> &str {
    all.iter().find_map(|(_, answer)| answer.as_ref().ok()).map_or("", |status| &status.cluster)
}

/// What members say of each partition.
fn by_partition(all: &[Asked]) -> BTreeMap<u32, Vec<(u64, &PartitionStatus)>> {
    let mut partitions: BTreeMap<u32, Vec<(u64, &PartitionStatus)>> = BTreeMap::new();
    for status in all.iter().filter_map(|(_, answer)| answer.as_ref().ok()) {
        for partition in &status.partitions {
            partitions.entry(partition.partition).or_default().push((status.member, partition));
        }
    }
    partitions
}

/// Who leads: of those who say that they do, the one of the latest term.
fn leader(parts: &[(u64, &PartitionStatus)]) -> Option<u64> {
    let leading = parts.iter().filter(|(_, part)| part.role() == Role::Leader);
    leading.max_by_key(|(_, part)| part.term).map(|(member, _)| *member)
}

/// A part in a cluster, in a word.
pub(super) fn part_word(part: Part) -> &'static str {
    match part {
        Part::Voter => "voter",
        Part::Learner => "learner",
        Part::Witness => "witness",
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    }
}

/// What a partition is for.
fn partition_word(partition: u32) -> String {
    let name = [(SYSTEM, "system"), (KV, "kv")].into_iter().find(|(known, _)| known.0 == partition);
    name.map_or_else(|| partition.to_string(), |(_, name)| format!("{partition} {name}"))
}

fn member((member, answer): &Asked) -> Value {
    let status = answer.as_ref().ok();
    let partition = |part: &PartitionStatus| {
        json!({
            "partition": part.partition, "role": role_word(part.role()), "term": part.term, "leader": part.leader,
            "commit": part.commit, "applied": part.applied, "last": part.last, "floor": part.floor,
            "voters": part.voters, "learners": part.learners, "joint": part.joint, "waiting": part.waiting,
            "stopped": (!part.stopped.is_empty()).then_some(&part.stopped),
        })
    };
    json!({
        "member": member.id, "name": member.name, "address": member.address, "client_address": member.client_address,
        "part": part_word(member.part()), "priority": member.priority,
        "answers": status.is_some(),
        "problem": answer.as_ref().err().map(ToString::to_string),
        "version": status.map(|status| &status.version),
        "durability": status.map(|status| &status.durability),
        "uptime_ms": status.map(|status| status.uptime_ms),
        "partitions": status.map(|status| status.partitions.iter().map(partition).collect::<Vec<_>>()),
    })
}

fn text(all: &[Asked], partitions: &BTreeMap<u32, Vec<(u64, &PartitionStatus)>>) -> String {
    let mut text = format!("cluster {}, {} members\n\n", cluster(all), all.len());
    let mut rows = vec![["member", "name", "part", "clients at", "version", "durability", "up"].map(str::to_owned).to_vec()];
    for (member, answer) in all {
        let mut row = vec![member.id.to_string(), member.name.clone(), part_word(member.part()).into(), member.client_address.clone()];
        match answer {
            Ok(status) => {
                let up = Duration::from_secs(status.uptime_ms / 1000);
                row.extend([status.version.clone(), status.durability.clone(), format!("{up:?}")]);
            }
            Err(_) => row.push("DOES NOT ANSWER".into()),
        }
        rows.push(row);
    }
    text += &table(&rows);
    let head = ["partition", "member", "role", "term", "commit", "applied", "last", "floor", "waiting"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for (partition, parts) in partitions {
        for (member, part) in parts {
            let numbers = [part.term, part.commit, part.applied, part.last, part.floor, part.waiting].map(|number| number.to_string());
            let role = role_word(part.role()).to_owned() + if part.joint { ", changing members" } else { "" };
            rows.push([partition_word(*partition), member.to_string(), role].into_iter().chain(numbers).collect());
        }
    }
    text += &format!("\n{}", table(&rows));
    for (partition, parts) in partitions {
        if leader(parts).is_none() {
            text += &format!("\npartition {} has no leader\n", partition_word(*partition));
        }
        for (member, part) in parts.iter().filter(|(_, part)| !part.stopped.is_empty()) {
            text += &format!("\npartition {} has stopped on member {member}: {}\n", partition_word(*partition), part.stopped);
        }
    }
    for (member, error) in all.iter().filter_map(|(member, answer)| Some((member, answer.as_ref().err()?))) {
        text += &format!("\nmember {} does not answer: {error}\n", member.id);
    }
    text
}
