//! What must be so whatever happens, one file each, checked after every event.
//!
//! An [`Invariant`] hears every [`Fact`] together with what was known of all servers before it ([`Observed`]), and says what is wrong in
//! words that one can act on: who, at which index, in which terms, and what was expected. Facts are what the world saw, not what servers
//! say of themselves, and nothing in here is the engine's own code for counting or comparing logs.
//!
//! What each demands is exact. Where a server may forget what it never told anybody, across a crash, an invariant allows for it; and what
//! it did tell must have been on disk before ([`promised_is_durable`]) and still be there afterwards ([`durable_is_kept`]).

mod acknowledged_is_kept;
mod bounded_memory;
mod by_index;
mod commit_is_backed;
mod committed_stays;
mod durable_is_kept;
mod election_is_backed;
mod leader_completeness;
mod lease_excludes_others;
mod log_matching;
mod observed;
mod one_leader_per_term;
mod one_vote_per_term;
mod own_term_is_counted;
mod promised_is_durable;
#[cfg(test)]
mod sample;
mod state_machine_safety;
mod term_has_candidate;
mod vote_is_for_newer_log;

use std::fmt;

use quorate_core::ids::MemberId;
use quorate_core::mark::Mark;

pub use acknowledged_is_kept::AcknowledgedIsKept;
pub use bounded_memory::BoundedMemory;
pub use commit_is_backed::CommitIsBacked;
pub use committed_stays::CommittedStays;
pub use durable_is_kept::DurableIsKept;
pub use election_is_backed::ElectionIsBacked;
pub use leader_completeness::LeaderCompleteness;
pub use lease_excludes_others::LeaseExcludesOthers;
pub use log_matching::LogMatching;
pub use observed::{Commit, Log, Observed, Server};
pub use one_leader_per_term::OneLeaderPerTerm;
pub use one_vote_per_term::OneVotePerTerm;
pub use own_term_is_counted::OwnTermIsCounted;
pub use promised_is_durable::PromisedIsDurable;
pub use state_machine_safety::StateMachineSafety;
pub use term_has_candidate::TermHasCandidate;
pub use vote_is_for_newer_log::VoteIsForNewerLog;

use crate::fact::Fact;

/// Something that must be so whatever happens.
pub trait Invariant: Send {
    /// Its name, which is its file's.
    fn name(&self) -> &'static str;

    /// Takes a fact in. What was known before it is in `before`.
    ///
    /// # Errors
    /// If it must not be, with what is wrong.
    fn see(&mut self, fact: &Fact, before: &Observed) -> Result<(), String>;

    /// A server was started, and everything that it found on disk was heard of.
    ///
    /// # Errors
    /// If what it found must not be, with what is wrong.
    fn started(&mut self, _node: MemberId, _after: &Observed) -> Result<(), String> {
        Ok(())
    }
}

/// What must not be, and was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// After which event.
    pub at_event: u64,
    /// When, in nanoseconds of the world's time.
    pub time: u64,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.time / 1_000_000_000, self.time / 1_000 % 1_000_000);
        write!(f, "{} at event {}, {seconds}.{micros:06} s: {}", self.invariant, self.at_event, self.detail)
    }
}

/// All invariants, and the picture that they share.
pub struct Invariants {
    all: Vec<Box<dyn Invariant>>,
    observed: Observed,
}

impl Default for Invariants {
    fn default() -> Self {
        // What is closest to the cause comes first: of several that one fact violates, the first is reported.
        let all: Vec<Box<dyn Invariant>> = vec![
            Box::new(PromisedIsDurable),
            Box::new(DurableIsKept::default()),
            Box::new(OneVotePerTerm::default()),
            Box::new(VoteIsForNewerLog::default()),
            Box::new(TermHasCandidate::default()),
            Box::new(ElectionIsBacked::default()),
            Box::new(OneLeaderPerTerm::default()),
            Box::new(LeaseExcludesOthers::default()),
            Box::new(LogMatching::default()),
            Box::new(OwnTermIsCounted),
            Box::new(CommitIsBacked),
            Box::new(CommittedStays),
            Box::new(LeaderCompleteness::default()),
            Box::new(StateMachineSafety::default()),
            Box::new(AcknowledgedIsKept::default()),
            Box::new(BoundedMemory),
        ];
        Self { all, observed: Observed::default() }
    }
}

