//! A simulated server: a machine with a disk and a clock, and the process that runs on it, if one does.
//!
//! The process is the real thing put together as a node does it: the log on disk, snapshots, the host with the state machine, the
//! protocol, and a desk with its own pipeline. Here they are driven by the world instead of threads and sockets: whatever takes time
//! is asked for at once and done when the world says that it is done. When the process dies, all that is left is the disk.
//!
//! | what | file |
//! |---|---|
//! | a process begins, from what is on disk | `start.rs` |
//! | what the protocol wants done | `effects.rs` |
//! | writing and syncing the log, and what a bad disk does to that | `durable.rs` |
//! | applying, snapshots of one's own and of others | `state.rs` |
//! | clients | `requests.rs` |

mod ballots;
mod durable;
mod effects;
mod requests;
mod start;
mod state;

use std::collections::{BTreeMap, VecDeque};

use quorate_core::counting::{RoundKey, Told};
use quorate_core::ids::{Height, MemberId, PartitionId};
use quorate_core::mark::Mark;
use quorate_env::clock::Moment;
use quorate_env::disk::Loss;
use quorate_env::rng::Seeded;
use quorate_pipeline::{Desk, Owner};
use quorate_protocol::raft::{Configuration, Effect, Event, HardState, Persist, Raft};
use quorate_storage::log::Log;
use quorate_storage::machine::{Host, Response};
use quorate_storage::snapshot::{Pending, Policy, Receiver, Snapshots};
use quorate_storage::{LogStore as _, Sequence};

use crate::clocks::{LocalClock, Rate};
use crate::disk::SimDisk;
use crate::fact::{Fact, Print};
use crate::happening::{Happening, Local};
use crate::machine::Machine;
use crate::network::Network;
use crate::plan::{Planted, Shape};
use crate::queue::Queue;
use crate::sights::Sights;
use crate::tally::Tally;
use ballots::Ballots;
use requests::Requests;
pub(crate) use requests::respond;
pub(crate) use start::FOLDERS;

/// The partition that simulated servers keep.
pub(crate) const PARTITION: PartitionId = PartitionId(1);
/// At the desk there is nobody else.
const OWNER: Owner = Owner(0);

/// What a server needs of the world while something happens to it.
pub(crate) struct Around<'a> {
    pub(crate) now: u64,
    pub(crate) queue: &'a mut Queue<Happening>,
    pub(crate) facts: &'a mut Vec<Fact>,
    pub(crate) network: &'a mut Network,
    pub(crate) rng: &'a mut Seeded,
    pub(crate) shape: &'a Shape,
    pub(crate) genesis: &'a Configuration,
    pub(crate) planted: Option<Planted>,
    pub(crate) tally: &'a mut Tally,
    pub(crate) sights: &'a mut Sights,
}

/// Why a process ends by itself.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Its disk failed it. It may be started again.
    Died,
    /// Something happened that never may: the world reports it.
    Broken(String),
}

/// A server's process, if there is one.
pub(crate) enum State {
    /// There is none; it may be started.
    Down,
    /// It runs.
    Up(Box<Process>),
    /// Its disk is damaged, and it did not start.
    Refused(String),
    /// It was taken away for good.
    Left,
}

/// A machine with a disk and a clock.
pub struct Server {
    id: MemberId,
    nth: u16,
    witness: bool,
    rate: Rate,
    wall_ns: i64,
    clock: LocalClock,
    disk: SimDisk,
    life: u32,
    pub(crate) state: State,
    /// Whether its disk was damaged, so that it may refuse to start.
    pub(crate) damaged: bool,
    /// Until when its process stands still.
    pub(crate) paused_until: u64,
    /// Until when its disk stands still.
    pub(crate) stalled_until: u64,
}

/// What waits for a sync of the log.
struct Written {
    number: u64,
    upto: Sequence,
    /// Term and vote as of it.
    hard: HardState,
    /// How much of the log as it is now it put there.
    end: Height,
}

