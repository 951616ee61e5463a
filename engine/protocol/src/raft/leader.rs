//! What a leader keeps, and how it begins and ends.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use quorate_core::counting::RoundKey;
use quorate_core::electorate::Electorate;
use quorate_core::ids::{Height, MemberId};
use quorate_core::mark::Mark;
use quorate_core::vote::Raft as RaftKind;
use quorate_env::clock::Moment;

use super::configuration::{Configuration, Part};
use super::entry::Entry;
use super::event::{Answer, Effect, Rejected};
use super::progress::{Progress, Stage};
use super::read::{Asker, PendingRead};
use super::transfer::Handover;
use super::{Planted, Raft, State};

/// How far behind its base a round may count before another takes its place: votes name offsets by 32 bits.
const SPAN_MAX: u64 = 1 << 31;

/// A leader's view of the group.
#[derive(Debug)]
pub(super) struct Leadership {
    pub(super) electorate: Arc<Electorate>,
    /// The round of acknowledgements, and the index that its offset zero means.
    pub(super) acks: RoundKey,
    pub(super) acks_base: Height,
    /// Up to where the own log was handed over as acknowledged.
    pub(super) own_ack: Height,
    /// The round of heartbeats, and the one that its offset zero means.
    pub(super) beats: RoundKey,
    pub(super) beats_base: u64,
    /// The last heartbeat that was sent.
    pub(super) beat: u64,
    /// Heartbeats that no quorum has answered yet, and when they were sent.
    pub(super) sent: VecDeque<(u64, Moment)>,
    /// The last heartbeat that a quorum answered, and when it was sent.
    pub(super) confirmed: u64,
    pub(super) confirmed_at: Moment,
    /// From when a lease counts, if there can be one.
    pub(super) lease_from: Option<Moment>,
    /// When the next heartbeat goes, whatever went for the sake of reads since the last.
    pub(super) next_beat: Moment,
    pub(super) peers: BTreeMap<MemberId, Progress>,
    pub(super) reads: VecDeque<PendingRead>,
    pub(super) handover: Option<Handover>,
    /// Whether somebody was told to stand in this term, which ends all leases of it.
    pub(super) handed_over: bool,
    /// When leadership may next go to a member of higher priority.
    pub(super) yield_after: Moment,
    /// The first entry of this term.
    pub(super) first: Height,
    /// Entries that are not committed, or not on the own disk, with their lengths.
    pub(super) uncommitted: VecDeque<(Height, u64)>,
    pub(super) uncommitted_bytes: u64,
}

impl Leadership {
    pub(super) fn wake(&self) -> Moment {
        self.handover.as_ref().map_or(self.next_beat, |handover| self.next_beat.min(handover.deadline))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let followers: usize = self.peers.values().map(|peer| size_of::<Progress>() + peer.inflight.len() * 8).sum();
        followers + self.reads.len() * size_of::<PendingRead>() + (self.uncommitted.len() + self.sent.len()) * 16
    }

    pub(super) fn waiting(&self) -> usize {
        self.reads.len() + self.sent.len() + self.peers.values().map(|peer| peer.inflight.len()).sum::<usize>()
    }

    /// Everyone but the leader itself, as they are at first.
    fn followers(configuration: &Configuration, own: MemberId, next: Height) -> impl Iterator<Item = (MemberId, Progress)> {
        configuration.everyone().filter(move |&id| id != own).map(move |id| {
            let witness = configuration.peer(id).is_some_and(|peer| peer.part == Part::Witness);
            (id, Progress::new(next, witness))
        })
    }
}

impl Raft {
    /// A majority has voted for this server.
    pub(super) fn lead(&mut self) {
        let own = self.identity.id;
        self.give_up_role();
        self.leader = Some(own);
        let electorate = self.electorate();
        let next = Height(self.log.last().index.0 + 1);
        let acks_base = self.commit;
        let acks = self.open_cumulative(&electorate, RaftKind::Ack, acks_base.0, next.0);
        let beats = self.open_cumulative(&electorate, RaftKind::HeartbeatAck, 0, 0);
        let peers = Leadership::followers(self.configuration(), own, next).collect();
        self.state = State::Leader(Box::new(Leadership {
            electorate,
            acks,
            acks_base,
            own_ack: acks_base,
            beats,
            beats_base: 0,
            beat: 0,
            sent: VecDeque::new(),
            confirmed: 0,
            confirmed_at: self.now,
            lease_from: None,
            next_beat: self.now + self.settings.heartbeat,
            peers,
            reads: VecDeque::new(),
            handover: None,
            handed_over: false,
            yield_after: self.now + self.settings.election * 4,
            first: next,
            uncommitted: VecDeque::new(),
            uncommitted_bytes: 0,
        }));
        let begin = Mark { index: next, term: self.term };
        self.lead_with(Entry::begin(begin));
        self.beat();
        self.replicate_all();
    }

