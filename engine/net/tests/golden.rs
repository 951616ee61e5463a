//! The bytes of frames are those of this build. After a deliberate change, with the version of the wire raised, write them anew:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-net --test golden
//! ```

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use quorate_net::frame::{HEADER_BYTES, Kind};
use quorate_net::{raft, samples};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/wire/frames.txt")
}

/// One line a frame: its header and its body in hexadecimal, and what it is.
fn frames() -> String {
    let mut text = String::new();
    for (name, bytes) in samples::frames() {
        for (at, byte) in bytes.iter().enumerate() {
            write!(text, "{}{byte:02x}", if at == HEADER_BYTES { "." } else { "" }).unwrap();
        }
        writeln!(text, " {name}").unwrap();
    }
    text
}

#[test]
fn frames_are_the_pinned_bytes() {
    if std::env::var_os("QUORATE_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(fixture().parent().unwrap()).unwrap();
        std::fs::write(fixture(), frames()).unwrap();
    }
    let pinned = std::fs::read_to_string(fixture()).unwrap();
    for (now, pinned) in frames().lines().zip(pinned.lines()) {
        assert_eq!(now, pinned, "the wire has changed: if that is meant, raise its version and write the file anew");
    }
    assert_eq!(frames().lines().count(), pinned.lines().count());
}

#[test]
fn the_pinned_bytes_read_as_what_they_were_written_from() {
    let pinned = std::fs::read_to_string(fixture()).unwrap();
    let mut messages = samples::messages().into_iter();
    for (line, (name, kind, body)) in pinned.lines().zip(samples::bodies()) {
        let hex: String = line.split_once(' ').unwrap().0.chars().filter(|character| *character != '.').collect();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let frame = samples::read(kind, &bytes).expect(&name);
        assert_eq!((frame.kind, &frame.body), (kind, &body), "{name}");
        if kind == Kind::Raft {
            assert_eq!(raft::decode(&frame.body).unwrap(), messages.next().unwrap());
        }
    }
    assert!(messages.next().is_none());
}

#[test]
fn the_first_pinned_header_is_laid_out_as_its_module_says() {
    let pinned = std::fs::read_to_string(fixture()).unwrap();
    // Magic, no version yet, hello, no flags, partition 0, the body's length.
    let body = (pinned.lines().next().unwrap().split(['.', ' ']).nth(1).unwrap().len() / 2) as u32;
    let length: String = body.to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(pinned.starts_with(&format!("51525446{:02x}{:02x}{:04x}{:08x}{length}", 0, 1, 0, 0)), "{pinned}");
}