/// A sync of the log that is under way.
#[derive(Clone, Copy)]
struct Syncing {
    since: u64,
    /// What was in the log when it began.
    upto: Sequence,
}

/// A running process.
pub(crate) struct Process {
    id: MemberId,
    nth: u16,
    life: u32,
    witness: bool,
    rate: Rate,
    planted: Option<Planted>,
    pub(crate) raft: Raft,
    log: Log,
    snapshots: Snapshots,
    policy: Policy,
    host: Host,
    machine: Machine,
    desk: Desk,
    /// What passes the desk, while somebody listens.
    ballots: Ballots,
    /// Since when votes have waited for a run.
    counting_since: u64,
    effects: Vec<Effect>,
    told: Vec<(Owner, Told)>,
    /// When the protocol has heard all that was found out about a round, for those of which it has not.
    told_until: BTreeMap<RoundKey, u64>,
    /// The moment for which a tick was put into the queue.
    tick_due: u64,
    /// What was appended and not reported as durable.
    written: VecDeque<Written>,
    /// What the log had no room for, in order.
    blocked: VecDeque<Persist>,
    /// The sync that is under way.
    syncing: Option<Syncing>,
    /// Since when the disk has had no room for entries.
    blocked_since: Option<u64>,
    /// Whether the protocol was told that the disk stands still.
    told_stalled: bool,
    retrying: bool,
    counting: bool,
    applying: bool,
    committed: Height,
    applied: Height,
    pending: Option<Pending>,
    receiver: Option<Receiver>,
    sending: Option<state::Sending>,
    requests: Requests,
    trail: Vec<Print>,
    responses: Vec<Response>,
    failed: Option<Failure>,
}

impl Server {
    /// A machine with an empty disk.
    pub(crate) fn new(id: MemberId, nth: u16, witness: bool, rate: Rate, disk: SimDisk) -> Self {
        Self {
            id,
            nth,
            witness,
            rate,
            wall_ns: 0,
            clock: LocalClock::default(),
            disk,
            life: 0,
            state: State::Down,
            damaged: false,
            paused_until: 0,
            stalled_until: 0,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// Whether it keeps the places of entries only.
    #[must_use]
    pub fn is_witness(&self) -> bool {
        self.witness
    }

    /// Its protocol, while a process runs.
    #[must_use]
    pub fn raft(&self) -> Option<&Raft> {
        self.process().map(|process| &process.raft)
    }

    /// Whether it would answer a read by its lease now.
    pub(crate) fn is_leased(&self, now: u64) -> bool {
        self.raft().and_then(Raft::lease_until).is_some_and(|until| self.rate.local(now) < until)
    }

    /// How far its machine is, while a process runs. For a witness, how far it would be.
    #[must_use]
    pub fn applied(&self) -> Option<Height> {
        self.process().map(|process| process.applied)
    }

    /// The value of a key in its machine, while a process runs.
    #[must_use]
    pub fn value(&self, key: u16) -> Option<u64> {
        self.process().and_then(|process| process.machine.get(key))
    }

    /// Whether a sync of its log is under way.
    #[must_use]
    pub fn is_writing(&self) -> bool {
        self.process().is_some_and(|process| !process.written.is_empty())
    }

    /// How often its process was started.
    #[must_use]
    pub fn life(&self) -> u32 {
        self.life
    }

    /// Why it did not start, if its disk is damaged.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        match &self.state {
            State::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// Its disk.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    pub(crate) fn process(&self) -> Option<&Process> {
        match &self.state {
            State::Up(process) => Some(process),
            _ => None,
        }
    }

    /// The process, if one runs, with its clocks set.
    pub(crate) fn running(&mut self, now: u64) -> Option<&mut Process> {
        self.set_clock(now);
        match &mut self.state {
            State::Up(process) => Some(process),
            _ => None,
        }
    }

    /// Sets the clocks to a moment of the world.
    pub(crate) fn set_clock(&self, now: u64) {
        self.clock.set(self.rate.local(now), now.saturating_add_signed(self.wall_ns));
    }

    /// Lets the wall clock jump.
    pub(crate) fn jump(&mut self, by_ns: i64) {
        self.wall_ns = self.wall_ns.saturating_add(by_ns);
    }

    /// Lets something happen to the process, if it is still the same. Returns why it ended, if it did.
    pub(crate) fn happen(&mut self, life: u32, what: Local, around: &mut Around<'_>) -> Option<Failure> {
        if life != self.life {
            return None;
        }
        self.set_clock(around.now);
        let stalled_until = self.stalled_until;
        let State::Up(process) = &mut self.state else { return None };
        process.happen(what, stalled_until, around);
        process.failed.take()
    }

    /// Ends the process: what it had in memory is gone, and the disk loses what it loses. If it was in the middle of a sync, so
    /// many more changes come to the disk.
    pub(crate) fn crash(&mut self, loss: Loss, midway: u32, around: &mut Around<'_>) {
        let State::Up(process) = &mut self.state else { return };
        if midway > 0 {
            self.disk.cut_power_after(midway);
            process.die_writing();
        }
        self.state = State::Down;
        self.disk = self.disk.after_crash(loss, around.rng);
        around.facts.push(Fact::Crashed { node: self.id });
        around.tally.crashes += 1;
    }

    /// Takes the server away for good.
    pub(crate) fn leave(&mut self, around: &mut Around<'_>) {
        if self.process().is_some() {
            around.facts.push(Fact::Crashed { node: self.id });
        }
        self.state = State::Left;
    }
}

impl Process {
    fn local_now(&self, around: &Around<'_>) -> Moment {
        self.rate.local(around.now)
    }

