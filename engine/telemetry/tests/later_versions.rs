//! A reader of this version passes over what a later minor version adds, and takes nothing for an addition that is a mistake.

use crc_fast::{CrcAlgorithm, checksum};
use quorate_core::ids::MemberId;
use quorate_telemetry::samples;
use quorate_telemetry::schema::{Body, Committed, Frame, Healed, Manifest};
use quorate_telemetry::trace::{ReadError, Reader, Writer};

/// A frame of hand-made bytes: sequence 1, time 2, source 3, then this code and body.
fn made(items: u8, rest: &[u8]) -> Vec<u8> {
    [&[0x90 | items, 1, 2, 3], rest].concat()
}

fn error(bytes: &[u8]) -> String {
    Frame::decode(bytes).unwrap_err().to_string()
}

const HEALED: [u8; 2] = [83, 0x90];

#[test]
fn a_body_or_a_value_that_is_not_known_is_passed_over_with_all_that_is_in_it() {
    let nested = [0x93, 0xc0, 0x82, 1, 0xa1, b'a', 0xcb, 0, 0, 0, 0, 0, 0, 0, 0, 0xc7, 2, 9, 9, 9, 0x91, 0x91, 0xd5, 1, 2, 3];
    assert_eq!(Frame::decode(&made(5, &[&[79][..], &nested].concat())).unwrap(), None);
    // A role of code 100.
    assert_eq!(Frame::decode(&made(5, &[10, 0x94, 0, 100, 3, 0xc0])).unwrap(), None);
}

#[test]
fn fields_and_items_that_are_added_at_the_end_are_ignored() {
    let healed = Frame { sequence: 1, time: 2, source: Some(MemberId(3)), body: Healed {}.into() };
    assert_eq!(Frame::decode(&made(5, &HEALED)).unwrap(), Some(healed.clone()));
    assert_eq!(Frame::decode(&made(5, &[83, 0x92, 0xc3, 0xa2, b'h', b'i'])).unwrap(), Some(healed.clone()));
    assert_eq!(Frame::decode(&made(6, &[&HEALED[..], &[0xda, 0, 1, b'x']].concat())).unwrap(), Some(healed));
}

#[test]
fn an_option_that_was_added_is_none_where_it_is_missing_and_nothing_else_may_be() {
    let frame = Frame::decode(&made(5, &[10, 0x93, 0, 0, 9])).unwrap().unwrap();
    assert!(matches!(frame.body, Body::RoleChanged(role) if role.leader.is_none() && role.term == 9));
    assert_eq!(error(&made(5, &[12, 0x92, 0, 7])), "frame, byte 5: term is missing; expected a value");
}

