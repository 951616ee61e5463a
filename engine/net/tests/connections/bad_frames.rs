//! Bad frames on a connection that is up: each is refused with a reason, and has no effect.

use prost::Message as _;
use quorate_net::class::Class;
use quorate_net::connection::{Connection, Expect, Incoming, Local, Outgoing, ReadError};
use quorate_net::frame::{Agreed, Frame, FrameLimits, FrameProblem, HEADER_BYTES, Kind};
use quorate_net::wire::link;
use tokio::io::AsyncWriteExt as _;

use crate::support::{Stranger, accept, frame, listen, member, plain, soon};

const LIMIT: usize = 1 << 16;

fn acceptor() -> Local {
    Local { limits: FrameLimits { log: LIMIT, ..FrameLimits::default() }, ..plain(member(1)) }
}

/// Somebody who was let in, and what is read from it.
async fn welcomed() -> (Stranger, Incoming, Outgoing) {
    let (listener, address) = listen().await;
    let us = acceptor();
    let (stranger, accepted) = soon(async { tokio::join!(Stranger::welcomed(&address), accept(&listener, &us)) }).await;
    let (incoming, outgoing) = accepted.unwrap().split();
    (stranger, incoming, outgoing)
}

/// All frames that are handed over, and why no more come.
async fn all(incoming: &mut Incoming) -> (Vec<Frame>, ReadError) {
    let mut frames = Vec::new();
    loop {
        if let Err(end) = soon(incoming.frames(&mut frames)).await {
            assert_eq!(incoming.frames(&mut frames).await, Err(end.clone()), "an end stays one");
            return (frames, end);
        }
    }
}

