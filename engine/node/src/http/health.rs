//! For whoever looks after the process: does it live, is it of use, what does it count.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quorate_net::wire::client::{NodeStatus, PartitionStatus};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::ask::Api;
use super::failure::Failure;
use super::json::Json;
use crate::metrics::Exposition;

/// The shard answers within this time, or it is not well.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// How often it is looked again whether the node has got there.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// `GET /healthz`: whether the shard answers. A node that is busy or alone is well; to restart it would not help.
pub(super) async fn alive(State(api): State<Api>) -> Response {
    match timeout(ANSWER_MAX, status(&api)).await {
        Ok(status) => Json(json!({ "status": "ok", "member": status.member, "uptime_ms": status.uptime_ms })).into_response(),
        Err(_) => Failure::new(StatusCode::SERVICE_UNAVAILABLE, "not_well", "the node did not answer within a second").into_response(),
    }
}

/// Its status; whoever does not get in tries again.
async fn status(api: &Api) -> NodeStatus {
    loop {
        match api.handle.status().await {
            Ok(status) => return status,
            Err(_) => sleep(LOOK_AGAIN).await,
        }
    }
}

/// `GET /readyz`: whether all partitions have a leader and go on, and whether what was committed when this was asked is applied here.
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let looked = timeout(ANSWER_MAX, status(&api)).await;
    let reasons = match looked {
        Err(_) => vec!["the node did not answer within a second".to_owned()],
        Ok(asked) => {
            // What is missing now may come to be in a moment; so long, this waits.
            let reached = async {
                while !reasons(&asked, &status(&api).await).is_empty() {
                    sleep(LOOK_AGAIN).await;
                }
            };
            match timeout(ANSWER_MAX, reached).await {
                Ok(()) => Vec::new(),
                Err(_) => timeout(ANSWER_MAX, status(&api))
                    .await
                    .map_or_else(|_| vec!["the node did not answer within a second".to_owned()], |now| reasons(&asked, &now)),
            }
        }
    };
    let (ready, stopping) = (reasons.is_empty(), *api.stopping.borrow());
    let body = Json(json!({ "ready": ready && !stopping, "reasons": reasons }));
    let status = if ready && !stopping { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, body).into_response()
}

/// Why the node is of no use yet, given what it had committed when it was asked.
fn reasons(asked: &NodeStatus, now: &NodeStatus) -> Vec<String> {
    let mut reasons = Vec::new();
    if now.partitions.is_empty() {
        reasons.push("the node has no partitions yet".into());
    }
    for partition in &now.partitions {
        let PartitionStatus { partition: id, leader, applied, stopped, .. } = partition;
        if !stopped.is_empty() {
            reasons.push(format!("partition {id} has stopped: {stopped}"));
        }
        if *leader == 0 {
            reasons.push(format!("partition {id} has no leader"));
        }
        let committed = asked.partitions.iter().find(|before| before.partition == *id).map_or(0, |before| before.commit);
        if *applied < committed {
            reasons.push(format!("partition {id} has applied {applied} of {committed} committed entries"));
        }
    }
    reasons
}

/// `GET /metrics`
pub(super) async fn metrics(State(api): State<Api>, headers: HeaderMap) -> Result<Response, Failure> {
    let asks_for_open_metrics = super::accepts(&headers, "application/openmetrics-text");
    let form = if asks_for_open_metrics { Exposition::OpenMetrics } else { Exposition::Prometheus };
    let text = api.handle.metrics().encode(form);
    let text = text.map_err(|error| Failure::unexpected("what it counts", error))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(form.content_type()))], text).into_response())
}

/// `GET /`: what can be opened here.
pub(super) async fn index(headers: HeaderMap) -> Response {
    if !super::accepts(&headers, "text/html") {
        let lines: String = PAGES.iter().map(|(place, what)| format!("{place:<14} {what}\n")).collect();
        return ([(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], lines).into_response();
    }
    let items: String = PAGES.iter().map(|(place, what)| format!("<li><a href=\"{place}\">{place}</a> {what}</li>\n")).collect();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Quorate</title>\n<h1>Quorate</h1>\n<ul>\n{items}</ul>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (HeaderName::from_static("content-security-policy"), HeaderValue::from_static("default-src 'none'")),
    ];
    (headers, page).into_response()
}

const PAGES: &[(&str, &str)] = &[
    ("/v1/status", "the node and its partitions"),
    ("/v1/members", "the members of the cluster"),
    ("/v1/kv", "all keys"),
    ("/v1/watch", "changes, as they happen"),
    ("/v1/leases", "leases"),
    ("/metrics", "what the node counts, for Prometheus"),
    ("/healthz", "whether the node lives"),
    ("/readyz", "whether it is of use"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn status(partitions: &[(u32, u64, u64, u64, &str)]) -> NodeStatus {
        let partition = |&(partition, leader, commit, applied, stopped): &(u32, u64, u64, u64, &str)| PartitionStatus {
            partition,
            leader,
            commit,
            applied,
            stopped: stopped.into(),
            ..PartitionStatus::default()
        };
        NodeStatus { partitions: partitions.iter().map(partition).collect(), ..NodeStatus::default() }
    }

    #[test]
    fn a_node_is_of_use_when_all_partitions_have_a_leader_and_what_was_asked_for_is_applied() {
        let asked = status(&[(0, 1, 5, 5, ""), (1, 1, 90, 80, "")]);
        assert_eq!(reasons(&asked, &status(&[(0, 1, 5, 5, ""), (1, 1, 95, 90, "")])), Vec::<String>::new());
        let why = reasons(&asked, &status(&[(0, 0, 5, 5, ""), (1, 1, 95, 89, "the state machine panicked")])).join("; ");
        for part in ["partition 0 has no leader", "partition 1 has applied 89 of 90", "partition 1 has stopped: the state machine panicked"]
        {
            assert!(why.contains(part), "{why}");
        }
        assert_eq!(reasons(&asked, &status(&[])).len(), 1);
    }
}
