//! Asking the node, within the time that a request may take.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use quorate_core::ids::PartitionId;
use quorate_kv::{Answer, Command, Outcome, Query, QueryAnswer, Revision, Told};
use quorate_net::wire::client::{NodeStatus, Read, Status, Sureness, Write, request, response};
use tokio::sync::watch;
use tokio::time::timeout;

use super::HttpOptions;
use super::failure::Failure;
use super::parameters::Parameters;
use crate::{Handle, KV, SYSTEM};

/// What a request is answered from.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) handle: Handle,
    pub(super) options: Arc<HttpOptions>,
    /// Becomes true when the server stops.
    pub(super) stopping: watch::Receiver<bool>,
}

impl Api {
    /// Asks; a refusal is a failure.
    pub(super) async fn ask(&self, partition: PartitionId, body: request::Body) -> Result<response::Body, Failure> {
        let uncertain = !matches!(body, request::Body::Read(_) | request::Body::Status(_));
        match timeout(self.options.request_timeout, self.handle.request(partition, body)).await {
            Ok(response::Body::Refused(refused)) => Err(refused.into()),
            Ok(answer) => Ok(answer),
            Err(_) => Err(Failure::late(uncertain)),
        }
    }

    /// Has the store carry something out. What the store refuses is a failure.
    pub(super) async fn write(&self, command: &Command) -> Result<(Revision, Outcome), Failure> {
        let write = Write { session: 0, sequence: 0, settled: 0, command: command.encode().into() };
        match self.ask(KV, request::Body::Write(write)).await? {
            response::Body::Written(written) => match Answer::decode(&written.answer)? {
                Answer { outcome: Outcome::Refused(refusal), .. } => Err(refusal.into()),
                Answer { revision, outcome } => Ok((revision, outcome)),
            },
            other => Err(Failure::unexpected("a write", other)),
        }
    }

    /// Asks the store. What the store refuses is a failure.
    pub(super) async fn read(&self, sureness: Sureness, query: &Query) -> Result<(Revision, Told), Failure> {
        let read = Read { sureness: sureness.into(), query: query.encode().into() };
        match self.ask(KV, request::Body::Read(read)).await? {
            response::Body::Read(answer) => match QueryAnswer::decode(&answer)? {
                QueryAnswer { told: Told::Refused(refusal), .. } => Err(refusal.into()),
                QueryAnswer { revision, told } => Ok((revision, told)),
            },
            other => Err(Failure::unexpected("a read", other)),
        }
    }

    /// How the node is.
    pub(super) async fn status(&self) -> Result<NodeStatus, Failure> {
        match self.ask(SYSTEM, request::Body::Status(Status {})).await? {
            response::Body::Status(status) => Ok(status),
            other => Err(Failure::unexpected("its status", other)),
        }
    }

    /// The body of a request, if it is not too long and comes in time.
    pub(super) async fn body(&self, body: Body) -> Result<Bytes, Failure> {
        let max = self.options.body_bytes;
        let read = timeout(self.options.body_timeout, to_bytes(body, max));
        let late = || Failure::new(StatusCode::REQUEST_TIMEOUT, "slow", "the body did not come in time");
        let long =
            |_| Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", format!("the body is cut off, or longer than {max} bytes"));
        read.await.map_err(|_| late())?.map_err(long)
    }
}

/// How sure a read is to be.
pub(super) fn sureness(parameters: &Parameters) -> Result<Sureness, Failure> {
    match parameters.bytes("consistency") {
        None | Some(b"linearizable") => Ok(Sureness::Linearizable),
        Some(b"local") => Ok(Sureness::Local),
        Some(found) => {
            let found = String::from_utf8_lossy(found);
            Err(Failure::bad(format!("the parameter consistency is {found:?}; expected linearizable or local")))
        }
    }
}
