//! `quorate sim history`, on published histories: verdicts, explanations and exit codes.

use std::fs;
use std::path::Path;

use crate::{quorate, quorate_with};

fn published(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/vectors/histories").join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// A store whose second client reads what was overwritten before.
const STALE: &str = r#"{"history":1,"model":"store"}
{"invoke":0,"client":1,"at":10,"call":"put","key":"k","value":"old"}
{"return":0,"at":20}
{"invoke":1,"client":1,"at":30,"call":"put","key":"k","value":"new"}
{"return":1,"at":40}
{"invoke":2,"client":3,"at":45,"call":"delete","key":"k"}
{"invoke":3,"client":2,"at":50,"call":"get","key":"k"}
{"return":3,"at":60,"value":"old"}
"#;

#[test]
fn a_good_history_is_linearizable_and_counted() {
    let run = quorate(&["sim", "history", &published("kv/c10-ok.txt")]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    assert!(run.out.ends_with(": kv, 337 operations, 10 clients, 10 keys\nLINEARIZABLE\n"), "{}", run.out);
    let line = quorate(&["sim", "history", &published("etcd/etcd_002.log"), "--json"]).object();
    assert_eq!((&line["verdict"], &line["model"], &line["format"]), (&"linearizable".into(), &"register".into(), &"jepsen".into()));
    assert_eq!((&line["keys"], line["explanation"].is_null()), (&1.into(), true), "{line}");
}

#[test]
fn a_bad_history_is_explained_with_its_lines() {
    let run = quorate(&["sim", "history", &published("kv/c10-bad.txt")]);
    assert_eq!((run.code, run.err.as_str()), (1, ""), "{}", run.out);
    for part in ["operations on key \"", "this must come next, and cannot:\n    line ", "NOT LINEARIZABLE\n"] {
        assert!(run.out.contains(part), "{part:?} is not in {}", run.out);
    }
    let run = quorate(&["sim", "history", &published("etcd/etcd_000.log"), "--json"]);
    let why = &run.object()["explanation"];
    assert_eq!(run.code, 1);
    assert!(why["key"].is_null() && why["stuck"].as_array().is_some_and(|stuck| !stuck.is_empty()), "{why}");
}

#[test]
fn standard_input_is_read_and_a_stale_read_is_named() {
    let run = quorate_with(&["sim", "history", "-"], STALE.as_bytes());
    let expected = "\
-: store, 4 operations, 3 clients, 1 key
  2 of 4 operations on key \"k\" can be put in an order, which is
    at 10 to 20, client 1: put \"old\" → done
    at 30 to 40, client 1: put \"new\" → done
  that leaves \"new\"
  this must come next, and cannot:
    at 50 to 60, client 2: get → \"old\"
  of these nobody knows, and they do not help:
    at 45, client 3: delete, outcome unknown
NOT LINEARIZABLE
";
    assert_eq!((run.code, run.out.as_str()), (1, expected));
    let why = &quorate_with(&["sim", "history", "-", "--json"], STALE.as_bytes()).object()["explanation"];
    assert_eq!((&why["stuck"][0]["call"], &why["stuck"][0]["reply"]), (&"get".into(), &"\"old\"".into()), "{why}");
    assert_eq!((&why["state"], &why["unknown"][0]["operation"]), (&"\"new\"".into(), &2.into()), "{why}");
}

#[test]
fn a_spent_budget_is_no_verdict() {
    let run = quorate(&["sim", "history", &published("kv/c10-bad.txt"), "--budget", "20"]);
    assert!(run.code == 3 && run.out.ends_with("UNDECIDED\n"), "{}", run.out);
    assert!(run.reason().contains("is undecided: after 20 steps") && run.reason().contains("--budget"), "{}", run.reason());
    let run = quorate(&["sim", "history", &published("kv/c10-bad.txt"), "--budget", "20", "--json"]);
    let line = run.object();
    assert_eq!((run.code, &line["verdict"], &line["progress"]["steps"]), (3, &"undecided".into(), &20.into()));
}

#[test]
fn what_cannot_be_read_is_said_with_its_line() {
    let run = quorate(&["sim", "history", "/no/such/file"]);
    assert!(run.code == 3 && run.reason().contains("cannot read /no/such/file"), "{}", run.reason());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.jsonl");
    fs::write(&path, STALE.replace("\"return\":1", "\"return\":7")).expect("the temporary folder can be written to");
    let run = quorate(&["sim", "history", path.to_str().expect("a path in UTF-8")]);
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.reason().contains("line 5: found operation 7 ends, but was never invoked"), "{}", run.reason());
}

#[test]
fn a_model_that_does_not_fit_is_a_usage_error() {
    let run = quorate(&["sim", "history", &published("kv/c01-ok.txt"), "--model", "register"]);
    assert!(run.code == 2 && run.reason().contains("expected a history of a register"), "{}", run.reason());
    let run = quorate_with(&["sim", "history", "-", "--model", "kv"], STALE.as_bytes());
    assert!(run.code == 2 && run.reason().contains("operation 2 is not one that a kv has"), "{}", run.reason());
    for arguments in [&["sim"][..], &["sim", "histroy"], &["sim", "history"], &["sim", "history", "-", "--model", "queue"]] {
        assert_eq!(quorate(arguments).code, 2, "{arguments:?}");
    }
}

#[test]
fn its_help_has_an_example_and_its_exit_codes() {
    let help = quorate(&["sim", "history", "--help"]).out;
    assert!(help.contains("Examples:") && help.contains("Exit codes:") && help.contains("--budget"), "{help}");
}
