//! The world: servers, a network, clients, and one queue of everything that will happen.
//!
//! A run has two parts. First things go wrong, as the plan says. Then all of it is healed, every server starts again that can, and
//! now the world insists on progress: **each client gets a new write done, a read by lease and a read at a follower answered, and all
//! live members have applied the same log, within [`World::bound`]**. If not, [`World::stuck`] says who hangs, and why it looks like it.
//!
//! A server whose disk was damaged may find that out and refuse to start. The plan damages no more than a minority of any group; where
//! members change so that no healthy majority is left, nobody can be blamed, and the run ends without a verdict on progress.

mod heal;
mod ordeal;

use std::panic::{AssertUnwindSafe, catch_unwind};

use quorate_core::ids::{Epoch, MemberId};
use quorate_env::disk::{Loss, MemoryDisk};
use quorate_env::rng::Seeded;
use quorate_protocol::raft::{Configuration, Event, Part, Peer, Role};
use quorate_telemetry::schema::Fate;

use crate::auditor::{self, Auditor};
use crate::clients::{Client, Outside};
use crate::clocks::{RATE_MAX, RATE_MIN, Rate};
use crate::disk::SimDisk;
use crate::fact::Fact;
use crate::happening::{Happening, Local, Reply};
use crate::network::{Network, Transit};
use crate::plan::{MS, Plan, Planted};
use crate::queue::Queue;
use crate::record::Recorder;
use crate::server::{Around, Failure, Server, respond};
use crate::sights::{self, Sight, Sights};
use crate::tally::Tally;

/// How much may lie in front of the world.
const QUEUE_MAX: usize = 1 << 20;
/// One in so many who are to hear of a reset hear of it late.
const LATE_RESET_ONE_IN: u64 = 4;
/// How late that may be.
const LATE_RESET_NS: u64 = 20 * MS;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Things go wrong.
    Faults,
    /// Nothing goes wrong any more, and there must be progress.
    Healed,
    /// It is over.
    Done,
}

/// A world.
pub struct World {
    plan: Plan,
    genesis: Configuration,
    now: u64,
    events: u64,
    phase: Phase,
    queue: Queue<Happening>,
    facts: Vec<Fact>,
    servers: Vec<Server>,
    network: Network,
    clients: Vec<Client>,
    record: Recorder,
    rng: Seeded,
    auditor: Auditor,
    tally: Tally,
    sights: Sights,
    healed_at: u64,
    broken: Option<String>,
    stuck: Option<String>,
    excused: bool,
}

