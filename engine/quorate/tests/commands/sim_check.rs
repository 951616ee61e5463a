//! `quorate sim check`, `replay` and `run`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::quorate;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the target directory has a name in UTF-8")
}

#[test]
fn clean_seeds_are_reported_with_all_fields_whoever_counts_and_however_many_run_at_once() {
    let check = |more: &[&str]| {
        let run = quorate(&[&["sim", "check", "--seeds", "0..6", "--planted", "none", "--json"], more].concat());
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        run.object()
    };
    let report = check(&["--protocol", "raft", "--jobs", "1"]);
    assert_eq!((&report["protocol"], &report["seeds"], &report["seeds_done"]), (&"raft".into(), &"0..6".into(), &6.into()));
    assert_eq!((&report["violations"], &report["liveness_failures"]), (&0.into(), &0.into()));
    assert!(report["events"].as_u64() > Some(10_000) && report["events_per_second"].as_f64() > Some(0.0), "{report}");
    assert_eq!((&report["planted_bugs"]["total"], &report["planted_bugs"]["caught"]), (&0.into(), &0.into()));
    for more in [&["--jobs", "3"][..], &["--backend", "cpu"]] {
        let again = check(more);
        assert_eq!((&again["auditor"], &again["events"]), (&report["auditor"], &report["events"]), "{more:?}");
    }
    assert_eq!(report["auditor"].as_str().map(str::len), Some(64));
}

