//! Suites that cannot fail prove nothing: backends that lie in one respect each must be found out, and the exit code must say so.

use clap::Parser as _;
use quorate::cli::{Cli, Command};
use quorate::commands::{exit_code, test};
use quorate_core::hash::TreeHash;
use quorate_pipeline::Backend;
use quorate_pipeline::backend::{BackendError, Claim, ClaimKey, Descriptor, Timings};
use quorate_pipeline::conformance::{Fault, Faulty};
use quorate_pipeline::layout::Buffer;
use quorate_pipeline::recording::{Command as Step, Recording};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::registry::Registry;
use quorate_pipeline::stages::Stage;
use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// Every signature is good.
    Believes,
    /// No signature is good, if its key is known.
    DoubtsTheKnown,
    /// Trees are built with the other hash.
    OtherHash,
}

struct Liar(Reference, Lie);

impl Backend for Liar {
    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError> {
        let mut other = Recording::new(recording.timed());
        for step in recording.commands() {
            other.push(match step {
                Step::Dispatch { stage: Stage::Merkle, items, parameter } if self.1 == Lie::OtherHash => {
                    let hash = if parameter == TreeHash::Blake3.code() { TreeHash::Sha256 } else { TreeHash::Blake3 };
                    Step::Dispatch { stage: Stage::Merkle, items, parameter: hash.code() }
                }
                step => step,
            });
        }
        self.0.execute(&other)
    }

    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        self.0.verify(claims, verdicts)?;
        for (claim, verdict) in claims.iter().zip(verdicts) {
            match self.1 {
                Lie::Believes => *verdict = true,
                Lie::DoubtsTheKnown if matches!(claim.key, ClaimKey::Known { .. }) => *verdict = false,
                _ => {}
            }
        }
        Ok(())
    }

    fn descriptor(&self) -> Descriptor {
        self.0.descriptor()
    }

    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        self.0.reserve(buffer, records)
    }

    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError> {
        self.0.admit_keys(electorate, keys)
    }

    fn evict_keys(&mut self, electorate: u32) {
        self.0.evict_keys(electorate);
    }

    fn downloaded(&self, buffer: Buffer) -> &[u8] {
        self.0.downloaded(buffer)
    }

    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError> {
        self.0.read(buffer, first, count, into)
    }

    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError> {
        self.0.write(buffer, first, bytes)
    }

    fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }
}

/// The exit code of one suite on a backend from outside.
fn code(make: impl Fn() -> Box<dyn Backend> + Send + Sync + 'static, suite: &str) -> u8 {
    let mut registry = Registry::new();
    registry.register("stranger", Box::new(move |_| Ok(make()))).expect("the name is free");
    let cli = Cli::parse_from(["quorate", "test", "--backend", "stranger", "--suite", suite, "--rounds", "240", "--json"]);
    let Command::Test(options) = cli.command else { panic!("another command than test") };
    let mut out = Vec::new();
    let code = exit_code(&test::run(&registry, &options, &mut out));
    let line: Value = serde_json::from_slice(&out).expect("a suite is one line of JSON");
    assert_eq!((&line["backend"], line["failed"] == 0, line["failures"].is_null()), (&"stranger".into(), code == 0, code == 0));
    code
}

#[test]
fn a_backend_from_outside_is_tested_like_any_other() {
    assert_eq!(code(|| Box::new(Reference::new()), "rfc8032"), 0);
}

#[test]
fn every_suite_of_vectors_finds_a_liar_and_fails_with_1() {
    for (lie, suites) in [
        (Lie::Believes, &["cctv-ed25519", "speccheck", "wycheproof-ed25519", "rfc8032"][..]),
        (Lie::DoubtsTheKnown, &["zip215", "cctv-ed25519", "speccheck", "wycheproof-ed25519", "rfc8032"]),
        (Lie::OtherHash, &["rfc6962", "blake3"]),
    ] {
        for suite in suites {
            assert_eq!(code(move || Box::new(Liar(Reference::new(), lie)), suite), 1, "{suite}");
        }
    }
}

#[test]
fn the_suites_of_rounds_find_a_wrong_quorum() {
    let off_by_one = || -> Box<dyn Backend> { Box::new(Faulty::new(Box::new(Reference::new()), Fault::QuorumOffByOne)) };
    for suite in ["etcd-quorum", "differential"] {
        assert_eq!(code(off_by_one, suite), 1, "{suite}");
    }
}
