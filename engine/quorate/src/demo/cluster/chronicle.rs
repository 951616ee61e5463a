//! What happens, as sentences with a time: who leads, who stands for election, who dies and who is back. It compares each look at the nodes
//! with the one before.

use std::collections::VecDeque;
use std::time::Duration;

use super::sight::{self, Role, Sight, State};

/// How many events are remembered.
const EVENTS_MAX: usize = 500;

/// How something is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It is well.
    Good,
    /// It is worth knowing.
    Notice,
    /// It is not well.
    Bad,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// When.
    pub(crate) at: Duration,
    /// How it is to be taken.
    pub(crate) tone: Tone,
    /// What.
    pub(crate) text: String,
}

/// All that happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chronicle {
    events: VecDeque<Event>,
    told: u64,
    before: Vec<Sight>,
    led: Option<(u64, u64)>,
    /// How often another member led than before.
    pub(crate) leader_changes: u64,
    /// How often the term rose, once there was a leader.
    pub(crate) elections: u64,
    /// How many nodes died.
    pub(crate) kills: u64,
    term: u64,
}

impl Chronicle {
    /// Writes something down.
    pub(crate) fn note(&mut self, at: Duration, tone: Tone, text: impl Into<String>) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(Event { at, tone, text: text.into() });
        self.told += 1;
    }

    /// Compares how the nodes look with how they looked before.
    pub(crate) fn look(&mut self, at: Duration, sights: &[Sight]) {
        for (nth, now) in sights.iter().enumerate() {
            let before = self.before.get(nth).cloned().unwrap_or_else(|| Sight { node: now.node, ..Sight::default() });
            self.compare(at, &before, now);
        }
        if let Some(leader) = sight::leader(sights) {
            let led = (leader.node, leader.term);
            if self.led.is_none_or(|(_, term)| led.1 > term) {
                if self.led.is_some() {
                    self.elections += led.1 - self.term.min(led.1);
                }
                self.leader_changes += u64::from(self.led.is_some_and(|(node, _)| node != led.0));
                (self.led, self.term) = (Some(led), led.1);
                self.note(at, Tone::Good, format!("node-{} leads in term {}", led.0, led.1));
            }
        }
        self.before = sights.iter().enumerate().map(|(nth, now)| self.remembered(nth, now)).collect();
    }

    /// How a node is compared the next time. One that was dead or stood still and has not answered yet is not back.
    fn remembered(&self, nth: usize, now: &Sight) -> Sight {
        match self.before.get(nth).map(|before| before.state) {
            Some(state @ (State::Down(_) | State::Paused)) if now.state == State::Starting => Sight { state, ..now.clone() },
            _ => now.clone(),
        }
    }

    fn compare(&mut self, at: Duration, before: &Sight, now: &Sight) {
        let name = format!("node-{}", now.node);
        match (before.state, now.state) {
            (State::Down(_), State::Up) => self.note(at, Tone::Good, format!("{name} is back")),
            (State::Paused, State::Up) => self.note(at, Tone::Good, format!("{name} goes on")),
            (State::Paused, State::Paused) | (State::Down(_), State::Down(_)) => {}
            (_, State::Down(_)) => {
                self.kills += 1;
                self.note(at, Tone::Bad, format!("{name} died{}", if before.leads() { ", the leader" } else { "" }));
            }
            (_, State::Paused) => {
                self.note(at, Tone::Bad, format!("{name} stands still{}", if before.leads() { ", the leader" } else { "" }));
            }
            _ => {}
        }
        if now.state != State::Up {
            return;
        }
        if before.role != now.role && now.role == Role::Candidate {
            self.note(at, Tone::Notice, format!("{name} stands for term {}", now.term));
        }
        if before.role == Role::Leader && now.role != Role::Leader && before.state == State::Up {
            self.note(at, Tone::Notice, format!("{name} leads no more"));
        }
        if let (None, Some(why)) = (&before.stopped, &now.stopped) {
            self.note(at, Tone::Bad, format!("{name} stopped: {why}"));
        }
    }

    /// The latest events, the newest first.
    pub(crate) fn latest(&self, most: usize) -> Vec<Event> {
        self.events.iter().rev().take(most).cloned().collect()
    }

    /// How many events there were.
    pub(crate) fn told(&self) -> u64 {
        self.told
    }

    /// Those behind so many, as far as they are remembered.
    pub(crate) fn since(&self, told: u64) -> impl Iterator<Item = &Event> {
        let new = usize::try_from(self.told.saturating_sub(told)).unwrap_or(usize::MAX).min(self.events.len());
        self.events.range(self.events.len() - new..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: u64, state: State, role: Role, term: u64) -> Sight {
        Sight { node, state, role, term, ..Sight::default() }
    }

    fn texts(chronicle: &Chronicle) -> Vec<&str> {
        chronicle.since(0).map(|event| event.text.as_str()).collect()
    }

    #[test]
    fn a_failover_is_told_and_counted_once() {
        let mut chronicle = Chronicle::default();
        let at = Duration::from_secs;
        let (up, down) = (State::Up, State::Down(3));
        chronicle.look(at(0), &[node(1, State::Starting, Role::Follower, 0), node(2, State::Starting, Role::Follower, 0)]);
        chronicle.look(at(1), &[node(1, up, Role::Leader, 1), node(2, up, Role::Follower, 1)]);
        chronicle.look(at(2), &[node(1, down, Role::Leader, 1), node(2, up, Role::Follower, 1)]);
        chronicle.look(at(3), &[node(1, State::Down(2), Role::Leader, 1), node(2, up, Role::Candidate, 2)]);
        chronicle.look(at(3), &[node(1, State::Down(2), Role::Leader, 1), node(2, up, Role::Leader, 2)]);
        chronicle.look(at(5), &[node(1, State::Starting, Role::Leader, 1), node(2, up, Role::Leader, 2)]);
        chronicle.look(at(5), &[node(1, up, Role::Follower, 2), node(2, up, Role::Leader, 2)]);
        assert_eq!(
            texts(&chronicle),
            ["node-1 leads in term 1", "node-1 died, the leader", "node-2 stands for term 2", "node-2 leads in term 2", "node-1 is back",]
        );
        assert_eq!((chronicle.leader_changes, chronicle.elections, chronicle.kills), (1, 1, 1));
    }

    #[test]
    fn a_leader_that_has_not_heard_of_its_deposition_is_no_change() {
        let mut chronicle = Chronicle::default();
        let up = State::Up;
        chronicle.look(Duration::ZERO, &[node(1, up, Role::Leader, 1), node(2, up, Role::Follower, 1)]);
        chronicle.look(Duration::ZERO, &[node(1, up, Role::Leader, 1), node(2, up, Role::Leader, 2)]);
        chronicle.look(Duration::ZERO, &[node(1, up, Role::Leader, 1), node(2, State::Starting, Role::Leader, 2)]);
        assert_eq!((chronicle.leader_changes, chronicle.elections), (1, 1));
        chronicle.look(Duration::ZERO, &[node(1, up, Role::Follower, 2), node(2, up, Role::Leader, 2)]);
        assert_eq!(texts(&chronicle).last(), Some(&"node-1 leads no more"));
    }

    #[test]
    fn the_same_member_in_a_later_term_is_an_election_and_no_change_of_leader() {
        let mut chronicle = Chronicle::default();
        chronicle.look(Duration::ZERO, &[node(1, State::Up, Role::Leader, 1)]);
        chronicle.look(Duration::ZERO, &[node(1, State::Up, Role::Leader, 3)]);
        assert_eq!((chronicle.leader_changes, chronicle.elections), (0, 2));
    }

    #[test]
    fn old_events_are_forgotten_and_new_ones_can_be_asked_for() {
        let mut chronicle = Chronicle::default();
        for nth in 0..EVENTS_MAX + 3 {
            chronicle.note(Duration::ZERO, Tone::Notice, nth.to_string());
        }
        assert_eq!(chronicle.since(0).count(), EVENTS_MAX);
        assert_eq!(chronicle.since(chronicle.told() - 2).map(|event| event.text.as_str()).collect::<Vec<_>>(), ["501", "502"]);
        assert_eq!(chronicle.latest(1)[0].text, "502");
    }

    #[test]
    fn stopping_and_going_on_are_told() {
        let mut chronicle = Chronicle::default();
        chronicle.look(Duration::ZERO, &[node(1, State::Up, Role::Follower, 1)]);
        chronicle.look(Duration::ZERO, &[node(1, State::Paused, Role::Follower, 1)]);
        chronicle.look(Duration::ZERO, &[node(1, State::Paused, Role::Follower, 1)]);
        chronicle.look(Duration::ZERO, &[node(1, State::Up, Role::Follower, 1)]);
        assert_eq!(texts(&chronicle), ["node-1 stands still", "node-1 goes on"]);
    }
}