#[test]
fn a_planted_mistake_is_found_and_replayed_with_less_than_its_whole_schedule() {
    let run = quorate(&["sim", "check", "--seeds", "0..1", "--planted", "two-votes-in-term", "--json"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let report = run.object();
    let hunted = &report["planted_bugs"]["table"][0];
    assert_eq!((&hunted["name"], &hunted["caught"]), (&"two-votes-in-term".into(), &Value::Bool(true)));
    let seed = hunted["seed"].as_u64().expect("the seed that found it").to_string();
    let replay = |more: &[&str]| quorate(&[&["sim", "replay", "--seed", &seed], more].concat());
    let told = replay(&["--planted", "two-votes-in-term", "--last", "5"]);
    assert_eq!(told.code, 1, "{}{}", told.out, told.err);
    let by = hunted["by"].as_str().expect("what it violated");
    let end = told.out.lines().last().expect("it says something");
    assert!(end.starts_with(&format!("FAILED {by} at event ")), "{end}");
    assert!(told.out.contains("member "), "{}", told.out);
    let without = replay(&["--planted", "quorum-off-by-one", "--keep", "none", "--last", "0"]);
    assert!(without.code == 1 && without.out.contains("no faults"), "{}{}", without.out, without.err);
    let clean = replay(&["--json"]);
    assert_eq!((clean.code, &clean.object()["failure"]), (0, &Value::Null));
}

#[test]
fn a_soak_goes_on_where_it_was_and_comes_to_what_it_would_have_come_to_at_once() {
    let state = path("soak");
    let _ = std::fs::remove_file(&state);
    let arguments = ["sim", "check", "--seeds", "3..9", "--planted", "none", "--json"];
    let whole = quorate(&arguments).object();
    let soak = |more: &[&str]| quorate(&[&arguments[..], &["--state", text(&state), "--jobs", "1"], more].concat());
    let begun = soak(&["--for", "1ms"]).object();
    assert!(begun["seeds_done"].as_u64() < Some(6) && begun["finished"] == false, "{begun}");
    let done = soak(&[]).object();
    for field in ["seeds_done", "finished", "events", "auditor", "violations"] {
        assert_eq!(done[field], whole[field], "{field}");
    }
    assert_eq!(soak(&[]).object()["auditor"], whole["auditor"]);
    let other = quorate(&["sim", "check", "--seeds", "3..10", "--planted", "none", "--state", text(&state)]);
    assert_eq!(other.code, 2);
    assert!(other.reason().contains("is of another soak") && other.reason().contains("--seeds 3..9"), "{}", other.err);
    let kept = std::fs::read_to_string(&state).expect("the state was written");
    for (broken, reason) in [
        (kept.replace("\"version\": 1", "\"version\": 9"), "expected version 1"),
        (kept[..kept.len() / 2].to_owned(), "is no state of a soak"),
        (kept.replace("\"auditor\": \"", "\"auditor\": \"x"), "is damaged"),
        (kept.replace("\"engine\": \"", "\"engine\": \"0"), "by another engine"),
    ] {
        std::fs::write(&state, broken).expect("the state can be written");
        let run = soak(&[]);
        assert_eq!(run.code, 3);
        assert!(run.reason().contains(reason), "{}", run.err);
    }
    std::fs::remove_file(&state).expect("the state was written");
}

#[test]
fn what_cannot_be_simulated_is_a_usage_error_that_says_what_can() {
    for (arguments, reason) in [
        (&["sim", "check", "--seeds", "7"][..], "no range of seeds"),
        (&["sim", "check", "--seeds", "7..7"], "expected the second to be greater"),
        (&["sim", "check", "--protocol", "pbft"], "raft"),
        (&["sim", "check", "--nodes", "0"], "1..=9"),
        (&["sim", "check", "--planted", "vote-forgoten"], "vote-forgotten"),
        (&["sim", "check", "--jobs", "0"], "1..=1024"),
        (&["sim", "replay", "--seed", "1", "--keep", "9999"], "`9999` is no fault of this seed"),
        (&["sim", "replay", "--seed", "1", "--planted", "all"], "the name of one"),
        (&["sim", "run", "--out", "x", "--export", "xml"], "parquet"),
    ] {
        let run = quorate(arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {}{}", run.out, run.err);
        assert!(run.reason().contains(reason), "{arguments:?}: {}", run.err);
    }
}

#[test]
fn a_recorded_run_is_a_trace_with_labels_and_exports() {
    let trace = path("trace");
    let arguments = ["sim", "run", "--nodes", "5", "--seed", "2", "--duration", "2s", "--planted", "ack-before-fsync"];
    let run = quorate(&[&arguments[..], &["--out", text(&trace), "--export", "jsonl,csv,parquet", "--json"]].concat());
    assert!(run.code < 2, "{}{}", run.out, run.err);
    let report = run.object();
    assert!(
        report["frames"].as_u64() > Some(10) && report["bytes"].as_u64() > Some(100) && report["events"].as_u64() > Some(0),
        "{report}"
    );
    let lines = std::fs::read_to_string(format!("{}.jsonl", text(&trace))).expect("the export is there");
    let frames: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("lines are JSON")).collect();
    assert_eq!(frames.len() as u64, report["frames"].as_u64().unwrap_or(0));
    assert_eq!((&frames[0]["event"], &frames[0]["seed"]), (&"manifest".into(), &2.into()));
    assert!(frames.iter().any(|frame| frame["event"] == "label" && frame["kind"] == "bug:ack-before-fsync"));
    assert!(frames.iter().any(|frame| frame["event"] == "role" && frame["role"] == "leader"));
    assert!(Path::new(&format!("{}.csv/roles.csv", text(&trace))).exists());
    assert!(Path::new(&format!("{}.parquet/roles.parquet", text(&trace))).exists());
    let info = quorate(&["trace", "info", text(&trace), "--json"]);
    assert_eq!(info.code, 0, "{}{}", info.out, info.err);
}

#[test]
fn a_trace_that_cannot_be_written_is_said_so() {
    let run = quorate(&["sim", "run", "--out", "/no/such/folder/trace"]);
    assert_eq!(run.code, 3);
    assert!(run.reason().contains("cannot write /no/such/folder/trace"), "{}", run.err);
}

#[test]
fn a_check_that_was_stopped_before_it_looked_for_every_mistake_is_no_good_one() {
    let stopped = quorate(&["sim", "check", "--seeds", "0..1", "--planted", "all", "--for", "1ms", "--json"]);
    assert_eq!(stopped.code, 3);
    assert!(stopped.reason().contains("before every planted mistake was looked for"), "{}", stopped.err);
}
