//! What arrives, and to whom it goes.

use std::rc::Rc;

use quorate_core::ids::{MemberId, PartitionId};
use quorate_env::clock::Moment;
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Incoming, ReadError};
use quorate_net::identity::Who;
use quorate_net::links::LinkEvent;
use quorate_net::wire::client::{self, Cancelled, Part as WirePart, Sureness, Why, change, request, response};
use quorate_protocol::raft::{Event, Part};
use quorate_storage::machine::sessions::Stub;

use super::Shard;
use super::inbox::{Arrival, Inbox};
use super::partition::Caller;
use super::watchers::Follower;
use crate::handle::{Ask, refused};
use crate::node::Arrived;
use crate::service::{self, Guest};
use crate::system::{Decision, Member};

impl Shard {
    pub(super) fn take_in(&mut self, arrival: Arrival, now: Moment) {
        match arrival {
            Arrival::Message { from, .. } if self.parts.members.is_expelled(from) => {}
            Arrival::Message { from, partition, message } => {
                self.with(partition, now, |partition, around| partition.happen(Event::Message { from, message }, around));
            }
            Arrival::Lost(peer) => self.lost(peer, now),
            Arrival::Link(peer, class, LinkEvent::Up) => tracing::debug!(peer = peer.0, ?class, "connected"),
            Arrival::Link(peer, class, LinkEvent::Down { why }) => {
                tracing::debug!(peer = peer.0, ?class, "not connected: {why}");
                self.lost(peer, now);
            }
            Arrival::Request { partition, guest, number, body } => self.request(partition, Caller::Guest(guest, number), body, now),
            Arrival::Gone(guest) => {
                self.clients = self.clients.saturating_sub(1);
                self.watchers.leave(&guest);
            }
            Arrival::Ask(Ask::Request { partition, body, answer }) => self.request(partition, Caller::Inside(answer), body, now),
            Arrival::Ask(Ask::Watch { partition, query, answers }) => {
                let Some(partition) = self.partitions.get_mut(&partition) else { return };
                match partition.application().watch(&query) {
                    Ok(watching) => self.watchers.add(partition.id(), Follower::Inside(answers), watching),
                    Err(why) => drop(answers.try_send(refused(Why::BadRequest, &why, 0))),
                }
            }
            Arrival::Finished(partition, finished) => {
                self.with(partition, now, |partition, around| partition.finished(finished, around));
                // What became durable while a snapshot was put in place is told now.
                let durable = self.durable;
                self.with(partition, now, |partition, around| partition.durable(durable, around));
            }
            Arrival::Synced(synced) => self.synced(synced, now),
        }
    }

    fn request(&mut self, id: PartitionId, caller: Caller, body: request::Body, now: Moment) {
        if self.stopping.is_some() {
            return caller.answer(refused(Why::Stopping, "the node stops", 0));
        }
        if let request::Body::Status(_) = body {
            return caller.answer(response::Body::Status(self.status()));
        }
        let Some(partition) = self.partitions.get_mut(&id) else {
            let there: Vec<String> = self.partitions.keys().map(ToString::to_string).collect();
            return caller.answer(refused(Why::BadRequest, &format!("there is no partition {id}; there are {}", there.join(", ")), 0));
        };
        match body {
            request::Body::Write(write) if id == crate::SYSTEM => {
                drop(write);
                caller.answer(refused(Why::Forbidden, "the system partition's log is written by its own requests only", 0));
            }
            request::Body::Write(write) => {
                let stub = Stub { session: write.session, sequence: write.sequence, settled: write.settled };
                let stub = (write.session > 0).then_some(stub);
                self.with(id, now, |partition, around| partition.write(caller, stub, &write.command, around));
            }
            request::Body::Open(_) => {
                self.with(id, now, |partition, around| partition.open_session(caller, around));
            }
            request::Body::Read(read) => match read.sureness() {
                Sureness::Linearizable => partition.read(caller, read.query),
                Sureness::Local => partition.read_local(caller, &read.query),
            },
            request::Body::Watch(watch) => {
                let Caller::Guest(guest, number) = caller else { return };
                let watching = if self.watchers.has_room_for(&guest) {
                    partition.application().watch(&watch.query).map_err(|why| refused(Why::BadRequest, &why, 0))
                } else {
                    Err(refused(Why::Busy, "too many changes are followed", 1000))
                };
                match watching {
                    Ok(watching) => self.watchers.add(id, Follower::Guest(guest, number), watching),
                    Err(why) => guest.respond(number, why),
                }
            }
            request::Body::Cancel(cancel) => {
                if let Caller::Guest(guest, _) = &caller
                    && self.watchers.cancel(guest, cancel.watch)
                {
                    guest.respond(cancel.watch, response::Body::Cancelled(Cancelled {}));
                }
                caller.answer(response::Body::Cancelled(Cancelled {}));
            }
            request::Body::Change(change) => match decision(change) {
                Ok(decision) => {
                    let command = decision.encode();
                    self.with(crate::SYSTEM, now, |system, around| system.write(Caller::Change(Box::new(caller)), None, &command, around));
                }
                Err(why) => caller.answer(refused(Why::BadRequest, &why, 0)),
            },
            request::Body::Transfer(transfer) => {
                let to = (transfer.to > 0).then_some(MemberId(transfer.to));
                self.with(id, now, |partition, around| partition.transfer(caller, to, around));
            }
            // It was answered above.
            request::Body::Status(_) => {}
        }
    }

