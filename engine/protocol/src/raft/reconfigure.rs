//! The members change (section 6): through a joint configuration, always.

use quorate_core::ids::Height;
use quorate_core::mark::Mark;

use super::configuration::{Configuration, Peer};
use super::entry::Entry;
use super::event::{Answer, Rejected};
use super::{Raft, State};

impl Raft {
    /// Somebody wants other members.
    pub(super) fn reconfigure(&mut self, ticket: u64, peers: Vec<Peer>) {
        match self.may_reconfigure().and_then(|()| Ok(self.configuration().towards(peers)?)) {
            Ok(joint) => {
                let mark = self.lead_with_members(joint);
                self.answer(ticket, Answer::Accepted { mark });
            }
            Err(why) => self.reject(ticket, why),
        }
    }

    fn may_reconfigure(&self) -> Result<(), Rejected> {
        let State::Leader(leadership) = &self.state else { return Err(Rejected::NotLeader { leader: self.leader }) };
        if let Some(handover) = &leadership.handover {
            return Err(Rejected::Transferring { to: handover.to });
        }
        let settled = self.members.since() <= self.commit && !self.configuration().is_joint();
        // Before it has committed something in its own term, a leader does not know that the last change is over.
        if !settled || self.commit < leadership.first {
            return Err(Rejected::ChangePending);
        }
        Ok(())
    }

    /// Puts a configuration to the log. It is in force from here on.
    fn lead_with_members(&mut self, members: Configuration) -> Mark {
        let mark = Mark { index: Height(self.log.last().index.0 + 1), term: self.term };
        self.lead_with(Entry::configuration(mark, &members));
        self.members.push(mark.index, members);
        self.members_changed();
        self.reopen_rounds();
        self.replicate_all();
        mark
    }

    /// The configuration in force may be committed now: a joint one is followed by a simple one; if that is without this leader, it has
    /// done what it could.
    pub(super) fn members_committed(&mut self) {
        if self.commit < self.members.since() {
            return;
        }
        let current = self.configuration();
        if current.is_joint() {
            let settled = current.settled();
            self.lead_with_members(settled);
        } else if !current.may_lead(self.identity.id) {
            self.leave();
        }
    }
}
