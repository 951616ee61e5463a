//! A follower needs entries that the log has given up (section 7), and gets a snapshot in pieces.
//!
//! The receiver asks for the piece that it wants, so that a transfer goes on where it was, whatever was lost; the leader sends the last
//! one again when nothing was asked for a while. Pieces are the driver's; this file moves them.

use quorate_core::ids::MemberId;
use quorate_core::mark::Mark;

use super::configuration::Configuration;
use super::event::Effect;
use super::message::{Body, Piece};
use super::progress::Stage;
use super::{Raft, State};

impl Raft {
    /// The driver read a piece for a follower.
    pub(super) fn piece_read(&mut self, to: MemberId, piece: Option<Piece>) {
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&to) else { return };
        let Stage::Snapshot { mark, nth, since } = &mut progress.stage else { return };
        *since = self.now;
        match piece {
            Some(piece) => {
                *mark = Some(piece.mark);
                *nth = piece.nth;
                self.send(to, Body::Snapshot(piece));
            }
            // That snapshot is gone: any other will do. If there is none at all, it is asked for again after a while.
            None => {
                *nth = 0;
                if mark.take().is_some() {
                    self.effects.push(Effect::ReadPiece { to, mark: None, nth: 0 });
                }
            }
        }
    }

    /// A follower wants a piece.
    pub(super) fn piece_wanted(&mut self, from: MemberId, wanted: Mark, wanted_nth: u64) {
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&from) else { return };
        progress.active = true;
        let Stage::Snapshot { mark, nth, since } = &mut progress.stage else { return };
        if *mark == Some(wanted) && wanted_nth != *nth {
            *nth = wanted_nth;
            *since = self.now;
            self.effects.push(Effect::ReadPiece { to: from, mark: Some(wanted), nth: wanted_nth });
        }
    }

    /// Sends again what was not answered.
    pub(super) fn resend_pieces(&mut self) {
        let (now, patience) = (self.now, self.settings.election);
        let State::Leader(leadership) = &mut self.state else { return };
        for (&to, progress) in &mut leadership.peers {
            if let Stage::Snapshot { mark, nth, since } = &mut progress.stage
                && now.since(*since) >= patience
            {
                *since = now;
                self.effects.push(Effect::ReadPiece { to, mark: *mark, nth: *nth });
            }
        }
    }

    /// The leader sent a piece.
    pub(super) fn piece_came(&mut self, from: MemberId, piece: Piece) {
        if !self.heard_from(from) {
            return;
        }
        if piece.mark.index <= self.commit {
            return self.send_when_durable(from, Body::Appended { upto: self.commit });
        }
        self.effects.push(Effect::WritePiece { from, piece });
    }

    /// The piece is there.
    pub(super) fn piece_written(&mut self, from: MemberId, mark: Mark, wanted: u64) {
        if self.leader == Some(from) && mark.index > self.commit {
            self.send(from, Body::SnapshotWanted { mark, nth: wanted });
        }
    }

    /// A received snapshot is in the place of state and log.
    pub(super) fn installed(&mut self, from: MemberId, mark: Mark, configuration: Configuration) {
        if mark.index > self.log.floor().index {
            if self.log.give_up(mark) {
                self.members.give_up(mark);
            } else {
                self.members.replace(mark.index, configuration);
                self.members_changed();
            }
            self.commit = self.commit.max(mark.index);
            self.applied = self.applied.max(mark.index);
        }
        if self.leader == Some(from) {
            self.send_when_durable(from, Body::Appended { upto: mark.index });
        }
    }

    /// The own machine's snapshot is durable, and the log was given up to its mark.
    pub(super) fn compacted(&mut self, mark: Mark) {
        if mark.index > self.log.floor().index && mark.index <= self.commit && self.log.has(mark) {
            self.log.give_up(mark);
            self.members.give_up(mark);
        }
    }
}
