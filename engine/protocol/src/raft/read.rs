//! Reads that see every write that was acknowledged before them, without a log entry (dissertation, 6.4).
//!
//! The leader answers with an index: whoever has applied everything up to there may read. It does so when it has committed an entry of
//! its own term, so that it knows what is committed at all, and knows that it still leads: from a heartbeat that was sent after the
//! question, or from a lease. Other servers pass the question on.

use std::collections::VecDeque;

use quorate_core::ids::{Height, MemberId};
use quorate_env::clock::Moment;

use super::event::{Answer, ReadWay, Rejected};
use super::message::Body;
use super::{Planted, Raft, State};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Own(u64),
    Member { id: MemberId, life: u64, ticket: u64 },
}

/// A question that waits for a heartbeat to be answered.
#[derive(Debug)]
pub(super) struct PendingRead {
    pub(super) asker: Asker,
    /// The first heartbeat that was sent after it.
    pub(super) beat: u64,
}

/// Questions that were passed on to the leader, and when.
#[derive(Debug, Default)]
pub(super) struct Forwarded(VecDeque<(u64, Moment)>);

impl Forwarded {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.0.len() * size_of::<(u64, Moment)>()
    }
}

impl Raft {
    /// Somebody wants to read.
    pub(super) fn read(&mut self, ticket: u64, way: ReadWay) {
        if let State::Leader(_) = self.state {
            if self.planted(Planted::ReadWithoutQuorum) || (way == ReadWay::Lease && self.knows_commit() && self.holds_lease()) {
                return self.answer(ticket, Answer::ReadAt { index: self.commit });
            }
            return self.queue_read(Asker::Own(ticket));
        }
        match self.leader {
            Some(leader) if self.forwarded.len() < self.settings.reads => {
                self.forwarded.0.push_back((ticket, self.now));
                self.send(leader, Body::Read { life: self.life, ticket });
            }
            Some(_) => self.reject(ticket, Rejected::Busy { waiting: self.forwarded.len() as u64, limit: self.settings.reads as u64 }),
            None => self.reject(ticket, Rejected::NotLeader { leader: None }),
        }
    }

    /// Another server passes a question on.
    pub(super) fn asked_to_read(&mut self, from: MemberId, life: u64, ticket: u64) {
        match self.state {
            State::Leader(_) => self.queue_read(Asker::Member { id: from, life, ticket }),
            _ => self.send(from, Body::ReadReply { life, ticket, index: None }),
        }
    }

    /// Whether this leader knows what is committed: what it committed itself is the last of it.
    fn knows_commit(&self) -> bool {
        matches!(&self.state, State::Leader(leadership) if self.commit >= leadership.first)
    }

    fn queue_read(&mut self, asker: Asker) {
        let limit = self.settings.reads;
        let State::Leader(leadership) = &mut self.state else { return };
        if leadership.reads.len() >= limit {
            return self.refuse_read(asker, Rejected::Busy { waiting: limit as u64, limit: limit as u64 });
        }
        // One heartbeat answers for all questions before it. If one is under way, the next goes when that is answered.
        let idle = leadership.confirmed == leadership.beat;
        leadership.reads.push_back(PendingRead { asker, beat: leadership.beat + 1 });
        if idle {
            self.beat();
        }
    }

    fn refuse_read(&mut self, asker: Asker, why: Rejected) {
        match asker {
            Asker::Own(ticket) => self.reject(ticket, why),
            Asker::Member { id, life, ticket } => self.send(id, Body::ReadReply { life, ticket, index: None }),
        }
    }

    /// Answers what may be answered, and sees to it that the rest will be.
    pub(super) fn serve_reads(&mut self) {
        if !self.knows_commit() {
            return;
        }
        let index = self.commit;
        loop {
            let State::Leader(leadership) = &mut self.state else { return };
            let confirmed = leadership.confirmed;
            match leadership.reads.front() {
                Some(read) if read.beat <= confirmed => {
                    let asker = read.asker;
                    leadership.reads.pop_front();
                    match asker {
                        Asker::Own(ticket) => self.answer(ticket, Answer::ReadAt { index }),
                        Asker::Member { id, life, ticket } => self.send(id, Body::ReadReply { life, ticket, index: Some(index) }),
                    }
                }
                Some(_) if confirmed == leadership.beat => return self.beat(),
                _ => return,
            }
        }
    }

    /// The leader answered what was passed on.
    pub(super) fn read_answered(&mut self, life: u64, ticket: u64, index: Option<Height>) {
        if life != self.life {
            return;
        }
        let Some(at) = self.forwarded.0.iter().position(|asked| asked.0 == ticket) else { return };
        self.forwarded.0.remove(at);
        match index {
            Some(index) => self.answer(ticket, Answer::ReadAt { index }),
            None => self.reject(ticket, Rejected::NotLeader { leader: self.leader }),
        }
    }

    /// Gives up what was passed on and not answered for an election timeout.
    pub(super) fn expire_forwarded(&mut self) {
        while let Some(&(ticket, at)) = self.forwarded.0.front() {
            if self.now.since(at) < self.settings.election * 2 {
                return;
            }
            self.forwarded.0.pop_front();
            self.reject(ticket, Rejected::NotLeader { leader: self.leader });
        }
    }
}