    /// Puts something that will happen to this process into the queue.
    fn later(&self, after: u64, what: Local, around: &mut Around<'_>) {
        around.queue.push(around.now + after, Happening::Local { nth: self.nth, life: self.life, what });
    }

    fn fail(&mut self, failure: Failure) {
        self.failed.get_or_insert(failure);
    }

    fn broken(&mut self, doing: &str, error: &dyn std::fmt::Display) {
        let why = format!("server {} {doing}: {error}", self.id);
        self.fail(Failure::Broken(why));
    }

    /// A message comes. Returns why the process ended, if it did.
    pub(crate) fn hear(&mut self, event: Event, around: &mut Around<'_>) -> Option<Failure> {
        self.step(event, around);
        self.failed.take()
    }

    fn happen(&mut self, what: Local, stalled_until: u64, around: &mut Around<'_>) {
        match what {
            Local::Tick { due } => self.tick(due, around),
            Local::Synced => self.synced(stalled_until, around),
            Local::Count => self.count(around),
            Local::Told(told) => self.step(Event::Told(told), around),
            Local::Load { to, from, upto, bytes_max } => self.load(to, from, upto, bytes_max, around),
            Local::Apply => self.apply(around),
            Local::SnapshotWritten => self.snapshot_written(stalled_until, around),
            Local::ReadPiece { to, mark, nth } => self.read_piece(to, mark, nth, around),
            Local::WritePiece { from, piece } => self.write_piece(from, piece, stalled_until, around),
            Local::Reset { peer } => {
                around.tally.resets += 1;
                self.step(Event::Reset { peer }, around);
            }
            Local::Watch => self.watch(around),
            Local::Retry => self.retry(around),
            Local::Propose => self.propose(around),
            Local::Order(order) => self.order(order, around),
        }
    }

    /// What its log has.
    pub(crate) fn span(&self) -> (Mark, Mark) {
        let span = self.log.span(PARTITION);
        (span.floor, span.last)
    }

    /// How many requests and messages wait in the process, and how many may.
    fn waiting(&self) -> usize {
        self.raft.waiting() + self.requests.len() + self.blocked.len() + self.desk.waiting()
    }
}
