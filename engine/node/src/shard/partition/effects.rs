//! What the protocol wants done, in the order in which it wants it.

use quorate_core::counting::{Finding, Told};
use quorate_protocol::raft::{Effect, Event, Role};

use super::super::jobs::Job;
use super::{Around, Partition};

impl Partition {
    /// Lets something happen to the protocol, and does what it wants.
    pub(super) fn step(&mut self, event: Event, around: &mut Around<'_>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.raft.step(around.now, event, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect, around);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, effect: Effect, around: &mut Around<'_>) {
        match effect {
            Effect::Send(letter) => around.post.send(self.id, letter.to, &letter.message),
            Effect::Count(ask) => {
                if let Err(error) = around.desk.ask(self.owner(), ask) {
                    self.stop(format!("it could not have its votes counted: {error}"), around);
                }
            }
            Effect::Persist(persist) => self.persist(persist, around),
            Effect::Load { to, from, upto, bytes_max } => {
                around.jobs.start(self.id, Job::Load { to, from, upto, bytes_max });
            }
            Effect::Commit { index } => {
                self.committed = self.committed.max(index);
                self.metrics.committed.set(self.committed.0);
            }
            Effect::Answer { ticket, answer } => self.answered(ticket, answer, around),
            Effect::ReadPiece { to, mark, nth } => self.read_piece(to, mark, nth, around),
            Effect::WritePiece { from, piece } => self.write_piece(from, piece, around),
            Effect::Became { role, term, leader } => {
                self.metrics.term.set(term.0);
                self.metrics.leads.set(u64::from(role == Role::Leader));
                if leader.is_some() && leader != self.leader {
                    self.metrics.leader_changes.inc();
                    self.leader = leader;
                }
                let id = self.id.0;
                match role {
                    Role::Leader => tracing::info!(partition = id, term = term.0, "leads"),
                    Role::Follower => tracing::info!(partition = id, term = term.0, leader = leader.map(|leader| leader.0), "follows"),
                    Role::PreCandidate | Role::Candidate => {
                        tracing::debug!(partition = id, term = term.0, role = ?role, "stands for election");
                    }
                }
                // What time alone has to be proposed depends on who leads, and a new leader may have members to bring in.
                self.due = Some(around.now);
                self.members.look_soon(around.now);
                if role == Role::Leader {
                    self.members.begin_to_lead();
                }
            }
            Effect::Members(configuration) => {
                let (voters, joint) = (configuration.peers().len(), configuration.is_joint());
                tracing::info!(partition = self.id.0, epoch = configuration.epoch().0, members = voters, joint, "has these members");
                self.members.look_soon(around.now);
            }
        }
    }

    /// The pipeline found something out about a round of this partition.
    pub(crate) fn told(&mut self, told: Told, around: &mut Around<'_>) {
        if told.what == Finding::Conflict {
            self.metrics.byzantine.inc();
            return self.stop(
                format!("two candidates of round {} have a quorum, which proves more faults than the protocol tolerates", told.key.0),
                around,
            );
        }
        self.happen(Event::Told(told), around);
    }
}
