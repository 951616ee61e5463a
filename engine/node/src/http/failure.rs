//! What an answer says when it is not what was asked for: a status, and a JSON object with a word for programs and a sentence for people.
//!
//! `{"error": "not_leader", "why": "…", "leader": 2, "leader_address": "…", "retry_after_ms": 50}`; what is not known is left out, and
//! what one kind of failure has beside (what is there when a comparison fails) stands next to these.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use quorate_core::codec::DecodeError;
use quorate_kv::Refusal;
use quorate_net::wire::client::{Refused, Why};
use serde_json::{Map, Value, json};

/// An answer that is a failure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) why: String,
    pub(super) retry_after_ms: u32,
    pub(super) beside: Map<String, Value>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, error: &'static str, why: impl Into<String>) -> Self {
        Self { status, error, why: why.into(), retry_after_ms: 0, beside: Map::new() }
    }

    /// The request makes no sense.
    pub(super) fn bad(why: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", why)
    }

    /// With something beside.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.beside.insert(name.into(), value.into());
        self
    }

    /// The answer was not one to what was asked: the node, or the state machine, is not what this server was made for.
    pub(super) fn unexpected(asked: &str, found: impl std::fmt::Debug) -> Self {
        tracing::error!(asked, ?found, "the node gave an answer of another kind");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", format!("the node gave an answer of another kind when asked for {asked}"))
    }

    /// It took too long, and nobody knows what became of a write.
    pub(super) fn late(uncertain: bool) -> Self {
        match uncertain {
            true => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "uncertain", "there was no answer in time; it may or may not be carried out yet")
            }
            false => Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "there was no answer in time; nothing was changed"),
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let (status, error) = match refused.why() {
            // Somebody else can answer, and it is said who; or nobody can, yet.
            Why::NotLeader if refused.leader != 0 => (StatusCode::MISDIRECTED_REQUEST, "not_leader"),
            Why::NotLeader => (StatusCode::SERVICE_UNAVAILABLE, "no_leader"),
            Why::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
            Why::Uncertain => (StatusCode::GATEWAY_TIMEOUT, "uncertain"),
            Why::BadRequest => (StatusCode::BAD_REQUEST, "bad_request"),
            Why::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
            Why::Compacted => (StatusCode::GONE, "compacted"),
            Why::ReadOnly => (StatusCode::SERVICE_UNAVAILABLE, "read_only"),
            Why::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            // Nothing here opens a session.
            Why::SessionExpired | Why::Settled | Why::Unknown => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let mut failure = Self { retry_after_ms: refused.retry_after_ms, ..Self::new(status, error, refused.text) };
        if refused.leader != 0 {
            failure = failure.with("leader", refused.leader);
        }
        if !refused.leader_address.is_empty() {
            failure = failure.with("leader_address", refused.leader_address);
        }
        failure
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let (status, error) = match refusal {
            Refusal::EmptyKey
            | Refusal::KeyTooLong { .. }
            | Refusal::TooManyOperations { .. }
            | Refusal::TooDeep { .. }
            | Refusal::DuplicateKey
            | Refusal::ValueProvided
            | Refusal::LeaseProvided
            | Refusal::LeaseIdOutOfRange(_)
            | Refusal::TtlOutOfRange { .. } => (StatusCode::BAD_REQUEST, "bad_request"),
            Refusal::AnswerTooLong { .. } => (StatusCode::BAD_REQUEST, "answer_too_long"),
            Refusal::Future { .. } => (StatusCode::BAD_REQUEST, "future_revision"),
            Refusal::ValueTooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "value_too_long"),
            Refusal::KeyNotFound => (StatusCode::NOT_FOUND, "not_found"),
            Refusal::LeaseNotFound(_) => (StatusCode::NOT_FOUND, "lease_not_found"),
            Refusal::LeaseExists(_) => (StatusCode::CONFLICT, "lease_exists"),
            Refusal::LeaseRenewed(_) => (StatusCode::CONFLICT, "lease_renewed"),
            Refusal::TooManyLeases { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_leases"),
            Refusal::Compacted { .. } => (StatusCode::GONE, "compacted"),
            Refusal::Unreadable => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        let failure = Self::new(status, error, refusal.to_string());
        match refusal {
            Refusal::Compacted { floor } => failure.with("compacted", floor.0),
            Refusal::Future { newest } => failure.with("revision", newest.0),
            _ => failure,
        }
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::unexpected("the key-value store", error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.error, "why": self.why });
        if let Value::Object(fields) = &mut body {
            fields.extend(self.beside);
            if self.retry_after_ms > 0 {
                fields.insert("retry_after_ms".into(), self.retry_after_ms.into());
            }
        }
        let mut response = (self.status, super::Json(body)).into_response();
        let again = matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        if again || self.retry_after_ms > 0 {
            // The header knows whole seconds only; who wants it sooner reads the body.
            let seconds = self.retry_after_ms.div_ceil(1000).max(1);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handle::refusal;

    #[test]
    fn each_refusal_of_the_node_has_its_status() {
        let expected = [
            (Why::NotLeader, 503, "no_leader"),
            (Why::Busy, 429, "busy"),
            (Why::Uncertain, 504, "uncertain"),
            (Why::BadRequest, 400, "bad_request"),
            (Why::Stopping, 503, "stopping"),
            (Why::Compacted, 410, "compacted"),
            (Why::ReadOnly, 503, "read_only"),
            (Why::Forbidden, 403, "forbidden"),
            (Why::SessionExpired, 500, "internal"),
            (Why::Unknown, 500, "internal"),
        ];
        for (why, status, error) in expected {
            let failure = Failure::from(refusal(why, "because", 0));
            assert_eq!((failure.status.as_u16(), failure.error, failure.why.as_str()), (status, error, "because"), "{why:?}");
        }
    }

    #[test]
    fn whoever_is_not_the_leader_says_who_is() {
        let refused = Refused { leader: 2, leader_address: "10.0.0.2:7001".into(), ..refusal(Why::NotLeader, "node-2 leads", 20) };
        let failure = Failure::from(refused);
        assert_eq!((failure.status.as_u16(), failure.error, failure.retry_after_ms), (421, "not_leader", 20));
        assert_eq!((&failure.beside["leader"], &failure.beside["leader_address"]), (&json!(2), &json!("10.0.0.2:7001")));
    }

    #[test]
    fn whoever_is_told_to_come_back_is_told_when() {
        let after = |failure: Failure| failure.into_response().headers().get(header::RETRY_AFTER).cloned();
        assert_eq!(after(refusal(Why::Busy, "", 50).into()), Some(HeaderValue::from(1)));
        assert_eq!(after(refusal(Why::NotLeader, "", 1500).into()), Some(HeaderValue::from(2)));
        assert_eq!(after(refusal(Why::Stopping, "", 0).into()), Some(HeaderValue::from(1)));
        assert_eq!(after(Failure::bad("no")), None);
    }
}
