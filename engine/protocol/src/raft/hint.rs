//! The connection to the leader was reset: most likely its process is gone, and its system says so long before an election timeout does.
//!
//! With [`super::Settings::reset_hint`] a follower takes that for a hint, and doubts its leader: it forgets that it heard from it, so that
//! it helps others to be elected, and asks them itself when its turn comes. Turns follow the order of priority and id, the leader left out.
//! The first is not at once but after one step, in which the others hear of the reset, too, and a leader that lives can be heard. Who is
//! refused, by those who have not heard of the reset, asks again when all the others have had a turn. Doubt ends when a leader is heard,
//! with a new term, or after an election timeout, when everything takes its usual course.
//!
//! It is a hint and no proof. A leader that lives is deposed only if a majority doubts it, since the others refuse a pre-vote; and it
//! speaks at once to whoever it lost the connection to. Nothing of safety depends on any of this but the leases, which there are not then:
//! a leader trusts in its lease that who heard from it votes for nobody for an election timeout, and who doubts does not wait for that.

use std::time::Duration;

use quorate_core::ids::MemberId;

use super::message::Body;
use super::{Raft, State};

impl Raft {
    /// The connection to a member was reset, which may be the leader.
    pub(super) fn doubt_leader(&mut self, peer: MemberId) {
        let Some(step) = self.settings.reset_hint else { return };
        if self.leader != Some(peer) || self.doubts() {
            return;
        }
        let members = self.members.current();
        let behind_it = members.may_lead(peer) && members.rank(peer) < self.rank;
        let turn = step * (self.rank - u32::from(behind_it) + 1);
        self.heard = None;
        self.doubt = Some(self.now + self.settings.election);
        self.deadline = self.deadline.min(self.now + turn);
    }

    /// Whether this server takes its leader for lost.
    pub(super) fn doubts(&self) -> bool {
        self.doubt.is_some_and(|until| self.now < until)
    }

    /// While it doubts, a server asks again when each of the others had a turn.
    pub(super) fn wait_for_turn(&mut self) {
        if self.doubts() {
            self.deadline = self.now + self.turns();
        }
    }

    fn turns(&self) -> Duration {
        self.settings.reset_hint.unwrap_or_default() * self.configuration().electorate().members().len() as u32
    }

    /// Somebody else would have this server's vote, and gets the time to come for it. Of two who ask at once, the one that is behind in the
    /// order lets the other go first, or each would vote for itself.
    pub(super) fn stand_back(&mut self, other: MemberId) {
        if !self.doubts() {
            return;
        }
        match &self.state {
            State::Follower => {}
            State::Candidate(candidacy) if candidacy.pre && self.configuration().rank(other) < self.rank => self.follow(self.term, None),
            _ => return,
        }
        self.wait_for_turn();
    }

    /// A leader whose connection was reset lets the follower know that it is still there.
    pub(super) fn reassure(&mut self, peer: MemberId) {
        let commit = self.commit;
        let State::Leader(leadership) = &self.state else { return };
        if let Some(progress) = leadership.peers.get(&peer)
            && self.settings.reset_hint.is_some()
        {
            // The last heartbeat once more: what counts for a confirmation is when it was first sent.
            let (beat, commit) = (leadership.beat, commit.min(progress.matched));
            self.send(peer, Body::Heartbeat { beat, commit });
        }
    }
}
