//! What the protocol wants done, in the order in which it wants it.

use quorate_protocol::raft::{Body, Effect, Entry, Event, Letter, Message, Payload, Persist, Role};

use quorate_telemetry::schema::{Fate, PipelineRun};

use super::{Around, OWNER, Process};
use crate::fact::{Fact, Print};
use crate::happening::{Happening, Local};
use crate::network::Transit;
use crate::{print, sights};

/// One in so many results is told very late.
const LATE_ONE_IN: u64 = 128;

/// What an entry says; nothing, if only its place is kept.
pub(super) fn print_of(entry: &Entry) -> Option<Print> {
    let withheld = entry.data.len() == 1 && matches!(entry.payload(), Ok(Payload::Withheld));
    (!withheld).then(|| print::of(&entry.data))
}

impl Process {
    /// Lets something happen to the protocol, and does what it wants.
    pub(super) fn step(&mut self, event: Event, around: &mut Around<'_>) {
        let before = (self.raft.term(), self.raft.vote());
        let mut effects = std::mem::take(&mut self.effects);
        self.raft.step(self.local_now(around), event, &mut effects);
        let (term, vote) = (self.raft.term(), self.raft.vote());
        if (term, vote) != before {
            around.facts.push(Fact::Hard { node: self.id, term, vote });
        }
        for effect in effects.drain(..) {
            self.carry_out(effect, around);
        }
        self.effects = effects;
        self.arrange_tick(around);
    }

    fn carry_out(&mut self, effect: Effect, around: &mut Around<'_>) {
        match effect {
            Effect::Send(letter) => {
                self.note_promise(&letter, around);
                self.send(letter, around);
            }
            Effect::Count(ask) => {
                self.ballots.asked(self.id, &ask, around.sights);
                match self.desk.ask(OWNER, ask) {
                    Ok(()) => self.arrange_count(around),
                    Err(error) => self.broken("could not have its votes counted", &error),
                }
            }
            Effect::Persist(persist) => self.persist(persist, around),
            Effect::Load { to, from, upto, bytes_max } => {
                let after = around.rng.below(around.shape.sync_ns) + 1;
                self.later(after, Local::Load { to, from, upto, bytes_max }, around);
            }
            Effect::Commit { index } => {
                around.facts.push(Fact::Committed { node: self.id, index, term: self.raft.term() });
                self.committed = self.committed.max(index);
                self.arrange_apply(around);
            }
            Effect::Answer { ticket, answer } => self.answered(ticket, answer, around),
            Effect::ReadPiece { to, mark, nth } => {
                let after = around.rng.below(around.shape.sync_ns) + 1;
                self.later(after, Local::ReadPiece { to, mark, nth }, around);
            }
            Effect::WritePiece { from, piece } => {
                let after = self.writes_piece_after(&piece, around);
                self.later(after, Local::WritePiece { from, piece: Box::new(piece) }, around);
            }
            Effect::Became { role, term, leader } => {
                around.tally.elections += u64::from(role == Role::Leader);
                around.facts.push(Fact::Became { node: self.id, role, term, leader });
            }
            Effect::Members(configuration) => {
                around.tally.reconfigurations += 1;
                around.facts.push(Fact::Members { node: self.id, configuration });
            }
        }
    }

    /// Hands a message to the network.
    fn send(&mut self, letter: Letter, around: &mut Around<'_>) {
        let (from, to, now) = (self.id, letter.to, around.now);
        let Around { network, queue, rng, sights, .. } = around;
        let lost = sights.is_listening().then(|| sights::message(from, to, &letter.message.body, Fate::Dropped, None));
        let mut sent = false;
        let arrive = |at: u64, transit: Transit| {
            // What somebody else sent long ago is on its way again, or this message a second time.
            let own = (transit.from, transit.to) == (from, to) && !std::mem::replace(&mut sent, true);
            let fate = if own { Fate::Sent } else { Fate::Duplicated };
            sights.of_world(|| sights::message(transit.from, transit.to, &transit.message.body, fate, Some(at - now)));
            queue.push(at, Happening::Message(transit));
        };
        network.send(now, from, to, letter.message, rng, arrive);
        if let Some(lost) = lost.filter(|_| !sent) {
            sights.of_world(|| lost);
        }
    }