    /// A connection comes, greeted and let in.
    pub(super) fn arrive(&mut self, arrived: Arrived) {
        let connection = match arrived.0.attach() {
            Ok(connection) => connection,
            Err(error) => return tracing::warn!("a connection was lost on the way in: {error}"),
        };
        match connection.remote().who.clone() {
            Who::Member(member) if connection.remote().class != Class::Client => self.arrive_member(member, connection),
            who => self.arrive_client(&who.to_string(), connection),
        }
    }

    fn arrive_member(&mut self, member: MemberId, connection: Connection) {
        if self.parts.members.is_expelled(member) {
            return tracing::warn!(member = member.0, "refused a connection: it is no member any more");
        }
        self.parts.post.introduce(member, &connection.remote().address);
        let inbox = Rc::clone(&self.inbox);
        let (incoming, outgoing) = connection.split();
        tokio::task::spawn_local(async move {
            let why = listen(member, incoming, &inbox).await;
            drop(outgoing);
            tracing::debug!(member = member.0, "its connection has ended: {why}");
            inbox.push(Arrival::Lost(member));
        });
    }

    fn arrive_client(&mut self, who: &str, connection: Connection) {
        if self.clients >= self.parts.clients_max {
            let why = format!("{} clients are connected already", self.clients);
            tracing::warn!(client = who, "refused a connection: {why}");
            let (_, outgoing) = connection.split();
            tokio::task::spawn_local(async move { outgoing.refuse(&why).await });
            return;
        }
        self.clients += 1;
        let guest = Guest::new(who.to_owned(), self.parts.client_bytes);
        let (incoming, outgoing) = connection.split();
        let (inbox, reader) = (Rc::clone(&self.inbox), Rc::clone(&guest));
        tokio::task::spawn_local(async move {
            let reading = service::read(incoming, Rc::clone(&reader), Rc::clone(&inbox));
            let writing = service::write(outgoing, Rc::clone(&reader), Rc::clone(&inbox));
            let why = tokio::select! {
                why = reading => Some(why),
                why = writing => why,
                () = inbox.closed() => None,
            };
            if let Some(why) = why {
                tracing::info!(client = reader.name, "let a client go: {why}");
            }
            reader.close();
            inbox.push(Arrival::Gone(reader));
        });
        drop(guest);
    }
}

/// Puts a member's messages before the shard, until it goes. Returns why.
async fn listen(member: MemberId, mut incoming: Incoming, inbox: &Inbox) -> String {
    let mut frames = Vec::new();
    loop {
        let read = tokio::select! {
            read = incoming.frames(&mut frames) => read,
            () = inbox.closed() => return "the node stops".into(),
        };
        match read {
            Ok(()) => {}
            Err(ReadError::Closed) => return "it closed it".into(),
            Err(error) => {
                tracing::warn!(member = member.0, "{error}");
                return error.to_string();
            }
        }
        while inbox.is_full() && !inbox.is_closed() {
            tokio::task::yield_now().await;
        }
        for frame in frames.drain(..) {
            match quorate_net::raft::decode(&frame.body) {
                Ok(message) => inbox.push(Arrival::Message { from: member, partition: frame.partition, message }),
                Err(error) => {
                    tracing::warn!(member = member.0, "a message that cannot be read: {error}");
                    return error.to_string();
                }
            }
        }
    }
}

/// What a client wants decided about members.
fn decision(change: client::Change) -> Result<Decision, String> {
    match change.what {
        Some(change::What::Add(member)) => Ok(Decision::Add(member_of(&member)?)),
        Some(change::What::Remove(id)) => Ok(Decision::Remove(MemberId(id))),
        None => Err("a change of members that says neither whom to add nor whom to remove".into()),
    }
}

fn member_of(member: &client::Member) -> Result<Member, String> {
    let part = match WirePart::try_from(member.part) {
        Ok(WirePart::Voter) => Part::Voter,
        Ok(WirePart::Learner) => Part::Learner,
        other => return Err(format!("a member's part is {other:?}; expected voter or learner")),
    };
    let priority = u8::try_from(member.priority).map_err(|_| format!("a priority of {}; expected at most 255", member.priority))?;
    Ok(Member {
        id: MemberId(member.id),
        name: member.name.clone(),
        address: member.address.clone(),
        client: member.client_address.clone(),
        part,
        priority,
    })
}
