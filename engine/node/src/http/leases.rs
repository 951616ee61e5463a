//! Leases, and compaction.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use quorate_kv::{Command, LeaseId, Outcome, Query, Revision, Told};
use serde::Deserialize;
use serde_json::json;

use super::ask::{Api, sureness};
use super::failure::Failure;
use super::json::{self, Json};
use super::parameters::Parameters;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantJson {
    ttl: u64,
    #[serde(default)]
    id: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompactJson {
    revision: u64,
}

/// `POST /v1/leases`
pub(super) async fn grant(State(api): State<Api>, body: Body) -> Result<Json, Failure> {
    let read: GrantJson = json::read(&api.body(body).await?)?;
    match api.write(&Command::Grant { lease: LeaseId(read.id), ttl_seconds: read.ttl }).await? {
        (revision, Outcome::Granted { lease, ttl_seconds }) => {
            Ok(Json(json!({ "id": lease.0, "ttl": ttl_seconds, "revision": revision.0 })))
        }
        (_, other) => Err(Failure::unexpected("a lease", other)),
    }
}

/// `POST /v1/leases/{id}/keepalive`
pub(super) async fn keep_alive(State(api): State<Api>, Path(id): Path<String>) -> Result<Json, Failure> {
    match api.write(&Command::KeepAlive(lease(&id)?)).await? {
        (revision, Outcome::KeptAlive { lease, ttl_seconds, renewals }) => {
            Ok(Json(json!({ "id": lease.0, "ttl": ttl_seconds, "renewals": renewals, "revision": revision.0 })))
        }
        (_, other) => Err(Failure::unexpected("a lease", other)),
    }
}

/// `DELETE /v1/leases/{id}`
pub(super) async fn revoke(State(api): State<Api>, Path(id): Path<String>) -> Result<Json, Failure> {
    match api.write(&Command::Revoke(lease(&id)?)).await? {
        (revision, Outcome::Ended { lease, deleted }) => Ok(Json(json!({ "id": lease.0, "deleted": deleted, "revision": revision.0 }))),
        (_, other) => Err(Failure::unexpected("the end of a lease", other)),
    }
}

/// `GET /v1/leases/{id}`
pub(super) async fn get(State(api): State<Api>, Path(id): Path<String>, RawQuery(query): RawQuery) -> Result<Json, Failure> {
    let parameters = Parameters::read(query.as_deref(), &["consistency"])?;
    match api.read(sureness(&parameters)?, &Query::Lease { lease: lease(&id)?, keys: true }).await? {
        (revision, Told::Lease(info)) => Ok(Json(json!({
            "id": info.lease.0,
            "ttl": info.ttl_seconds,
            "renewals": info.renewals,
            "keys": json::list(info.keys.iter().map(|key| json::key(key))),
            "revision": revision.0,
        }))),
        (_, other) => Err(Failure::unexpected("a lease", other)),
    }
}

/// `GET /v1/leases`
pub(super) async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> Result<Json, Failure> {
    let parameters = Parameters::read(query.as_deref(), &["consistency"])?;
    match api.read(sureness(&parameters)?, &Query::Leases).await? {
        (revision, Told::Leases(leases)) => {
            Ok(Json(json!({ "leases": json::list(leases.iter().map(|lease| lease.0)), "revision": revision.0 })))
        }
        (_, other) => Err(Failure::unexpected("the leases", other)),
    }
}

/// `POST /v1/compact`
pub(super) async fn compact(State(api): State<Api>, body: Body) -> Result<Json, Failure> {
    let read: CompactJson = json::read(&api.body(body).await?)?;
    match api.write(&Command::Compact(Revision(read.revision))).await? {
        (revision, Outcome::Compacted) => Ok(Json(json!({ "compacted": read.revision, "revision": revision.0 }))),
        (_, other) => Err(Failure::unexpected("a compaction", other)),
    }
}

fn lease(text: &str) -> Result<LeaseId, Failure> {
    text.parse().map(LeaseId).map_err(|_| Failure::bad(format!("{text:?} names no lease; expected a number")))
}
