//! Requests: what was asked for, and who is to be answered.
//!
//! A command is gathered with others, proposed, gets a place in the log, and is answered when the entry that was applied there is the one
//! that was proposed. If another one is there, nobody knows what became of the command, and the client asks again: its session sees to
//! it that nothing is done twice. Reads of one turn share one question to the protocol, and wait until what they must see was applied.
//!
//! All of this is bounded: what there is no room for is refused with a time after which to ask again.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_env::clock::Moment;
use quorate_net::wire::client::{Changed, Refused, Why, Written, response};
use quorate_protocol::raft::{Answer, Event, Peer, ReadWay, Rejected};
use quorate_storage::machine::sessions::Stub;
use quorate_storage::machine::{Envelope, Reply, Response};
use tokio::sync::oneshot;

use super::{Around, Partition};
use crate::handle::{refusal, refused};
use crate::metrics::PartitionMetrics;
use crate::service::Guest;
use crate::system::Verdict;

/// When somebody who was refused for lack of room should ask again.
const BUSY_MS: u32 = 20;
/// When somebody who found no leader should ask again.
const LEADERLESS_MS: u32 = 50;

/// Who is to be answered.
pub(crate) enum Caller {
    /// A client, by its number for the request.
    Guest(Rc<Guest>, u64),
    /// Somebody in this process.
    Inside(oneshot::Sender<response::Body>),
    /// Somebody who wants other members, and is told in words of its own.
    Change(Box<Caller>),
    /// The node itself, which looks at the state instead.
    Nobody,
}

impl Caller {
    /// Whether what waits to be fetched by it leaves room for a long answer.
    fn has_room(&self) -> bool {
        match self {
            Self::Guest(guest, _) => guest.has_room(),
            Self::Inside(_) | Self::Change(_) | Self::Nobody => true,
        }
    }

    /// Answers.
    pub(crate) fn answer(self, body: response::Body) {
        match self {
            Self::Guest(guest, number) => guest.respond(number, body),
            Self::Inside(answer) => drop(answer.send(body)),
            Self::Change(caller) => caller.answer(match body {
                response::Body::Written(written) => match Verdict::decode(&written.answer) {
                    Ok(Verdict::Decided(revision)) => response::Body::Changed(Changed { revision }),
                    Ok(Verdict::Refused(why)) => refused(Why::BadRequest, &why, 0),
                    Err(error) => refused(Why::BadRequest, &error.to_string(), 0),
                },
                other => other,
            }),
            Self::Nobody => {}
        }
    }
}

/// A command that has a place in the log.
struct Placed {
    mark: Mark,
    caller: Caller,
    since: Moment,
}

/// A command that was not proposed yet.
struct Gathered {
    caller: Caller,
    command: Arc<[u8]>,
    since: Moment,
}

/// Something else that the protocol was asked for.
enum Asked {
    Reads(Vec<(Caller, Bytes)>, Moment),
    Reconfigure,
    Transfer(Caller, MemberId),
    /// For the members: whether the system partition's state is current here.
    Current,
}

