//! Facts made by hand, for the tests of invariants.

use quorate_core::ids::{Epoch, Height, MemberId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Peer, Role};

use super::{Invariant, Observed};
use crate::fact::{Fact, Print};

pub(super) fn mark(index: u64, term: u64) -> Mark {
    Mark { index: Height(index), term: View(term) }
}

pub(super) fn three() -> Configuration {
    Configuration::new(Epoch(1), [1, 2, 3].map(Peer::voter)).expect("three voters are a group")
}

pub(super) fn started(node: u64) -> Fact {
    restarted(node, 0, None, mark(0, 0))
}

pub(super) fn restarted(node: u64, term: u64, vote: Option<u64>, floor: Mark) -> Fact {
    Fact::Started { node: MemberId(node), term: View(term), vote: vote.map(MemberId), floor, configuration: three() }
}

pub(super) fn crashed(node: u64) -> Fact {
    Fact::Crashed { node: MemberId(node) }
}

pub(super) fn hard(node: u64, term: u64, vote: Option<u64>) -> Fact {
    Fact::Hard { node: MemberId(node), term: View(term), vote: vote.map(MemberId) }
}

pub(super) fn durable(node: u64, term: u64, vote: Option<u64>, upto: u64) -> Fact {
    Fact::Durable { node: MemberId(node), term: View(term), vote: vote.map(MemberId), upto: Height(upto) }
}

pub(super) fn granted(node: u64, term: u64, to: u64) -> Fact {
    Fact::Granted { node: MemberId(node), term: View(term), to: MemberId(to) }
}

pub(super) fn acked(node: u64, term: u64, upto: u64) -> Fact {
    Fact::Acked { node: MemberId(node), term: View(term), upto: Height(upto) }
}

pub(super) fn leased(node: u64, term: u64) -> Fact {
    Fact::Leased { node: MemberId(node), term: View(term) }
}

pub(super) fn leads(node: u64, term: u64) -> Fact {
    Fact::Became { node: MemberId(node), role: Role::Leader, term: View(term), leader: Some(MemberId(node)) }
}

pub(super) fn follows(node: u64, term: u64) -> Fact {
    Fact::Became { node: MemberId(node), role: Role::Follower, term: View(term), leader: None }
}

pub(super) fn members(node: u64, configuration: Configuration) -> Fact {
    Fact::Members { node: MemberId(node), configuration }
}

/// An entry that says what all entries of its index and term say.
pub(super) fn appended(node: u64, index: u64, term: u64) -> Fact {
    says(node, index, term, Some(index * 1_000 + term))
}

pub(super) fn says(node: u64, index: u64, term: u64, print: Option<Print>) -> Fact {
    Fact::Appended { node: MemberId(node), mark: mark(index, term), print }
}

pub(super) fn cut(node: u64, from: u64) -> Fact {
    Fact::Cut { node: MemberId(node), from: Height(from) }
}

pub(super) fn floor(node: u64, index: u64, term: u64) -> Fact {
    Fact::Floor { node: MemberId(node), mark: mark(index, term) }
}

pub(super) fn committed(node: u64, index: u64, term: u64) -> Fact {
    Fact::Committed { node: MemberId(node), index: Height(index), term: View(term) }
}

pub(super) fn applied(node: u64, index: u64, term: u64, print: Print, state: Print) -> Fact {
    Fact::Applied { node: MemberId(node), mark: mark(index, term), print, state }
}

pub(super) fn restored(node: u64, index: u64, term: u64, state: Print) -> Fact {
    Fact::Restored { node: MemberId(node), mark: mark(index, term), state }
}

pub(super) fn acknowledged(index: u64, term: u64, print: Print) -> Fact {
    Fact::Acknowledged { client: 7, sequence: 1, mark: mark(index, term), print }
}

/// What an invariant says of events, each of which is a list of facts.
pub(super) fn verdict_of_events(mut invariant: impl Invariant, events: &[&[Fact]]) -> Result<(), String> {
    let mut observed = Observed::default();
    for facts in events {
        for fact in *facts {
            invariant.see(fact, &observed)?;
            observed.take_in(fact);
        }
        for fact in *facts {
            if let Fact::Started { node, .. } = fact {
                observed.started(*node);
                invariant.started(*node, &observed)?;
            }
        }
    }
    Ok(())
}

/// What an invariant says of facts, each of which is an event of its own.
pub(super) fn verdict(invariant: impl Invariant, facts: &[Fact]) -> Result<(), String> {
    verdict_of_events(invariant, &facts.iter().map(std::slice::from_ref).collect::<Vec<_>>())
}
