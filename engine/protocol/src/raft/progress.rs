//! What a leader knows of one follower, and what it may send it.

use std::collections::VecDeque;

use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_env::clock::Moment;

/// How a follower is being brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// One message at a time, until it is known where the logs meet.
    Probe {
        /// If that message is under way, the last heartbeat that went before it.
        sent: Option<u64>,
    },
    /// Messages follow each other without waiting for answers.
    Stream,
    /// A snapshot, piece by piece.
    Snapshot {
        /// Which, once the driver has said so.
        mark: Option<Mark>,
        /// The piece that is under way.
        nth: u64,
        /// When it was sent.
        since: Moment,
    },
}

/// How far a follower is, for whoever watches its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Which member.
    pub id: MemberId,
    /// Up to here its log is the leader's, durably.
    pub matched: Height,
    /// Whether it is getting a snapshot, because the leader's log does not reach back to where it is.
    pub snapshot: bool,
}

/// One follower.
#[derive(Debug)]
pub(super) struct Progress {
    /// Up to here its log is this one, durably.
    pub(super) matched: Height,
    /// What it gets next.
    pub(super) next: Height,
    pub(super) stage: Stage,
    /// The last entry of each message that was not answered yet.
    pub(super) inflight: VecDeque<Height>,
    /// Whether entries for it are being read from disk.
    pub(super) loading: bool,
    /// Whether it was heard from since the last time that somebody looked.
    pub(super) active: bool,
    /// Where it was when it last answered a heartbeat.
    pub(super) matched_at_beat: Height,
    /// Whether it gets places without commands.
    pub(super) witness: bool,
}

impl Progress {
    pub(super) fn new(next: Height, witness: bool) -> Self {
        Self {
            matched: Height(0),
            next,
            stage: Stage::Probe { sent: None },
            inflight: VecDeque::new(),
            loading: false,
            active: false,
            matched_at_beat: Height(0),
            witness,
        }
    }

    /// Whether there may be another message with entries now.
    pub(super) fn may_send(&self, inflight_max: usize) -> bool {
        !self.loading
            && match self.stage {
                Stage::Probe { sent } => sent.is_none(),
                Stage::Stream => self.inflight.len() < inflight_max,
                Stage::Snapshot { .. } => false,
            }
    }

    /// Entries up to `last` were sent after a heartbeat; or none, if it is the one before the next.
    pub(super) fn sent(&mut self, last: Height, beat: u64) {
        match &mut self.stage {
            Stage::Probe { sent } => *sent = Some(beat),
            Stage::Stream if last >= self.next => {
                self.next = Height(last.0 + 1);
                self.inflight.push_back(last);
            }
            _ => {}
        }
    }

    /// It has everything up to here. Returns whether that is news.
    pub(super) fn acknowledged(&mut self, upto: Height) -> bool {
        let news = upto > self.matched;
        self.matched = self.matched.max(upto);
        self.next = self.next.max(Height(self.matched.0 + 1));
        while self.inflight.front().is_some_and(|&last| last <= upto) {
            self.inflight.pop_front();
        }
        match self.stage {
            Stage::Probe { .. } => {
                self.stage = Stage::Stream;
                self.next = Height(self.matched.0 + 1);
            }
            Stage::Snapshot { mark, .. } if mark.is_none_or(|mark| self.matched >= mark.index) => self.stage = Stage::Stream,
            _ => {}
        }
        news
    }

    /// Begins again one message at a time, from `next` on.
    pub(super) fn probe(&mut self, next: Height) {
        self.stage = Stage::Probe { sent: None };
        self.next = next.max(Height(self.matched.0 + 1));
        self.inflight.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_probe_at_a_time_and_then_a_bounded_stream() {
        let mut follower = Progress::new(Height(5), false);
        assert!(follower.may_send(2));
        follower.sent(Height(6), 1);
        assert!(!follower.may_send(2) && follower.next == Height(5));
        assert!(follower.acknowledged(Height(6)));
        assert_eq!((follower.stage, follower.next), (Stage::Stream, Height(7)));
        follower.sent(Height(8), 1);
        follower.sent(Height(9), 1);
        assert!(!follower.may_send(2));
        assert!(!follower.acknowledged(Height(4)), "old news");
        assert!(follower.acknowledged(Height(8)) && follower.may_send(2));
    }

    #[test]
    fn a_probe_never_goes_back_behind_what_is_known() {
        let mut follower = Progress::new(Height(5), false);
        follower.acknowledged(Height(7));
        follower.probe(Height(3));
        assert_eq!(follower.next, Height(8));
    }
}