/// What is asked for and not answered.
#[derive(Default)]
pub(super) struct Requests {
    tickets: u64,
    gathered: Vec<Gathered>,
    gathered_bytes: usize,
    /// Those that are being proposed in this very step, in order of their tickets.
    proposing: VecDeque<Gathered>,
    placed: VecDeque<Placed>,
    reading: Vec<(Caller, Bytes)>,
    asked: BTreeMap<u64, Asked>,
    /// By the index that must be applied first, and a number.
    readable: BTreeMap<(u64, u64), (Vec<(Caller, Bytes)>, Moment)>,
    /// How many reads wait, in whatever state.
    reads: usize,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.gathered.len() + self.placed.len() + self.reads
    }

    /// Puts a command to those that are proposed next.
    pub(super) fn gather(&mut self, caller: Caller, command: &[u8], since: Moment) {
        self.gathered_bytes += command.len();
        self.gathered.push(Gathered { caller, command: command.into(), since });
    }

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Gives up those who waited too long. What became of their commands is not known.
    pub(super) fn expire(&mut self, now: Moment, patience: u64, metrics: &PartitionMetrics) {
        while let Some(late) = self.placed.pop_front_if(|placed| placed.since.0.saturating_add(patience) < now.0) {
            metrics.rejected.inc();
            late.caller.answer(refused(Why::Uncertain, "the command was not committed in time; it may be yet", 0));
        }
        while let Some(first) = self.readable.first_entry() {
            if first.get().1.0.saturating_add(patience) >= now.0 {
                break;
            }
            let (reads, _) = first.remove();
            self.refuse_reads(
                reads,
                metrics,
                &refusal(Why::Uncertain, "this member did not come as far as the read had to see in time", 0),
            );
        }
        let late = |asked: &Asked| matches!(asked, Asked::Reads(_, since) if since.0.saturating_add(patience) < now.0);
        let tickets: Vec<u64> = self.asked.iter().filter(|(_, asked)| late(asked)).map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            if let Some(Asked::Reads(reads, _)) = self.asked.remove(&ticket) {
                self.refuse_reads(reads, metrics, &refusal(Why::NotLeader, "no leader answered in time", LEADERLESS_MS));
            }
        }
    }

    /// Whatever is answered to a question about members was asked too long ago.
    pub(super) fn forget_current(&mut self) {
        self.asked.retain(|_, asked| !matches!(asked, Asked::Current));
    }

    fn refuse_reads(&mut self, reads: Vec<(Caller, Bytes)>, metrics: &PartitionMetrics, why: &Refused) {
        self.reads -= reads.len();
        for (caller, _) in reads {
            metrics.rejected.inc();
            caller.answer(response::Body::Refused(why.clone()));
        }
    }

    /// Nothing that waits will be answered any more.
    pub(super) fn drop_all(&mut self, metrics: &PartitionMetrics, now: Moment) {
        for gathered in std::mem::take(&mut self.gathered) {
            gathered.caller.answer(refused(Why::Stopping, "the partition has stopped on this member", 0));
        }
        self.expire(Moment(u64::MAX), 0, metrics);
        let reading = std::mem::take(&mut self.reading);
        let readable = std::mem::take(&mut self.readable).into_values().map(|(reads, _)| reads);
        for reads in std::iter::once(reading).chain(readable) {
            self.refuse_reads(reads, metrics, &refusal(Why::Stopping, "the partition has stopped on this member", 0));
        }
        debug_assert!(self.reads == 0, "reads that nobody has at {now}");
    }
}

/// A command outside of any session, as it goes into the log.
pub(crate) fn plain(command: &[u8]) -> Vec<u8> {
    Envelope::Plain(command).encode()
}

impl Partition {
    /// How many requests wait.
    pub(crate) fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is room for another request; the caller is answered if not.
    fn admits(&self, caller: Caller) -> Option<Caller> {
        let why = if self.stopped.is_some() {
            refusal(Why::Stopping, "the partition has stopped on this member", 0)
        } else if self.host.is_none() {
            refusal(Why::Busy, "a snapshot is being put in place", LEADERLESS_MS)
        } else if matches!(caller, Caller::Nobody) {
            return Some(caller);
        } else if self.requests.len() >= self.requests_max || self.requests.gathered_bytes >= self.bytes_max {
            refusal(Why::Busy, "too many requests wait", BUSY_MS)
        } else {
            return Some(caller);
        };
        self.metrics.rejected.inc();
        caller.answer(response::Body::Refused(why));
        None
    }

    /// Somebody wants a command carried out.
    pub(crate) fn write(&mut self, caller: Caller, stub: Option<Stub>, command: &[u8], around: &Around<'_>) {
        let Some(caller) = self.admits(caller) else { return };
        let envelope = stub.map_or(Envelope::Plain(command), |stub| Envelope::Within { stub, command }).encode();
        // Commands are proposed together, and the protocol takes all of them or none.
        if envelope.len() > self.command_max {
            self.metrics.rejected.inc();
            let text = format!("a command of {} bytes; expected at most {}", envelope.len(), self.command_max);
            return caller.answer(refused(Why::BadRequest, &text, 0));
        }
        self.requests.gather(caller, &envelope, around.now);
    }

    /// Somebody wants a session.
    pub(crate) fn open_session(&mut self, caller: Caller, around: &Around<'_>) {
        let Some(caller) = self.admits(caller) else { return };
        self.requests.gather(caller, &Envelope::Open.encode(), around.now);
    }

    /// Somebody wants to read what is current.
    pub(crate) fn read(&mut self, caller: Caller, query: Bytes) {
        let Some(caller) = self.admits(caller) else { return };
        self.requests.reads += 1;
        self.requests.reading.push((caller, query));
    }

