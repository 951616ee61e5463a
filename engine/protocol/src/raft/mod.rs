//! Raft: one log, one leader at a time.
//!
//! After Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm* (extended version, 2014), and Ongaro's
//! dissertation. A server is a [`Raft`]; everything that happens to it is an [`Event`], everything that it wants is an [`Effect`].
//!
//! # State
//!
//! On disk, before anything that depends on it leaves: term and vote ([`HardState`]), the log. In memory: what the log looks like
//! (`log.rs`), the members by the entries that changed them (`members.rs`), what waits for the disk (`outbox.rs`), and the role: a
//! follower's leader, a candidate's round of votes (`election.rs`), a leader's view of its followers (`leader.rs`, `progress.rs`).
//!
//! # What happens, and where it is handled
//!
//! | event | file |
//! |---|---|
//! | nobody was heard of for an election timeout; votes and pre-votes | `election.rs` |
//! | entries come, fit or do not fit | `follow.rs` |
//! | entries go out, are acknowledged, are committed | `replicate.rs` |
//! | heartbeats, leases, a leader that has lost its quorum | `beat.rs` |
//! | the connection to the leader is reset | `hint.rs` |
//! | reads | `read.rs` |
//! | the members change | `reconfigure.rs` |
//! | leadership is handed over, or given up for a disk that stands still | `transfer.rs` |
//! | a follower is too far behind for the log | `snapshot.rs` |
//!
//! # Messages
//!
//! [`Body`] lists them. Each carries its sender's term. Whoever sees a higher term takes it on and follows; what comes with a lower one is
//! answered with the own, or dropped. Pre-votes, and their granting answers, carry a term that nobody has yet and change none.
//!
//! # Counting
//!
//! The server counts nothing. It opens rounds and hands votes over (`rounds.rs`): an election is a round about one candidate, in
//! which a majority of grants elects and a majority of denials ends the attempt; the acknowledgements of a leader's entries are one
//! cumulative round for each term and configuration, and so are those of its heartbeats. That a majority of *both* sets must agree
//! while members change is in the electorate and nowhere else. Only the rule that an entry of an older term is never committed by
//! counting (section 5.4.2) is kept here.
//!
//! # Deviations from the paper
//!
//! - Pre-vote, and followers that hear from a leader do not help to depose it (dissertation 9.6 and 4.2.3); a leader steps down when
//!   it has not heard from a quorum (6.2). A server that restarts behaves as if it had just heard from a leader: it may have promised so.
//! - Election timeouts are not random. Each server waits longer than the next in the order of priority and id by
//!   [`Settings::stagger`], so that who stands first is known in advance and two do not stand at once.
//! - Appends are pipelined; a heartbeat is a message of its own and carries no entries, so that it never waits behind them or the disk.
//! - Acknowledged means on disk. A leader writes to its own disk while it sends, and counts itself like any other (10.2.1).
//! - A change of members is always joint, also for one member. A configuration holds from when it is in the log, committed or not.
//!   Who may not lead by the last one but could by the one before stands until it knows the last to be committed (4.2.2).
//! - A snapshot goes in pieces that the receiver asks for; a broken transfer is resumed where it was.
//! - Learners receive and do not vote. Witnesses vote, and keep the places of entries but not the commands; they never lead.
//! - Leases assume a bound on the drift of clocks ([`Settings::drift_ppm`]), and are given up while leadership or members change.
//! - A reset connection can be a hint that the leader is gone ([`Settings::reset_hint`]). Whoever follows it votes for somebody else before
//!   an election timeout has passed since it heard from the leader, which is what leases rest on (6.4.1). So it is one or the other:
//!   where resets are hints, there are no leases, and a read by lease asks a quorum as any other does. What else
//!   pre-votes and the refusal to depose a leader that is heard (4.2.3) are for is quiet and not safety, and a majority that hears its
//!   leader still keeps it.
//!
//! Raft tolerates servers that stop. It does not tolerate servers that lie, and signs nothing.

