//! What a fault of the plan does to the world, and how it ends.

use quorate_core::ids::MemberId;
use quorate_protocol::raft::{Configuration, Part, Peer};
use quorate_telemetry::schema::{ClockJumped, LinkChanged, LinkState, Partitioned};

use super::{Phase, World};
use crate::adversary::{Adversary, Delayer, Kind, Replayer, Withholder};
use crate::happening::{End, Happening, Local, Order};
use crate::plan::{Change, Fault, MS, Plan, What, Whom};
use crate::server::{FOLDERS, State};
use crate::trace;

/// How long a server that was removed goes on, so that it can be a nuisance.
const LEAVES_AFTER: u64 = 2_000 * MS;
/// How long a crash that is to come in the middle of a sync waits for one.
const WAITS_FOR_A_SYNC: u64 = 100 * MS;
/// One in so many cuts is noticed at once: what stands between the servers resets their connections.
const CUT_AND_RESET_ONE_IN: u64 = 3;

impl World {
    /// The place of a server.
    fn find(&self, whom: Whom) -> Option<u16> {
        match whom {
            Whom::Server(nth) => (usize::from(nth) < self.servers.len()).then_some(nth),
            Whom::Leader => self.leader(),
        }
    }

    fn id(&self, nth: u16) -> MemberId {
        MemberId(u64::from(nth) + 1)
    }

    /// Puts the end of something into the queue.
    fn ends(&mut self, after: u64, end: End) {
        self.queue.push(self.now + after, Happening::End(end));
    }

    /// When something ends that must be over before the world is healed.
    fn until(&self, for_ns: u64) -> u64 {
        (self.now + for_ns).min(self.plan.shape.faults_ns)
    }

    pub(super) fn begin_fault(&mut self, number: u32) {
        if self.phase != Phase::Faults {
            return;
        }
        let Some(Fault { at, what }) = self.plan.faults.get(number as usize).cloned() else { return };
        match &what {
            What::Crash { whom, loss, midway, down_ns } => {
                let mut places: Vec<u16> = whom.iter().filter_map(|whom| self.find(*whom)).collect();
                places.sort_unstable();
                places.dedup();
                let writing = |nth: &u16| self.servers[usize::from(*nth)].is_writing();
                if *midway > 0 && !places.iter().any(writing) && self.now < at + WAITS_FOR_A_SYNC {
                    // The power goes when there is something to lose.
                    return self.queue.push(self.now + MS / 4, Happening::Fault(number));
                }
                for nth in places {
                    if self.servers[usize::from(nth)].process().is_some() {
                        self.hit(&what, Some(self.id(nth)));
                    }
                    self.crash(nth, *loss, *midway, *down_ns);
                }
            }
            What::Partition { side, one_way, for_ns } => {
                let mut side: Vec<u16> = side.iter().filter_map(|whom| self.find(*whom)).collect();
                side.sort_unstable();
                side.dedup();
                side.iter().for_each(|nth| self.hit(&what, Some(self.id(*nth))));
                self.partition(&side, *one_way, *for_ns);
            }
            What::Cut { from, to, for_ns } => {
                let (from, to) = (self.id(*from), self.id(*to));
                [from, to].into_iter().for_each(|id| self.hit(&what, Some(id)));
                self.cut(from, to, *for_ns);
                if self.rng.one_in(CUT_AND_RESET_ONE_IN) {
                    self.reset_connection(from, to);
                }
            }
            What::Lossy { ppm, for_ns } => {
                self.hit(&what, None);
                self.network.lossy_ppm += ppm;
                self.ends(*for_ns, End::Lossy(*ppm));
            }
            What::Slow { whom, bytes_per_second, for_ns } => {
                let id = self.id(*whom);
                self.hit(&what, Some(id));
                self.network.slow(id, *bytes_per_second);
                self.ends(*for_ns, End::Slow(id));
            }
            What::Reset { whom } => {
                if let Some(nth) = self.find(*whom) {
                    self.hit(&what, Some(self.id(nth)));
                    self.reset_connections(self.id(nth), |_, _| true);
                }
            }
            What::Churn { change, pick } => {
                if self.churn(*change, *pick) {
                    self.hit(&what, None);
                }
            }
            What::Transfer { pick } => {
                if self.transfer(*pick) {
                    self.hit(&what, None);
                }
            }
            What::Adversary { kind, who, victim, for_ns } => {
                self.hit(&what, Some(self.id(*who)));
                self.admit(*kind, *who, *victim, *for_ns);
            }
            What::Stall { whom, .. } | What::Full { whom, .. } | What::FailSync { whom } | What::Pause { whom, .. } => {
                self.afflict(&what, *whom);
            }
            What::Flip { whom, .. } | What::Misdirect { whom } | What::WallJump { whom, .. } => {
                self.afflict(&what, Whom::Server(*whom));
            }
        }
    }