    /// Somebody wants to read what this member has.
    pub(crate) fn read_local(&mut self, caller: Caller, query: &[u8]) {
        // A short question can have a long answer, and one frame has thousands of questions.
        if !caller.has_room() {
            self.metrics.rejected.inc();
            return caller.answer(refused(Why::Busy, "too many bytes of answers wait for this client", BUSY_MS));
        }
        caller.answer(match self.application.query(query) {
            Ok(answer) => response::Body::Read(answer.into()),
            Err(why) => refused(Why::BadRequest, &why, 0),
        });
    }

    /// Somebody wants another leader.
    pub(crate) fn transfer(&mut self, caller: Caller, to: Option<MemberId>, around: &mut Around<'_>) {
        let Some(caller) = self.admits(caller) else { return };
        let Some(to) = to.or_else(|| self.successor()) else {
            return caller.answer(refused(Why::BadRequest, "there is nobody else who could lead", 0));
        };
        let ticket = self.requests.ticket();
        self.requests.asked.insert(ticket, Asked::Transfer(caller, to));
        self.step(Event::Transfer { ticket, to }, around);
    }

    /// Who would lead best, if this member did not: whoever has most of the log.
    pub(crate) fn successor(&self) -> Option<MemberId> {
        let configuration = self.raft.configuration();
        let others = self.raft.followers().filter(|follower| follower.id != self.me && configuration.may_lead(follower.id));
        others.max_by_key(|follower| follower.matched).map(|follower| follower.id)
    }

    /// Wants other members.
    pub(super) fn reconfigure(&mut self, peers: Vec<Peer>, around: &mut Around<'_>) {
        let ticket = self.requests.ticket();
        self.requests.asked.insert(ticket, Asked::Reconfigure);
        self.step(Event::Reconfigure { ticket, peers }, around);
    }

    /// Asks from where on this member's state is current.
    pub(crate) fn ask_current(&mut self, around: &mut Around<'_>) {
        if self.is_open() && !self.requests.asked.values().any(|asked| matches!(asked, Asked::Current)) {
            let ticket = self.requests.ticket();
            self.requests.asked.insert(ticket, Asked::Current);
            self.step(Event::Read { ticket, way: ReadWay::Index }, around);
        }
    }

    /// Proposes what was gathered, and asks for what is to be read. Returns whether there was anything.
    pub(crate) fn ask_protocol(&mut self, around: &mut Around<'_>) -> bool {
        let (writes, reads) = (!self.requests.gathered.is_empty(), !self.requests.reading.is_empty());
        if !self.is_open() {
            return false;
        }
        if writes {
            let gathered = std::mem::take(&mut self.requests.gathered);
            self.requests.gathered_bytes = 0;
            let first = self.requests.tickets + 1;
            self.requests.tickets += gathered.len() as u64;
            let commands = gathered.iter().map(|gathered| Arc::clone(&gathered.command)).collect();
            self.requests.proposing.extend(gathered);
            self.step(Event::Propose { ticket: first, commands }, around);
            debug_assert!(self.requests.proposing.is_empty(), "every proposal is answered in its step");
        }
        if reads {
            let reading = std::mem::take(&mut self.requests.reading);
            let ticket = self.requests.ticket();
            self.requests.asked.insert(ticket, Asked::Reads(reading, around.now));
            self.step(Event::Read { ticket, way: ReadWay::Index }, around);
        }
        writes || reads
    }

    /// Why the protocol did not do something, for whoever asked.
    fn rejection(&self, rejected: &Rejected, around: &Around<'_>) -> Refused {
        let text = rejected.to_string();
        match rejected {
            Rejected::NotLeader { leader } => {
                let leader = leader.filter(|leader| *leader != self.me);
                Refused {
                    leader: leader.map_or(0, |leader| leader.0),
                    leader_address: leader.and_then(|leader| around.post.client_address(leader)).unwrap_or_default(),
                    ..refusal(Why::NotLeader, &text, if leader.is_some() { 0 } else { LEADERLESS_MS })
                }
            }
            Rejected::Busy { .. } if self.is_read_only() => refusal(Why::ReadOnly, "the disk is full or does not answer", 500),
            Rejected::Busy { .. } => refusal(Why::Busy, &text, BUSY_MS),
            Rejected::Transferring { .. } | Rejected::ChangePending => refusal(Why::Busy, &text, LEADERLESS_MS),
            Rejected::Configuration(_) | Rejected::CannotLead { .. } | Rejected::TooLong { .. } => refusal(Why::BadRequest, &text, 0),
        }
    }