    /// Says what a message promises.
    fn note_promise(&self, letter: &Letter, around: &mut Around<'_>) {
        let (node, Message { term, body }) = (self.id, &letter.message);
        around.facts.extend(match *body {
            Body::Vote { .. } => Some(Fact::Granted { node, term: *term, to: node }),
            Body::VoteReply { granted: true } => Some(Fact::Granted { node, term: *term, to: letter.to }),
            Body::Appended { upto } => Some(Fact::Acked { node, term: *term, upto }),
            _ => None,
        });
    }

    /// Says what a request to write means for the log.
    pub(super) fn note(&self, persist: &Persist, around: &mut Around<'_>) {
        let node = self.id;
        if let Some(from) = persist.cut {
            around.tally.cuts += 1;
            around.facts.push(Fact::Cut { node, from });
        }
        around.facts.extend(persist.entries.iter().map(|entry| Fact::Appended { node, mark: entry.mark, print: print_of(entry) }));
    }

    /// Sees to it that the protocol is woken when it wants to be.
    pub(super) fn arrange_tick(&mut self, around: &mut Around<'_>) {
        let due = self.rate.world(self.raft.wake()).max(around.now + 1);
        if due < self.tick_due {
            self.tick_due = due;
            around.queue.push(due, Happening::Local { nth: self.nth, life: self.life, what: Local::Tick { due } });
        }
    }

    pub(super) fn tick(&mut self, due: u64, around: &mut Around<'_>) {
        if due != self.tick_due {
            return;
        }
        self.tick_due = u64::MAX;
        if self.local_now(around) >= self.raft.wake() {
            self.step(Event::Tick, around);
        } else {
            self.arrange_tick(around);
        }
    }

    /// Sees to it that what waits at the desk is counted some time.
    fn arrange_count(&mut self, around: &mut Around<'_>) {
        if !self.counting && self.desk.waiting() > 0 {
            (self.counting, self.counting_since) = (true, around.now);
            let after = around.rng.below(around.shape.count_ns) + 1;
            self.later(after, Local::Count, around);
        }
    }

    /// Has votes counted. The protocol hears of it later, of each round in order, but of one round before or after another; by then it
    /// may have closed the round, or be in another term.
    pub(super) fn count(&mut self, around: &mut Around<'_>) {
        self.counting = false;
        self.told_until.retain(|_, until| *until >= around.now);
        let mut told = std::mem::take(&mut self.told);
        match self.desk.run(&mut told) {
            Ok(report) => {
                around.tally.counts += 1;
                around.tally.votes += report.votes as u64;
                let (took_ns, backend) = (around.now - self.counting_since, around.shape.backend.name());
                let (votes, rounds) = (report.votes as u64, report.rounds as u64);
                around.sights.at(self.id, || PipelineRun { votes, rounds, took_ns, backend: backend.into() });
            }
            Err(error) => self.broken("could not count votes", &error),
        }
        told.iter().for_each(|(_, told)| self.ballots.told(self.id, told, around.sights));
        for (_, told) in told.drain(..) {
            let most = if around.rng.one_in(LATE_ONE_IN) {
                3 * around.shape.settings.election.as_nanos() as u64 / 2
            } else {
                around.shape.count_ns
            };
            let due = (around.now + 1 + around.rng.below(most)).max(self.told_until.get(&told.key).copied().unwrap_or(0));
            self.told_until.insert(told.key, due);
            self.later(due - around.now, Local::Told(told), around);
        }
        self.told = told;
    }
}
