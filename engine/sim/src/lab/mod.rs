//! A laboratory: a handful of Raft servers, and a test that decides everything which happens to them.
//!
//! The servers are real: the protocol, the counting through a [`quorate_pipeline::Desk`], a log. What is the test's is the order of
//! things. Time stands still until it is moved; messages lie in a list until they are delivered, lost or doubled; writes are durable at
//! once, or, on a slow disk, when the test says so; votes are counted at once or when the test says so. So a scenario of the paper can be
//! played step by step.
//!
//! Two things are checked after every step, whatever the test is about: that no term has two leaders, and that no two machines were given
//! different entries for one index.

mod disk;
mod machine;
mod post;
mod server;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use quorate_core::ids::{Epoch, Height, MemberId, View};
use quorate_core::mark::Mark;
use quorate_env::clock::Moment;
use quorate_protocol::raft::{Answer, Configuration, Entry, Event, HardState, Peer, Persist, Planted, Raft, ReadWay, Role, Settings};

use disk::Disk;
pub use machine::Machine;
pub use post::Mail;
use post::Post;
pub use server::Deed;
use server::Server;

/// How many messages one [`Lab::deliver`] may take before it is held for endless talk.
const TALK_MAX: usize = 20_000;

/// Servers, and everything around them.
pub struct Lab {
    settings: Settings,
    founders: Configuration,
    servers: BTreeMap<u64, Server>,
    post: Post,
    now: Moment,
    tickets: u64,
    answers: BTreeMap<u64, Vec<Answer>>,
    deeds: Vec<(u64, Deed)>,
    leaders: BTreeMap<View, u64>,
    applied: BTreeMap<Height, View>,
}

/// What a server has on disk when the laboratory opens.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// Its term.
    pub term: u64,
    /// Whom it voted for in it.
    pub vote: Option<u64>,
    /// The terms of its entries, from the first on. Each entry is a command that names its place.
    pub log: Vec<u64>,
}

impl Past {
    fn disk(&self) -> Disk {
        let marks = self.log.iter().zip(1..).map(|(&term, index)| Mark { index: Height(index), term: View(term) });
        let entries = marks.map(|mark| Entry::command(mark, format!("{}.{}", mark.index, mark.term).as_bytes())).collect();
        let hard = HardState { term: View(self.term), vote: self.vote.map(MemberId) };
        let mut disk = Disk::default();
        disk.write(Persist { number: 1, hard: Some(hard), cut: None, entries });
        disk.settle();
        disk
    }
}

impl Lab {
    /// A group of these peers, none of which has ever run.
    ///
    /// # Panics
    /// If the peers are no group.
    #[must_use]
    pub fn new(peers: impl IntoIterator<Item = Peer>, settings: Settings) -> Self {
        Self::with_pasts(peers, settings, &[])
    }

    /// A group of three or however many voters.
    #[must_use]
    pub fn voters(count: u64) -> Self {
        Self::new((1..=count).map(Peer::voter), Settings::LAN)
    }

    /// A group in which some have a past.
    ///
    /// # Panics
    /// If the peers are no group.
    #[must_use]
    pub fn with_pasts(peers: impl IntoIterator<Item = Peer>, settings: Settings, pasts: &[(u64, Past)]) -> Self {
        let founders = Configuration::new(Epoch(1), peers).expect("a laboratory is given a group");
        Self::founded(founders, settings, pasts)
    }

    /// A group under any configuration, also one that is being replaced.
    #[must_use]
    pub fn founded(founders: Configuration, settings: Settings, pasts: &[(u64, Past)]) -> Self {
        let ids: Vec<u64> = founders.everyone().map(|id| id.0).collect();
        let mut lab = Self {
            settings,
            founders,
            servers: BTreeMap::new(),
            post: Post::default(),
            now: Moment::default(),
            tickets: 0,
            answers: BTreeMap::new(),
            deeds: Vec::new(),
            leaders: BTreeMap::new(),
            applied: BTreeMap::new(),
        };
        for id in ids {
            let past = pasts.iter().find(|past| past.0 == id);
            lab.add(id, past.map(|past| past.1.disk()).unwrap_or_default());
        }
        lab
    }

