//! Scenarios: text files in which one thing happens to a few servers after the other, with what comes of it.
//!
//! A file opens with what it is meant to show. Then come commands, each followed by a rule of dashes and by what it leads to, up to an
//! empty line; or by nothing, if it leads to nothing that is told. What it leads to is compared; with `QUORATE_WRITE_GOLDEN` set it is
//! written anew, to be read before it is kept. The commands are described in `language.rs`.

mod language;
mod telling;

use std::fs;
use std::path::{Path, PathBuf};

use language::Stage;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(folder).expect("the scenarios are in the repository");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files
}

/// Plays a scenario, and gives it with what comes of it.
fn played(text: &str) -> String {
    let mut out = String::new();
    let mut stage = Stage::default();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            out += line;
            out += "\n";
            continue;
        }
        let mut after = lines.clone();
        if after.next() == Some("----") {
            lines = after;
            lines.by_ref().find(|line| line.is_empty());
        }
        let told = stage.play(line).unwrap_or_else(|what| vec![format!("cannot: {what}")]);
        out += line;
        out += "\n";
        if !told.is_empty() {
            out += &format!("----\n{}\n\n", told.join("\n"));
        }
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

#[test]
fn every_scenario_goes_as_it_is_written() {
    let files = files();
    assert!(files.len() >= 20, "{} scenarios", files.len());
    for path in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a scenario can be read");
        let intent = text.lines().next().unwrap_or_default();
        assert!(intent.starts_with("# ") && intent.len() > 30, "{name} does not open with what it is meant to show");
        let played = played(&text);
        if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
            fs::write(&path, &played).expect("the scenarios can be written");
        } else {
            let differ = text.lines().zip(played.lines()).zip(1..).find(|((written, went), _)| written != went);
            if let Some(((written, went), line)) = differ {
                panic!("{name}, line {line}: it is written\n  {written}\nand it went\n  {went}");
            }
            assert_eq!(text.lines().count(), played.lines().count(), "{name} ends differently");
        }
    }
}

#[test]
fn a_scenario_that_went_differently_is_noticed() {
    let text = "# x\nservers 1\nstand 1\n----\n1 leads term 2\n";
    let played = played(text);
    assert!(played != text && played.contains("1 leads in term 1"), "{played}");
    let unknown = self::played("servers 1\n\ndance 1\n");
    assert!(unknown.contains("cannot: \"dance 1\" is no command"), "{unknown}");
}