    /// Puts an entry of the leader's own to the log.
    pub(super) fn lead_with(&mut self, entry: Entry) {
        let index = entry.mark.index;
        let State::Leader(leadership) = &mut self.state else { return };
        leadership.uncommitted.push_back((index, entry.data.len() as u64));
        leadership.uncommitted_bytes += entry.data.len() as u64;
        let acks = leadership.acks;
        self.extend(acks, index.0);
        self.outbox.draft.entries.push(entry.clone());
        self.log.append(entry);
        if self.planted(Planted::AckBeforeFsync) {
            self.acknowledge_own_upto(index);
        }
    }

    /// What is durable of the own log counts as any follower's does.
    pub(super) fn acknowledge_own(&mut self) {
        self.make_room();
        self.acknowledge_own_upto(self.log.stable());
    }

    fn acknowledge_own_upto(&mut self, upto: Height) {
        let State::Leader(leadership) = &mut self.state else { return };
        if upto <= leadership.own_ack {
            return;
        }
        leadership.own_ack = upto;
        let (key, electorate) = (leadership.acks, Arc::clone(&leadership.electorate));
        let offset = (upto.0 - leadership.acks_base.0) as u32;
        self.count(key, &electorate, self.identity.id, RaftKind::Ack, offset);
    }

    /// Other members are in force: votes are counted in rounds of their own, in which those known so far count at once.
    pub(super) fn reopen_rounds(&mut self) {
        let (electorate, base, last, own) = (self.electorate(), self.commit, self.log.last().index, self.identity.id);
        let State::Leader(leadership) = &self.state else { return };
        let (old_acks, old_beats, beat) = (leadership.acks, leadership.beats, leadership.beat);
        self.close(old_acks);
        self.close(old_beats);
        let acks = self.open_cumulative(&electorate, RaftKind::Ack, base.0, last.0);
        let beats = self.open_cumulative(&electorate, RaftKind::HeartbeatAck, beat, beat);
        let members = self.members.current();
        let State::Leader(leadership) = &mut self.state else { return };
        for (id, progress) in Leadership::followers(members, own, Height(last.0 + 1)) {
            leadership.peers.entry(id).or_insert(progress);
        }
        leadership.peers.retain(|&id, _| members.peer(id).is_some());
        leadership.electorate = Arc::clone(&electorate);
        leadership.acks = acks;
        leadership.acks_base = base;
        leadership.own_ack = base;
        leadership.beats = beats;
        leadership.beats_base = beat;
        leadership.sent.clear();
        // A lease that the old members gave does not bind the new ones.
        leadership.lease_from = None;
        let known: Vec<(MemberId, Height)> =
            leadership.peers.iter().filter(|peer| peer.1.matched > base).map(|peer| (*peer.0, peer.1.matched)).collect();
        for (id, matched) in known {
            self.count(acks, &electorate, id, RaftKind::Ack, (matched.0 - base.0) as u32);
        }
        self.acknowledge_own();
        self.beat();
        if let State::Leader(leadership) = &mut self.state {
            let beat = leadership.beat;
            leadership.reads.iter_mut().for_each(|read| read.beat = beat);
        }
    }

    /// Ends a leadership: its rounds, and everything that waits for it.
    pub(super) fn resign(&mut self, leadership: Leadership) {
        self.close(leadership.acks);
        self.close(leadership.beats);
        for read in leadership.reads {
            match read.asker {
                Asker::Own(ticket) => self.reject(ticket, Rejected::NotLeader { leader: None }),
                Asker::Member { id, life, ticket } => self.send(id, super::Body::ReadReply { life, ticket, index: None }),
            }
        }
    }

    /// A leader's time has come.
    pub(super) fn lead_on(&mut self) {
        self.expire_handover();
        let State::Leader(leadership) = &mut self.state else { return };
        if self.now.since(leadership.confirmed_at) > self.settings.election * 2 {
            // It may lead nobody any more, and somebody else may lead already (dissertation, 6.2).
            return self.follow(self.term, None);
        }
        if self.now >= leadership.next_beat {
            leadership.next_beat = self.now + self.settings.heartbeat;
            let (acks, beats) = (self.log.last().index.0 - leadership.acks_base.0, leadership.beat - leadership.beats_base);
            if acks.max(beats) > SPAN_MAX {
                self.reopen_rounds();
            } else {
                self.beat();
            }
            self.resend_pieces();
            self.yield_to_priority();
        }
    }

    /// Takes commands into the log.
    pub(super) fn propose(&mut self, ticket: u64, commands: &[Arc<[u8]>]) {
        if let Err(why) = self.may_propose(commands) {
            for nth in 0..commands.len() as u64 {
                self.reject(ticket + nth, why.clone());
            }
            return;
        }
        for (command, ticket) in commands.iter().zip(ticket..) {
            let mark = Mark { index: Height(self.log.last().index.0 + 1), term: self.term };
            self.lead_with(Entry::command(mark, command));
            self.answer(ticket, Answer::Accepted { mark });
        }
        self.replicate_all();
    }