mod beat;
mod configuration;
mod election;
mod entry;
mod event;
mod follow;
mod hint;
mod leader;
mod log;
mod members;
mod message;
mod outbox;
mod planted;
mod progress;
mod read;
mod reconfigure;
mod replicate;
mod rounds;
mod settings;
mod snapshot;
mod transfer;

use quorate_core::codec::DecodeError;
use quorate_core::counting::{Finding, RoundKey, Told};
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_core::mark::Mark;
use quorate_core::vote::{Kind, Raft as RaftKind};
use quorate_env::clock::Moment;

pub use configuration::{Configuration, ConfigurationError, Part, Peer};
use election::Candidacy;
pub use entry::{Entry, Payload, payload};
pub use event::{Answer, Effect, Event, HardState, Persist, ReadWay, Rejected, Role};
use leader::Leadership;
use log::Log;
use members::Members;
pub use message::{Body, Letter, Message, Piece, Question};
use outbox::{Need, Outbox, Saying};
pub use planted::Planted;
pub use progress::Follower;
use progress::Stage;
use read::Forwarded;
pub use settings::{Settings, SettingsError};

/// Which server of which group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The log among its many.
    pub partition: PartitionId,
    /// The server.
    pub id: MemberId,
}

/// What a server has on disk when it starts, but for the entries, which follow by [`Raft::recall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Term and vote.
    pub hard: HardState,
    /// The last entry that a snapshot holds; zero if there is none.
    pub floor: Mark,
    /// The members as of that entry.
    pub configuration: Configuration,
    /// Whether this server has never run before, so that it cannot have promised anything.
    pub fresh: bool,
    /// A number unlike that of any earlier start of this server.
    pub life: u64,
}

/// A server.
#[derive(Debug)]
pub struct Raft {
    identity: Identity,
    settings: Settings,
    planted: Option<Planted>,
    life: u64,
    now: Moment,
    term: View,
    vote: Option<MemberId>,
    log: Log,
    members: Members,
    /// How many of those who may lead come before this server.
    rank: u32,
    commit: Height,
    applied: Height,
    state: State,
    /// Who leads this term, if that is known.
    leader: Option<MemberId>,
    /// When a leader was last heard from.
    heard: Option<Moment>,
    /// Until when the leader is taken for lost, because the connection to it was reset.
    doubt: Option<Moment>,
    /// When a server that does not lead stands for election.
    deadline: Moment,
    /// Whether the disk stands still.
    stalled: bool,
    forwarded: Forwarded,
    outbox: Outbox,
    next_round: u64,
    effects: Vec<Effect>,
    told: (Role, View, Option<MemberId>),
}

/// The role, with what belongs to it.
#[derive(Debug)]
enum State {
    Follower,
    Candidate(Candidacy),
    Leader(Box<Leadership>),
}

impl Raft {
    /// A server as it was when it stopped.
    ///
    /// # Errors
    /// If the settings do not fit together.
    pub fn new(identity: Identity, settings: Settings, start: Start, now: Moment) -> Result<Self, SettingsError> {
        settings.check()?;
        let mut server = Self {
            identity,
            settings,
            planted: None,
            life: start.life,
            now,
            term: start.hard.term,
            vote: start.hard.vote,
            log: Log::new(start.floor, settings.cache_bytes),
            rank: start.configuration.rank(identity.id),
            members: Members::new(start.floor.index, start.configuration),
            commit: start.floor.index,
            applied: start.floor.index,
            state: State::Follower,
            leader: None,
            heard: (!start.fresh).then_some(now),
            doubt: None,
            deadline: now,
            stalled: false,
            forwarded: Forwarded::default(),
            outbox: Outbox::default(),
            next_round: 0,
            effects: Vec::new(),
            told: (Role::Follower, start.hard.term, None),
        };
        server.wait();
        Ok(server)
    }

