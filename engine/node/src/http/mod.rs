//! The node over HTTP/1.1: keys and values, leases, changes, members, health and figures. Bodies are JSON.
//!
//! ```text
//! $ curl -X PUT http://127.0.0.1:7002/v1/kv/greeting -d hello
//! {"revision":2}
//! $ curl http://127.0.0.1:7002/v1/kv/greeting
//! {"key":"greeting","value":"hello","create_revision":2,"mod_revision":2,"version":1,"lease":0,"revision":2}
//! $ curl -H "Accept: application/octet-stream" http://127.0.0.1:7002/v1/kv/greeting
//! hello
//! $ curl -X PUT "http://127.0.0.1:7002/v1/kv/greeting?if_version=1&prev=true" -d "good morning"
//! {"prev":{"create_revision":2,"key":"greeting","lease":0,"mod_revision":2,"value":"hello","version":1},"revision":3}
//! $ curl -X PUT "http://127.0.0.1:7002/v1/kv/greeting?if_absent=true" -d hello
//! {"error":"compare_failed","why":"the key is at version 2, last changed at revision 3","current":{
//!   "create_revision":2,"key":"greeting","lease":0,"mod_revision":3,"value":"good morning","version":2},"revision":3}
//! $ curl "http://127.0.0.1:7002/v1/kv?prefix=gre&limit=10&keys_only=true"
//! {"kvs":[{"key":"greeting","create_revision":2,"mod_revision":3,"version":2,"lease":0}],"count":1,"more":false,"revision":3}
//! $ curl http://127.0.0.1:7002/v1/txn \
//!   -d '{"compare":[{"key":"greeting","version":2}],"success":[{"put":{"key":"parting","value":"bye"}}],"failure":[]}'
//! {"revision":4,"succeeded":true,"outcomes":[{"put":{}}]}
//! $ curl -N "http://127.0.0.1:7002/v1/watch?prefix=gre&from=2"
//! : watching from revision 2 on
//! event: put
//! data: {"create_revision":2,"key":"greeting","lease":0,"mod_revision":2,"value":"hello","version":1}
//! id: 2
//! event: put
//! data: {"create_revision":2,"key":"greeting","lease":0,"mod_revision":3,"value":"good morning","version":2}
//! id: 3
//! $ curl http://127.0.0.1:7002/v1/leases -d '{"ttl":60}'
//! {"id":1,"ttl":60,"revision":4}
//! $ curl -X PUT "http://127.0.0.1:7002/v1/kv/here?lease=1" -d ""
//! {"revision":5}
//! $ curl -X POST http://127.0.0.1:7002/v1/leases/1/keepalive
//! {"id":1,"ttl":60,"renewals":1,"revision":5}
//! $ curl http://127.0.0.1:7002/v1/leases/1
//! {"id":1,"ttl":60,"renewals":1,"keys":[{"key":"here"}],"revision":5}
//! $ curl -X DELETE http://127.0.0.1:7002/v1/leases/1
//! {"id":1,"deleted":1,"revision":6}
//! $ curl -X DELETE http://127.0.0.1:7002/v1/kv/parting
//! {"deleted":1,"revision":7}
//! $ curl http://127.0.0.1:7002/v1/compact -d '{"revision":7}'
//! {"compacted":7,"revision":7}
//! $ curl "http://127.0.0.1:7002/v1/kv/greeting?revision=3"
//! {"error":"compacted","why":"the revision was compacted; the oldest that can be read is 7","compacted":7}
//! $ curl -X DELETE "http://127.0.0.1:7002/v1/kv?prefix="
//! {"deleted":1,"revision":8}
//! ```
//!
//! | request | parameters |
//! |---|---|
//! | `PUT /v1/kv/{key}`, the value as the body | `lease`; one of `if_version`, `if_revision`, `if_absent`; `prev` |
//! | `GET /v1/kv/{key}` | `revision`, `consistency` |
//! | `DELETE /v1/kv/{key}` | one of `if_version`, `if_revision`; `prev` |
//! | `GET /v1/kv` | `prefix`, or `start` and `end`; `limit`, `revision`, `keys_only`, `count_only`, `consistency` |
//! | `DELETE /v1/kv` | `prefix`, or `start` and `end`; `prev` |
//! | `POST /v1/txn` | `compare`, `success` and `failure` in the body: see the top of `transactions.rs` |
//! | `GET /v1/watch` | `key`, `prefix`, or `start` and `end`; `from`, `prev`, `no_put`, `no_delete`: see the top of `watches.rs` |
//! | `POST /v1/leases` `{"ttl":60}`, `GET /v1/leases` | |
//! | `POST /v1/leases/{id}/keepalive`, `GET` and `DELETE /v1/leases/{id}` | |
//! | `POST /v1/compact` `{"revision":7}` | |
//! | `GET /v1/status`, `GET /v1/members` | |
//! | `POST /v1/members` `{"id":4,"address":"…","client_address":"…"}` | in the body also `name`, `part` (`voter`, `learner`), `priority` |
//! | `DELETE /v1/members/{id}` | |
//! | `POST /v1/transfer` `{"to":2}` | in the body also `partition`; without `to`, to whoever is best suited |
//! | `GET /metrics`, `/healthz`, `/readyz` | |
//!
//! - **Keys** are bytes, percent-encoded; a slash may stand for itself. In parameters, but not in paths, a plus is a space. What is not
//!   UTF-8 is base64 in JSON, and `key_base64` or `value_base64` beside it is true; JSON that is sent says it in the same way.
//! - **Reading** is linearizable, unless `consistency=local` asks for whatever this node has. Any node answers the latter, and `/v1/watch`,
//!   `/v1/status` and `/v1/members`. Everything else is answered by the leader only, and **nothing is forwarded**: another node answers 421
//!   with `leader`, its id, and `leader_address`, where it serves the native protocol. The members do not know of each other where they
//!   serve HTTP.
//! - **What fails** says `error`, a word for programs, and `why`, a sentence for people: 400 what makes no sense, 404 what is not there,
//!   409 a comparison that did not hold (and `current`, what is there), 410 a revision that was compacted, 413 too long, 421 not the
//!   leader, 429 too much at once, 503 nobody leads, the node stops, or its disk is full, 504 no answer in time: if `error` is `uncertain`,
//!   a write may or may not be carried out yet. 429 and 503 say when to come back: `Retry-After`, and more exactly `retry_after_ms`.
//! - A write over HTTP has no session. Whoever repeats one that was `uncertain` makes it a compare-and-set, or uses the native client.
//! - Without TLS, requests are answered only if they are for a name of this machine, if it is bound to this machine; and never if they
//!   come from a page of another origin.

