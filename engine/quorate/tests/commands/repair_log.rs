//! `quorate doctor --repair-log`: it says where, asks first, and cuts only when told to.

use std::path::{Path, PathBuf};

use quorate::core::ids::{Height, PartitionId, View};
use quorate::env::Env;
use quorate::env::rng::Seeded;
use quorate::storage::log::{Log, Owner, Settings};
use quorate::storage::{LogError, LogStore, Mark, Record};

use crate::quorate;

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("repair-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn open(folder: &Path) -> Result<Log, LogError> {
    let settings = Settings { segment_bytes: 16384, ..Settings::default() };
    let env = Env::real(folder).expect("the folder is there");
    Log::open(env, "log", Owner::default(), settings, Box::new(Seeded::new(1))).map(|(log, _)| log)
}

/// A log of sixty entries with a changed byte in its first segment.
fn damaged(name: &str) -> PathBuf {
    let folder = folder(name);
    let log = open(&folder).expect("a new log");
    for index in 1..=60 {
        let mark = Mark { index: Height(index), term: View(1) };
        let last = log.append(&[Record::Entry { partition: PartitionId(0), mark, payload: &[7; 500] }]).expect("there is room");
        log.sync(last).expect("the disk works");
    }
    drop(log);
    let path = folder.join("log/0000000000000001.seg");
    let mut bytes = std::fs::read(&path).expect("the first segment");
    bytes[8000] ^= 1;
    std::fs::write(&path, bytes).expect("it can be written");
    folder
}

#[test]
fn damage_stops_the_log_with_its_place_and_the_command_that_mends_it() {
    let folder = damaged("place");
    let error = open(&folder).map(drop).expect_err("it is damaged").to_string();
    for part in ["segment 0000000000000001.seg, offset ", "found ", "expected ", "quorate doctor --repair-log", "at least "] {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

#[test]
fn nothing_is_changed_until_somebody_says_yes() {
    let folder = damaged("asks");
    let name = folder.to_str().expect("plain text");
    let before = std::fs::read(folder.join("log/0000000000000001.seg")).expect("the first segment");
    let run = quorate(&["doctor", "--repair-log", name]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.contains("nothing was changed") && run.out.contains("--yes"), "{}", run.out);
    assert_eq!(std::fs::read(folder.join("log/0000000000000001.seg")).expect("the first segment"), before);
    let report = quorate(&["doctor", "--repair-log", name, "--json"]).object();
    assert_eq!((&report["ok"], &report["repaired"]), (&false.into(), &false.into()));
    assert!(report["loses"]["records_at_least"].as_u64().is_some_and(|lost| lost > 40), "{report}");

    let run = quorate(&["doctor", "--repair-log", name, "--yes"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert_eq!(std::fs::read(folder.join("log/0000000000000001.seg.damaged")).expect("a copy"), before);
    let log = open(&folder).expect("it was repaired");
    let last = log.span(PartitionId(0)).last.index.0;
    assert_eq!(last, report["loses"]["after_record"].as_u64().expect("a number"));
    assert_eq!(log.read(PartitionId(0), 1..last + 1, usize::MAX).expect("what is kept can be read").len() as u64, last);
    let run = quorate(&["doctor", "--repair-log", name]);
    assert_eq!(run.code, 3, "somebody has it open: {}{}", run.out, run.err);
    drop(log);
    let run = quorate(&["doctor", "--repair-log", name]);
    assert!(run.code == 0 && run.out.contains("nothing is wrong"), "{}{}", run.out, run.err);
}

#[test]
fn a_folder_without_a_log_is_a_usage_error() {
    let run = quorate(&["doctor", "--repair-log", "/no/such/folder"]);
    assert!(run.code == 2 && run.err.contains("data directory"), "{}", run.err);
}
