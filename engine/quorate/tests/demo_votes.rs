//! A short run of the whole demo, on each backend: what is planted is found, what is proved verifies, and scripts can read it.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate::demo::votes::{Check, Options, Summary, rehearse};
use quorate_core::anchor::TrustAnchor;
use quorate_core::sealed::Sealed;

fn short(backend: &str) -> Options {
    Options { duration: Some(Duration::from_millis(300)), backend: backend.to_owned(), members: 13, ..Options::default() }
}

fn check(summary: &Summary) {
    assert_eq!(summary.faults, Vec::<String>::new());
    assert!(summary.passed && summary.rounds_decided > 0 && summary.rounds_undecided == 0);
    for Check { planted, found } in [summary.duplicates, summary.forgeries, summary.foreign, summary.equivocators.acts] {
        assert!(planted == found && found > 0, "{planted} planted, {found} found");
    }
    assert!(summary.equivocators.found > 0 && summary.equivocators.same);
    assert!(summary.evidence.iter().all(|evidence| evidence.verified));
    let certificate = summary.certificate.as_ref().unwrap();
    assert!(certificate.verified && certificate.refused_elsewhere && certificate.weight >= certificate.needed);
    let rejected: u64 = summary.votes.rejected.values().sum();
    assert_eq!(summary.votes.sent, summary.votes.valid + rejected);
}

#[test]
fn what_is_planted_is_found_by_the_cpu() {
    let summary = rehearse(&short("cpu")).unwrap();
    check(&summary);
    assert_eq!(summary.backend, "cpu");
}

#[test]
fn what_is_planted_is_found_by_the_reference() {
    let summary = rehearse(&short("reference")).unwrap();
    check(&summary);
    assert_eq!(summary.backend, "reference");
}

#[test]
fn an_electorate_of_one_decides_alone() {
    let summary = rehearse(&Options { members: 1, duration: Some(Duration::from_millis(50)), ..Options::default() }).unwrap();
    assert_eq!(summary.faults, Vec::<String>::new());
    assert!(summary.rounds_decided > 0);
}

#[test]
fn the_json_summary_has_the_fields_that_scripts_read() {
    let summary = rehearse(&short("best")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&serde_json::to_string(&summary).unwrap()).unwrap();
    for field in ["/backend", "/variant", "/threads", "/members", "/rounds_decided", "/elapsed_seconds", "/anchor", "/passed", "/faults"] {
        assert!(json.pointer(field).is_some(), "{field}");
    }
    for field in
        ["/votes/valid", "/votes/repeated", "/equivocators/planted", "/equivocators/found", "/forgeries/planted", "/forgeries/found"]
    {
        assert!(json.pointer(field).is_some_and(serde_json::Value::is_u64), "{field}");
    }
    let keys = |pointer: &str| json.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let reasons = ["wrong_engine", "wrong_kind", "unknown_voter", "unknown_candidate", "bad_signature"];
    assert_eq!(keys("/votes/rejected"), reasons.map(str::to_owned).into());
    assert_eq!(keys("/stage_nanoseconds"), ["decode", "verify", "aggregate", "quorum", "merkle"].map(str::to_owned).into());
    assert!(json.pointer("/verified_votes_per_second").unwrap().as_f64().unwrap() > 0.0);
    for field in ["signers", "weight", "needed", "bytes", "verified"] {
        assert!(json["certificate"].get(field).is_some(), "{field}");
    }
}

#[test]
fn the_written_proofs_are_valid_under_the_written_anchor_and_no_other() {
    let directory = std::env::temp_dir().join(format!("quorate-demo-{}", std::process::id()));
    let summary = rehearse(&Options { out: Some(directory.clone()), ..short("best") }).unwrap();
    let sealed: Vec<Sealed> = summary.files.iter().map(|file| Sealed::decode(&std::fs::read(file).unwrap()).unwrap()).collect();
    std::fs::remove_dir_all(&directory).unwrap();
    let anchor = sealed.iter().find_map(|sealed| if let Sealed::Anchor(anchor) = sealed { Some(anchor) } else { None }).unwrap();
    assert_eq!(anchor.cluster().to_string(), summary.anchor);
    let other = TrustAnchor::genesis(quorate_core::ids::ClusterId::default());
    let (mut certificates, mut evidences) = (0, 0);
    for proof in &sealed {
        match proof {
            Sealed::Certificate(certificate) => {
                certificates += 1;
                certificate.verify(anchor).unwrap();
                certificate.verify(&other).unwrap_err();
            }
            Sealed::Evidence(evidence) => {
                evidences += 1;
                evidence.verify(anchor).unwrap();
                evidence.verify(&other).unwrap_err();
            }
            _ => {}
        }
    }
    assert_eq!((certificates, evidences), (1, summary.equivocators.found));
}

#[test]
fn a_backend_that_does_not_exist_is_answered_with_those_that_do() {
    let error = rehearse(&short("cqu")).map(|summary| summary.backend).unwrap_err().to_string();
    assert!(error.contains("\"cqu\"") && error.contains("cpu") && error.contains("reference"), "{error}");
}
