//! The bytes of frames and traces are those of this build. After a deliberate change, with the schema's version raised, write them anew:
//!
//! ```text
//! QUORATE_WRITE_GOLDEN=1 cargo test -p quorate-telemetry --test golden
//! ```
//!
//! A trace's compressed bytes may differ from one version of the compressor to the next, so the golden trace must be read, not matched.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use quorate_core::hash::Digest;
use quorate_telemetry::samples;
use quorate_telemetry::schema::{Body, Frame, VERSION};
use quorate_telemetry::trace::{Ending, Reader, Writer};

const AUDIT: Digest = Digest([0x5a; 32]);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/trace").join(name)
}

fn writes() -> bool {
    std::env::var_os("QUORATE_WRITE_GOLDEN").is_some()
}

/// One line a frame: its bytes in hexadecimal, and what it says as JSON.
fn frames() -> String {
    let mut text = String::new();
    for frame in samples::one_of_each() {
        let (mut bytes, mut json) = (Vec::new(), Vec::new());
        frame.encode(&mut bytes).unwrap();
        frame.json(&mut json);
        bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
        writeln!(text, " {}", String::from_utf8(json).unwrap()).unwrap();
    }
    text
}

#[test]
fn frames_are_the_pinned_bytes() {
    let path = fixture("frames.txt");
    if writes() {
        std::fs::write(&path, frames()).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap();
    for (now, pinned) in frames().lines().zip(pinned.lines()) {
        assert_eq!(now, pinned, "an encoding has changed: if that is meant, raise the schema's version and write the file anew");
    }
    assert_eq!(frames().lines().count(), pinned.lines().count());
}

#[test]
fn the_pinned_bytes_read_as_what_they_were_written_from() {
    let pinned = std::fs::read_to_string(fixture("frames.txt")).unwrap();
    let read = pinned.lines().map(|line| {
        let hex = line.split_once(' ').unwrap().0;
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        Frame::decode(&bytes).unwrap().unwrap()
    });
    assert_eq!(read.collect::<Vec<_>>(), samples::one_of_each());
}

#[test]
fn another_reader_of_messagepack_sees_one_list_of_five_in_the_pinned_bytes() {
    for frame in samples::one_of_each() {
        let mut bytes = Vec::new();
        frame.encode(&mut bytes).unwrap();
        let mut rest = &bytes[..];
        let value = rmpv::decode::read_value(&mut rest).unwrap();
        assert!(rest.is_empty(), "it ends before the frame does");
        let items = value.as_array().unwrap();
        assert_eq!(items.len(), 5);
        assert_eq!((items[0].as_u64(), items[1].as_u64()), (Some(frame.sequence), Some(frame.time)));
        assert_eq!(items[2].as_u64(), frame.source.map(|member| member.0));
        assert_eq!(items[3].as_u64(), Some(frame.body.kind().code));
        if let Body::ClockJumped(jump) = &frame.body {
            assert_eq!(items[4][1].as_i64(), Some(jump.by_ns));
        }
        let mut again = Vec::new();
        rmpv::encode::write_value(&mut again, &value).unwrap();
        assert_eq!(again, bytes, "it writes another form of the same values");
    }
}

#[test]
fn the_pinned_trace_can_be_read() {
    let path = fixture("one_of_each.trace");
    if writes() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (at, frame) in samples::one_of_each().iter().enumerate() {
            writer.write(frame).unwrap();
            if at == 10 {
                writer.flush().unwrap();
            }
        }
        std::fs::write(&path, writer.finish(Some(AUDIT)).unwrap()).unwrap();
    }
    let mut reader = Reader::new(std::fs::File::open(path).unwrap()).unwrap();
    assert_eq!(reader.version(), VERSION);
    let frames: Result<Vec<Frame>, _> = reader.by_ref().collect();
    assert_eq!(frames.unwrap(), samples::one_of_each());
    assert_eq!(reader.ending(), Some(Ending::Finished { audit: Some(AUDIT) }));
}
