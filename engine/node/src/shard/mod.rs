//! The core loop: one thread that owns the partitions.
//!
//! What arrives is put into an inbox by the tasks that read connections, which run on the same thread. A turn takes all of it, lets it
//! happen, and then goes round until nothing follows from it any more: propose what was gathered, count the votes that came, write what
//! is to be written, apply what is committed. So votes and commands that arrive while a turn runs wait for the next and go
//! through the pipeline together, and when nothing else is to do a single one goes at once.

mod arrivals;
pub(crate) mod disk;
mod inbox;
pub(crate) mod jobs;
mod partition;
mod post;
pub(crate) mod status;
mod watchers;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use quorate_core::counting::Told;
use quorate_core::ids::{MemberId, PartitionId};
use quorate_env::clock::{Clock, Moment};
use quorate_net::class::Class;
use quorate_net::links::LinkEvent;
use quorate_pipeline::{Desk, Owner};
use quorate_protocol::raft::{Event, Role};
use quorate_storage::log::Log;
use quorate_storage::snapshot::Snapshots;
use quorate_storage::{LogError, LogStore as _, Sequence};
use tokio::sync::{mpsc, oneshot};

use crate::handle::Ask;
use crate::metrics::Metrics;
use crate::node::{Arrived, Farewell};
use crate::system::Members;
use disk::{Disk, Synced};
pub(crate) use inbox::{Arrival, Inbox};
use jobs::{Finished, Jobs};
use partition::Around;
pub(crate) use partition::{Beginning, Genesis, Partition, StartError};
pub(crate) use post::{Place, Post};
use watchers::Watchers;

/// How often the disk is looked at, and what can only be polled.
const WATCH: Duration = Duration::from_millis(50);
/// How long a node that stops waits until others lead.
const PARTING: Duration = Duration::from_millis(1500);

/// What a shard is told from other threads.
pub(crate) struct Channels {
    pub(crate) asks: mpsc::Receiver<Ask>,
    pub(crate) arrived: mpsc::Receiver<Arrived>,
    pub(crate) links: mpsc::UnboundedReceiver<(MemberId, Class, LinkEvent)>,
    pub(crate) finished: mpsc::UnboundedReceiver<(PartitionId, Finished)>,
    pub(crate) synced: mpsc::UnboundedReceiver<Synced>,
    pub(crate) stop: oneshot::Receiver<Farewell>,
}

/// What a shard is made of.
pub(crate) struct Parts {
    pub(crate) me: MemberId,
    pub(crate) about: status::About,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<Log>,
    pub(crate) snapshots: Snapshots,
    pub(crate) desk: Desk,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) members: Members,
    pub(crate) post: Post,
    pub(crate) jobs: Jobs,
    pub(crate) disk: Disk,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether syncs are short enough to be waited for.
    pub(crate) inline: bool,
    /// How long a follower waits for its leader.
    pub(crate) election: Duration,
    pub(crate) clients_max: usize,
    pub(crate) client_bytes: usize,
}

/// The shard.
pub(crate) struct Shard {
    parts: Parts,
    partitions: BTreeMap<PartitionId, Partition>,
    inbox: Rc<Inbox>,
    watchers: Watchers,
    appended: Sequence,
    durable: Sequence,
    syncing: Option<Moment>,
    /// Whether the sync that is under way found no room and has to be asked for again.
    sync_again: bool,
    told: Vec<(Owner, Told)>,
    watched: Moment,
    /// The revision of the members that the post knows.
    placed: u64,
    /// Whether some partition's leader waits to hear that the members are current.
    looking: bool,
    clients: usize,
    stopping: Option<Moment>,
    fatal: Option<String>,
}

