//! Entries come (section 5.3), from the follower's side.

use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;

use super::entry::{Entry, Payload};
use super::message::Body;
use super::{Planted, Raft, State};

impl Raft {
    /// The leader of this term was heard from. Returns whether it can be that.
    pub(super) fn heard_from(&mut self, leader: MemberId) -> bool {
        match self.state {
            // One term has one leader, and that is this server.
            State::Leader(_) => return false,
            State::Candidate(_) => self.follow(self.term, Some(leader)),
            State::Follower => self.leader = Some(leader),
        }
        self.heard = Some(self.now);
        self.doubt = None;
        self.wait();
        self.expire_forwarded();
        true
    }

    /// The leader sent entries, or none.
    pub(super) fn appended_by(&mut self, from: MemberId, prev: Mark, entries: Vec<Entry>, commit: Height) {
        if !self.heard_from(from) || !in_order(prev, &entries, self.term) {
            return;
        }
        let end = Height(prev.index.0 + entries.len() as u64);
        if prev.index >= self.commit {
            if !self.log.has(prev) {
                let hint = self.log.meeting(prev.index, prev.term);
                return self.send(from, Body::Refused { prev: prev.index, hint });
            }
        } else if end < self.commit {
            // All of it is known, and committed.
            return self.send_when_durable(from, Body::Appended { upto: self.commit });
        }
        if self.planted(Planted::CutCommittedTail) && self.log.last().index > prev.index && prev.index >= self.log.floor().index {
            self.cut(Height(prev.index.0 + 1));
        }
        if self.take_entries(entries) {
            self.send_when_durable(from, Body::Appended { upto: end });
            self.advance(commit.min(end));
        }
    }

    /// Puts to the log what it does not have, in the place of what conflicts with it. Returns whether the log has it all then.
    fn take_entries(&mut self, entries: Vec<Entry>) -> bool {
        for entry in entries {
            let index = entry.mark.index;
            if index <= self.log.floor().index || self.log.has(entry.mark) {
                continue;
            }
            if index <= self.log.last().index {
                if index <= self.commit {
                    // Whoever sends this has lost what was committed. Believing it would lose it here, too.
                    return false;
                }
                self.cut(index);
            }
            if entry.mark.term < self.log.last().term {
                // Terms never fall along a log; whoever sends this lies.
                return false;
            }
            let Ok(payload) = entry.payload() else { return false };
            if let Payload::Configuration(configuration) = payload {
                self.members.push(index, configuration);
                self.members_changed();
            }
            self.outbox.draft.entries.push(entry.clone());
            self.log.append(entry);
        }
        true
    }

    fn cut(&mut self, from: Height) {
        debug_assert!(self.outbox.draft.entries.is_empty() && self.outbox.draft.cut.is_none(), "one step cuts once, and then appends");
        self.outbox.draft.cut = Some(from);
        self.log.cut(from);
        if self.members.cut(from) {
            self.members_changed();
        }
    }

    /// The leader let this server know that it leads.
    pub(super) fn beaten(&mut self, from: MemberId, beat: u64, commit: Height) {
        if !self.heard_from(from) {
            return;
        }
        self.send(from, Body::HeartbeatReply { beat });
        // The leader never says more than it knows to be in this log.
        if commit <= self.log.last().index || self.planted(Planted::CommitBeyondMatch) {
            self.advance(commit.min(self.log.last().index));
        }
    }
}

/// Whether entries stand one behind the other, and their terms never fall, nor are beyond their sender's.
fn in_order(prev: Mark, entries: &[Entry], term: View) -> bool {
    let mut last = prev;
    entries.iter().all(|entry| {
        let fits = entry.mark.index.0 == last.index.0 + 1 && entry.mark.term >= last.term;
        last = entry.mark;
        fits
    }) && last.term <= term
}