    fn may_propose(&self, commands: &[Arc<[u8]>]) -> Result<(), Rejected> {
        let State::Leader(leadership) = &self.state else { return Err(Rejected::NotLeader { leader: self.leader }) };
        if let Some(handover) = &leadership.handover {
            return Err(Rejected::Transferring { to: handover.to });
        }
        let limit = self.settings.command_bytes;
        if let Some(long) = commands.iter().find(|command| command.len() > limit) {
            return Err(Rejected::TooLong { bytes: long.len(), limit });
        }
        let (waiting, limit) = (leadership.uncommitted_bytes, self.settings.uncommitted_bytes);
        let more: u64 = commands.iter().map(|command| command.len() as u64 + 1).sum();
        if waiting + more > limit && waiting > 0 {
            return Err(Rejected::Busy { waiting, limit });
        }
        Ok(())
    }

    /// Everything up to here is committed.
    pub(super) fn advance(&mut self, index: Height) {
        if index <= self.commit {
            return;
        }
        assert!(index <= self.log.last().index, "only what is in the log is committed");
        self.commit = index;
        self.effects.push(Effect::Commit { index });
        if let State::Leader(_) = self.state {
            self.make_room();
            self.announce();
            self.serve_reads();
            self.members_committed();
        }
    }

    /// Takes what is committed off the account of what is not. What the own disk lacks stays on it, or a leader whose disk is slower than
    /// its followers' would gather entries for it without end.
    fn make_room(&mut self) {
        let done = self.commit.min(self.log.stable());
        let State::Leader(leadership) = &mut self.state else { return };
        while leadership.uncommitted.front().is_some_and(|entry| entry.0 <= done)
            && let Some((_, bytes)) = leadership.uncommitted.pop_front()
        {
            leadership.uncommitted_bytes -= bytes;
        }
    }

    /// Tells those who have everything that more of it is committed; the others hear it with their next entries.
    fn announce(&mut self) {
        let (last, commit) = (self.log.last(), self.commit);
        let State::Leader(leadership) = &self.state else { return };
        let informed = |progress: &Progress| progress.stage == Stage::Stream && progress.next > last.index;
        let ids: Vec<MemberId> = leadership.peers.iter().filter(|peer| informed(peer.1)).map(|peer| *peer.0).collect();
        for id in ids {
            self.send(id, super::Body::Append { prev: last, entries: Vec::new(), commit });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quorate_core::counting::{Ask, Finding, Told};
    use quorate_core::hash::Digest;
    use quorate_core::ids::{ClusterId, Epoch, PartitionId, View};
    use quorate_core::round::Form;
    use quorate_core::vote::Kind;

    use super::super::{Event, HardState, Identity, Peer, Settings, Start};

    /// A server that leads alone, and whose log is already long.
    fn leader(floor: Mark) -> (Raft, Moment) {
        let identity = Identity { cluster: ClusterId(Digest([1; 32])), partition: PartitionId(0), id: MemberId(1) };
        let configuration = Configuration::new(Epoch(1), [Peer::voter(1)]).unwrap();
        let start = Start { hard: HardState { term: floor.term, vote: None }, floor, configuration, fresh: true, life: 1 };
        let mut server = Raft::new(identity, Settings::LAN, start, Moment(0)).unwrap();
        let now = server.wake();
        let decided = |key, kind| Event::Told(Told { key: RoundKey(key), kind: Kind::Raft(kind), what: Finding::Decided { row: 0 } });
        for event in [Event::Tick, decided(1, RaftKind::PreGrant), decided(2, RaftKind::Grant), Event::Persisted { number: 2 }] {
            server.step(now, event, &mut Vec::new());
        }
        (server, now)
    }

    /// The ranges of the rounds that a regular heartbeat opens.
    fn opened(server: &mut Raft, now: Moment) -> Vec<(u64, u64)> {
        let mut effects = Vec::new();
        server.step(now + Settings::LAN.heartbeat, Event::Tick, &mut effects);
        let range = |effect: &Effect| match effect {
            Effect::Count(Ask::Open(opening)) => match opening.spec.form() {
                Form::Cumulative { base, last } => Some((base, last)),
                _ => None,
            },
            _ => None,
        };
        effects.iter().filter_map(range).collect()
    }

    #[test]
    fn rounds_begin_again_long_before_offsets_run_out() {
        let floor = Mark { index: Height(1 << 40), term: View(3) };
        for (acks, beats) in [(0, 0), (SPAN_MAX + 1, 0), (0, SPAN_MAX + 1)] {
            let (mut server, now) = leader(floor);
            let State::Leader(leadership) = &mut server.state else { panic!("{:?}", server.role()) };
            // As if so much had happened in this term.
            leadership.acks_base.0 -= acks;
            leadership.beat += beats;
            let beat = leadership.beat;
            let last = floor.index.0 + 1;
            let expected = if acks.max(beats) == 0 { vec![] } else { vec![(floor.index.0, last), (beat, beat)] };
            assert_eq!(opened(&mut server, now), expected);
        }
    }
}