    /// A fault takes effect, on somebody or on all. Traces learn it here: what a plan wants and the world does not do has no label.
    fn hit(&mut self, what: &What, member: Option<MemberId>) {
        let (now, healed) = (self.now, self.plan.shape.faults_ns);
        self.sights.of_world(|| trace::label(what, member, now, healed));
    }

    /// Faults of one machine.
    fn afflict(&mut self, what: &What, whom: Whom) {
        let Some(nth) = self.find(whom) else { return };
        let id = self.id(nth);
        let damages = matches!(what, What::Flip { .. } | What::Misdirect { .. });
        if damages && !self.may_damage(id) {
            return;
        }
        self.hit(what, Some(id));
        let server = &self.servers[usize::from(nth)];
        match *what {
            What::Stall { for_ns, .. } => self.servers[usize::from(nth)].stalled_until = self.until(for_ns),
            What::Pause { for_ns, .. } => self.servers[usize::from(nth)].paused_until = self.until(for_ns),
            What::Full { left, for_ns, .. } => {
                server.disk().leave_room(Some(left));
                let life = server.life();
                self.ends(for_ns, End::Full(nth, life));
            }
            What::FailSync { .. } => server.disk().fail_next_sync(),
            What::Flip { bits, .. } => {
                for _ in 0..bits {
                    server.disk().flip(&FOLDERS, &mut self.rng);
                }
            }
            What::Misdirect { .. } => {
                server.disk().misdirect(&FOLDERS, &mut self.rng);
            }
            What::WallJump { by_ns, .. } => {
                self.sights.of_world(|| ClockJumped { member: id, by_ns });
                self.servers[usize::from(nth)].jump(by_ns);
            }
            _ => {}
        }
        self.servers[usize::from(nth)].damaged |= damages;
    }

    pub(super) fn end_fault(&mut self, end: End) {
        match end {
            End::Cut(from, to) => {
                self.network.cut(from, to, false);
                if !self.network.is_cut(from, to) {
                    self.sights.of_world(|| LinkChanged { from, to, state: LinkState::Up });
                }
            }
            End::Lossy(ppm) => self.network.lossy_ppm = self.network.lossy_ppm.saturating_sub(ppm),
            End::Slow(whom) => self.network.slow(whom, 0),
            End::Full(nth, life) => {
                if let Some(server) = self.servers.get(usize::from(nth)).filter(|server| server.life() == life) {
                    server.disk().leave_room(None);
                }
            }
            End::Adversary(number) => self.network.dismiss(number),
            End::Leave(nth) => {
                let id = self.id(nth);
                if self.phase == Phase::Faults && self.is_out(id) {
                    let Some((server, mut around)) = self.around(nth) else { return };
                    server.leave(&mut around);
                }
            }
        }
    }

    fn cut(&mut self, from: MemberId, to: MemberId, for_ns: u64) {
        self.network.cut(from, to, true);
        self.sights.of_world(|| LinkChanged { from, to, state: LinkState::Down });
        self.ends(for_ns, End::Cut(from, to));
    }

    fn partition(&mut self, side: &[u16], one_way: bool, for_ns: u64) {
        let servers = self.servers.len() as u16;
        let group =
            |inside: bool| (0..servers).filter(|nth| side.contains(nth) == inside).map(|nth| MemberId(u64::from(nth) + 1)).collect();
        self.sights.of_world(|| Partitioned { groups: vec![group(true), group(false)] });
        let reset = self.rng.one_in(CUT_AND_RESET_ONE_IN);
        for other in (0..servers).filter(|nth| !side.contains(nth)) {
            for nth in (0..servers).filter(|nth| side.contains(nth)) {
                let (inside, outside) = (self.id(nth), self.id(other));
                self.cut(outside, inside, for_ns);
                if !one_way {
                    self.cut(inside, outside, for_ns);
                }
                if reset {
                    self.reset_connection(inside, outside);
                }
            }
        }
    }

    fn admit(&mut self, kind: Kind, who: u16, victim: u16, for_ns: u64) {
        let (who, victim) = (self.id(who), self.id(victim));
        let most_ns = self.plan.shape.settings.election.as_nanos() as u64 * 9 / 10;
        let adversary: Box<dyn Adversary> = match kind {
            Kind::Delayer => Box::new(Delayer { who, most_ns }),
            Kind::Withholder => Box::new(Withholder { who, victim }),
            Kind::Replayer => Box::new(Replayer::default()),
        };
        let number = self.network.admit(adversary);
        self.ends(for_ns, End::Adversary(number));
    }

