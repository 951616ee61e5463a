//! Entries go out, and acknowledgements come back (section 5.3), from the leader's side.

use std::sync::Arc;

use quorate_core::counting::RoundKey;
use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_core::vote::Raft as RaftKind;

use super::entry::Entry;
use super::event::Effect;
use super::message::Body;
use super::progress::Stage;
use super::{Planted, Raft, State};

impl Raft {
    /// Sends every follower what it may get now.
    pub(super) fn replicate_all(&mut self) {
        let State::Leader(leadership) = &self.state else { return };
        let ids: Vec<MemberId> = leadership.peers.keys().copied().collect();
        for id in ids {
            self.replicate(id);
        }
    }

    /// Sends one follower what it may get now: entries from memory; or asks for older ones from disk; or, if the log has given them up,
    /// for a snapshot.
    pub(super) fn replicate(&mut self, to: MemberId) {
        loop {
            let State::Leader(leadership) = &mut self.state else { return };
            let Some(progress) = leadership.peers.get_mut(&to) else { return };
            if !progress.may_send(self.settings.inflight) {
                return;
            }
            let (next, last) = (progress.next, self.log.last().index);
            if next > last && progress.stage == Stage::Stream {
                return;
            }
            if self.log.term_at(Height(next.0 - 1)).is_none() {
                progress.stage = Stage::Snapshot { mark: None, nth: 0, since: self.now };
                self.effects.push(Effect::ReadPiece { to, mark: None, nth: 0 });
                return;
            }
            let kept = self.log.first_kept();
            if next <= last && next < kept {
                progress.loading = true;
                let (upto, bytes_max) = (Height(last.0.min(kept.0 - 1)), self.settings.append_bytes);
                self.effects.push(Effect::Load { to, from: next, upto, bytes_max });
                return;
            }
            let entries: Vec<Entry> = self.log.kept(next, self.settings.append_bytes).cloned().collect();
            self.send_entries(to, entries);
        }
    }

