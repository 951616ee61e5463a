//! `quorate benchmark` keeps its word about what a line holds.

use clap::Parser;
use quorate::benchmark::{Options, run_to};
use serde_json::Value;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn output(arguments: &[&str]) -> Result<String, String> {
    let arguments = std::iter::once("benchmark").chain(arguments.iter().copied());
    let cli = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    run_to(&cli.options, &mut out).map_err(|error| error.to_string())?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

fn lines(arguments: &[&str]) -> Vec<Value> {
    let out = output(arguments).unwrap();
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What every line must have; only the fields of a limit and of the peak may be null. How good the figures are is nothing for a
/// test on a busy machine.
fn check(line: &Value) {
    for name in ["stage", "backend", "variant", "shape", "unit", "clock"] {
        assert!(line[name].as_str().is_some_and(|text| !text.is_empty()), "{name} in {line}");
    }
    assert!(line["value"].as_f64().is_some_and(|value| value > 0.0), "value in {line}");
    assert_eq!(line["threads"], 1);
    let fields = line.as_object().unwrap();
    for name in ["limit", "limit_value", "ratio", "peak_memory_bytes", "target", "met"] {
        assert!(fields.contains_key(name), "{name} in {line}");
    }
    assert_eq!(line["limit"].is_string(), line["limit_value"].is_f64(), "{line}");
    assert_eq!(line["limit"].is_string(), line["ratio"].is_f64(), "{line}");
    for name in ["limit_value", "ratio"] {
        assert!(line[name].as_f64().is_none_or(|value| value > 0.0), "{name} in {line}");
    }
    assert!(line["peak_memory_bytes"].is_null() || line["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{line}");
    assert_eq!(line["target"].is_string(), line["met"].is_boolean(), "{line}");
}

#[test]
fn every_line_of_the_rounds_has_all_fields() {
    let lines = lines(&["--backend", "cpu", "--suite", "round", "--quick", "--json"]);
    assert_eq!(lines.len(), 3);
    lines.iter().for_each(check);
    assert!(lines.iter().all(|line| line["stage"] == "round" && line["backend"] == "cpu"));
}

#[test]
fn where_the_multiplier_is_missing_signatures_have_no_limit() {
    let lines = lines(&["--backend", "cpu", "--suite", "round", "--quick", "--json", "--isa", "portable"]);
    lines.iter().for_each(check);
    let signed = lines.iter().find(|line| line["variant"] == "signed, known keys").unwrap();
    assert!(signed["limit"].is_null() && signed["isa"] == "portable", "{signed}");
}

#[test]
fn the_referee_can_be_measured_too() {
    let lines = lines(&["--backend", "reference", "--suite", "cumulative", "--quick", "--json"]);
    lines.iter().for_each(check);
    assert!(lines.iter().all(|line| line["backend"] == "reference"));
}

#[test]
fn a_table_says_which_targets_are_met() {
    let out = output(&["--suite", "round", "--quick"]).unwrap();
    assert!(out.contains("variant") && out.contains("limit: copying the") && out.contains("[below 300 ns: "), "{out}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_can() {
    let error = output(&["--backend", "reference", "--isa", "avx2"]).unwrap_err();
    assert!(error.contains("leave out --isa"), "{error}");
    let error = output(&["--suite", "agregate"]).unwrap_err();
    assert!(error.contains("aggregate"), "{error}");
}

#[test]
fn a_cluster_is_measured_beside_a_raw_connection_and_a_raw_log() {
    let lines = lines(&["--backend", "cpu", "--suite", "cluster", "--quick", "--json"]);
    assert_eq!(lines.len(), 6);
    lines.iter().for_each(check);
    assert!(lines.iter().all(|line| line["durability"].is_string() && line["client"].is_string()));
}