mod ask;
mod failure;
mod guard;
mod health;
mod json;
mod keys;
mod leases;
mod members;
mod parameters;
mod patience;
mod server;
mod tls;
mod transactions;
mod watches;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get, post, put};
use quorate_net::tls::Security;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::Handle;
use ask::Api;
use failure::Failure;
use guard::Guard;
use json::Json;

/// How HTTP is served.
#[derive(Clone)]
pub struct HttpOptions {
    /// Whether with TLS; then clients show a certificate of the cluster's authority.
    pub security: Security,
    /// So many connections at a time. Each watch is one.
    pub connections: usize,
    /// So long a body may be.
    pub body_bytes: usize,
    /// So long the head of a request may take, from the end of the last one on, and a handshake of TLS.
    pub header_timeout: Duration,
    /// So long a body may take.
    pub body_timeout: Duration,
    /// So long the node may take to answer.
    pub request_timeout: Duration,
    /// So long a client may take nothing of what it asked for.
    pub stall_timeout: Duration,
    /// So long requests may go on when the server stops.
    pub grace: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            security: Security::Plain,
            connections: 512,
            // A value of a mebibyte, in base64, and what stands around it.
            body_bytes: 3 << 19,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(5),
            stall_timeout: Duration::from_secs(20),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves until `stop` is there. Then nobody is let in any more, streams end with an event that says so, and what runs may end.
///
/// # Errors
/// If the listener is of no use.
pub async fn serve(listener: TcpListener, handle: Handle, options: HttpOptions, stop: impl Future) -> io::Result<()> {
    let is_plain = matches!(options.security, Security::Plain);
    let guard = Guard { this_machine_only: is_plain && listener.local_addr()?.ip().is_loopback() };
    let options = Arc::new(options);
    let (stopping, receiver) = watch::channel(false);
    let api = Api { handle, options: Arc::clone(&options), stopping: receiver };
    server::run(listener, router(api, guard), options, stopping, stop).await
}

fn router(api: Api, guard: Guard) -> Router {
    Router::new()
        .route("/", get(health::index))
        .route("/v1/kv/{*key}", put(keys::put).get(keys::get).delete(keys::delete))
        .route("/v1/kv", get(keys::range).delete(keys::delete_range))
        .route("/v1/txn", post(transactions::transact))
        .route("/v1/watch", get(watches::watch))
        .route("/v1/leases", post(leases::grant).get(leases::list))
        .route("/v1/leases/{id}", get(leases::get).delete(leases::revoke))
        .route("/v1/leases/{id}/keepalive", post(leases::keep_alive))
        .route("/v1/compact", post(leases::compact))
        .route("/v1/status", get(members::status))
        .route("/v1/members", get(members::list).post(members::add))
        .route("/v1/members/{id}", delete(members::remove))
        .route("/v1/transfer", post(members::transfer))
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(nothing_here)
        .method_not_allowed_fallback(nothing_to_do)
        .layer(from_fn_with_state(guard, guard::guard))
        .with_state(api)
}

async fn nothing_here(uri: Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "no_such_place", format!("there is nothing at {}; / lists what there is", uri.path()))
}

async fn nothing_to_do(method: Method, uri: Uri) -> Failure {
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "no_such_method", format!("{method} means nothing at {}", uri.path()))
}

/// Whether a client asks for this kind of answer by name.
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let asked = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    asked.flat_map(|list| list.split(',')).any(|one| one.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case(kind)))
}
