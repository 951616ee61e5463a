//! Frames and messages come back as they were, however they are cut up; and whatever is wrong with one is found.

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use quorate_core::ids::PartitionId;
use quorate_net::frame::{
    Agreed, Frame, FrameProblem, FrameReader, FrameWriter, HEADER_BYTES, Kind, NoCommonVersion, VERSION_NEWEST, VERSION_OLDEST, negotiate,
};
use quorate_net::{samples, wire};

const LIMIT: usize = 1 << 16;

fn agreed(compression: bool) -> Agreed {
    Agreed { version: 1, salt: 77, kind: Some(Kind::Raft), limit: LIMIT, compression }
}

/// Both ends of one direction, behind the greeting.
fn ends(agreed: Agreed) -> (FrameWriter, FrameReader) {
    let (mut writer, mut reader) = (FrameWriter::greeting(Kind::Hello), FrameReader::greeting(Kind::Hello));
    let mut out = BytesMut::new();
    writer.push(&mut out, Kind::Hello, PartitionId(0), |_| ()).unwrap();
    assert!(reader.next(&mut out).unwrap().is_some());
    writer.agree(agreed);
    reader.agree(agreed);
    (writer, reader)
}

fn push(writer: &mut FrameWriter, out: &mut BytesMut, partition: u32, body: &[u8]) {
    writer.push(out, Kind::Raft, PartitionId(partition), |out| out.extend_from_slice(body)).unwrap();
}

fn problem(reader: &mut FrameReader, bytes: &[u8]) -> FrameProblem {
    reader.next(&mut BytesMut::from(bytes)).unwrap_err().problem
}

proptest! {
    #[test]
    fn frames_come_back_however_they_are_cut_up(
        sent in prop::collection::vec((any::<u32>(), prop::collection::vec(any::<u8>(), 0..3000), any::<bool>()), 1..8),
        cut in 1usize..5000,
        compression: bool,
    ) {
        let (mut writer, mut reader) = ends(agreed(compression));
        let mut out = BytesMut::new();
        let alike = |(id, body, same): (u32, Vec<u8>, bool)| (id, if same { vec![7; body.len()] } else { body });
        let sent: Vec<(u32, Vec<u8>)> = sent.into_iter().map(alike).collect();
        sent.iter().for_each(|(partition, body)| push(&mut writer, &mut out, *partition, body));
        let (mut come, mut read) = (BytesMut::new(), Vec::new());
        for piece in out.chunks(cut) {
            come.extend_from_slice(piece);
            while let Some(frame) = reader.next(&mut come).unwrap() {
                read.push(frame);
            }
        }
        let expected = sent.into_iter().map(|(id, body)| Frame { kind: Kind::Raft, partition: PartitionId(id), body: body.into() });
        prop_assert_eq!(read, expected.collect::<Vec<_>>());
        prop_assert!(come.is_empty());
    }

    #[test]
    fn no_changed_byte_goes_unnoticed(body in prop::collection::vec(any::<u8>(), 0..300), at: prop::sample::Index, by in 1u8..) {
        let (mut writer, mut reader) = ends(agreed(false));
        let mut out = BytesMut::new();
        push(&mut writer, &mut out, 1, &body);
        let at = at.index(out.len());
        out[at] ^= by;
        // A length that is changed may ask for more than there is; nothing is taken for a frame.
        prop_assert!(!matches!(reader.next(&mut out), Ok(Some(_))));
    }
}

#[test]
fn a_frame_that_is_repeated_left_out_or_of_another_connection_does_not_check_out() {
    let (mut writer, mut reader) = ends(agreed(false));
    let mut frames = Vec::new();
    for body in [b"first", b"other", b"third"] {
        let mut out = BytesMut::new();
        push(&mut writer, &mut out, 1, body);
        frames.push(out);
    }
    assert_eq!(reader.next(&mut frames[0].clone()).unwrap().unwrap().body, Bytes::from_static(b"first"));
    for (what, bytes) in [("the first again", &frames[0]), ("the third before the second", &frames[2])] {
        assert!(matches!(problem(&mut reader, bytes), FrameProblem::Checksum { .. }), "{what}");
    }
    assert!(reader.next(&mut frames[1].clone()).unwrap().is_some(), "what was refused has no effect on what follows");
    let (_, mut elsewhere) = ends(Agreed { salt: 78, ..agreed(false) });
    assert!(matches!(problem(&mut elsewhere, &frames[0]), FrameProblem::Checksum { .. }));
}

#[test]
fn each_fault_of_a_header_is_named() {
    let (mut writer, mut reader) = ends(agreed(false));
    let mut good = BytesMut::new();
    push(&mut writer, &mut good, 1, b"body");
    let mut with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        problem(&mut reader, &bytes)
    };
    assert!(matches!(with(0, b'X'), FrameProblem::Magic(_)));
    assert_eq!(with(4, 9), FrameProblem::Version { found: 9, expected: 1 });
    assert_eq!(with(5, 48), FrameProblem::UnknownKind(48));
    assert_eq!(with(5, Kind::Requests as u8), FrameProblem::Unexpected { found: Kind::Requests, expected: Some(Kind::Raft) });
    assert_eq!(with(5, Kind::Hello as u8), FrameProblem::Unexpected { found: Kind::Hello, expected: Some(Kind::Raft) });
    assert_eq!(with(6, 1), FrameProblem::Flags { found: 1, allowed: 0 });
    assert_eq!(with(7, 2), FrameProblem::Flags { found: 512, allowed: 0 });
    assert_eq!(with(14, 0xff), FrameProblem::TooLong { kind: Kind::Raft, bytes: 0xff_0004, limit: LIMIT });
    assert!(matches!(with(16, !good[16]), FrameProblem::Checksum { .. }));
    assert!(matches!(problem(&mut reader, b"GET / HTTP/1.1"), FrameProblem::Magic(_)), "found before a header is there");
    assert!(reader.next(&mut good).unwrap().is_some());
}

