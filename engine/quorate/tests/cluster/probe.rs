//! A connection to one node: it asks this one, goes nowhere else, and repeats nothing.

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::PartitionId;
use quorate_kv::{Keys, Query, QueryAnswer, Range, Told};
use quorate_net::class::Class;
use quorate_net::connection::{ConnectError, Connection, Expect, Incoming, Local, Outgoing};
use quorate_net::frame::{Frame, Kind};
use quorate_net::wire::client::{NodeStatus, Read, Request, Requests, Response, Responses, Status, Sureness, request, response};
use quorate_node::SYSTEM;

pub(crate) struct Probe {
    incoming: Incoming,
    outgoing: Outgoing,
    frames: Vec<Frame>,
    answers: Vec<Response>,
    number: u64,
}

/// A question for one key.
pub(crate) fn get(key: &str, sureness: Sureness) -> request::Body {
    request::Body::Read(Read { sureness: sureness.into(), query: Query::Range(Range::new(Keys::one(key))).encode().into() })
}

/// What was found, if that was answered.
pub(crate) fn found(body: &response::Body) -> Option<Option<Vec<u8>>> {
    let response::Body::Read(answer) = body else { return None };
    match QueryAnswer::decode(answer).expect("a node speaks the store's language").told {
        Told::Range(found) => Some(found.kvs.into_iter().next().map(|kv| kv.value)),
        other => panic!("asked for a key, it tells {other:?}"),
    }
}

impl Probe {
    pub(crate) async fn dial(us: &Local, address: &str) -> Result<Self, ConnectError> {
        let (incoming, outgoing) = Connection::dial(address, us, Expect::AnyMember, Class::Client).await?.split();
        Ok(Self { incoming, outgoing, frames: Vec::new(), answers: Vec::new(), number: 0 })
    }

    /// Asks without waiting for the answer, and says which number it will have.
    pub(crate) async fn send(&mut self, partition: PartitionId, body: request::Body) -> Result<u64, String> {
        self.number += 1;
        let requests = Requests { requests: vec![Request { number: self.number, body: Some(body) }] };
        let body = BytesMut::from(requests.encode_to_vec().as_slice());
        self.outgoing.push(Kind::Requests, partition, &body).map_err(|error| error.to_string())?;
        self.outgoing.flush().await.map_err(|error| error.to_string())?;
        Ok(self.number)
    }

    /// Waits for the answer to this number.
    pub(crate) async fn answer(&mut self, number: u64) -> Result<response::Body, String> {
        loop {
            if let Some(at) = self.answers.iter().position(|answer| answer.number == number) {
                return self.answers.swap_remove(at).body.ok_or_else(|| "an answer says nothing".into());
            }
            self.incoming.frames(&mut self.frames).await.map_err(|error| error.to_string())?;
            for frame in self.frames.drain(..) {
                self.answers.extend(Responses::decode(frame.body).map_err(|error| error.to_string())?.responses);
            }
        }
    }

    pub(crate) async fn ask(&mut self, partition: PartitionId, body: request::Body) -> Result<response::Body, String> {
        let number = self.send(partition, body).await?;
        self.answer(number).await
    }

    pub(crate) async fn status(&mut self) -> Result<NodeStatus, String> {
        match self.ask(SYSTEM, request::Body::Status(Status {})).await? {
            response::Body::Status(status) => Ok(status),
            other => Err(format!("asked how it is, it answers {other:?}")),
        }
    }
}
