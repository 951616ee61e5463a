//! The members that the system partition decided on, and how a partition gets there.
//!
//! The system partition decides who shall be a member. The leader of each partition compares that with who is one, and takes the next step:
//! newcomers come as learners first, get their vote when they have caught up, and whoever shall go goes when nobody has to come any more.
//! Each step is a change by joint consensus. A leader that dies in between leaves nothing behind that its successor could not see.
//!
//! What a leader's own copy of the system partition says may be old, and following it could take back what was done since. So it is
//! looked at only once it is known to be current.

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_core::ids::{Height, MemberId};
use quorate_env::clock::Moment;
use quorate_protocol::raft::{Follower, Part, Peer};

use super::{Around, Partition};

/// How long until a leader that is under way to other members looks again.
const AGAIN: Duration = Duration::from_millis(100);
/// How far behind a learner may be when it gets its vote.
const BEHIND_MAX: u64 = 1000;

/// What a partition knows of what shall be.
#[derive(Default)]
pub(crate) struct Wish {
    /// When it wants to look.
    look_at: Option<Moment>,
    /// The revision of the members that it has arrived at.
    arrived: u64,
    /// In the system partition: what must be applied, so that its state is current.
    current: Option<Height>,
}

impl Wish {
    pub(super) fn wake(&self) -> Option<Moment> {
        self.look_at
    }

    pub(super) fn look_soon(&mut self, now: Moment) {
        self.look_at = Some(now);
    }

    /// A new leader does not know how far the one before came.
    pub(super) fn begin_to_lead(&mut self) {
        self.arrived = 0;
    }

    pub(super) fn current_at(&mut self, index: Height) {
        self.current = Some(index);
    }
}

impl Partition {
    /// Whether it leads and wants to know who shall be a member, given the revision that this node knows of.
    pub(crate) fn wants_members(&mut self, now: Moment, revision: u64) -> bool {
        if !self.is_open() || !self.leads() || self.members.arrived == revision {
            self.members.look_at = None;
            return false;
        }
        if self.members.look_at.is_some_and(|at| at > now) {
            return false;
        }
        self.members.look_at = Some(now + AGAIN);
        true
    }

    /// In the system partition: what was answered to earlier questions says nothing about now.
    pub(crate) fn forget_current(&mut self) {
        self.members.current = None;
        self.requests.forget_current();
    }

    /// In the system partition: whether its state is known to be current. That is so once for each question.
    pub(crate) fn is_current(&mut self) -> bool {
        self.members.current.take_if(|index| *index <= self.applied).is_some()
    }

    /// Takes the next step towards the members that shall be.
    pub(crate) fn approach(&mut self, wanted: &BTreeMap<MemberId, Peer>, revision: u64, around: &mut Around<'_>) {
        if !self.is_open() || !self.leads() || self.members.arrived == revision {
            return;
        }
        let configuration = self.raft.configuration();
        if configuration.is_joint() {
            return;
        }
        let last = self.raft.last().index.0;
        // A log may be short enough that nothing of it would be near enough: who was never heard of has not caught up with anything.
        let near = |follower: &Follower| follower.matched.0 > 0 && !follower.snapshot && follower.matched.0 + BEHIND_MAX >= last;
        let caught_up: Vec<MemberId> = self.raft.followers().filter(near).map(|follower| follower.id).collect();
        let next = next_step(configuration.peers(), wanted, &caught_up);
        if next == configuration.peers() {
            if wanted.values().copied().eq(next.iter().copied()) {
                self.members.arrived = revision;
                self.members.look_at = None;
            }
            return;
        }
        self.reconfigure(next, around);
    }
}

/// The members of the next step, by rising id.
fn next_step(now: &[Peer], wanted: &BTreeMap<MemberId, Peer>, caught_up: &[MemberId]) -> Vec<Peer> {
    let mut next: BTreeMap<MemberId, Peer> = now.iter().map(|peer| (peer.id, *peer)).collect();
    for (id, peer) in wanted {
        let present = next.get(id).copied();
        let part = match (present.map(|present| present.part), peer.part) {
            (None, Part::Voter) => Part::Learner,
            (Some(Part::Learner), Part::Voter) if !caught_up.contains(id) => Part::Learner,
            (_, part) => part,
        };
        next.insert(*id, Peer { part, ..*peer });
    }
    if wanted.values().all(|peer| now.contains(peer)) {
        next.retain(|id, _| wanted.contains_key(id));
    }
    next.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(from: &[Peer], to: &[Peer], caught_up: &[u64]) -> Vec<Peer> {
        let wanted = to.iter().map(|peer| (peer.id, *peer)).collect();
        let caught_up: Vec<MemberId> = caught_up.iter().map(|id| MemberId(*id)).collect();
        next_step(from, &wanted, &caught_up)
    }

    const THREE: [Peer; 3] = [Peer::voter(1), Peer::voter(2), Peer::voter(3)];

    #[test]
    fn a_newcomer_learns_first_and_votes_when_it_has_caught_up() {
        let wanted = [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::voter(4)];
        let learning = walk(&THREE, &wanted, &[]);
        assert_eq!(learning, [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4)]);
        assert_eq!(walk(&learning, &wanted, &[2, 3]), learning);
        assert_eq!(walk(&learning, &wanted, &[3, 4]), wanted);
        assert_eq!(walk(&wanted, &wanted, &[]), wanted);
    }

    #[test]
    fn nobody_goes_before_the_one_who_comes_instead_votes() {
        let wanted = [Peer::voter(1), Peer::voter(2), Peer::voter(4)];
        let learning = walk(&THREE, &wanted, &[]);
        assert_eq!(learning, [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::learner(4)]);
        let four = walk(&learning, &wanted, &[4]);
        assert_eq!(four, [Peer::voter(1), Peer::voter(2), Peer::voter(3), Peer::voter(4)]);
        assert_eq!(walk(&four, &wanted, &[]), wanted);
    }

    #[test]
    fn priorities_and_parts_that_shall_be_are_taken_over() {
        let wanted = [Peer::voter(1).with_priority(7), Peer::voter(2), Peer::learner(3)];
        assert_eq!(walk(&THREE, &wanted, &[]), wanted);
    }
}
