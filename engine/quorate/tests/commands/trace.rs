//! `quorate trace`: what it says of whole, unfinished, damaged and foreign files, and what it exports.

use std::path::{Path, PathBuf};

use quorate::core::hash::Digest;
use quorate::telemetry::export::tables;
use quorate::telemetry::samples;
use quorate::telemetry::schema::Label;
use quorate::telemetry::trace::Writer;

use crate::quorate;

/// A folder for one test, with a trace in it that is changed before it is written.
fn folder(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> (PathBuf, String) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("trace-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    let mut writer = Writer::new(Vec::new()).expect("memory takes it");
    for frame in samples::one_of_each() {
        writer.write(&frame).expect("memory takes it");
        writer.flush().expect("memory takes it");
    }
    let mut bytes = writer.finish(Some(Digest([7; 32]))).expect("memory takes it");
    change(&mut bytes);
    let path = folder.join("run.trace");
    std::fs::write(&path, bytes).expect("it can be written");
    let path = path.to_str().expect("plain text").to_owned();
    (folder, path)
}

#[test]
fn info_says_what_a_whole_trace_holds() {
    let (_, trace) = folder("whole", |_| {});
    let run = quorate(&["trace", "info", &trace]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for part in
        ["finished", "raft, 3 members: 1, 2, 300", "network = lan", "9 vote", "adversary:withholder in member 2, from 0.001000 s on"]
    {
        assert!(run.out.contains(part), "{part:?} is not in {}", run.out);
    }
    let object = quorate(&["trace", "info", &trace, "--json"]).object();
    assert_eq!(object["finished"], true);
    assert_eq!(object["frames"], samples::one_of_each().len());
    assert_eq!(object["topics"]["votes"]["vote"], 9);
    assert_eq!(object["manifest"]["seed"], u64::MAX);
    assert_eq!(object["labels"][0]["kind"], "adversary:withholder");
    assert_eq!(object["audit"], "07".repeat(32));
    assert_eq!(object["damage"], serde_json::Value::Null);
}

#[test]
fn a_trace_cannot_give_orders_to_the_terminal() {
    let (_, trace) = folder("orders", |bytes| {
        let mut writer = Writer::new(Vec::new()).expect("memory takes it");
        let label = Label { member: None, kind: "\u{1b}[2Jcleared\n".into(), from_ns: 0, until_ns: None };
        writer.tell(0, None, label).expect("memory takes it");
        *bytes = writer.finish(None).expect("memory takes it");
    });
    let run = quorate(&["trace", "info", &trace]);
    assert!(run.code == 0 && run.out.contains("[2Jcleared") && !run.out.contains('\u{1b}'), "{:?}", run.out);
}

#[test]
fn a_trace_without_an_end_is_read_and_called_unfinished() {
    let (folder, trace) = folder("cut", |bytes| bytes.truncate(bytes.len() - 80));
    let run = quorate(&["trace", "info", &trace]);
    assert!(run.code == 0 && run.out.contains("unfinished") && run.out.contains("still writes"), "{}{}", run.out, run.err);
    assert_eq!(quorate(&["trace", "info", &trace, "--json"]).object()["finished"], false);
    let out = folder.join("run.jsonl");
    let run = quorate(&["trace", "export", &trace, "--to", "jsonl", "--out", out.to_str().expect("plain text")]);
    assert!(run.code == 0 && run.out.contains("unfinished"), "{}{}", run.out, run.err);
    let lines = std::fs::read_to_string(out).expect("it was written").lines().count();
    assert_eq!(lines, samples::one_of_each().len() - 1);
}

#[test]
fn a_damaged_trace_is_a_failure_with_the_block_and_what_stood_before_is_exported() {
    let (folder, trace) = folder("damaged", |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let run = quorate(&["trace", "info", &trace]);
    assert!(run.code == 1 && run.out.contains("DAMAGED: block "), "{}{}", run.out, run.err);
    let out = folder.join("tables");
    let run = quorate(&["trace", "export", &trace, "--to", "csv", "--out", out.to_str().expect("plain text"), "--json"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let object = run.object();
    assert!(object["frames"].as_u64().is_some_and(|frames| frames > 5), "{object}");
    assert!(object["damage"].as_str().is_some_and(|damage| damage.contains("which begins at byte")), "{object}");
    assert!(std::fs::read_to_string(out.join("labels.csv")).expect("it was written").contains("adversary:withholder"));
}

#[test]
fn an_export_has_a_file_for_each_table() {
    let (folder, trace) = folder("tables", |_| {});
    for form in ["csv", "parquet"] {
        let out = folder.join(form);
        let run = quorate(&["trace", "export", &trace, "--to", form, "--out", out.to_str().expect("plain text"), "--json"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let object = run.object();
        let rows: u64 = object["files"].as_array().expect("files").iter().map(|file| file["rows"].as_u64().expect("a number")).sum();
        assert_eq!(rows, object["frames"].as_u64().expect("a number"));
        for table in tables::all() {
            assert!(out.join(table.name).with_extension(form).is_file(), "{} is not there", table.name);
        }
    }
}

#[test]
fn the_help_of_export_names_every_table() {
    let help = quorate(&["trace", "export", "--help"]).out;
    for table in tables::all() {
        assert!(help.contains(table.name), "{} is not in {help}", table.name);
    }
}

#[test]
fn what_is_no_trace_is_said_to_be_none() {
    let (folder, trace) = folder("foreign", |bytes| *bytes = b"[package]\nname = 'x'\n".to_vec());
    let run = quorate(&["trace", "info", &trace]);
    assert!(run.code == 3 && run.reason().contains("no trace that can be read"), "{}", run.err);
    assert!(run.reason().contains("trace head, byte 0: magic is"), "{}", run.err);
    let missing = folder.join("none.trace");
    assert_eq!(quorate(&["trace", "info", missing.to_str().expect("plain text")]).code, 3);
    assert_eq!(quorate(&["trace", "export", &trace, "--to", "xls", "--out", "x"]).code, 2);
}
