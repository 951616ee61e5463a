//! Clients: what they asked for, and what is said to them.
//!
//! A command is proposed, gets a place in the log, and is answered when the entry that was applied there is the one that was
//! proposed. If another one is there, nobody knows what became of the command, and the client asks again: its session sees to it
//! that nothing is done twice. A read waits until what it must see was applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use quorate_core::ids::Height;
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Answer, Event, Rejected, Role};
use quorate_storage::machine::Response;

use super::{Around, Process};
use crate::fact::Print;
use crate::happening::{Ask, Happening, Local, Order, Reply, Request};
use crate::machine::Said;

/// How many requests may wait.
const WAITING_MAX: usize = 1024;

/// Who is to be answered.
#[derive(Clone, Copy, Debug)]
struct Caller {
    client: u32,
    operation: u64,
    attempt: u32,
}

/// What the protocol was asked for.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// By a client, to put its command into the log.
    Write(Caller),
    /// By a client, from where it may read the value of a key.
    Read(Caller, u16),
}

/// What clients wait for.
#[derive(Default)]
pub(super) struct Requests {
    tickets: u64,
    asked: BTreeMap<u64, Asked>,
    /// Commands that are gathered, to be proposed together.
    gathered: Vec<(Caller, Arc<[u8]>)>,
    /// By the place in the log.
    placed: BTreeMap<u64, (Mark, Caller)>,
    /// By the index that must be applied first, and a number.
    reads: BTreeMap<(u64, u64), (Caller, u16)>,
}

impl Requests {
    pub(super) fn len(&self) -> usize {
        self.asked.len() + self.placed.len() + self.reads.len() + self.gathered.len()
    }

    fn is_full(&self) -> bool {
        self.len() >= WAITING_MAX
    }

    /// Takes note of a request. Returns its number.
    fn ask(&mut self, asked: Asked) -> u64 {
        self.tickets += 1;
        self.asked.insert(self.tickets, asked);
        self.tickets
    }

    /// An entry was applied: whoever proposed it is answered.
    pub(super) fn carried_out(&mut self, response: &Response, print: Print, around: &mut Around<'_>) {
        let Some((mark, caller)) = self.placed.remove(&response.mark.index.0) else { return };
        let reply =
            if mark == response.mark { Reply::Written { said: Said::decode(&response.bytes), mark, print } } else { Reply::TryAgain };
        answer(caller, reply, around);
    }

    /// A snapshot came instead of entries: what they did is not known here.
    pub(super) fn passed_over(&mut self, applied: Height, around: &mut Around<'_>) {
        let later = self.placed.split_off(&(applied.0 + 1));
        for (_, (_, caller)) in std::mem::replace(&mut self.placed, later) {
            answer(caller, Reply::TryAgain, around);
        }
    }
}

/// Says something to a client.
fn answer(caller: Caller, reply: Reply, around: &mut Around<'_>) {
    let Caller { client, operation, attempt } = caller;
    respond(client, operation, attempt, reply, around);
}

/// Sends a reply on its way.
pub(crate) fn respond(client: u32, operation: u64, attempt: u32, reply: Reply, around: &mut Around<'_>) {
    let Around { now, network, queue, rng, .. } = around;
    network.carry_outside(*now, rng, |at| queue.push(at, Happening::Reply { client, operation, attempt, reply }));
}

impl Process {
    /// A client asks for something. Returns why the process ended, if it did.
    pub(crate) fn request(&mut self, request: Request, around: &mut Around<'_>) -> Option<super::Failure> {
        let Request { client, operation, attempt, ask } = request;
        let caller = Caller { client, operation, attempt };
        if self.requests.is_full() {
            answer(caller, Reply::TryAgain, around);
            return None;
        }
        match ask {
            Ask::Write(command) => {
                if self.requests.gathered.is_empty() {
                    let after = around.rng.below(around.shape.count_ns) + 1;
                    self.later(after, Local::Propose, around);
                }
                self.requests.gathered.push((caller, command));
            }
            Ask::Read { key, way } => {
                let ticket = self.requests.ask(Asked::Read(caller, key));
                self.step(Event::Read { ticket, way }, around);
            }
        }
        self.failed.take()
    }

    /// Proposes what was gathered.
    pub(super) fn propose(&mut self, around: &mut Around<'_>) {
        let first = self.requests.tickets + 1;
        let gathered = std::mem::take(&mut self.requests.gathered);
        let propose = |(caller, command)| {
            self.requests.ask(Asked::Write(caller));
            command
        };
        let commands = gathered.into_iter().map(propose).collect();
        self.step(Event::Propose { ticket: first, commands }, around);
    }

    /// An operator asks for something. If it is refused, the operator does not insist.
    pub(super) fn order(&mut self, order: Order, around: &mut Around<'_>) {
        self.requests.tickets += 1;
        let ticket = self.requests.tickets;
        let event = match order {
            Order::Reconfigure(peers) => Event::Reconfigure { ticket, peers },
            Order::Transfer(to) => Event::Transfer { ticket, to },
        };
        self.step(event, around);
    }

    /// The protocol says what became of a request.
    pub(super) fn answered(&mut self, ticket: u64, said: Answer, around: &mut Around<'_>) {
        let Some(asked) = self.requests.asked.remove(&ticket) else { return };
        let caller = match asked {
            Asked::Write(caller) | Asked::Read(caller, _) => caller,
        };
        match (said, asked) {
            (Answer::Accepted { mark }, _) => {
                if let Some((_, before)) = self.requests.placed.insert(mark.index.0, (mark, caller)) {
                    answer(before, Reply::TryAgain, around);
                }
            }
            (Answer::ReadAt { index }, Asked::Read(_, key)) if !self.witness => {
                self.requests.reads.insert((index.0, ticket), (caller, key));
                self.serve_reads(around);
            }
            (Answer::Rejected(Rejected::NotLeader { leader }), _) => {
                let leader = leader.filter(|leader| *leader != self.id);
                answer(caller, Reply::Elsewhere(leader), around);
            }
            (Answer::ReadAt { .. } | Answer::Transferring | Answer::Rejected(_), _) => answer(caller, Reply::TryAgain, around),
        }
    }

    /// Answers the reads for which enough was applied.
    pub(super) fn serve_reads(&mut self, around: &mut Around<'_>) {
        while let Some(first) = self.requests.reads.first_entry() {
            if first.key().0 > self.applied.0 {
                return;
            }
            let (caller, key) = first.remove();
            let leads = self.raft.role() == Role::Leader;
            answer(caller, Reply::Value { value: self.machine.get(key), leads }, around);
        }
    }
}