    /// The protocol says what became of a request.
    pub(super) fn answered(&mut self, ticket: u64, said: Answer, around: &mut Around<'_>) {
        if let Some(gathered) = self.requests.proposing.pop_front() {
            return match said {
                Answer::Accepted { mark } => self.place(mark, gathered),
                Answer::Rejected(why) => {
                    self.metrics.rejected.inc();
                    gathered.caller.answer(response::Body::Refused(self.rejection(&why, around)));
                }
                Answer::ReadAt { .. } | Answer::Transferring => {}
            };
        }
        let Some(asked) = self.requests.asked.remove(&ticket) else { return };
        match (said, asked) {
            (Answer::ReadAt { index }, Asked::Reads(reads, since)) => {
                self.requests.readable.insert((index.0, ticket), (reads, since));
                self.serve_reads();
            }
            (Answer::Rejected(why), Asked::Reads(reads, _)) => {
                let why = self.rejection(&why, around);
                self.requests.refuse_reads(reads, &self.metrics, &why);
            }
            (Answer::Transferring, Asked::Transfer(caller, to)) => caller.answer(response::Body::Transferring(to.0)),
            (Answer::Rejected(why), Asked::Transfer(caller, _)) => {
                caller.answer(response::Body::Refused(self.rejection(&why, around)));
            }
            (Answer::ReadAt { index }, Asked::Current) => self.members.current_at(index),
            (Answer::Rejected(why), Asked::Reconfigure) => {
                tracing::debug!(partition = self.id.0, "members are not changed yet: {why}");
            }
            _ => {}
        }
    }

    /// A command has its place in the log.
    fn place(&mut self, mark: Mark, gathered: Gathered) {
        // What had this place, or a later one, is not there any more: another leader came between.
        while let Some(lost) = self.requests.placed.pop_back_if(|placed| placed.mark.index >= mark.index) {
            lost.caller.answer(refused(Why::Uncertain, "leadership changed before the command was committed", 0));
        }
        self.metrics.proposals.inc();
        self.requests.placed.push_back(Placed { mark, caller: gathered.caller, since: gathered.since });
    }

    /// Entries were applied: whoever proposed them is answered.
    pub(super) fn carried_out(&mut self, responses: &mut Vec<Response>, now: Moment) {
        for Response { mark, bytes } in responses.drain(..) {
            let Some(placed) = self.requests.placed.pop_front_if(|placed| placed.mark.index <= mark.index) else { continue };
            if placed.mark != mark {
                placed.caller.answer(refused(Why::Uncertain, "another command has the place that this one had", 0));
                continue;
            }
            self.metrics.proposal_latency.observe((now - placed.since).as_secs_f64());
            let answer = match Reply::decode(&bytes) {
                Ok(Reply::Done(answer)) => {
                    let answer = Bytes::copy_from_slice(answer);
                    response::Body::Written(Written { index: mark.index.0, term: mark.term.0, answer })
                }
                Ok(Reply::Opened(session)) => response::Body::Opened(session),
                Ok(Reply::Expired) => refused(Why::SessionExpired, "there is no such session", 0),
                Ok(Reply::Settled) => refused(Why::Settled, "the client said that it would not repeat this request", 0),
                Ok(Reply::Nonsense) => refused(Why::BadRequest, "the log's entry makes no sense", 0),
                Err(error) => refused(Why::BadRequest, &error.to_string(), 0),
            };
            placed.caller.answer(answer);
        }
    }

    /// A snapshot came instead of entries: what they did is not known here.
    pub(super) fn passed_over(&mut self, applied: Height) {
        while let Some(placed) = self.requests.placed.pop_front_if(|placed| placed.mark.index <= applied) {
            placed.caller.answer(refused(Why::Uncertain, "a snapshot came in the command's place", 0));
        }
    }

    /// Answers the reads for which enough was applied.
    pub(super) fn serve_reads(&mut self) {
        while let Some(first) = self.requests.readable.first_entry() {
            if first.key().0 > self.applied.0 {
                return;
            }
            let (reads, _) = first.remove();
            self.requests.reads -= reads.len();
            for (caller, query) in reads {
                self.read_local(caller, &query);
            }
        }
    }
}
