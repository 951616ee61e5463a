//! One server of the laboratory: the protocol, and in the place of a node the least that can drive it.

use std::collections::VecDeque;

use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId, View};
use quorate_core::mark::Mark;
use quorate_env::clock::Moment;
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Desk, Limits, Owner, Pipeline};
use quorate_protocol::raft::{Answer, Configuration, Effect, Event, Identity, Letter, Payload, Piece, Raft, Role, Settings, Start};

use super::disk::{Disk, Written};
use super::machine::{Machine, Snapshot};

/// Something that a server did, in the order in which it did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It sent this.
    Sent(Letter),
    /// It is something else now.
    Became {
        /// What.
        role: Role,
        /// In which term.
        term: View,
        /// Who leads, if it knows.
        leader: Option<MemberId>,
    },
    /// It holds everything up to here for committed.
    Committed(Height),
    /// Its machine applied this entry.
    Applied(Mark),
    /// It acts under these members now.
    Members(Configuration),
    /// It took on a snapshot.
    Restored(Mark),
    /// It answered a request.
    Answered(u64, Answer),
}

pub(super) struct Server {
    id: MemberId,
    settings: Settings,
    founders: Configuration,
    raft: Option<Raft>,
    desk: Desk,
    pub(super) disk: Disk,
    machine: Machine,
    applied: Height,
    pub(super) clock: Moment,
    life: u64,
    /// Whether writes become durable only when the test says so.
    pub(super) slow: bool,
    /// Whether votes are counted only when the test says so.
    pub(super) uncounted: bool,
}

const OWNER: Owner = Owner(0);

fn desk() -> Desk {
    let limits = Limits { rounds: 64, state_bytes: 1 << 20, electorates: 16, members: 1 << 12 };
    Desk::new(Pipeline::new(Box::new(Reference::new()), limits))
}

impl Server {
    pub(super) fn new(id: MemberId, settings: Settings, founders: Configuration, disk: Disk, clock: Moment) -> Self {
        Self {
            id,
            settings,
            founders,
            raft: None,
            desk: desk(),
            disk,
            machine: Machine::default(),
            applied: Height(0),
            clock,
            life: 0,
            slow: false,
            uncounted: false,
        }
    }

    pub(super) fn start(&mut self) {
        assert!(self.raft.is_none(), "server {} runs already", self.id);
        self.life += 1;
        let (floor, configuration) = match self.disk.snapshot() {
            Some(snapshot) => (snapshot.mark, snapshot.configuration.clone()),
            None => (Mark::default(), self.founders.clone()),
        };
        self.machine = self.disk.snapshot().map(|snapshot| snapshot.machine.clone()).unwrap_or_default();
        self.applied = floor.index;
        let identity = Identity { cluster: ClusterId(Digest([1; 32])), partition: PartitionId(0), id: self.id };
        let hard = self.disk.hard();
        let start = Start { hard, floor, configuration, fresh: self.life == 1, life: self.life };
        let mut raft = Raft::new(identity, self.settings, start, self.clock).expect("the laboratory's settings fit together");
        for entry in self.disk.entries() {
            raft.recall(&entry).expect("what is on disk was written here");
        }
        self.raft = Some(raft);
    }

    pub(super) fn crash(&mut self) {
        self.raft = None;
        self.desk = desk();
        self.disk.crash();
    }

    pub(super) fn raft(&self) -> Option<&Raft> {
        self.raft.as_ref()
    }

