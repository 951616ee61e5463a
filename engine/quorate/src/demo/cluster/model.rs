//! What is on the screen, as plain data: made from a session, drawn by the view, and known to neither of them.

use std::time::Duration;

use super::chronicle::Event;
use super::options::Load;
use super::sight::{self, Role, Sight, State};

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    /// How the nodes agree, how many they are, how they keep what they write, and where they run.
    pub(crate) shape: Vec<String>,
    /// How long there has been load.
    pub(crate) elapsed: Duration,
    /// When it ends by itself.
    pub(crate) limit: Option<Duration>,
    /// What clients do.
    pub(crate) load: Option<Load>,
    /// The nodes, by number.
    pub(crate) nodes: Vec<Sight>,
    /// Acknowledged writes a second, sampled, the newest last.
    pub(crate) rates: Vec<u64>,
    /// The 99th percentile of the same samples, in microseconds.
    pub(crate) tails: Vec<u64>,
    /// What clients were told lately.
    pub(crate) now: Figures,
    /// What they were told since it began.
    pub(crate) total: Totals,
    /// What happened, the newest first.
    pub(crate) events: Vec<Event>,
    /// Where to look and what to type.
    pub(crate) hints: Vec<Hint>,
    /// Whether processes can be stopped and let go on.
    pub(crate) can_pause: bool,
    /// Whether the help is shown.
    pub(crate) help: bool,
    /// What is not as it must be.
    pub(crate) faults: Vec<String>,
}

/// What clients were told in the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    /// Acknowledged writes a second.
    pub(crate) writes: f64,
    /// Answered reads a second.
    pub(crate) reads: f64,
    /// The median from handing a write over to its acknowledgement, in microseconds.
    pub(crate) p50_us: Option<u64>,
    /// The 99th percentile of the same.
    pub(crate) p99_us: Option<u64>,
}

/// What clients were told since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Acknowledged writes.
    pub(crate) commits: u64,
    /// Answered reads.
    pub(crate) reads: u64,
    /// Requests that were refused.
    pub(crate) rejected: u64,
    /// Requests of which nobody knows.
    pub(crate) unknown: u64,
    /// How often another member led.
    pub(crate) leader_changes: u64,
}

/// Something to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hint {
    /// What it is for.
    pub(crate) what: String,
    /// What to type or open.
    pub(crate) text: String,
}

impl Model {
    /// Who leads.
    pub(crate) fn leader(&self) -> Option<&Sight> {
        sight::leader(&self.nodes)
    }

    /// The end of the longest log.
    pub(crate) fn last(&self) -> u64 {
        self.nodes.iter().map(|node| node.last).max().unwrap_or(0)
    }

    /// How many entries a node has not applied that are committed somewhere.
    pub(crate) fn lag(&self, node: &Sight) -> u64 {
        self.nodes.iter().map(|other| other.commit).max().unwrap_or(0).saturating_sub(node.applied)
    }

    /// How many nodes run.
    pub(crate) fn up(&self) -> usize {
        self.nodes.iter().filter(|node| node.state == State::Up).count()
    }
}

/// What a node is and does, in a word.
pub(crate) fn word(node: &Sight) -> String {
    match (node.state, node.role) {
        (State::Starting, _) => "starting".into(),
        (State::Down(0), _) => "down".into(),
        (State::Down(seconds), _) => format!("down, {seconds} s"),
        (State::Paused, _) => "paused".into(),
        (State::Up, _) if node.stopped.is_some() => "stopped".into(),
        (State::Up, Role::Leader) => "leader".into(),
        (State::Up, Role::Follower) => "follower".into(),
        (State::Up, Role::PreCandidate) => "asking".into(),
        (State::Up, Role::Candidate) => "candidate".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_counted_from_the_highest_commit_to_what_is_applied() {
        let node = |commit, applied| Sight { state: State::Up, commit, applied, last: commit + 2, ..Sight::default() };
        let model = Model { nodes: vec![node(100, 99), node(90, 90), node(0, 0)], ..Model::default() };
        assert_eq!(model.nodes.iter().map(|node| model.lag(node)).collect::<Vec<_>>(), [1, 10, 100]);
        assert_eq!((model.last(), model.up(), model.leader()), (102, 3, None));
    }

    #[test]
    fn a_word_says_what_a_node_does_before_what_it_was() {
        let node = |state, role| word(&Sight { state, role, ..Sight::default() });
        assert_eq!(node(State::Up, Role::Leader), "leader");
        assert_eq!(node(State::Down(3), Role::Leader), "down, 3 s");
        assert_eq!(node(State::Paused, Role::Leader), "paused");
        assert_eq!(word(&Sight { state: State::Up, stopped: Some("why".into()), ..Sight::default() }), "stopped");
    }
}
