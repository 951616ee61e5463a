//! `quorate doctor`.

use serde_json::Value;

use crate::quorate;

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("a list of checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name} in {report}"))
}

#[test]
fn a_report_has_every_check_with_measured_values() {
    let run = quorate(&["doctor", "--json", "--dir", env!("CARGO_TARGET_TMPDIR")]);
    let report = run.object();
    for name in ["processor", "cores", "simd", "gpu", "memory", "disk", "clock", "self-check"] {
        let check = check(&report, name);
        let status = check["status"].as_str().expect("a status");
        assert!(["fine", "note", "problem"].contains(&status), "{check}");
        assert!(!check["found"].as_str().expect("a finding").is_empty() && check["values"].is_object());
        assert!(status == "fine" || check["advice"].is_string(), "{check}");
    }
    assert_eq!(run.code == 0, report["ok"] == true);
    assert!(check(&report, "disk")["values"]["fsync_median_ns"].as_u64().expect("a time") > 0);
    assert_eq!(check(&report, "clock")["values"]["monotonic"], true);
    assert_eq!(check(&report, "gpu")["values"]["backends"], Value::Array(vec![]));
    let answers = check(&report, "self-check");
    assert_eq!((&answers["status"], answers["values"]["cases"].as_u64() >= Some(46)), (&"fine".into(), true), "{answers}");
    let left = std::fs::read_dir(env!("CARGO_TARGET_TMPDIR")).expect("the folder is there").flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".quorate-doctor")).count(), 0);
}

#[test]
fn a_directory_that_cannot_be_written_to_is_a_problem_with_advice() {
    let run = quorate(&["doctor", "--dir", "/no/such/folder"]);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("WRONG disk") && run.out.contains("--dir DIR"), "{}", run.out);
    let report = quorate(&["doctor", "--json", "--dir", "/no/such/folder"]).object();
    assert_eq!((&report["ok"], &check(&report, "disk")["status"]), (&Value::Bool(false), &"problem".into()));
}