    pub(super) fn raft_mut(&mut self) -> Option<&mut Raft> {
        self.raft.as_mut()
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Lets something happen, and then whatever follows from it here without delay. Does nothing if the server is down.
    pub(super) fn step(&mut self, event: Event, deeds: &mut Vec<Deed>) {
        let mut events = VecDeque::from([event]);
        let mut effects = Vec::new();
        loop {
            while let Some(event) = events.pop_front() {
                let Some(raft) = &mut self.raft else { return };
                raft.step(self.clock, event, &mut effects);
                for effect in effects.drain(..) {
                    self.carry_out(effect, &mut events, deeds);
                }
                while !self.slow
                    && let Some(number) = self.disk.settle()
                {
                    events.push_back(Event::Persisted { number });
                }
            }
            if self.uncounted || !self.tally(&mut events) {
                return;
            }
        }
    }

    /// Runs the votes that were handed in. Returns whether there were any.
    pub(super) fn tally(&mut self, events: &mut VecDeque<Event>) -> bool {
        if self.desk.waiting() == 0 {
            return false;
        }
        let mut told = Vec::new();
        self.desk.run(&mut told).expect("the reference backend does not fail");
        events.extend(told.into_iter().map(|(_, told)| Event::Told(told)));
        true
    }

    fn carry_out(&mut self, effect: Effect, events: &mut VecDeque<Event>, deeds: &mut Vec<Deed>) {
        match effect {
            Effect::Send(letter) => deeds.push(Deed::Sent(letter)),
            Effect::Count(ask) => self.desk.ask(OWNER, ask).expect("the protocol asks for what can be"),
            Effect::Persist(persist) => self.disk.write(persist),
            Effect::Load { to, from, upto, bytes_max } => {
                events.push_back(Event::Loaded { to, entries: self.disk.load(from, upto, bytes_max) });
            }
            Effect::Commit { index } => {
                deeds.push(Deed::Committed(index));
                self.apply(index, deeds);
                events.push_back(Event::Applied { index });
            }
            Effect::Answer { ticket, answer } => deeds.push(Deed::Answered(ticket, answer)),
            Effect::ReadPiece { to, mark, nth } => {
                let snapshot = self.disk.snapshot().filter(|snapshot| mark.is_none_or(|mark| mark == snapshot.mark));
                events.push_back(Event::PieceRead { to, piece: snapshot.and_then(|snapshot| snapshot.piece(nth)) });
            }
            Effect::WritePiece { from, piece } => self.write_piece(from, piece, events, deeds),
            Effect::Became { role, term, leader } => deeds.push(Deed::Became { role, term, leader }),
            Effect::Members(configuration) => deeds.push(Deed::Members(configuration)),
        }
    }

    fn apply(&mut self, index: Height, deeds: &mut Vec<Deed>) {
        for entry in self.disk.load(Height(self.applied.0 + 1), index, usize::MAX) {
            if let Payload::Command(command) = entry.payload().expect("what is in the log was checked when it came") {
                self.machine.0.push((entry.mark.index, command.to_vec()));
            }
            self.applied = entry.mark.index;
            deeds.push(Deed::Applied(entry.mark));
        }
        assert_eq!(self.applied, index, "server {} committed what its log does not have", self.id);
    }

    /// As the protocol demands, nothing happens between a snapshot's taking its place and the event that says so.
    fn write_piece(&mut self, from: MemberId, piece: Piece, events: &mut VecDeque<Event>, deeds: &mut Vec<Deed>) {
        let mark = piece.mark;
        match self.disk.take_piece(piece) {
            Written::Wanted(wanted) => events.push_back(Event::PieceWritten { from, mark, wanted }),
            Written::Whole(snapshot) => {
                let configuration = snapshot.configuration.clone();
                self.machine = snapshot.machine.clone();
                self.applied = mark.index;
                let settled = self.disk.install(snapshot);
                deeds.push(Deed::Restored(mark));
                events.extend(settled.map(|number| Event::Persisted { number }));
                events.push_front(Event::Installed { from, mark, configuration });
            }
        }
    }

    /// Takes a snapshot of the machine as it was at `index`, and gives the log up to there.
    pub(super) fn compact(&mut self, index: Height, deeds: &mut Vec<Deed>) {
        let Some(raft) = &self.raft else { return };
        assert!(index <= self.applied, "only what was applied is in a snapshot");
        let Some(term) = raft.term_at(index) else { return };
        let mark = Mark { index, term };
        let commands = self.machine.0.iter().filter(|command| command.0 <= index).cloned().collect();
        let snapshot = Snapshot { mark, configuration: raft.configuration_at(index).clone(), machine: Machine(commands) };
        let settled = self.disk.install(snapshot);
        self.step(Event::Compacted { mark }, deeds);
        if let Some(number) = settled {
            self.step(Event::Persisted { number }, deeds);
        }
    }
}