    fn add(&mut self, id: u64, disk: Disk) {
        let mut server = Server::new(MemberId(id), self.settings, self.founders.clone(), disk, self.now);
        server.start();
        assert!(self.servers.insert(id, server).is_none(), "server {id} is there already");
    }

    /// Starts a server that is not in the group yet. It knows who founded the group, and nothing else.
    pub fn join(&mut self, id: u64) {
        self.add(id, Disk::default());
    }

    // Time.

    /// Time passes for everybody, and nobody looks at the clock.
    pub fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.servers.values_mut().for_each(|server| server.clock = server.clock + time);
    }

    /// One server's clock goes forward alone: it is faster than the others'.
    pub fn hurry(&mut self, id: u64, time: Duration) {
        let server = self.server_mut(id);
        server.clock = server.clock + time;
    }

    /// One server looks at its clock.
    pub fn tick(&mut self, id: u64) {
        self.happen(id, Event::Tick);
    }

    /// Time passes, and one server looks at its clock.
    pub fn tick_after(&mut self, id: u64, time: Duration) {
        self.pass(time);
        self.tick(id);
    }

    /// Everything takes its course for some time: messages arrive at once, and clocks are looked at when that is due.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        self.deliver();
        loop {
            let due = |server: &Server| server.raft().map(|raft| raft.wake().since(server.clock));
            let Some((wait, id)) = self.servers.iter().filter_map(|(&id, server)| Some((due(server)?, id))).min() else { break };
            if self.now + wait > end {
                break;
            }
            self.tick_after(id, wait);
            self.deliver();
        }
        self.pass(end.since(self.now));
    }

    /// Lets one server stand for election when nobody has heard of a leader for long, and everything arrive that comes of it.
    pub fn elect(&mut self, id: u64) {
        self.stand(id);
        self.deliver();
    }

    /// Lets one server stand for election when nobody has heard of a leader for long.
    pub fn stand(&mut self, id: u64) {
        let longest = self.settings.election + self.settings.stagger * 2 * (self.servers.len() as u32 + 1);
        self.tick_after(id, longest);
    }

    // Messages.

    /// What is on its way, by age.
    #[must_use]
    pub fn mail(&self) -> &[Mail] {
        &self.post.mail
    }

    /// Everything arrives, and what is sent in answer, until nothing is on its way but what links hold back. Returns what arrived.
    ///
    /// # Panics
    /// If the talk has no end.
    pub fn deliver(&mut self) -> Vec<Mail> {
        self.deliver_where(|_| true)
    }

    /// As [`Self::deliver`], of those messages only which `which` picks.
    ///
    /// # Panics
    /// If the talk has no end.
    pub fn deliver_where(&mut self, which: impl Fn(&Mail) -> bool) -> Vec<Mail> {
        let mut arrived = Vec::new();
        while let Some(mail) = self.post.next(&which) {
            arrived.push(mail.clone());
            assert!(arrived.len() < TALK_MAX, "the servers talk without end; at last: {mail:?}");
            self.arrive(mail);
        }
        arrived
    }

    /// What is on one link now arrives. What is sent in answer does not.
    pub fn deliver_link(&mut self, from: u64, to: u64) -> Vec<Mail> {
        let on_link = self.post.mail.iter().filter(|mail| (mail.from, mail.to) == (from, to)).count();
        (0..on_link).filter_map(|_| self.deliver_next(|mail| (mail.from, mail.to) == (from, to))).collect()
    }

    /// The oldest message that `which` picks arrives.
    pub fn deliver_next(&mut self, which: impl Fn(&Mail) -> bool) -> Option<Mail> {
        let mail = self.post.next(which)?;
        self.arrive(mail.clone());
        Some(mail)
    }

    fn arrive(&mut self, mail: Mail) {
        if self.servers.contains_key(&mail.to) {
            self.happen(mail.to, Event::Message { from: MemberId(mail.from), message: mail.message });
        }
    }

    /// Puts a message on its way once more, or for the first time: as a network that doubles and delays would.
    pub fn post(&mut self, mail: Mail) {
        self.post.send(mail);
    }

    /// Loses messages.
    pub fn lose(&mut self, which: impl Fn(&Mail) -> bool) -> Vec<Mail> {
        self.post.lose(which)
    }

    /// Holds messages of one link back until [`Self::heal`], in one direction.
    pub fn hold(&mut self, from: u64, to: u64) {
        self.post.hold(from, to);
    }

    /// Cuts a link in one direction. What is on it is lost.
    pub fn cut(&mut self, from: u64, to: u64) {
        self.post.cut(from, to);
    }

    /// Cuts all links between servers of one side and those of the other, in both directions.
    pub fn part(&mut self, one: &[u64], other: &[u64]) {
        for (&a, &b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
            self.cut(a, b);
            self.cut(b, a);
        }
    }

    /// Cuts one server off from all others.
    pub fn isolate(&mut self, id: u64) {
        let others: Vec<u64> = self.servers.keys().copied().filter(|&other| other != id).collect();
        self.part(&[id], &others);
    }

    /// Mends all links.
    pub fn heal(&mut self) {
        self.post.heal();
    }

    /// Resets the connection between two servers: what is under way is lost, and both hear of it.
    pub fn reset(&mut self, one: u64, other: u64) {
        self.lose(|mail| (mail.from, mail.to) == (one, other) || (mail.from, mail.to) == (other, one));
        self.happen(one, Event::Reset { peer: MemberId(other) });
        self.happen(other, Event::Reset { peer: MemberId(one) });
    }

    // Requests.

    fn ticket(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets
    }

    /// Proposes a command. Returns the number of the request.
    pub fn propose(&mut self, id: u64, command: &str) -> u64 {
        let ticket = self.ticket();
        self.happen(id, Event::Propose { ticket, commands: vec![command.as_bytes().into()] });
        ticket
    }

    /// Asks to read. Returns the number of the request.
    pub fn read(&mut self, id: u64, way: ReadWay) -> u64 {
        let ticket = self.ticket();
        self.happen(id, Event::Read { ticket, way });
        ticket
    }

    /// Asks for another leader. Returns the number of the request.
    pub fn transfer(&mut self, id: u64, to: u64) -> u64 {
        let ticket = self.ticket();
        self.happen(id, Event::Transfer { ticket, to: MemberId(to) });
        ticket
    }

    /// Asks for other members. Returns the number of the request.
    pub fn reconfigure(&mut self, id: u64, peers: impl IntoIterator<Item = Peer>) -> u64 {
        let ticket = self.ticket();
        self.happen(id, Event::Reconfigure { ticket, peers: peers.into_iter().collect() });
        ticket
    }

    /// The last answer to a request, if there was one.
    #[must_use]
    pub fn answer(&self, ticket: u64) -> Option<&Answer> {
        self.answers.get(&ticket)?.last()
    }

    /// How often a request was answered.
    #[must_use]
    pub fn answered(&self, ticket: u64) -> usize {
        self.answers.get(&ticket).map_or(0, Vec::len)
    }

    // Disks, processes, counting.

    /// From now on, what a server writes is durable only when the test says so.
    pub fn slow_disk(&mut self, id: u64) {
        self.server_mut(id).slow = true;
    }

    /// Everything that a server has written is durable now; from now on, at once.
    pub fn quick_disk(&mut self, id: u64) {
        self.server_mut(id).slow = false;
        self.settle(id, usize::MAX);
    }

    /// The oldest requests of a server to its disk, so many of them, are durable now.
    pub fn settle(&mut self, id: u64, count: usize) {
        for _ in 0..count {
            let Some(number) = self.server_mut(id).disk.settle() else { return };
            self.happen(id, Event::Persisted { number });
        }
    }

    /// How many requests of a server to its disk are not durable yet.
    #[must_use]
    pub fn unsettled(&self, id: u64) -> usize {
        self.server(id).disk.waiting()
    }

    /// A server notices that its disk stands still, or moves again.
    pub fn stall(&mut self, id: u64, stalled: bool) {
        self.happen(id, Event::Disk { stalled });
    }

    /// A server's process ends. What was not durable is gone; what it sent is still on its way.
    pub fn crash(&mut self, id: u64) {
        self.server_mut(id).crash();
    }

    /// A server's process starts again.
    pub fn restart(&mut self, id: u64) {
        self.server_mut(id).start();
    }

    /// A server takes a snapshot as of an entry that it applied, and gives its log up to there.
    pub fn compact(&mut self, id: u64, index: u64) {
        let mut deeds = Vec::new();
        self.server_mut(id).compact(Height(index), &mut deeds);
        self.note(id, deeds);
    }

    /// From now on, votes that a server hands in are counted only when the test says so.
    pub fn count_later(&mut self, id: u64) {
        self.server_mut(id).uncounted = true;
    }

    /// The votes that a server handed in are counted, and it is told; from now on, at once.
    pub fn count_now(&mut self, id: u64) {
        let server = self.server_mut(id);
        server.uncounted = false;
        let mut events = VecDeque::new();
        server.tally(&mut events);
        for event in events {
            self.happen(id, event);
        }
    }

    /// Plants a mistake in a server.
    pub fn plant(&mut self, id: u64, mistake: Planted) {
        self.server_mut(id).raft_mut().expect("a running server").plant(mistake);
    }

    /// Lets something happen to a server that none of the other calls is for.
    pub fn happen(&mut self, id: u64, event: Event) {
        let mut deeds = Vec::new();
        self.server_mut(id).step(event, &mut deeds);
        self.note(id, deeds);
    }

    fn note(&mut self, id: u64, deeds: Vec<Deed>) {
        for deed in deeds {
            match &deed {
                Deed::Sent(letter) => self.post.send(Mail { from: id, to: letter.to.0, message: letter.message.clone() }),
                Deed::Answered(ticket, answer) => self.answers.entry(*ticket).or_default().push(answer.clone()),
                Deed::Became { role: Role::Leader, term, .. } => {
                    let first = *self.leaders.entry(*term).or_insert(id);
                    assert_eq!(first, id, "two lead in term {term}");
                }
                Deed::Applied(mark) | Deed::Restored(mark) => {
                    let first = *self.applied.entry(mark.index).or_insert(mark.term);
                    assert_eq!(first, mark.term, "server {id} applied something else at {}", mark.index);
                }
                _ => {}
            }
            self.deeds.push((id, deed));
        }
    }

    // What can be seen.

    fn server(&self, id: u64) -> &Server {
        self.servers.get(&id).unwrap_or_else(|| panic!("there is no server {id}"))
    }

    fn server_mut(&mut self, id: u64) -> &mut Server {
        self.servers.get_mut(&id).unwrap_or_else(|| panic!("there is no server {id}"))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// How the servers behave where the protocol leaves a choice.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// All servers that there are, running or not.
    #[must_use]
    pub fn ids(&self) -> Vec<u64> {
        self.servers.keys().copied().collect()
    }

    /// Whether a server runs.
    #[must_use]
    pub fn runs(&self, id: u64) -> bool {
        self.server(id).raft().is_some()
    }

    /// A server that runs.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn raft(&self, id: u64) -> &Raft {
        self.server(id).raft().unwrap_or_else(|| panic!("server {id} does not run"))
    }

    /// Whether a server leads.
    #[must_use]
    pub fn leads(&self, id: u64) -> bool {
        self.server(id).raft().is_some_and(|raft| raft.role() == Role::Leader)
    }

    /// Who leads the latest term that anybody leads.
    #[must_use]
    pub fn leader(&self) -> Option<u64> {
        self.servers.keys().copied().filter(|&id| self.leads(id)).max_by_key(|&id| self.raft(id).term())
    }

    /// What a server's log has above its floor, durable or not.
    #[must_use]
    pub fn log(&self, id: u64) -> Vec<Entry> {
        self.server(id).disk.entries()
    }

    /// The terms of a server's entries above its floor.
    #[must_use]
    pub fn terms(&self, id: u64) -> Vec<u64> {
        self.log(id).iter().map(|entry| entry.mark.term.0).collect()
    }

    /// The term and the vote that a server would find if it started again.
    #[must_use]
    pub fn durable_hard(&self, id: u64) -> HardState {
        self.server(id).disk.hard()
    }

    /// The commands that a server's machine was given.
    #[must_use]
    pub fn machine(&self, id: u64) -> Vec<String> {
        self.server(id).machine().0.iter().map(|command| String::from_utf8_lossy(&command.1).into_owned()).collect()
    }

    /// What the servers did since this was last asked.
    pub fn take_deeds(&mut self) -> Vec<(u64, Deed)> {
        std::mem::take(&mut self.deeds)
    }
}