/// A good frame, then these bytes and whatever follows: only the first is handed over.
async fn refused(bad: impl AsyncFnOnce(&mut Stranger) -> Vec<u8>, why: impl FnOnce(&FrameProblem) -> bool) {
    let (mut stranger, mut incoming, outgoing) = welcomed().await;
    stranger.say(Kind::Raft, b"good").await;
    let bytes = bad(&mut stranger).await;
    stranger.send(&bytes).await;
    stranger.say(Kind::Raft, b"behind it").await;
    let (frames, end) = all(&mut incoming).await;
    assert_eq!(frames, [frame(Kind::Raft, 1, "good")]);
    let ReadError::Frame(error) = &end else { panic!("{end}") };
    assert!(why(&error.problem), "{error}");
    assert!(error.to_string().starts_with(&format!("frame {} of this connection: ", error.number)), "{error}");
    outgoing.refuse(&end.to_string()).await.unwrap();
    assert_eq!(stranger.refusal().await, end.to_string(), "the other end is told");
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_before_it_has_come() {
    let head = async |stranger: &mut Stranger| stranger.bytes(Kind::Raft, &vec![0; LIMIT + 1])[..HEADER_BYTES].to_vec();
    refused(head, |problem| *problem == FrameProblem::TooLong { kind: Kind::Raft, bytes: LIMIT + 1, limit: LIMIT }).await;
}

#[tokio::test]
async fn malformed_frames_are_refused() {
    let with = |at: usize, byte: u8| {
        async move |stranger: &mut Stranger| {
            let mut bytes = stranger.bytes(Kind::Raft, b"bad").to_vec();
            bytes[at] ^= byte;
            bytes
        }
    };
    refused(with(1, 1), |problem| matches!(problem, FrameProblem::Magic(_))).await;
    refused(with(4, 2), |problem| *problem == FrameProblem::Version { found: 3, expected: 1 }).await;
    refused(with(5, 0x80), |problem| *problem == FrameProblem::UnknownKind(0x90)).await;
    refused(with(6, 1), |problem| *problem == FrameProblem::Flags { found: 1, allowed: 0 }).await;
    refused(with(8, 1), |problem| matches!(problem, FrameProblem::Checksum { .. })).await;
    refused(with(16, 1), |problem| matches!(problem, FrameProblem::Checksum { .. })).await;
    refused(with(HEADER_BYTES, 1), |problem| matches!(problem, FrameProblem::Checksum { .. })).await;
}

#[tokio::test]
async fn frames_that_have_no_business_there_are_refused() {
    for kind in [Kind::Hello, Kind::Welcome, Kind::Requests, Kind::Responses] {
        let bytes = async move |stranger: &mut Stranger| stranger.bytes(kind, b"").to_vec();
        refused(bytes, |problem| *problem == FrameProblem::Unexpected { found: kind, expected: Some(Kind::Raft) }).await;
    }
}

#[tokio::test]
async fn the_same_bytes_twice_are_refused() {
    let (mut stranger, mut incoming, _outgoing) = welcomed().await;
    let bytes = stranger.bytes(Kind::Raft, b"once");
    stranger.send(&bytes).await;
    stranger.send(&bytes).await;
    let (frames, end) = all(&mut incoming).await;
    assert_eq!(frames, [frame(Kind::Raft, 1, "once")]);
    assert!(matches!(end, ReadError::Frame(error) if matches!(error.problem, FrameProblem::Checksum { .. }) && error.number == 2));
}

#[tokio::test]
async fn bytes_recorded_on_another_connection_are_refused() {
    let (mut first, mut first_incoming, _first_outgoing) = welcomed().await;
    let recorded = first.bytes(Kind::Raft, b"recorded");
    first.send(&recorded).await;
    let mut frames = Vec::new();
    soon(first_incoming.frames(&mut frames)).await.unwrap();
    assert_eq!(frames.len(), 1);
    let (mut second, mut incoming, _outgoing) = welcomed().await;
    second.send(&recorded).await;
    let (frames, end) = all(&mut incoming).await;
    assert!(frames.is_empty());
    assert!(matches!(end, ReadError::Frame(error) if matches!(error.problem, FrameProblem::Checksum { .. }) && error.number == 1));
}

#[tokio::test]
async fn a_stream_that_ends_within_a_frame_was_cut_and_one_that_ends_behind_it_was_closed() {
    for (left_out, cut) in [(0, false), (1, true), (HEADER_BYTES, true)] {
        let (mut stranger, mut incoming, _outgoing) = welcomed().await;
        stranger.say(Kind::Raft, b"good").await;
        let bytes = stranger.bytes(Kind::Raft, b"last");
        stranger.send(&bytes[..bytes.len() - left_out]).await;
        stranger.stream.shutdown().await.unwrap();
        let (frames, end) = all(&mut incoming).await;
        assert_eq!(frames.len(), if cut { 1 } else { 2 });
        assert_eq!(matches!(end, ReadError::Cut(_)), cut, "{end}");
        assert_eq!(matches!(end, ReadError::Closed), !cut, "{end}");
    }
}

#[tokio::test]
async fn whoever_accepted_a_members_connection_may_only_refuse_on_it() {
    let (listener, address) = listen().await;
    let them = plain(member(2));
    let answering = async {
        let mut stranger = Stranger::accepting(listener.accept().await.unwrap().0);
        stranger.hear().await.unwrap();
        let welcome = link::Welcome { version: 1, member: 1, salt: 5, ..Default::default() };
        stranger.say(Kind::Welcome, &welcome.encode_to_vec()).await;
        stranger.writer.agree(Agreed { version: 1, salt: !5, kind: Some(Kind::Raft), limit: LIMIT, compression: false });
        stranger.say(Kind::Raft, b"an answer").await;
        stranger
    };
    let dialling = Connection::dial(&address, &them, Expect::AnyMember, Class::Log);
    let (_stranger, dialled) = soon(async { tokio::join!(answering, dialling) }).await;
    let (mut incoming, _outgoing) = dialled.unwrap().split();
    let (frames, end) = all(&mut incoming).await;
    assert!(frames.is_empty());
    assert!(end.to_string().contains("it is a raft frame; expected none but a refusal"), "{end}");
}
