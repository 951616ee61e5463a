//! A way to ask a node of this process what a client would ask it over the wire: for HTTP, for embedders, for tests.

use std::sync::Arc;

use quorate_core::ids::PartitionId;
use quorate_net::wire::client::{NodeStatus, Refused, Status, Why, request, response};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;

/// How many requests may be on their way to the node, and how many changes on their way to one that watches.
pub(crate) const WAITING_MAX: usize = 4096;
const CHANGES_MAX: usize = 16;

/// What is asked.
pub(crate) enum Ask {
    /// Something with one answer.
    Request { partition: PartitionId, body: request::Body, answer: oneshot::Sender<response::Body> },
    /// To follow changes.
    Watch { partition: PartitionId, query: Vec<u8>, answers: mpsc::Sender<response::Body> },
}

/// A node, for those who ask it. Clones are the same node.
#[derive(Clone)]
pub struct Handle {
    asks: mpsc::Sender<Ask>,
    metrics: Arc<Metrics>,
}

impl Handle {
    pub(crate) fn new(asks: mpsc::Sender<Ask>, metrics: Arc<Metrics>) -> Self {
        Self { asks, metrics }
    }

    /// What the node counts.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Asks something that has one answer. What the node has no room for is refused as [`Why::Busy`]; if it ends before it answers, nobody
    /// knows what became of the request.
    pub async fn request(&self, partition: PartitionId, body: request::Body) -> response::Body {
        let (answer, answered) = oneshot::channel();
        match self.asks.try_send(Ask::Request { partition, body, answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| refused(Why::Uncertain, "the node stopped before it answered", 0)),
            Err(mpsc::error::TrySendError::Full(_)) => refused(Why::Busy, "too many requests wait; try again", 50),
            Err(mpsc::error::TrySendError::Closed(_)) => refused(Why::Stopping, "the node has stopped", 0),
        }
    }

    /// Follows changes. What comes are [`response::Body::Changes`] until a [`response::Body::Refused`] ends it; dropping the receiver ends
    /// it, too.
    ///
    /// # Errors
    /// If the node has no room for it, or has stopped.
    pub fn watch(&self, partition: PartitionId, query: Vec<u8>) -> Result<mpsc::Receiver<response::Body>, Refused> {
        let (answers, answered) = mpsc::channel(CHANGES_MAX);
        match self.asks.try_send(Ask::Watch { partition, query, answers }) {
            Ok(()) => Ok(answered),
            Err(mpsc::error::TrySendError::Full(_)) => Err(refusal(Why::Busy, "too many requests wait; try again", 50)),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(refusal(Why::Stopping, "the node has stopped", 0)),
        }
    }

    /// How the node and its partitions are.
    ///
    /// # Errors
    /// If the node does not answer.
    pub async fn status(&self) -> Result<NodeStatus, Refused> {
        match self.request(crate::SYSTEM, request::Body::Status(Status {})).await {
            response::Body::Status(status) => Ok(status),
            response::Body::Refused(refused) => Err(refused),
            other => Err(refusal(Why::BadRequest, &format!("the node answered {other:?} when asked how it is"), 0)),
        }
    }
}

/// A refusal.
pub(crate) fn refusal(why: Why, text: &str, retry_after_ms: u32) -> Refused {
    Refused { why: why.into(), text: text.into(), leader: 0, leader_address: String::new(), retry_after_ms }
}

/// A refusal, as an answer.
pub(crate) fn refused(why: Why, text: &str, retry_after_ms: u32) -> response::Body {
    response::Body::Refused(refusal(why, text, retry_after_ms))
}