    /// Sends entries that begin with the follower's next, or none.
    fn send_entries(&mut self, to: MemberId, mut entries: Vec<Entry>) {
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&to) else { return };
        let before = Height(progress.next.0 - 1);
        let Some(term) = self.log.term_at(before) else { return };
        let prev = Mark { index: before, term };
        if progress.witness {
            entries.iter_mut().for_each(|entry| *entry = entry.for_witness());
        }
        progress.sent(entries.last().map_or(before, |entry| entry.mark.index), leadership.beat);
        self.send(to, Body::Append { prev, entries, commit: self.commit });
    }

    /// Entries from disk, if they are still what the follower gets next.
    pub(super) fn loaded(&mut self, to: MemberId, entries: &[Entry]) {
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&to) else { return };
        progress.loading = false;
        let next = progress.next;
        let fits = entries.iter().zip(next.0..).all(|(entry, index)| entry.mark.index.0 == index && self.log.has(entry.mark));
        if fits && !entries.is_empty() && progress.may_send(self.settings.inflight) {
            self.send_entries(to, entries.to_vec());
        }
        self.replicate(to);
    }

    /// A follower has everything up to here on its disk.
    pub(super) fn acknowledged(&mut self, from: MemberId, upto: Height) {
        if upto > self.log.last().index {
            return;
        }
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&from) else { return };
        progress.active = true;
        if progress.acknowledged(upto) && upto > leadership.acks_base {
            let (key, electorate) = (leadership.acks, Arc::clone(&leadership.electorate));
            let offset = (upto.0 - leadership.acks_base.0) as u32;
            self.count(key, &electorate, from, RaftKind::Ack, offset);
        }
        self.hand_over_when_ready(from);
        self.replicate(from);
    }

    /// What was sent does not fit to a follower's log.
    pub(super) fn refused(&mut self, from: MemberId, prev: Height, hint: Mark) {
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&from) else { return };
        progress.active = true;
        let stale = match progress.stage {
            Stage::Stream => prev <= progress.matched,
            Stage::Probe { .. } => prev.0 + 1 != progress.next.0,
            Stage::Snapshot { .. } => true,
        };
        if stale {
            return;
        }
        let meeting = self.log.meeting(hint.index, hint.term).index;
        progress.probe(Height(meeting.0.min(prev.0.saturating_sub(1)) + 1));
        self.replicate(from);
    }

    /// The connection to a member was reset. If it is a follower, what was under way is lost, so it is asked at once where it is, and not
    /// after the next heartbeat. If it is the leader, that may be gone.
    pub(super) fn reset(&mut self, peer: MemberId) {
        self.doubt_leader(peer);
        self.reassure(peer);
        let State::Leader(leadership) = &mut self.state else { return };
        let Some(progress) = leadership.peers.get_mut(&peer) else { return };
        match &mut progress.stage {
            Stage::Snapshot { mark, nth, since } => {
                let (mark, nth) = (*mark, *nth);
                *since = self.now;
                self.effects.push(Effect::ReadPiece { to: peer, mark, nth });
            }
            _ => {
                progress.probe(Height(progress.matched.0 + 1));
                self.replicate(peer);
            }
        }
    }

    /// A quorum has everything up to here. That commits it only if it is of this term (section 5.4.2).
    pub(super) fn acks_reached(&mut self, key: RoundKey, index: Height) {
        let State::Leader(leadership) = &self.state else { return };
        if leadership.acks != key {
            return;
        }
        let index = index.min(self.log.last().index);
        if self.log.term_at(index) == Some(self.term) || self.planted(Planted::CommitOldTerm) {
            self.advance(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_core::counting::{Finding, Told};
    use quorate_core::hash::Digest;
    use quorate_core::ids::{ClusterId, Epoch, PartitionId, View};
    use quorate_core::vote::Kind;
    use quorate_env::clock::Moment;

    use super::super::{Configuration, Event, HardState, Identity, Letter, Message, Peer, Role, Settings, Start};
    use super::*;

    /// One of three servers, which keeps no entry in memory.
    struct One {
        raft: Raft,
        rounds: u64,
        persisted: u64,
    }

    impl One {
        fn new() -> Self {
            let identity = Identity { cluster: ClusterId(Digest([1; 32])), partition: PartitionId(0), id: MemberId(1) };
            let configuration = Configuration::new(Epoch(1), (1..=3).map(Peer::voter)).unwrap();
            let start = Start { hard: HardState::default(), floor: Mark::default(), configuration, fresh: true, life: 1 };
            let settings = Settings { cache_bytes: 1, ..Settings::LAN };
            Self { raft: Raft::new(identity, settings, start, Moment(0)).unwrap(), rounds: 0, persisted: 0 }
        }

        /// Lets something happen, on a disk that is quick.
        fn happen(&mut self, event: Event) -> Vec<Effect> {
            let mut effects = Vec::new();
            let now = self.raft.wake();
            self.raft.step(now, event, &mut effects);
            let written = effects.iter().filter_map(|effect| if let Effect::Persist(write) = effect { Some(write.number) } else { None });
            if let Some(number) = written.max() {
                self.persisted = number;
                self.raft.step(now, Event::Persisted { number }, &mut effects);
            }
            effects
        }

        fn hear(&mut self, from: u64, term: u64, body: Body) -> Vec<Effect> {
            self.happen(Event::Message { from: MemberId(from), message: Message { term: View(term), body } })
        }

        /// Stands and is elected.
        fn lead(&mut self) -> Vec<Effect> {
            self.happen(Event::Tick);
            for kind in [RaftKind::PreGrant, RaftKind::Grant] {
                self.rounds += 1;
                let told = Told { key: RoundKey(self.rounds), kind: Kind::Raft(kind), what: Finding::Decided { row: 0 } };
                let effects = self.happen(Event::Told(told));
                if kind == RaftKind::Grant {
                    // Two more for acknowledgements and heartbeats.
                    self.rounds += 2;
                    assert_eq!(self.raft.role(), Role::Leader);
                    return effects;
                }
            }
            unreachable!("the second kind returns")
        }
    }

    fn entry(index: u64, term: u64) -> Entry {
        Entry::command(Mark { index: Height(index), term: View(term) }, b"x")
    }

    fn loads(effects: &[Effect]) -> Vec<(u64, u64)> {
        let load = |effect: &Effect| match effect {
            Effect::Load { to, from, .. } => Some((to.0, from.0)),
            _ => None,
        };
        effects.iter().filter_map(load).collect()
    }

    fn appended(effects: &[Effect]) -> Vec<Entry> {
        let entries = |effect: &Effect| match effect {
            Effect::Send(Letter { message: Message { body: Body::Append { entries, .. }, .. }, .. }) => entries.clone(),
            _ => Vec::new(),
        };
        effects.iter().flat_map(entries).collect()
    }

    #[test]
    fn what_was_read_before_the_log_was_cut_goes_to_nobody() {
        let mut server = One::new();
        assert_eq!(loads(&server.lead()), [(2, 1), (3, 1)]);
        let begin = Entry::begin(Mark { index: Height(1), term: View(1) });
        let sent = server.happen(Event::Loaded { to: MemberId(2), entries: vec![begin.clone()] });
        assert_eq!(appended(&sent), [begin]);
        server.hear(2, 1, Body::Appended { upto: Height(1) });
        assert_eq!(loads(&server.happen(Event::Propose { ticket: 1, commands: vec![std::sync::Arc::from(*b"x")] })), [(2, 2)]);
        // While that is read another leader puts its own entry there; then this server leads again, and 2 is asked for the same place.
        let prev = Mark { index: Height(1), term: View(1) };
        server.hear(3, 2, Body::Append { prev, entries: vec![entry(2, 2)], commit: Height(0) });
        assert_eq!(server.raft.last(), Mark { index: Height(2), term: View(2) });
        server.lead();
        server.hear(2, 3, Body::Refused { prev: Height(2), hint: prev });
        let late = server.happen(Event::Loaded { to: MemberId(2), entries: vec![entry(2, 1)] });
        assert_eq!((appended(&late), loads(&late)), (vec![], vec![(2, 2)]));
        let right = server.happen(Event::Loaded { to: MemberId(2), entries: vec![entry(2, 2)] });
        assert_eq!(appended(&right), [entry(2, 2)]);
    }
}
