//! How a node looks from outside: what its process does, and what it last said of the partition of the key-value store.

/// What a node's process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// It begins, and has not answered yet.
    #[default]
    Starting,
    /// It runs.
    Up,
    /// It is dead, and starts again in so many seconds.
    Down(u64),
    /// It is stopped in its tracks.
    Paused,
}

/// What a node is in its partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// It follows.
    #[default]
    Follower,
    /// It asks whether it would be elected.
    PreCandidate,
    /// It stands for election.
    Candidate,
    /// It leads.
    Leader,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Which.
    pub(crate) node: u64,
    /// What its process does.
    pub(crate) state: State,
    /// What it is, as it said last.
    pub(crate) role: Role,
    /// In which term.
    pub(crate) term: u64,
    /// Who leads, as far as it knows.
    pub(crate) leader: Option<u64>,
    /// Up to where it knows that entries are committed.
    pub(crate) commit: u64,
    /// Up to where it has applied them.
    pub(crate) applied: u64,
    /// Up to where it has any.
    pub(crate) last: u64,
    /// Why its partition stopped, if it did.
    pub(crate) stopped: Option<String>,
}

impl Sight {
    /// Whether it runs and leads.
    pub(crate) fn leads(&self) -> bool {
        self.state == State::Up && self.role == Role::Leader
    }
}

/// Who leads: of those that run and say so, the one in the highest term. One that was deposed may not have heard of it yet.
pub(crate) fn leader(sights: &[Sight]) -> Option<&Sight> {
    sights.iter().filter(|sight| sight.leads()).max_by_key(|sight| sight.term)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(node: u64, state: State, role: Role, term: u64) -> Sight {
        Sight { node, state, role, term, ..Sight::default() }
    }

    #[test]
    fn who_leads_runs_and_is_in_the_highest_term() {
        let sights = [
            node(1, State::Up, Role::Leader, 3),
            node(2, State::Up, Role::Leader, 4),
            node(3, State::Down(1), Role::Leader, 5),
            node(4, State::Paused, Role::Leader, 6),
            node(5, State::Up, Role::Candidate, 7),
        ];
        assert_eq!(leader(&sights).map(|sight| sight.node), Some(2));
        assert_eq!(leader(&sights[2..]), None);
    }
}