#[test]
fn an_announced_length_reserves_nothing() {
    let (mut writer, mut reader) = ends(agreed(false));
    let mut out = BytesMut::new();
    push(&mut writer, &mut out, 1, &vec![1; LIMIT]);
    let mut come = BytesMut::from(&out[..HEADER_BYTES + 100]);
    let before = come.capacity();
    assert_eq!(reader.next(&mut come), Ok(None));
    assert_eq!(come.capacity(), before);
}

#[test]
fn a_body_over_the_limit_is_not_sent_and_leaves_nothing_behind() {
    let (mut writer, mut reader) = ends(agreed(true));
    let mut out = BytesMut::new();
    push(&mut writer, &mut out, 1, b"before");
    let before = out.len();
    let error = writer.push(&mut out, Kind::Raft, PartitionId(1), |out| out.extend_from_slice(&vec![0; LIMIT + 1])).unwrap_err();
    assert!(error.to_string().contains("65537 bytes; expected at most 65536"), "{error}");
    assert_eq!(out.len(), before);
    push(&mut writer, &mut out, 1, b"after");
    assert!(reader.next(&mut out).unwrap().is_some() && reader.next(&mut out).unwrap().is_some());
}

#[test]
fn what_grows_beyond_the_limit_when_it_is_decompressed_is_refused() {
    let long = Agreed { limit: 8 * LIMIT, ..agreed(true) };
    let (mut writer, _) = ends(long);
    let (_, mut reader) = ends(agreed(true));
    let mut out = BytesMut::new();
    push(&mut writer, &mut out, 1, &vec![0; 8 * LIMIT]);
    assert!(out.len() < LIMIT, "it is small on the wire");
    let problem = problem(&mut reader, &out);
    assert!(matches!(&problem, FrameProblem::Compression(why) if why.contains("expected at most 65536")), "{problem}");
}

#[test]
fn a_compressed_body_is_refused_where_nobody_agreed_on_it() {
    let (mut writer, _) = ends(agreed(true));
    let (_, mut reader) = ends(agreed(false));
    let mut out = BytesMut::new();
    push(&mut writer, &mut out, 1, &[0; 5000]);
    assert!(out.len() < 200);
    assert_eq!(problem(&mut reader, &out), FrameProblem::Flags { found: 1, allowed: 0 });
}

#[test]
fn a_refusal_may_come_at_any_time_and_is_short() {
    let (mut writer, mut reader) = ends(agreed(false));
    let mut out = BytesMut::new();
    writer.push(&mut out, Kind::Refusal, PartitionId(0), |out| out.extend_from_slice(b"why")).unwrap();
    assert_eq!(reader.next(&mut out).unwrap().unwrap().kind, Kind::Refusal);
    assert!(writer.push(&mut out, Kind::Refusal, PartitionId(0), |out| out.extend_from_slice(&[0; 5000])).is_err());
}

#[test]
fn the_newest_common_version_is_spoken() {
    assert_eq!(negotiate(1..=3, 2..=5), Ok(3));
    assert_eq!(negotiate(2..=5, 1..=3), Ok(3));
    assert_eq!(negotiate(1..=1, 1..=1), Ok(1));
    assert_eq!(negotiate(4..=9, 5..=6), Ok(6));
    assert_eq!(negotiate(1..=200, 100..=100_000), Ok(200));
    assert_eq!(negotiate(VERSION_OLDEST..=VERSION_NEWEST, 1..=1), Ok(1));
    for (ours, theirs) in [(1..=2, 3..=4), (3..=4, 1..=2), (1..=255, 256..=300), (1..=3, RangeInclusive::new(3, 1)), (1..=3, 0..=0)] {
        let error = negotiate(ours.clone(), theirs.clone()).unwrap_err();
        assert_eq!(error, NoCommonVersion { theirs, ours });
        assert!(error.to_string().contains("expected one of"), "{error}");
    }
}

#[test]
fn a_list_with_too_many_items_is_refused_before_it_is_taken_apart() {
    let many = Bytes::from([0x0a, 0].repeat(wire::REQUESTS_MAX + 1));
    assert!(wire::requests(&many).unwrap_err().to_string().contains("expected at most"));
    assert!(wire::responses(&many).is_err());
    assert_eq!(wire::requests(&many.slice(2..)).unwrap().requests.len(), wire::REQUESTS_MAX);
    assert!(wire::requests(&Bytes::from_static(&[0x0a, 200, 1])).is_err());
    assert!(wire::requests(&Bytes::from_static(&[0x12, 0])).is_err());
    for (name, kind, body) in samples::bodies() {
        match kind {
            Kind::Requests => assert_eq!(wire::requests(&body).expect(&name).requests.len(), 2),
            Kind::Responses => assert_eq!(wire::responses(&body).expect(&name).responses.len(), 2),
            _ => {}
        }
    }
}