impl Shard {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let partitions = std::mem::take(&mut parts.partitions).into_iter().map(|partition| (partition.id(), partition)).collect();
        let durable = parts.log.durable();
        Self {
            partitions,
            inbox: Rc::new(Inbox::default()),
            watchers: Watchers::default(),
            appended: durable,
            durable,
            syncing: None,
            sync_again: false,
            told: Vec::new(),
            watched: Moment::default(),
            placed: 0,
            looking: false,
            clients: 0,
            stopping: None,
            fatal: None,
            parts,
        }
    }

    /// Runs until it is told to stop, or cannot go on.
    ///
    /// # Errors
    /// Why it could not go on.
    pub(crate) async fn run(mut self, mut channels: Channels) -> Result<(), String> {
        self.parts.post.connect();
        loop {
            let now = self.parts.clock.now();
            let wake = self.wake().min(self.watched + WATCH);
            let sleep = tokio::time::sleep(wake.since(now));
            tokio::select! {
                biased;
                farewell = &mut channels.stop, if self.stopping.is_none() => match farewell {
                    Ok(Farewell::Sudden) => return Ok(()),
                    Ok(Farewell::Orderly) | Err(_) => self.part(),
                },
                () = self.inbox.filled() => {}
                Some(synced) = channels.synced.recv() => self.inbox.push(Arrival::Synced(synced)),
                Some((partition, finished)) = channels.finished.recv() => self.inbox.push(Arrival::Finished(partition, finished)),
                Some((peer, class, event)) = channels.links.recv() => self.inbox.push(Arrival::Link(peer, class, event)),
                Some(arrived) = channels.arrived.recv() => self.arrive(arrived),
                Some(ask) = channels.asks.recv() => self.inbox.push(Arrival::Ask(ask)),
                () = sleep => {}
            }
            if self.parts.clock.now() >= wake {
                // The time may have passed while this process did not run. What has come meanwhile is read before anybody is taken for
                // gone: the first of these looks at the sockets, and during the second they are read.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            }
            self.take_all(&mut channels);
            self.turn();
            if let Some(why) = self.fatal.take() {
                tracing::error!("the node cannot go on: {why}");
                return Err(why);
            }
            if self.has_parted() {
                return self.close().await;
            }
            // Those who send have something to send now, and others may have come.
            tokio::task::yield_now().await;
        }
    }

    /// Takes what other threads have to say, however busy the inbox is.
    fn take_all(&mut self, channels: &mut Channels) {
        while let Ok(synced) = channels.synced.try_recv() {
            self.inbox.push(Arrival::Synced(synced));
        }
        while let Ok((partition, finished)) = channels.finished.try_recv() {
            self.inbox.push(Arrival::Finished(partition, finished));
        }
        while let Ok((peer, class, event)) = channels.links.try_recv() {
            self.inbox.push(Arrival::Link(peer, class, event));
        }
        while let Ok(arrived) = channels.arrived.try_recv() {
            self.arrive(arrived);
        }
        while let Ok(ask) = channels.asks.try_recv() {
            self.inbox.push(Arrival::Ask(ask));
        }
    }

    fn wake(&self) -> Moment {
        self.partitions.values().map(Partition::wake).min().unwrap_or(Moment(u64::MAX))
    }

    /// A turn: everything that arrived, and all that follows from it.
    fn turn(&mut self) {
        let now = self.parts.clock.now();
        for arrival in self.inbox.take() {
            self.take_in(arrival, now);
        }
        for partition in self.ids() {
            self.with(partition, now, |partition, around| partition.tick(around));
        }
        self.settle(now);
        self.apply(now);
        self.settle(now);
        // What there is no time for now is applied in the next turn, when others had theirs.
        if self.partitions.values().any(|partition| partition.has_more(&self.parts.log)) {
            self.inbox.nudge();
        }
        self.parts.post.flush();
        self.sync_elsewhere(now);
        self.look_at_members(now);
        self.pump();
        if now >= self.watched + WATCH {
            self.watch(now);
        }
    }

    /// Goes round until nothing is to be proposed, counted or written.
    fn settle(&mut self, now: Moment) {
        let mut more = true;
        while more && self.fatal.is_none() {
            more = self.ask_protocols(now);
            more |= self.count(now);
            self.parts.post.flush();
            more |= self.sync_inline(now);
        }
    }

    fn ids(&self) -> impl Iterator<Item = PartitionId> + use<> {
        self.partitions.keys().copied().collect::<Vec<_>>().into_iter()
    }

    /// Lets something happen to a partition.
    fn with<T>(&mut self, id: PartitionId, now: Moment, what: impl FnOnce(&mut Partition, &mut Around<'_>) -> T) -> Option<T> {
        let partition = self.partitions.get_mut(&id)?;
        let mut around = Around {
            now,
            log: &self.parts.log,
            snapshots: &self.parts.snapshots,
            desk: &mut self.parts.desk,
            post: &mut self.parts.post,
            jobs: &self.parts.jobs,
            appended: &mut self.appended,
            fatal: &mut self.fatal,
        };
        Some(what(partition, &mut around))
    }

    /// Lets something happen to every partition. Returns whether it led to something in any.
    fn each(&mut self, now: Moment, what: impl Fn(&mut Partition, &mut Around<'_>) -> bool) -> bool {
        let mut any = false;
        for id in self.ids() {
            any |= self.with(id, now, &what).unwrap_or(false);
        }
        any
    }

    fn ask_protocols(&mut self, now: Moment) -> bool {
        self.each(now, Partition::ask_protocol)
    }

    /// Has the votes counted that wait, of all partitions together.
    fn count(&mut self, now: Moment) -> bool {
        let votes = self.parts.desk.waiting();
        if votes == 0 {
            return false;
        }
        let mut told = std::mem::take(&mut self.told);
        let outcome = self.parts.desk.run(&mut told);
        match outcome {
            Ok(_) => {
                self.parts.metrics.votes.inc_by(votes as u64);
                self.parts.metrics.votes_processing.observe((self.parts.clock.now() - now).as_secs_f64());
            }
            Err(error) => self.fatal = Some(format!("votes could not be counted: {error}")),
        }
        for (owner, told) in told.drain(..) {
            self.with(PartitionId(owner.0), now, |partition, around| partition.told(told, around));
        }
        self.told = told;
        true
    }

    /// Hands the log to the operating system, where that is all that durability asks for.
    fn sync_inline(&mut self, now: Moment) -> bool {
        if !self.parts.inline || self.appended <= self.durable {
            return false;
        }
        match self.parts.log.sync(self.appended) {
            Ok(()) => {
                self.now_durable(self.appended, now);
                return true;
            }
            // It is tried again in the next turn, which comes soon.
            Err(LogError::Full { .. }) => {}
            Err(error) => self.fatal = Some(format!("the log could not be written: {error}")),
        }
        false
    }

    fn sync_elsewhere(&mut self, now: Moment) {
        if !self.parts.inline && self.syncing.is_none() && self.appended > self.durable {
            self.syncing = Some(now);
            self.parts.disk.sync(self.appended);
        }
    }

    fn synced(&mut self, synced: Synced, now: Moment) {
        self.parts.metrics.sync.observe(synced.took.as_secs_f64());
        match synced.outcome {
            Ok(upto) => {
                self.syncing = None;
                self.now_durable(upto, now);
            }
            // What was appended has its place already, so this is over when the disk has room for what is on its way. Until then it
            // counts as one sync that does not end, and is asked for again with the next look at the disk.
            Err(LogError::Full { .. }) => self.sync_again = true,
            Err(error) => self.fatal = Some(format!("the log could not be synced: {error}")),
        }
    }

    fn now_durable(&mut self, upto: Sequence, now: Moment) {
        self.durable = self.durable.max(upto);
        let durable = self.durable;
        for id in self.ids() {
            self.with(id, now, |partition, around| partition.durable(durable, around));
        }
    }

    fn apply(&mut self, now: Moment) {
        for id in self.ids() {
            self.with(id, now, Partition::apply);
        }
    }

    /// Partitions' leaders take their next steps towards the members that shall be, and the post learns where those are.
    fn look_at_members(&mut self, now: Moment) {
        let revision = self.parts.members.look().revision();
        if revision != self.placed {
            self.placed = revision;
            self.place_members();
        }
        if revision == 0 {
            return;
        }
        // All are asked, since each takes note of when it was.
        if self.partitions.values_mut().filter_map(|partition| partition.wants_members(now, revision).then_some(())).count() > 0 {
            let begins = !std::mem::replace(&mut self.looking, true);
            self.with(crate::SYSTEM, now, |system, around| {
                if begins {
                    system.forget_current();
                }
                system.ask_current(around);
            });
        }
        if self.looking && self.with(crate::SYSTEM, now, |system, _| system.is_current()) == Some(true) {
            self.looking = false;
            let (wanted, revision) = {
                let state = self.parts.members.look();
                (state.peers(), state.revision())
            };
            for id in self.ids() {
                self.with(id, now, |partition, around| partition.approach(&wanted, revision, around));
            }
        }
    }

    /// Tells the post where everybody is.
    fn place_members(&mut self) {
        let members = self.parts.members.clone();
        let state = members.look();
        for member in state.members() {
            self.parts.post.place(member.id, Place { address: member.address.clone(), client: member.client.clone() });
        }
        if state.has_gone(self.parts.me) {
            tracing::warn!("this node is no member of the cluster any more; it can be stopped");
        }
    }

    /// Whoever shall not be a member any more is heard until no partition has it as one.
    fn expel(&mut self) {
        let gone: Vec<MemberId> = {
            let state = self.parts.members.look();
            self.parts.post.known().filter(|id| state.has_gone(*id)).collect()
        };
        for id in gone {
            let needed = |partition: &Partition| partition.raft().configuration().everyone().any(|member| member == id);
            if !self.partitions.values().any(needed) && self.parts.members.expel(id) {
                tracing::info!(member = id.0, "is no member any more");
                self.parts.post.forget(id);
            }
        }
    }

    /// What is looked at now and then.
    fn watch(&mut self, now: Moment) {
        self.watched = now;
        if self.stopping.is_some() {
            self.hand_over(now);
        }
        let (syncing, patience) = (self.syncing, self.parts.election);
        for id in self.ids() {
            self.with(id, now, |partition, around| partition.watch_disk(syncing, patience, around));
        }
        self.expel();
        if std::mem::take(&mut self.sync_again) {
            self.parts.disk.sync(self.appended);
        }
        if self.parts.log.health().prepared < 2 {
            self.parts.disk.prepare();
        }
        let waiting: usize = self.partitions.values().map(Partition::waiting).sum();
        self.parts.metrics.waiting.set(waiting as u64);
        self.parts.metrics.clients.set(self.clients as u64);
    }

    /// The node shall stop: others shall lead first.
    fn part(&mut self) {
        let now = self.parts.clock.now();
        tracing::info!("stopping");
        self.stopping = Some(now);
        self.hand_over(now);
    }

    /// Sends leadership elsewhere. While the node stops that is tried again, since it may fail.
    fn hand_over(&mut self, now: Moment) {
        for id in self.ids() {
            self.with(id, now, |partition, around| {
                if partition.leads() {
                    partition.transfer(partition::Caller::Nobody, None, around);
                }
            });
        }
    }

    /// Whether the node has stopped leading, or waited long enough.
    fn has_parted(&self) -> bool {
        let Some(since) = self.stopping else { return false };
        let leads = |partition: &Partition| partition.raft().role() == Role::Leader && partition.successor().is_some();
        !self.partitions.values().any(leads) || self.parts.clock.now() - since > PARTING
    }

    /// Ends all that is open, and puts what was written on disk.
    async fn close(mut self) -> Result<(), String> {
        self.inbox.close();
        // What was said last is still sent.
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(std::mem::take(&mut self.partitions));
        let log = Arc::clone(&self.parts.log);
        drop(self);
        let closed = tokio::task::spawn_blocking(move || log.close()).await;
        match closed {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the log could not be closed: {error}")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A connection to a member, or from it, has ended: what was under way is lost, and perhaps the member is.
    fn lost(&mut self, peer: MemberId, now: Moment) {
        for id in self.ids() {
            self.with(id, now, |partition, around| partition.happen(Event::Reset { peer }, around));
        }
    }
}