#[test]
fn mistakes_have_a_byte_and_say_what_was_expected() {
    assert_eq!(error(&[]), "frame, byte 0: frame needs 1 bytes, 0 are left");
    assert_eq!(error(&[0x94, 1, 2, 3, 83]), "frame, byte 0: frame is 4 items long; expected at least 5");
    assert_eq!(error(&made(5, &[12, 0x93, 0, 0xa1, b'x', 1])), "frame, byte 7: index is a text; expected an unsigned integer");
    assert_eq!(error(&made(5, &[13, 0x92, 0xce, 0, 0, 0, 0, 0xff])), "frame, byte 11: index is -1; expected an unsigned integer");
    let past = made(5, &[13, 0x92, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    assert_eq!(error(&past), "frame, byte 6: partition is 4294967296; expected at most 4294967295");
    assert_eq!(error(&made(5, &[80, 0xdd, 0xff, 0xff, 0xff, 0xff])), "frame, byte 5: Crashed is 4294967295 items long; expected at most 0");
    let text = made(5, &[90, 0x92, 0xa2, 0xff, 0xfe, 0xa0]);
    assert_eq!(error(&text), "frame, byte 6: invariant is invalid utf-8 sequence of 1 bytes from index 0; expected UTF-8");
    assert_eq!(error(&[&made(5, &HEALED)[..], &[0]].concat()), "frame, byte 6: the end is followed by 1 bytes; expected nothing behind it");
    let deep = [&[79][..], &[0x91; 40], &[0xc0]].concat();
    assert!(error(&made(5, &deep)).contains("nested deeper"));
    assert!(error(&made(5, &[79, 0xc1])).contains("a MessagePack value"));
}

#[test]
fn any_form_of_a_number_is_read_and_the_shortest_is_written() {
    let long = made(5, &[12, 0x93, 0xcc, 0, 0xcf, 0, 0, 0, 0, 0, 0, 0, 7, 0xcd, 0, 1]);
    let frame = Frame::decode(&long).unwrap().unwrap();
    assert_eq!(frame.body, Committed { partition: 0.into(), index: 7, term: 1 }.into());
    let mut short = Vec::new();
    frame.encode(&mut short).unwrap();
    assert_eq!(short, made(5, &[12, 0x93, 0, 7, 1]));
}

/// A trace of one block with a frame of an unknown kind between two known ones, in this minor version.
fn with_an_unknown_frame(minor: u16) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for sequence in 0..3 {
        let frame = Frame { sequence, time: sequence, source: None, body: Healed {}.into() };
        writer.write(&frame).unwrap();
    }
    let mut trace = writer.finish(None).unwrap();
    trace[10..12].copy_from_slice(&minor.to_le_bytes());
    // Three frames of six bytes are stored as they are. The second becomes one with a body of code 79.
    let payload = 16 + 44..16 + 44 + 18;
    assert_eq!(trace[payload.start + 10], 83);
    trace[payload.start + 10] = 79;
    let mut put = |at: usize, over: std::ops::Range<usize>| {
        let sum = checksum(CrcAlgorithm::Crc32Iscsi, &trace[over]) as u32;
        trace[at..at + 4].copy_from_slice(&sum.to_le_bytes());
    };
    put(12, 0..12);
    put(16 + 36, payload);
    put(16 + 40, 16..16 + 40);
    trace
}

#[test]
fn a_trace_of_a_later_minor_version_is_read_without_what_is_new_in_it() {
    let later = with_an_unknown_frame(1);
    let mut reader = Reader::new(&later[..]).unwrap();
    let sequences: Vec<u64> = reader.by_ref().map(|frame| frame.unwrap().sequence).collect();
    assert_eq!((sequences, reader.frames(), reader.skipped()), (vec![0, 2], 3, 1));
}

#[test]
fn in_a_trace_of_this_version_an_unknown_frame_is_damage() {
    let trace = with_an_unknown_frame(0);
    let mut reader = Reader::new(&trace[..]).unwrap();
    assert!(reader.next_frame().unwrap().is_some());
    let error = reader.next_frame().unwrap_err();
    assert_eq!(
        error.to_string(),
        "block 0, which begins at byte 16: frame, byte 6: frame is of an unknown kind; expected one of this version"
    );
    assert!(reader.next_frame().unwrap().is_none(), "a reader goes on behind damage");
}

#[test]
fn another_major_version_is_refused_before_anything_is_read() {
    let mut trace = Writer::new(Vec::new()).unwrap().finish(None).unwrap();
    trace[8..10].copy_from_slice(&2_u16.to_le_bytes());
    let sum = checksum(CrcAlgorithm::Crc32Iscsi, &trace[..12]) as u32;
    trace[12..16].copy_from_slice(&sum.to_le_bytes());
    let Err(ReadError::Head(error)) = Reader::new(&trace[..]).map(drop) else { panic!("it was read") };
    assert_eq!(error.to_string(), "trace head, byte 8: version is 2.0; expected 1.x, which this build reads");
}

#[test]
fn what_is_too_long_is_not_recorded_and_the_trace_goes_on() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let mut frames = samples::one_of_each();
    manifest_of(&mut frames[0]).protocol = "x".repeat(5000).into();
    assert_eq!(writer.write(&frames[0]).unwrap_err().to_string(), "frame 0 (manifest) holds a text of 5000; expected at most 4096");
    manifest_of(&mut frames[0]).protocol = "raft".into();
    manifest_of(&mut frames[0]).members = vec![MemberId(1); 70_000];
    assert!(writer.write(&frames[0]).unwrap_err().to_string().ends_with("a list of 70000; expected at most 65536"));
    manifest_of(&mut frames[0]).members.clear();
    manifest_of(&mut frames[0]).settings = vec![("k".into(), "v".repeat(4000).into()); 300];
    assert!(writer.write(&frames[0]).unwrap_err().to_string().contains("holds a frame of "));
    writer.write(&frames[1]).unwrap();
    let trace = writer.finish(None).unwrap();
    let read: Result<Vec<Frame>, _> = Reader::new(&trace[..]).unwrap().collect();
    assert_eq!(read.unwrap(), frames[1..2]);
}

fn manifest_of(frame: &mut Frame) -> &mut Manifest {
    match &mut frame.body {
        Body::Manifest(manifest) => manifest,
        other => panic!("{other:?}"),
    }
}
