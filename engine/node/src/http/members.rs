//! The node, the members of the cluster, and who leads.

use axum::body::Body;
use axum::extract::{Path, State};
use quorate_core::ids::PartitionId;
use quorate_net::wire::client::{Change, Member, NodeStatus, Part, PartitionStatus, Role, Transfer, change, request, response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ask::Api;
use super::failure::Failure;
use super::json::{self, Json};
use crate::{KV, SYSTEM};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberJson {
    id: u64,
    #[serde(default)]
    name: String,
    address: String,
    client_address: String,
    #[serde(default)]
    part: PartJson,
    #[serde(default)]
    priority: u8,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum PartJson {
    #[default]
    Voter,
    Learner,
    Witness,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferJson {
    partition: Option<u32>,
    #[serde(default)]
    to: u64,
}

/// `GET /v1/status`
pub(super) async fn status(State(api): State<Api>) -> Result<Json, Failure> {
    let status = api.status().await?;
    let partitions = json::list(status.partitions.iter().map(partition));
    Ok(Json(json!({
        "cluster": status.cluster,
        "cluster_id": hex(&status.cluster_id),
        "member": status.member,
        "version": status.version,
        "durability": status.durability,
        "uptime_ms": status.uptime_ms,
        "partitions": partitions,
        "members": json::list(status.members.iter().map(member)),
    })))
}

/// `GET /v1/members`
pub(super) async fn list(State(api): State<Api>) -> Result<Json, Failure> {
    let status = api.status().await?;
    Ok(Json(json!({ "members": json::list(status.members.iter().map(member)), "leader": leader(&status) })))
}

/// `POST /v1/members`
pub(super) async fn add(State(api): State<Api>, body: Body) -> Result<Json, Failure> {
    let read: MemberJson = json::read(&api.body(body).await?)?;
    let part = match read.part {
        PartJson::Voter => Part::Voter,
        PartJson::Learner => Part::Learner,
        PartJson::Witness => Part::Witness,
    };
    let name = if read.name.is_empty() { format!("node-{}", read.id) } else { read.name };
    let (address, client_address) = (read.address, read.client_address);
    let member = Member { id: read.id, name, address, client_address, part: part.into(), priority: read.priority.into() };
    decide(&api, change::What::Add(member)).await
}

/// `DELETE /v1/members/{id}`
pub(super) async fn remove(State(api): State<Api>, Path(id): Path<String>) -> Result<Json, Failure> {
    let id = id.parse().map_err(|_| Failure::bad(format!("{id:?} names no member; expected a number")))?;
    decide(&api, change::What::Remove(id)).await
}

async fn decide(api: &Api, what: change::What) -> Result<Json, Failure> {
    match api.ask(SYSTEM, request::Body::Change(Change { what: Some(what) })).await? {
        response::Body::Changed(changed) => Ok(Json(json!({ "revision": changed.revision }))),
        other => Err(Failure::unexpected("a change of members", other)),
    }
}

/// `POST /v1/transfer`
pub(super) async fn transfer(State(api): State<Api>, body: Body) -> Result<Json, Failure> {
    let read: TransferJson = json::read(&api.body(body).await?)?;
    let partition = read.partition.map_or(KV, PartitionId);
    match api.ask(partition, request::Body::Transfer(Transfer { to: read.to })).await? {
        response::Body::Transferring(to) => Ok(Json(json!({ "partition": partition.0, "to": to }))),
        other => Err(Failure::unexpected("another leader", other)),
    }
}

/// Who leads the key-value store, as far as this node knows.
fn leader(status: &NodeStatus) -> Value {
    let kv = status.partitions.iter().find(|partition| partition.partition == KV.0);
    kv.map_or(Value::Null, |partition| known(partition.leader))
}

/// A member's id, or nothing where nobody is known.
fn known(id: u64) -> Value {
    if id == 0 { Value::Null } else { id.into() }
}

fn member(member: &Member) -> Value {
    let part = match member.part() {
        Part::Voter => "voter",
        Part::Learner => "learner",
        Part::Witness => "witness",
    };
    json!({
        "id": member.id,
        "name": member.name,
        "address": member.address,
        "client_address": member.client_address,
        "part": part,
        "priority": member.priority,
    })
}

fn partition(status: &PartitionStatus) -> Value {
    let role = match status.role() {
        Role::Follower => "follower",
        Role::PreCandidate => "pre-candidate",
        Role::Candidate => "candidate",
        Role::Leader => "leader",
    };
    let followers = status.followers.iter().map(|follower| json!({ "member": follower.member, "matched": follower.matched }));
    json!({
        "partition": status.partition,
        "role": role,
        "term": status.term,
        "leader": known(status.leader),
        "commit": status.commit,
        "applied": status.applied,
        "last": status.last,
        "floor": status.floor,
        "voters": status.voters,
        "learners": status.learners,
        "joint": status.joint,
        "waiting": status.waiting,
        "followers": json::list(followers),
        "stopped": if status.stopped.is_empty() { Value::Null } else { status.stopped.as_str().into() },
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
