//! The cluster itself: how its members are, who they are, and who leads.

use std::time::Duration;

use bytes::BytesMut;
use prost::Message as _;
use quorate_core::ids::{MemberId, PartitionId};
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Expect};
use quorate_net::frame::Kind;
use quorate_net::wire::client::{
    Change, Member, NodeStatus, Part, PartitionStatus, Request, Requests, Responses, Status, Transfer, change, request, response,
};
use tokio::time;

use super::book::Repeat;
use super::{Client, RequestError, SYSTEM, unfit};

impl Client {
    /// Adds a member, or changes what is known of one. Answered when it is decided, with the number of the decision; the partitions
    /// follow (see [`Self::settled`]).
    ///
    /// # Errors
    /// If it is not decided, or nobody knows.
    pub async fn add_member(&self, member: Member) -> Result<u64, RequestError> {
        self.change(change::What::Add(member)).await
    }

    /// Removes a member, like [`Self::add_member`].
    ///
    /// # Errors
    /// If it is not decided, or nobody knows.
    pub async fn remove_member(&self, member: MemberId) -> Result<u64, RequestError> {
        self.change(change::What::Remove(member.0)).await
    }

    async fn change(&self, what: change::What) -> Result<u64, RequestError> {
        let body = request::Body::Change(Change { what: Some(what) });
        match self.ask(SYSTEM, body, Repeat::IfNotDone).await? {
            response::Body::Changed(changed) => Ok(changed.revision),
            other => Err(unfit(&other)),
        }
    }

    /// Asks a partition's leader to let another member lead: this one, or whoever is best suited. Answered with whom when it begins.
    ///
    /// # Errors
    /// If the leader will not, or there is none.
    pub async fn transfer(&self, partition: PartitionId, to: Option<MemberId>) -> Result<MemberId, RequestError> {
        // To whom it was asked to go, it may be asked to go again; but whoever is suited best is another one afterwards.
        let repeat = if to.is_some() { Repeat::Freely } else { Repeat::IfNotDone };
        let body = request::Body::Transfer(Transfer { to: to.map_or(0, |to| to.0) });
        match self.ask(partition, body, repeat).await? {
            response::Body::Transferring(to) => Ok(MemberId(to)),
            other => Err(unfit(&other)),
        }
    }

    /// How the member is that serves clients at this address, over a connection of its own. There is one attempt.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn status_of(&self, address: &str) -> Result<NodeStatus, RequestError> {
        let wait = self.inner.config.timeouts.connect + self.inner.config.timeouts.silence;
        let not_done = |why: String| RequestError::NotDone { why: format!("{address}: {why}").into() };
        match time::timeout(wait, self.ask_once(address)).await {
            Ok(result) => result.map_err(not_done),
            Err(_) => Err(not_done(format!("it said nothing for {wait:?}"))),
        }
    }

    async fn ask_once(&self, address: &str) -> Result<NodeStatus, String> {
        let dial = Connection::dial(address, &self.inner.us, Expect::AnyMember, Class::Client);
        let (mut incoming, mut outgoing) = dial.await.map_err(|error| error.to_string())?.split();
        let request = Request { number: 1, body: Some(request::Body::Status(Status {})) };
        let body = BytesMut::from(Requests { requests: vec![request] }.encode_to_vec().as_slice());
        outgoing.push(Kind::Requests, SYSTEM, &body).map_err(|error| error.to_string())?;
        outgoing.flush().await.map_err(|error| error.to_string())?;
        let mut frames = Vec::new();
        loop {
            incoming.frames(&mut frames).await.map_err(|error| error.to_string())?;
            for frame in frames.drain(..) {
                let responses = Responses::decode(frame.body).map_err(|error| format!("its answer cannot be read: {error}"))?;
                match responses.responses.into_iter().next().map(|response| response.body) {
                    None => {}
                    Some(Some(response::Body::Status(status))) => return Ok(status),
                    Some(Some(response::Body::Refused(refused))) => return Err(refused.text),
                    Some(other) => return Err(format!("it answered {other:?} when asked how it is")),
                }
            }
        }
    }

    /// How every member is, as far as they can be asked: the members that are decided on, each with its status or why there is none.
    ///
    /// # Errors
    /// If no member answers.
    pub async fn status_of_all(&self) -> Result<Vec<(Member, Result<NodeStatus, RequestError>)>, RequestError> {
        let deadline = time::Instant::now() + self.inner.config.timeouts.request;
        let members = loop {
            let members = self.status().await?.members;
            if !members.is_empty() {
                break members;
            }
            // In a new cluster the first leader writes down who the members are, and until a member has that it knows of nobody.
            if time::Instant::now() >= deadline {
                return Err(RequestError::NotDone { why: "the member that was asked does not know yet who the members are".into() });
            }
            time::sleep(Duration::from_millis(50)).await;
        };
        let mut asked = Vec::with_capacity(members.len());
        for member in members {
            let (client, address) = (self.clone(), member.client_address.clone());
            asked.push((member, tokio::spawn(async move { client.status_of(&address).await })));
        }
        let mut all = Vec::with_capacity(asked.len());
        for (member, answer) in asked {
            all.push((member, answer.await.unwrap_or(Err(RequestError::Closed))));
        }
        Ok(all)
    }

    /// Waits until a decision about members is in force: every member that is to vote or learn does in every partition, on the members that
    /// answer, no other does, and nothing is under way. Says whether it came to that in time.
    ///
    /// # Errors
    /// If no member answers.
    pub async fn settled(&self, within: Duration) -> Result<bool, RequestError> {
        let deadline = time::Instant::now() + within;
        loop {
            if self.status_of_all().await.is_ok_and(|all| in_force(&all)) {
                return Ok(true);
            }
            if time::Instant::now() >= deadline {
                // Who cannot be asked is another answer than who is not ready.
                self.status().await?;
                return Ok(false);
            }
            time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Whether every partition of every member that answers, and of a majority at least, takes part as was decided.
fn in_force(all: &[(Member, Result<NodeStatus, RequestError>)]) -> bool {
    let decided = |learns: bool| {
        sorted(all.iter().map(|(member, _)| member).filter(|member| (member.part() == Part::Learner) == learns).map(|member| member.id))
    };
    let (voters, learners) = (decided(false), decided(true));
    let answered: Vec<&NodeStatus> = all.iter().filter_map(|(_, answer)| answer.as_ref().ok()).collect();
    let applies = |partition: &PartitionStatus| {
        let have = (sorted(partition.voters.iter().copied()), sorted(partition.learners.iter().copied()));
        !partition.joint && have.0 == voters && have.1 == learners
    };
    let applies = |status: &&NodeStatus| !status.partitions.is_empty() && status.partitions.iter().all(applies);
    2 * answered.len() > all.len() && answered.iter().all(applies)
}

fn sorted(ids: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    ids
}