    /// Gives an order to whoever leads, if somebody does.
    fn order(&mut self, order: Order) -> bool {
        let Some(nth) = self.leader() else { return false };
        let life = self.servers[usize::from(nth)].life();
        self.queue.push(self.now, Happening::Local { nth, life, what: Local::Order(order) });
        true
    }

    fn transfer(&mut self, pick: u64) -> bool {
        let Some(configuration) = self.configuration() else { return false };
        let able: Vec<MemberId> = configuration.everyone().filter(|id| configuration.may_lead(*id)).collect();
        !able.is_empty() && self.order(Order::Transfer(able[pick as usize % able.len()]))
    }

    /// The members that the leader acts under.
    fn configuration(&self) -> Option<Configuration> {
        let nth = self.leader()?;
        self.servers[usize::from(nth)].raft().map(|raft| raft.configuration().clone())
    }

    /// Whether the group has let a server go for good.
    fn is_out(&self, id: MemberId) -> bool {
        let Some(nth) = self.leader() else { return false };
        let Some(raft) = self.servers[usize::from(nth)].raft() else { return false };
        let knows = |configuration: &Configuration| configuration.everyone().any(|member| member == id);
        !knows(raft.configuration()) && !knows(raft.configuration_at(raft.commit()))
    }

    /// Whether a member is one on which the group can count.
    fn is_healthy(&self, id: MemberId) -> bool {
        self.servers.iter().any(|server| server.id() == id && !server.damaged && !matches!(server.state, State::Refused(_) | State::Left))
    }

    /// Whether these members can go on if those that are damaged never come back. A witness has nothing to go on from, so where there is
    /// one, nobody may be damaged.
    pub(super) fn can_go_on(&self, peers: &[Peer], without: Option<MemberId>) -> bool {
        let well = |peer: &&Peer| self.is_healthy(peer.id) && Some(peer.id) != without;
        let voters: Vec<&Peer> = peers.iter().filter(|peer| peer.part != Part::Learner).collect();
        let healthy = voters.iter().copied().filter(well).count();
        let witnesses = voters.iter().any(|peer| peer.part == Part::Witness);
        healthy * 2 > voters.len() && (!witnesses || healthy == voters.len())
    }

    fn may_damage(&self, id: MemberId) -> bool {
        self.configuration().is_some_and(|configuration| !configuration.is_joint() && self.can_go_on(configuration.peers(), Some(id)))
    }

    fn churn(&mut self, change: Change, pick: u64) -> bool {
        // Now and then although another change is under way, which the leader has to refuse.
        let hasty = pick.is_multiple_of(3);
        let Some(configuration) = self.configuration().filter(|configuration| hasty || !configuration.is_joint()) else { return false };
        let mut peers = configuration.peers().to_vec();
        let picked = pick as usize % peers.len();
        let mut gone = None;
        let mut comes = None;
        match change {
            Change::Add(part) => comes = Some(part),
            Change::Promote => {
                let Some(learner) = peers.iter_mut().find(|peer| peer.part == Part::Learner) else { return false };
                learner.part = Part::Voter;
            }
            Change::Remove => gone = Some(peers.remove(picked)),
            Change::Replace => {
                let old = peers.remove(picked);
                (gone, comes) = (Some(old), Some(old.part));
            }
            Change::Priorities => {
                for (nth, peer) in peers.iter_mut().enumerate() {
                    peer.priority = (pick >> (nth % 16)) as u8 & 3;
                }
            }
        }
        let voters = peers.iter().filter(|peer| peer.part == Part::Voter).count() + usize::from(comes == Some(Part::Voter));
        if voters < 2 || peers.len() >= 8 || !self.can_go_on(&peers, None) {
            return false;
        }
        if let Some(part) = comes {
            let damaged = peers.iter().any(|peer| !self.is_healthy(peer.id));
            if self.servers.len() >= usize::from(Plan::SERVERS_MAX) || (part == Part::Witness && damaged) {
                return false;
            }
            let id = self.add_server(part == Part::Witness);
            peers.push(Peer { part, ..Peer::voter(id.0) });
        }
        if let Some(peer) = gone {
            self.ends(LEAVES_AFTER, End::Leave((peer.id.0 - 1) as u16));
        }
        self.order(Order::Reconfigure(peers))
    }
}
