//! The self-tests: everything by which a backend is held to what is right, with the data in the binary.
//!
//! Outside vectors come first: verdicts that others published, for signatures, trees and quorums. Then the engine against itself:
//! pinned encodings, every bit against the scalar reference, independence of order, and faults planted on purpose, which must be
//! found. Then come crashes, flipped bits and full disks, which storage must survive whatever the backend, and last histories, on which
//! the simulator's checker must find what was published. A suite is a function from a [`Bench`] to a [`Verdict`]; it has one file here,
//! under its own name.

mod blake3;
mod cctv_ed25519;
mod data;
mod differential;
mod ed25519;
mod etcd_quorum;
pub mod golden_directories;
pub mod golden_encodings;
mod histories;
mod order_independence;
mod planted_fault;
mod rfc6962;
mod rfc8032;
mod speccheck;
mod storage;
mod trees;
mod wycheproof_ed25519;
mod zip215;

use quorate_pipeline::Backend;
use quorate_pipeline::conformance::{Make, Verdict};

/// What a suite examines, and how thoroughly.
#[derive(Clone, Copy)]
pub struct Bench<'a> {
    /// Makes a fresh backend.
    pub make: Make<'a>,
    /// The same, with small key tables, for suites that admit thousands of electorates and would do nothing but build tables.
    pub light: Make<'a>,
    /// Where the random cases come from.
    pub seed: u64,
    /// How many random rounds; each suite has a number of its own if this is not given.
    pub rounds: Option<u64>,
}

impl Bench<'_> {
    /// A fresh backend.
    #[must_use]
    pub fn backend(&self) -> Box<dyn Backend> {
        (self.make)()
    }
}

/// A suite of tests.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// What it tests, in a line.
    pub about: &'static str,
    run: fn(&Bench<'_>) -> Verdict,
}

impl Suite {
    /// Every suite, in the order in which they run.
    pub const ALL: &[Suite] = &[
        zip215::SUITE,
        cctv_ed25519::SUITE,
        speccheck::SUITE,
        wycheproof_ed25519::SUITE,
        rfc8032::SUITE,
        rfc6962::SUITE,
        blake3::SUITE,
        golden_encodings::SUITE,
        etcd_quorum::SUITE,
        differential::SUITE,
        order_independence::SUITE,
        planted_fault::SUITE,
        storage::CRASH_POINTS,
        storage::BIT_FLIPS,
        storage::LOG_CONFORMANCE,
        golden_directories::SUITE,
        storage::ENOSPC,
        histories::SUITE,
    ];

    /// Names that stand for several suites.
    pub const GROUPS: &[(&str, &[Suite])] =
        &[("storage", &[storage::CRASH_POINTS, storage::BIT_FLIPS, storage::LOG_CONFORMANCE, golden_directories::SUITE, storage::ENOSPC])];

    /// The suites that a name stands for: one, those of a group, or none.
    #[must_use]
    pub fn named(name: &str) -> &'static [Suite] {
        let one = Self::ALL.iter().position(|suite| suite.name == name).map(|at| &Self::ALL[at..=at]);
        one.or_else(|| Self::GROUPS.iter().find(|(group, _)| *group == name).map(|(_, suites)| *suites)).unwrap_or_default()
    }

    /// The suite of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Suite> {
        Self::ALL.iter().find(|suite| suite.name == name)
    }

    /// Runs it. Vectors that cannot be read are a failure like any other.
    #[must_use]
    pub fn run(&self, bench: &Bench<'_>) -> Verdict {
        (self.run)(bench)
    }
}

/// Collects what a suite finds; an error before the first case is a failed case.
fn collect(run: impl FnOnce(&mut Verdict) -> Result<(), String>) -> Verdict {
    let mut verdict = Verdict::default();
    if let Err(what) = run(&mut verdict) {
        verdict.case(Err(what));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_has_a_name_of_its_own_and_is_found_by_it() {
        for suite in Suite::ALL {
            assert_eq!(Suite::find(suite.name).map(|found| found.about), Some(suite.about));
        }
        assert!(Suite::find("zip216").is_none() && Suite::named("zip216").is_empty());
        assert_eq!((Suite::named("zip215").len(), Suite::named("storage").len()), (1, 5));
    }
}