impl World {
    /// The world of a plan, before anything has happened.
    ///
    /// # Panics
    /// If the plan has no voter, or more servers than [`Plan::SERVERS_MAX`]. No seed makes such a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let mut rng = Seeded::new(plan.seed ^ 0x5eed_0f0a_0b1d);
        let parts = (0..plan.servers).map(|nth| plan.shape.parts.get(usize::from(nth)).copied().unwrap_or(Part::Voter));
        let peers: Vec<Peer> = (1..).zip(parts).map(|(id, part)| Peer { part, ..Peer::voter(id) }).collect();
        let genesis = Configuration::new(Epoch(1), peers.iter().copied());
        let genesis = genesis.unwrap_or_else(|error| panic!("the plan's servers make no group: {error}"));
        assert!(plan.servers <= Plan::SERVERS_MAX, "a plan has at most {} servers", Plan::SERVERS_MAX);
        let mut world = Self {
            genesis,
            now: 0,
            events: 0,
            phase: Phase::Faults,
            queue: Queue::new(QUEUE_MAX),
            facts: Vec::new(),
            servers: Vec::new(),
            network: Network::new(plan.shape.links),
            clients: (0..u32::from(plan.shape.clients)).map(Client::new).collect(),
            record: Recorder::default(),
            rng: Seeded::new(rng.next_u64()),
            auditor: Auditor::default(),
            tally: Tally::default(),
            sights: Sights::default(),
            healed_at: 0,
            broken: None,
            stuck: None,
            excused: false,
            plan: plan.clone(),
        };
        for peer in &peers {
            world.add_server(peer.part == Part::Witness);
        }
        for (number, fault) in (0..).zip(&plan.faults) {
            world.queue.push(fault.at.min(plan.shape.faults_ns), Happening::Fault(number));
        }
        world.queue.push(plan.shape.faults_ns, Happening::Heal);
        for nth in 0..world.clients.len() {
            let after = MS + world.rng.below(plan.shape.think_ns + 1);
            let (client, mut outside) = world.client(nth);
            client.sleep(after, &mut outside);
        }
        world
    }

    /// A new machine with an empty disk, which starts at once.
    fn add_server(&mut self, witness: bool) -> MemberId {
        let nth = self.servers.len() as u16;
        let id = MemberId(u64::from(nth) + 1);
        // Clocks that are as far apart as can be are what leases fear most, so half of all are at one end.
        let between = RATE_MIN + self.rng.below(RATE_MAX - RATE_MIN + 1);
        let rate = Rate { start: self.rng.below(1 << 40), ppm: self.rng.pick(&[RATE_MIN, RATE_MAX, between, between]) };
        let disk = SimDisk::new(MemoryDisk::new(), self.plan.planted == Some(Planted::FolderNotSynced));
        self.servers.push(Server::new(id, nth, witness, rate, disk));
        let at = self.now + 1 + self.rng.below(MS);
        self.queue.push(at, Happening::Start { nth, life: 0 });
        id
    }

    /// A server, and the world around it.
    fn around(&mut self, nth: u16) -> Option<(&mut Server, Around<'_>)> {
        let server = self.servers.get_mut(usize::from(nth))?;
        let around = Around {
            now: self.now,
            queue: &mut self.queue,
            facts: &mut self.facts,
            network: &mut self.network,
            rng: &mut self.rng,
            shape: &self.plan.shape,
            genesis: &self.genesis,
            planted: self.plan.planted,
            tally: &mut self.tally,
            sights: &mut self.sights,
        };
        Some((server, around))
    }

    /// A client, and the world around it.
    fn client(&mut self, nth: usize) -> (&mut Client, Outside<'_>) {
        let members = if self.phase == Phase::Faults { Vec::new() } else { self.members_up() };
        let outside = Outside {
            now: self.now,
            queue: &mut self.queue,
            facts: &mut self.facts,
            network: &mut self.network,
            rng: &mut self.rng,
            shape: &self.plan.shape,
            tally: &mut self.tally,
            record: &mut self.record,
            servers: self.servers.len() as u16,
            healed: self.phase != Phase::Faults,
            members,
        };
        (&mut self.clients[nth], outside)
    }

    /// Lets one thing happen. Returns whether anything did: not when the run is over.
    pub fn step(&mut self) -> bool {
        self.facts.clear();
        self.sights.clear();
        if self.phase == Phase::Done {
            return false;
        }
        let Some((at, happening)) = self.queue.pop() else { return false };
        self.now = at;
        self.events += 1;
        let (kind, target, content) = happening.account();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.happen(happening))) {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            self.break_off(format!("a server panicked: {}", text.unwrap_or("no text")));
        }
        self.look_for_leases();
        let content = self.facts.iter().fold(content, |content, fact| crate::print::mix(content, auditor::print_of(fact)));
        self.auditor.event(at, kind, target, content);
        true
    }

    /// If somebody has just voted for another, says who else would answer reads by a lease.
    fn look_for_leases(&mut self) {
        let voted = |fact: &Fact| if let Fact::Granted { node, to, .. } = fact { Some(*to).filter(|to| to != node) } else { None };
        let Some(candidate) = self.facts.iter().find_map(voted) else { return };
        for server in self.servers.iter().filter(|server| server.id() != candidate) {
            if server.is_leased(self.now)
                && let Some(raft) = server.raft()
            {
                self.facts.push(Fact::Leased { node: server.id(), term: raft.term() });
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Message(transit) => self.message(transit),
            Happening::Local { nth, life, what } => self.local(nth, life, what),
            Happening::Request { nth, request } => {
                let Some((server, mut around)) = self.around(nth) else { return };
                if server.paused_until > around.now {
                    return around.queue.push(server.paused_until, Happening::Request { nth, request });
                }
                let failure = match server.running(around.now) {
                    Some(process) => process.request(request, &mut around),
                    None => {
                        respond(request.client, request.operation, request.attempt, Reply::Elsewhere(None), &mut around);
                        None
                    }
                };
                self.ended(nth, failure);
            }
            Happening::Reply { client, operation, attempt, reply } => {
                let (client, mut outside) = self.client(client as usize);
                client.hear(operation, attempt, reply, &mut outside);
            }
            Happening::Client { client, turn } => {
                let (client, mut outside) = self.client(client as usize);
                client.wake(turn, &mut outside);
            }
            Happening::Fault(number) => self.begin_fault(number),
            Happening::End(end) => self.end_fault(end),
            Happening::Start { nth, life } => self.start(nth, life),
            Happening::Heal => self.heal(),
            Happening::Probe => self.probe(),
        }
    }

    fn message(&mut self, transit: Transit) {
        if !self.network.delivers(&transit) {
            self.network.lost += 1;
            let Transit { from, to, message, .. } = &transit;
            self.sights.of_world(|| sights::message(*from, *to, &message.body, Fate::Dropped, None));
            return;
        }
        let nth = (transit.to.0.max(1) - 1) as u16;
        let Some((server, mut around)) = self.around(nth) else { return };
        if server.paused_until > around.now {
            return around.queue.push(server.paused_until, Happening::Message(transit));
        }
        let Some(process) = server.running(around.now) else { return };
        let failure = process.hear(Event::Message { from: transit.from, message: transit.message }, &mut around);
        self.ended(nth, failure);
    }

    fn local(&mut self, nth: u16, life: u32, what: Local) {
        let Some((server, mut around)) = self.around(nth) else { return };
        if server.paused_until > around.now {
            return around.queue.push(server.paused_until, Happening::Local { nth, life, what });
        }
        let failure = server.happen(life, what, &mut around);
        self.ended(nth, failure);
    }

    fn start(&mut self, nth: u16, life: u32) {
        let Some((server, mut around)) = self.around(nth) else { return };
        if server.life() == life {
            let failure = server.start(&mut around);
            let (id, again) = (server.id(), life > 0);
            self.ended(nth, failure);
            // What the others still hold for connections to the process before is reset as soon as they use it.
            if again && self.rng.one_in(2) {
                self.reset_connections(id, |network, other| !network.is_cut(id, other));
            }
        }
    }

    /// Something happened that never may.
    fn break_off(&mut self, why: String) {
        self.broken.get_or_insert(why);
        self.phase = Phase::Done;
    }

    /// A process may have ended by itself.
    fn ended(&mut self, nth: u16, failure: Option<Failure>) {
        match failure {
            None => {}
            Some(Failure::Broken(why)) => self.break_off(why),
            Some(Failure::Died) => {
                let down = 50 * MS + self.rng.below(500 * MS);
                self.crash(nth, Loss::Nothing, 0, down);
            }
        }
    }

    /// Ends a process, and starts another one later.
    fn crash(&mut self, nth: u16, loss: Loss, midway: u32, down_ns: u64) {
        let Some((server, mut around)) = self.around(nth) else { return };
        let ran = server.process().is_some();
        server.crash(loss, midway, &mut around);
        let (id, life) = (server.id(), server.life());
        let at = self.now + down_ns;
        self.queue.push(at, Happening::Start { nth, life });
        // Where only the program died, its machine says so to all that it was connected to, and can reach. A machine without power says
        // nothing before it is up again.
        if ran && loss == Loss::Nothing {
            self.reset_connections(id, |network, other| !network.is_cut(id, other));
        }
    }

    /// Resets the connections of a server to those others that `which` picks.
    fn reset_connections(&mut self, id: MemberId, which: impl Fn(&Network, MemberId) -> bool) {
        for other in (1..=self.servers.len() as u64).map(MemberId).filter(|other| *other != id) {
            if which(&self.network, other) {
                self.reset_connection(id, other);
            }
        }
    }

    /// Resets the connection between two servers: what is under way is lost, and each of them hears of it some time.
    fn reset_connection(&mut self, one: MemberId, other: MemberId) {
        self.network.reset(one, other);
        for (whom, peer) in [(other, one), (one, other)] {
            let nth = (whom.0 - 1) as u16;
            let life = self.servers.get(usize::from(nth)).map_or(0, Server::life);
            let late = if self.rng.one_in(LATE_RESET_ONE_IN) { self.rng.below(LATE_RESET_NS) } else { 0 };
            let at = self.now + late + crate::network::latency(&self.plan.shape.links, &mut self.rng);
            self.queue.push(at, Happening::Local { nth, life, what: Local::Reset { peer } });
        }
    }

    /// Who leads, of those that think they do the one in the latest term.
    fn leader(&self) -> Option<u16> {
        let leads = |server: &&Server| server.raft().is_some_and(|raft| raft.role() == Role::Leader);
        let term = |server: &&Server| server.raft().map(quorate_protocol::raft::Raft::term);
        self.servers.iter().filter(leads).max_by_key(term).map(|server| (server.id().0 - 1) as u16)
    }

    /// What will happen next, for whoever follows a run step by step.
    #[must_use]
    pub fn next(&self) -> Option<(u64, String)> {
        self.queue.peek().map(|(at, happening)| (at, format!("{happening:?}")))
    }

    /// Has the world tell, from now on, what a trace wants beside facts.
    pub fn listen(&mut self) {
        self.sights.listen();
    }

    /// What was seen in the last event, if somebody listens.
    #[must_use]
    pub fn sights(&self) -> &[Sight] {
        self.sights.seen()
    }

    /// What came about in the last event.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// What time it is, in nanoseconds since the beginning.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash over all events so far.
    #[must_use]
    pub fn auditor(&self) -> [u8; 32] {
        self.auditor.hash()
    }

    /// Where the run stands.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why there was no progress when there should have been, or what happened that never may.
    #[must_use]
    pub fn stuck(&self) -> Option<String> {
        self.broken.clone().or_else(|| self.stuck.clone())
    }

    /// Whether something happened that never may, such as a server that asked its own log for something impossible. A run ends there.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Whether the run ended without a verdict on progress, because too few healthy members were left.
    #[must_use]
    pub fn excused(&self) -> bool {
        self.excused
    }

    /// What clients did and were told.
    #[must_use]
    pub fn record(&self) -> &Recorder {
        &self.record
    }

    /// The servers that there are and were, by place.
    #[must_use]
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// How often things happened.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The members of the beginning.
    #[must_use]
    pub fn genesis(&self) -> &Configuration {
        &self.genesis
    }
}
