//! The auditor: one hash over everything that happened.
//!
//! Two runs of one seed are the same run if and only if their auditors agree, whatever the build, the machine or the backend that
//! counted. Events are gathered before they are hashed, so that taking account of one costs little.

use crate::fact::{Fact, Print};
use crate::print::mix;

/// So much is gathered before it is hashed.
const BUFFER: usize = 16 << 10;

/// Takes account of a run.
pub struct Auditor {
    hasher: blake3::Hasher,
    buffer: Vec<u8>,
}

impl Default for Auditor {
    fn default() -> Self {
        Self { hasher: blake3::Hasher::new_derive_key("quorate 2026-11 simulation auditor v1"), buffer: Vec::with_capacity(BUFFER + 64) }
    }
}

impl Auditor {
    /// Takes account of an event: when, of which kind, at whom, with which content.
    pub fn event(&mut self, at: u64, kind: u8, target: u16, content: Print) {
        self.buffer.extend_from_slice(&at.to_le_bytes());
        self.buffer.extend_from_slice(&[kind]);
        self.buffer.extend_from_slice(&target.to_le_bytes());
        self.buffer.extend_from_slice(&content.to_le_bytes());
        if self.buffer.len() >= BUFFER {
            self.hasher.update(&self.buffer);
            self.buffer.clear();
        }
    }

    /// The hash over everything so far.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.buffer);
        *hasher.finalize().as_bytes()
    }
}

/// The print of a fact: enough of it that no two runs agree on all prints and differ.
pub(crate) fn print_of(fact: &Fact) -> Print {
    match fact {
        Fact::Started { node, term, vote, floor, configuration } => {
            let hard = mix(term.0, vote.map_or(0, |vote| vote.0));
            mix(mix(node.0 << 8 | 1, hard), mix(floor.index.0, configuration.epoch().0))
        }
        Fact::Crashed { node } => node.0 << 8 | 2,
        Fact::Refused { node } => node.0 << 8 | 3,
        Fact::Hard { node, term, vote } => mix(node.0 << 8 | 4, mix(term.0, vote.map_or(0, |vote| vote.0))),
        Fact::Became { node, role, term, leader } => {
            mix(node.0 << 8 | 5, mix(term.0 << 8 | *role as u64, leader.map_or(0, |leader| leader.0)))
        }
        Fact::Members { node, configuration } => mix(node.0 << 8 | 6, configuration.epoch().0),
        Fact::Appended { node, mark, print } => mix(node.0 << 8 | 7, mix(mark.index.0, print.unwrap_or(mark.term.0))),
        Fact::Cut { node, from } => mix(node.0 << 8 | 8, from.0),
        Fact::Floor { node, mark } => mix(node.0 << 8 | 9, mark.index.0),
        Fact::Committed { node, index, .. } => mix(node.0 << 8 | 10, index.0),
        Fact::Applied { node, mark, state, .. } => mix(node.0 << 8 | 11, mix(mark.index.0, *state)),
        Fact::Restored { node, mark, state } => mix(node.0 << 8 | 12, mix(mark.index.0, *state)),
        Fact::Acknowledged { client, sequence, mark, .. } => mix(u64::from(*client) << 8 | 13, mix(*sequence, mark.index.0)),
        Fact::Durable { node, term, vote, upto } => mix(node.0 << 8 | 15, mix(mix(term.0, vote.map_or(0, |vote| vote.0)), upto.0)),
        Fact::Granted { node, term, to } => mix(node.0 << 8 | 16, mix(term.0, to.0)),
        Fact::Acked { node, term, upto } => mix(node.0 << 8 | 17, mix(term.0, upto.0)),
        Fact::Leased { node, term } => mix(node.0 << 8 | 18, term.0),
        Fact::Memory { node, waiting, .. } => mix(node.0 << 8 | 14, *waiting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_all_events_in_their_order() {
        let hash = |events: &[(u64, u16)]| {
            let mut auditor = Auditor::default();
            events.iter().for_each(|(at, target)| auditor.event(*at, 1, *target, 7));
            auditor.hash()
        };
        let many: Vec<_> = (0..5000).map(|at| (at, 3)).collect();
        assert_eq!(hash(&many), hash(&many));
        assert_ne!(hash(&many), hash(&many[1..]));
        assert_ne!(hash(&[(1, 1), (1, 2)]), hash(&[(1, 2), (1, 1)]));
    }
}