impl Invariants {
    /// Their names, in the order in which they are asked.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().map(|invariant| invariant.name())
    }

    /// What is known of all servers.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Takes the facts of an event in.
    ///
    /// # Errors
    /// If one of them must not be. Nothing that comes after a violation means anything.
    pub fn see(&mut self, at_event: u64, time: u64, facts: &[Fact]) -> Result<(), Box<Violation>> {
        let violation = |invariant, detail| Box::new(Violation { invariant, at_event, time, detail });
        let mut starts = false;
        for fact in facts {
            for invariant in &mut self.all {
                invariant.see(fact, &self.observed).map_err(|detail| violation(invariant.name(), detail))?;
            }
            self.observed.take_in(fact);
            starts |= matches!(fact, Fact::Started { .. });
        }
        if !starts {
            return Ok(());
        }
        for fact in facts {
            let Fact::Started { node, .. } = fact else { continue };
            self.observed.started(*node);
            for invariant in &mut self.all {
                invariant.started(*node, &self.observed).map_err(|detail| violation(invariant.name(), detail))?;
            }
        }
        Ok(())
    }
}

/// A place in words.
fn place(mark: Mark) -> String {
    format!("index {} of term {}", mark.index, mark.term)
}

/// A member or nobody, in words.
fn who(member: Option<MemberId>) -> String {
    member.map_or_else(|| "nobody".to_owned(), |id| format!("member {id}"))
}

#[cfg(test)]
mod tests {
    use super::sample::*;
    use super::*;

    #[test]
    fn each_invariant_is_there_once_and_bears_its_files_name() {
        let names: Vec<&str> = Invariants::default().names().collect();
        let files = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
        let files: Vec<&str> = files.filter(|file| !["by_index", "observed", "sample"].contains(file)).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, files);
    }

    #[test]
    fn a_violation_says_which_when_and_what() {
        let mut invariants = Invariants::default();
        let logs = [started(1), started(2), hard(1, 4, Some(1)), durable(1, 4, Some(1), 0), granted(2, 4, 1)];
        let violation = invariants.see(9, 1_500_000_000, &logs).unwrap_err();
        assert_eq!((violation.invariant, violation.at_event), ("promised_is_durable", 9));
        let words = violation.to_string();
        assert!(words.starts_with("promised_is_durable at event 9, 1.500000 s: member 2"), "{words}");
    }

    #[test]
    fn a_whole_election_and_a_write_violate_nothing() {
        let mut invariants = Invariants::default();
        let say = 1_001;
        let events: Vec<Vec<Fact>> = vec![
            vec![started(1)],
            vec![started(2)],
            vec![started(3)],
            vec![hard(1, 1, Some(1))],
            vec![durable(1, 1, Some(1), 0), granted(1, 1, 1)],
            vec![hard(2, 1, Some(1))],
            vec![durable(2, 1, Some(1), 0), granted(2, 1, 1)],
            vec![leads(1, 1), appended(1, 1, 1)],
            vec![hard(3, 1, None), follows(3, 1), appended(3, 1, 1)],
            vec![durable(1, 1, Some(1), 1)],
            vec![durable(3, 1, None, 1), acked(3, 1, 1)],
            vec![committed(1, 1, 1), applied(1, 1, 1, say, 5), acknowledged(1, 1, say)],
            vec![committed(3, 1, 1), applied(3, 1, 1, say, 5)],
            vec![crashed(3)],
            vec![restarted(3, 1, None, mark(0, 0)), appended(3, 1, 1)],
            vec![committed(3, 1, 1), applied(3, 1, 1, say, 5)],
        ];
        for (at, facts) in events.iter().enumerate() {
            assert_eq!(invariants.see(at as u64, at as u64, facts), Ok(()));
        }
        assert_eq!(invariants.observed().highest_commit().0, 1);
    }
}
