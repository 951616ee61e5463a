//! Leadership is handed over (dissertation, 3.10): on request, to a member of higher priority, or because the disk stands still,
//! or by a leader that is removed.
//!
//! The one who shall lead gets everything that it lacks, and is then told to stand at once. Meanwhile the leader takes no new entries,
//! for at most an election timeout.

use std::cmp::Reverse;

use quorate_core::ids::MemberId;
use quorate_env::clock::Moment;

use super::event::{Answer, Rejected};
use super::message::Body;
use super::{Raft, State};

/// A handover under way.
#[derive(Debug)]
pub(super) struct Handover {
    pub(super) to: MemberId,
    /// When it is given up.
    pub(super) deadline: Moment,
    /// Whether the other was told.
    told: bool,
}

impl Raft {
    /// Somebody wants another leader.
    pub(super) fn transfer(&mut self, ticket: u64, to: MemberId) {
        match self.may_transfer(to) {
            Ok(()) => {
                self.answer(ticket, Answer::Transferring);
                if to != self.identity.id {
                    self.hand_over(to);
                }
            }
            Err(why) => self.reject(ticket, why),
        }
    }

    fn may_transfer(&self, to: MemberId) -> Result<(), Rejected> {
        let State::Leader(leadership) = &self.state else { return Err(Rejected::NotLeader { leader: self.leader }) };
        if let Some(handover) = &leadership.handover {
            return Err(Rejected::Transferring { to: handover.to });
        }
        let known = to == self.identity.id || leadership.peers.contains_key(&to);
        if !known || !self.configuration().may_lead(to) {
            return Err(Rejected::CannotLead { to });
        }
        Ok(())
    }

    fn hand_over(&mut self, to: MemberId) {
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.handover = Some(Handover { to, deadline: self.now + self.settings.election, told: false });
        self.hand_over_when_ready(to);
        self.replicate(to);
    }

    /// Tells the one who shall lead to stand, if it has everything.
    pub(super) fn hand_over_when_ready(&mut self, to: MemberId) {
        let last = self.log.last().index;
        let State::Leader(leadership) = &mut self.state else { return };
        let ready = leadership.peers.get(&to).is_some_and(|progress| progress.matched == last);
        if let Some(handover) = &mut leadership.handover
            && handover.to == to
            && ready
            && !handover.told
        {
            handover.told = true;
            leadership.handed_over = true;
            self.send(to, Body::StandNow);
        }
    }

    /// The other has had its time.
    pub(super) fn expire_handover(&mut self) {
        let now = self.now;
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.handover.take_if(|handover| now >= handover.deadline);
    }

    /// The leader wants this server to lead.
    pub(super) fn stand_now(&mut self, from: MemberId) {
        let own = self.identity.id;
        if self.leader == Some(from) && !self.stalled && self.configuration().may_lead(own) {
            self.campaign(true);
        }
    }

    /// Hands over to a member of higher priority that has everything, once in a while.
    pub(super) fn yield_to_priority(&mut self) {
        let (own, last, now) = (self.rank, self.log.last().index, self.now);
        let pause = self.settings.election * 10;
        let members = self.members.current();
        let State::Leader(leadership) = &mut self.state else { return };
        let priority = |id| members.peer(id).map(|peer| peer.priority);
        let own_priority = priority(self.identity.id);
        let better = leadership.peers.iter().filter(|(id, progress)| {
            let higher = priority(**id) > own_priority && members.rank(**id) < own;
            progress.active && higher && progress.matched == last && members.may_lead(**id)
        });
        let better = better.map(|peer| *peer.0).min_by_key(|&id| members.rank(id));
        leadership.peers.values_mut().for_each(|progress| progress.active = false);
        if let Some(id) = better
            && now >= leadership.yield_after
            && leadership.handover.is_none()
        {
            leadership.yield_after = now + pause;
            self.hand_over(id);
        }
    }

    /// The disk stands still, or moves again. A leader whose disk does not answer acknowledges nothing of its own and holds up everyone:
    /// it lets go, and tells the one with the longest log to stand.
    pub(super) fn disk(&mut self, stalled: bool) {
        self.stalled = stalled;
        if stalled && matches!(self.state, State::Candidate(_)) {
            // Who is elected with such a disk would hold up everyone, too.
            return self.follow(self.term, None);
        }
        if stalled && let Some(to) = self.heir() {
            self.send(to, Body::StandNow);
            self.follow(self.term, None);
        }
    }

    /// Who has most of a leader's log, of those who can lead, and comes first in the order.
    fn heir(&self) -> Option<MemberId> {
        let State::Leader(leadership) = &self.state else { return None };
        let members = self.members.current();
        let able = leadership.peers.iter().filter(|peer| members.may_lead(*peer.0));
        able.max_by_key(|peer| (peer.1.matched, Reverse(members.rank(*peer.0)))).map(|peer| *peer.0)
    }

    /// A leader that is none of the members any more has done what it could: it lets go, and nobody waits for a timeout.
    pub(super) fn leave(&mut self) {
        if let Some(to) = self.heir() {
            self.send(to, Body::StandNow);
        }
        self.follow(self.term, None);
    }
}
