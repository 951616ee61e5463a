//! The end of all faults, and the question whether the world gets well.

use quorate_protocol::raft::{Configuration, Raft};
use quorate_telemetry::schema::Healed;

use super::{Phase, World};
use crate::happening::Happening;
use crate::plan::MS;
use crate::server::{Server, State};

/// How often the world is looked at.
const PROBE_NS: u64 = 20 * MS;
/// What recovery may take beside elections: reading disks, and catching up from a snapshot piece by piece.
const RECOVERY_NS: u64 = 2_000 * MS;
/// So many of the longest waits for an election may pass.
const ELECTIONS: u64 = 8;

impl World {
    /// Within what time everything must be well again: some of the longest waits for an election, and what recovery needs.
    #[must_use]
    pub fn bound(&self) -> u64 {
        let settings = &self.plan.shape.settings;
        let longest = (settings.election + settings.stagger * self.servers.len() as u32).as_nanos() as u64;
        ELECTIONS * longest + RECOVERY_NS
    }

    pub(super) fn heal(&mut self) {
        self.phase = Phase::Healed;
        self.healed_at = self.now;
        self.network.heal(self.now);
        self.sights.of_world(|| Healed {});
        for nth in 0..self.servers.len() as u16 {
            let server = &mut self.servers[usize::from(nth)];
            server.disk().leave_room(None);
            (server.paused_until, server.stalled_until) = (0, 0);
            if matches!(server.state, State::Down) {
                let life = server.life();
                let at = self.now + 1 + self.rng.below(50 * MS);
                self.queue.push(at, Happening::Start { nth, life });
            }
        }
        self.queue.push(self.now + PROBE_NS, Happening::Probe);
    }

    pub(super) fn probe(&mut self) {
        let Some(why) = self.unwell() else {
            self.phase = Phase::Done;
            return;
        };
        if self.now - self.healed_at <= self.bound() {
            return self.queue.push(self.now + PROBE_NS, Happening::Probe);
        }
        self.phase = Phase::Done;
        if self.quorum_is_left() {
            self.stuck = Some(self.report(&why));
        } else {
            self.excused = true;
        }
    }

    /// The places of the members whose processes run, as whoever leads knows them.
    pub(super) fn members_up(&self) -> Vec<u16> {
        let Some(leader) = self.leader().and_then(|nth| self.servers[usize::from(nth)].raft()) else { return Vec::new() };
        let places = leader.configuration().everyone().map(|id| (id.0 - 1) as u16);
        places.filter(|nth| self.servers.get(usize::from(*nth)).is_some_and(|server| server.process().is_some())).collect()
    }

    /// What is not yet as it should be.
    fn unwell(&self) -> Option<String> {
        if let Some(client) = self.clients.iter().find(|client| !client.is_content()) {
            return Some(format!("a client waits for {}", client.words()));
        }
        let Some(leader) = self.leader().and_then(|nth| self.servers[usize::from(nth)].raft()) else {
            return Some("nobody leads".into());
        };
        let configuration = leader.configuration();
        if configuration.is_joint() {
            return Some("a change of members is not finished".into());
        }
        for id in configuration.everyone() {
            let Some(server) = self.servers.iter().find(|server| server.id() == id) else { continue };
            match (&server.state, server.applied()) {
                (State::Refused(_) | State::Left, _) => {}
                (State::Down, _) | (_, None) => return Some(format!("server {id} is down")),
                (State::Up(_), Some(applied)) if applied != leader.last().index => {
                    return Some(format!("server {id} has applied {applied} of {} entries", leader.last().index));
                }
                (State::Up(_), Some(_)) => {}
            }
        }
        None
    }

    /// Whether those that are healthy are enough for every group that anybody believes in.
    fn quorum_is_left(&self) -> bool {
        let latest =
            self.servers.iter().filter_map(Server::raft).map(Raft::configuration).max_by_key(|configuration| configuration.epoch());
        let enough = |configuration: &Configuration| {
            let halves = [configuration.peers(), configuration.outgoing()];
            halves.iter().filter(|half| !half.is_empty()).all(|half| self.can_go_on(half, None))
        };
        latest.is_none_or(enough)
    }

    /// Who hangs, and how everybody is.
    fn report(&self, why: &str) -> String {
        let mut words = format!("{} ms after all faults were over, {why}.", (self.now - self.healed_at) / MS);
        for server in &self.servers {
            words.push_str(&format!(" Server {}: {}.", server.id(), condition(server)));
        }
        words
    }
}

fn condition(server: &Server) -> String {
    match &server.state {
        State::Down => "down".into(),
        State::Left => "left".into(),
        State::Refused(why) => format!("refused to start ({why})"),
        State::Up(process) => {
            let raft = &process.raft;
            let (floor, last) = process.span();
            format!(
                "{:?} in term {}, leader {:?}, commit {}, applied {}, log {} to {} (on disk {} to {}), members {:?}{}",
                raft.role(),
                raft.term(),
                raft.leader().map(|id| id.0),
                raft.commit(),
                server.applied().unwrap_or_default(),
                raft.floor().index,
                raft.last().index,
                floor.index,
                last.index,
                raft.configuration().everyone().map(|id| id.0).collect::<Vec<_>>(),
                if raft.configuration().is_joint() { ", joint" } else { "" },
            )
        }
    }
}