    /// Tells a server that was just made what its log holds above the floor, entry by entry. All of it is durable.
    ///
    /// # Errors
    /// If an entry's bytes are none, or it does not come behind the one before.
    pub fn recall(&mut self, entry: &Entry) -> Result<(), DecodeError> {
        let payload = entry.payload()?;
        let last = self.log.last();
        if entry.mark.index.0 != last.index.0 + 1 || entry.mark.term < last.term {
            return Err(quorate_core::codec::Reader::new("raft log", &entry.data).invalid(format!(
                "entry {} of term {} comes behind entry {} of term {}",
                entry.mark.index, entry.mark.term, last.index, last.term
            )));
        }
        if let Payload::Configuration(configuration) = payload {
            self.rank = configuration.rank(self.identity.id);
            self.members.push(entry.mark.index, configuration);
            self.wait();
        }
        self.log.append(entry.clone());
        self.log.settle(entry.mark);
        Ok(())
    }

    /// Plants a mistake, for a test that must find it.
    pub fn plant(&mut self, mistake: Planted) {
        self.planted = Some(mistake);
    }

    /// Lets something happen. What the server wants done about it is put to `effects`.
    pub fn step(&mut self, now: Moment, event: Event, effects: &mut Vec<Effect>) {
        self.now = self.now.max(now);
        std::mem::swap(&mut self.effects, effects);
        let before = self.effects.len();
        self.happen(event);
        self.finish(before);
        std::mem::swap(&mut self.effects, effects);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick => self.tick(),
            Event::Message { from, message } => self.hear(from, message),
            Event::Reset { peer } => self.reset(peer),
            Event::Propose { ticket, commands } => self.propose(ticket, &commands),
            Event::Reconfigure { ticket, peers } => self.reconfigure(ticket, peers),
            Event::Transfer { ticket, to } => self.transfer(ticket, to),
            Event::Read { ticket, way } => self.read(ticket, way),
            Event::Told(told) => self.told(told),
            Event::Persisted { number } => self.persisted(number),
            Event::Loaded { to, entries } => self.loaded(to, &entries),
            Event::Applied { index } => self.applied = self.applied.max(index.min(self.commit)),
            Event::Compacted { mark } => self.compacted(mark),
            Event::PieceRead { to, piece } => self.piece_read(to, piece),
            Event::PieceWritten { from, mark, wanted } => self.piece_written(from, mark, wanted),
            Event::Installed { from, mark, configuration } => self.installed(from, mark, configuration),
            Event::Disk { stalled } => self.disk(stalled),
        }
    }

    /// Ends a step: what is to be written becomes a request, which goes before all else that the step wants, and what need not wait is
    /// said.
    fn finish(&mut self, before: usize) {
        if let Some((number, draft)) = self.outbox.issue(self.log.last()) {
            let vote = self.vote.filter(|_| !self.planted(Planted::VoteForgotten));
            let hard = draft.hard.then_some(HardState { term: self.term, vote });
            self.effects.insert(before, Effect::Persist(Persist { number, hard, cut: draft.cut, entries: draft.entries }));
        }
        let now = (self.role(), self.term, self.leader);
        if now != self.told {
            self.told = now;
            self.effects.push(Effect::Became { role: now.0, term: now.1, leader: now.2 });
        }
        let mut grants = Vec::new();
        let effects = &mut self.effects;
        self.outbox.release(self.planted == Some(Planted::AckBeforeFsync), |saying| match saying {
            Saying::Letter(letter) => effects.push(Effect::Send(letter)),
            Saying::OwnGrant(round) => grants.push(round),
        });
        for round in grants {
            self.own_grant(round);
        }
    }

    /// The time has come for whatever waits for a time.
    fn tick(&mut self) {
        self.expire_forwarded();
        match self.state {
            State::Leader(_) => self.lead_on(),
            _ if self.now >= self.deadline => self.stand(),
            _ => {}
        }
    }

    /// A message came. First its term is looked at, as figure 2 has it for all servers.
    fn hear(&mut self, from: MemberId, message: Message) {
        if from == self.identity.id || !message.is_in_bounds() {
            return;
        }
        let Message { term, body } = message;
        if term > self.term {
            match body {
                Body::PreVote { .. } if self.planted(Planted::PreVoteBumpsTerm) => self.follow(term, None),
                // It is about a term that nobody has yet.
                Body::PreVote { .. } | Body::PreVoteReply { granted: true, .. } => {}
                // A leader is heard of, so this candidate is not helped; unless that leader sent it.
                Body::Vote { handed_over: false, .. } if self.hears_leader() => return,
                Body::Append { .. } | Body::Heartbeat { .. } | Body::Snapshot(_) => self.follow(term, Some(from)),
                _ => self.follow(term, None),
            }
        } else if term < self.term {
            return self.hear_from_the_past(from, &body);
        }
        match body {
            Body::PreVote { question, last } => self.asked_before(from, term, question, last),
            Body::PreVoteReply { question, granted } => self.answered_before(from, question, granted),
            Body::Vote { last, handed_over } => self.asked(from, last, handed_over),
            Body::VoteReply { granted } => self.answered(from, granted),
            Body::Append { prev, entries, commit } => self.appended_by(from, prev, entries, commit),
            Body::Appended { upto } => self.acknowledged(from, upto),
            Body::Refused { prev, hint } => self.refused(from, prev, hint),
            Body::Heartbeat { beat, commit } => self.beaten(from, beat, commit),
            Body::HeartbeatReply { beat } => self.beat_back(from, beat),
            Body::StandNow => self.stand_now(from),
            Body::Snapshot(piece) => self.piece_came(from, piece),
            Body::SnapshotWanted { mark, nth } => self.piece_wanted(from, mark, nth),
            Body::Read { life, ticket } => self.asked_to_read(from, life, ticket),
            Body::ReadReply { life, ticket, index } => self.read_answered(life, ticket, index),
        }
    }

    /// Whoever asks in an older term learns the newer one, or it would ask for ever.
    fn hear_from_the_past(&mut self, from: MemberId, body: &Body) {
        let answer = match body {
            Body::PreVote { question, .. } => Body::PreVoteReply { question: *question, granted: false },
            Body::Vote { .. } => Body::VoteReply { granted: false },
            Body::Append { .. } | Body::Heartbeat { .. } | Body::Snapshot(_) => Body::HeartbeatReply { beat: 0 },
            _ => return,
        };
        self.send(from, answer);
    }

    /// Votes were counted. What is told of a round that is closed comes too late.
    fn told(&mut self, told: Told) {
        let Told { key, kind, what } = told;
        match (what, kind) {
            (Finding::Decided { .. }, Kind::Raft(kind)) => self.election_decided(key, kind),
            (Finding::Reached { index }, Kind::Raft(RaftKind::Ack)) => self.acks_reached(key, Height(index)),
            (Finding::Reached { index }, Kind::Raft(RaftKind::HeartbeatAck)) => self.beats_reached(key, index),
            _ => {}
        }
    }

    /// The disk has everything up to a request.
    fn persisted(&mut self, number: u64) {
        if let Some(end) = self.outbox.durable(number) {
            self.log.settle(end);
            self.acknowledge_own();
        }
    }

    /// Follows in a term, which is this one or a later one.
    fn follow(&mut self, term: View, leader: Option<MemberId>) {
        assert!(term >= self.term, "terms only rise");
        self.give_up_role();
        if term > self.term {
            self.term = term;
            self.vote = None;
            self.doubt = None;
            self.outbox.draft.hard = true;
        }
        self.leader = leader;
        self.state = State::Follower;
        self.wait();
    }

    /// Closes what a candidate or a leader has open, and tells those who wait for it.
    fn give_up_role(&mut self) {
        match std::mem::replace(&mut self.state, State::Follower) {
            State::Follower => {}
            State::Candidate(candidacy) => self.close(candidacy.round),
            State::Leader(leadership) => self.resign(*leadership),
        }
    }

    /// Waits a whole timeout from now before it stands.
    fn wait(&mut self) {
        self.deadline = self.now + self.settings.election + self.settings.stagger * self.rank;
    }

    /// Other members are in force.
    fn members_changed(&mut self) {
        let current = self.members.current().clone();
        self.rank = current.rank(self.identity.id);
        self.effects.push(Effect::Members(current));
    }

    /// Whether a leader was heard from a short while ago, so that it may still count on this server.
    fn hears_leader(&self) -> bool {
        match &self.state {
            State::Leader(_) => true,
            _ => self.heard.is_some_and(|heard| self.now.since(heard) < self.settings.election),
        }
    }

    /// Says something that depends on term and vote.
    fn send(&mut self, to: MemberId, body: Body) {
        let message = Message { term: self.term, body };
        self.outbox.say(Need::Hard, Saying::Letter(Letter { to, message }));
    }

    /// Says something that depends on the entries so far, too.
    fn send_when_durable(&mut self, to: MemberId, body: Body) {
        let message = Message { term: self.term, body };
        self.outbox.say(Need::Entries, Saying::Letter(Letter { to, message }));
    }

    fn answer(&mut self, ticket: u64, answer: Answer) {
        self.effects.push(Effect::Answer { ticket, answer });
    }

    fn reject(&mut self, ticket: u64, why: Rejected) {
        self.answer(ticket, Answer::Rejected(why));
    }

    fn planted(&self, mistake: Planted) -> bool {
        self.planted == Some(mistake)
    }

    fn fresh_round(&mut self) -> RoundKey {
        self.next_round += 1;
        RoundKey(self.next_round)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.identity.id
    }

    /// The latest term that it knows.
    #[must_use]
    pub fn term(&self) -> View {
        self.term
    }

    /// Whom it voted for in that term.
    #[must_use]
    pub fn vote(&self) -> Option<MemberId> {
        self.vote
    }

    /// What it is.
    #[must_use]
    pub fn role(&self) -> Role {
        match &self.state {
            State::Follower => Role::Follower,
            State::Candidate(candidacy) if candidacy.pre => Role::PreCandidate,
            State::Candidate(_) => Role::Candidate,
            State::Leader(_) => Role::Leader,
        }
    }

    /// Who leads, if it knows.
    #[must_use]
    pub fn leader(&self) -> Option<MemberId> {
        self.leader
    }

    /// Up to where it knows entries to be committed.
    #[must_use]
    pub fn commit(&self) -> Height {
        self.commit
    }

    /// The last entry that its machine has, as far as it was told.
    #[must_use]
    pub fn applied(&self) -> Height {
        self.applied
    }

    /// The end of its log.
    #[must_use]
    pub fn last(&self) -> Mark {
        self.log.last()
    }

    /// Where its log begins.
    #[must_use]
    pub fn floor(&self) -> Mark {
        self.log.floor()
    }

    /// The term of an entry, if its log has it.
    #[must_use]
    pub fn term_at(&self, index: Height) -> Option<View> {
        self.log.term_at(index)
    }

    /// The members in force.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        self.members.current()
    }

    /// The members as of an entry, which is not below the floor.
    #[must_use]
    pub fn configuration_at(&self, index: Height) -> &Configuration {
        self.members.at(index)
    }

    /// How far the others are, by rising id, if it leads; nobody otherwise. So one can see when a learner has caught up.
    pub fn followers(&self) -> impl Iterator<Item = Follower> {
        let peers = match &self.state {
            State::Leader(leadership) => Some(&leadership.peers),
            _ => None,
        };
        peers.into_iter().flatten().map(|(&id, progress)| {
            let snapshot = matches!(progress.stage, Stage::Snapshot { .. });
            Follower { id, matched: progress.matched, snapshot }
        })
    }

    /// When it wants a [`Event::Tick`], if nothing else happens before.
    #[must_use]
    pub fn wake(&self) -> Moment {
        match &self.state {
            State::Leader(leadership) => leadership.wake(),
            _ => self.deadline,
        }
    }

    /// About how much memory it takes.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let role = match &self.state {
            State::Leader(leadership) => leadership.memory_bytes(),
            _ => 0,
        };
        self.log.memory_bytes() + self.members.memory_bytes() + self.outbox.memory_bytes() + self.forwarded.memory_bytes() + role
    }

    /// How much waits in its queues: for the disk, for followers, for a quorum.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let role = match &self.state {
            State::Leader(leadership) => leadership.waiting(),
            _ => 0,
        };
        self.outbox.waiting() + self.forwarded.len() + role
    }
}
