//! Heartbeats: how followers know that there is a leader, and how the leader knows that it is still one.
//!
//! Each heartbeat of a term has a number. When a quorum has answered one, the leader was the leader when it was sent: reads that came
//! before it may be answered, and for the length of an election timeout from then on nobody else can be elected, since a quorum will not
//! help. That is the lease; what clocks may drift is taken off. Where followers take a reset for a hint there is none (`hint.rs`).

use std::sync::Arc;
use std::time::Duration;

use quorate_core::counting::RoundKey;
use quorate_core::ids::{Height, MemberId};
use quorate_core::vote::Raft as RaftKind;
use quorate_env::clock::Moment;

use super::message::Body;
use super::progress::Stage;
use super::{Planted, Raft, State};

/// How many heartbeats without an answer are remembered.
const SENT_MAX: usize = 1024;

impl Raft {
    /// Sends a heartbeat to everyone.
    pub(super) fn beat(&mut self) {
        let (own, commit, reckless) = (self.identity.id, self.commit, self.planted(Planted::CommitBeyondMatch));
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.beat += 1;
        if leadership.sent.len() == SENT_MAX {
            leadership.sent.pop_front();
        }
        leadership.sent.push_back((leadership.beat, self.now));
        let (beat, key, electorate) = (leadership.beat, leadership.beats, Arc::clone(&leadership.electorate));
        let offset = (beat - leadership.beats_base) as u32;
        let known = |matched: Height| if reckless { commit } else { commit.min(matched) };
        let letters: Vec<(MemberId, Height)> = leadership.peers.iter().map(|(&id, peer)| (id, known(peer.matched))).collect();
        for (id, commit) in letters {
            self.send(id, Body::Heartbeat { beat, commit });
        }
        self.extend(key, beat);
        self.count(key, &electorate, own, RaftKind::HeartbeatAck, offset);
    }

    /// A follower answered a heartbeat.
    pub(super) fn beat_back(&mut self, from: MemberId, beat: u64) {
        let (last, inflight_max) = (self.log.last().index, self.settings.inflight);
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&from) else { return };
        progress.active = true;
        let waits = progress.matched == progress.matched_at_beat && progress.matched < last;
        progress.matched_at_beat = progress.matched;
        let ask_again = match &mut progress.stage {
            // The probe, or its answer, may have been lost, if what was said after it has an answer.
            Stage::Probe { sent } => {
                sent.take_if(|before| beat > *before);
                false
            }
            Stage::Stream => waits && (progress.next > last || progress.inflight.len() >= inflight_max),
            Stage::Snapshot { .. } => false,
        };
        let before = Height(progress.next.0 - 1);
        let place = self.log.term_at(before).filter(|_| ask_again);
        if ask_again && place.is_none() {
            // The log was given up to behind that place since: what the follower lacks can only come from a snapshot.
            progress.probe(Height(progress.matched.0 + 1));
        }
        let (key, electorate, base) = (leadership.beats, Arc::clone(&leadership.electorate), leadership.beats_base);
        if beat > base && beat <= leadership.beat {
            self.count(key, &electorate, from, RaftKind::HeartbeatAck, (beat - base) as u32);
        }
        if let Some(term) = place {
            // All that may be was sent, and nothing was acknowledged since the last heartbeat: does it have it?
            let prev = quorate_core::mark::Mark { index: before, term };
            self.send(from, Body::Append { prev, entries: Vec::new(), commit: self.commit });
        }
        self.replicate(from);
    }

    /// A quorum has answered a heartbeat.
    pub(super) fn beats_reached(&mut self, key: RoundKey, beat: u64) {
        let State::Leader(leadership) = &mut self.state else { return };
        if leadership.beats != key || beat <= leadership.confirmed {
            return;
        }
        leadership.confirmed = beat;
        while leadership.sent.front().is_some_and(|sent| sent.0 <= beat)
            && let Some((_, at)) = leadership.sent.pop_front()
        {
            leadership.confirmed_at = at;
            leadership.lease_from = Some(at);
        }
        self.serve_reads();
    }

    /// For how long after a heartbeat was sent its quorum keeps others from being elected, by this server's clock.
    fn lease(&self) -> Duration {
        if self.planted(Planted::LeaseWithoutDrift) {
            return self.settings.election;
        }
        let nanos = self.settings.election.as_nanos() as u64;
        Duration::from_nanos((u128::from(nanos) * 1_000_000 / (1_000_000 + u128::from(self.settings.drift_ppm))) as u64)
    }

    /// Until when nobody else can have been elected, by this server's clock; none if that is not known, and where resets are hints.
    #[must_use]
    pub fn lease_until(&self) -> Option<Moment> {
        if self.settings.reset_hint.is_some() && !self.planted(Planted::LeaseTrustedWithHint) {
            return None;
        }
        let State::Leader(leadership) = &self.state else { return None };
        let from = leadership.lease_from.filter(|_| !leadership.handed_over && leadership.handover.is_none())?;
        Some(from + self.lease())
    }

    /// Whether nobody else can have been elected.
    pub(super) fn holds_lease(&self) -> bool {
        self.lease_until().is_some_and(|until| self.now < until)
    }
}
