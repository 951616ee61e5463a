//! What comes over the network, from members, clients and whoever else finds the port.

use std::mem::discriminant;

use bytes::{Bytes, BytesMut};
use prost::Message as _;
use quorate_core::ids::{ClusterId, MemberId};
use quorate_net::certs;
use quorate_net::class::Class;
use quorate_net::connection::{Expect, Greeting, Local, SocketOptions};
use quorate_net::frame::{Frame, FrameError, FrameLimits, FrameReader, FrameWriter, Kind};
use quorate_net::identity::{Identity, Who};
use quorate_net::raft;
use quorate_net::tls::Security;
use quorate_net::wire::{self, link};

use super::said;
use crate::frames::{COMPRESSED, agreed, placed};

/// A stream of frames. How it is cut up changes nothing, and what was not compressed is written again as the same bytes.
pub fn wire_frames(bytes: &[u8]) {
    let [how, piece, rest @ ..] = bytes else { return };
    let stream = placed(*how, rest);
    let (whole, end) = read(*how, &stream, stream.len().max(1));
    let (pieces, sooner) = read(*how, &stream, usize::from(*piece).max(1));
    assert_eq!(pieces, whole);
    // A wrong beginning is found when its first bytes are there; how many of them are shown is all that may differ.
    let which = |end: &Option<FrameError>| end.as_ref().map(|error| (error.number, discriminant(&error.problem)));
    assert_eq!(which(&sooner), which(&end));
    if let Some(error) = end {
        assert!(error.to_string().contains("expected") || *how & COMPRESSED != 0, "{error}");
        assert_eq!(error.number as usize, whole.len());
    }
    let mut writer = FrameWriter::greeting(Kind::Raft);
    let mut again = BytesMut::new();
    writer.agree(agreed(*how & !COMPRESSED));
    for frame in &whole {
        assert!(frame.body.len() <= agreed(*how).limit);
        let pushed = writer.push(&mut again, frame.kind, frame.partition, |out| out.extend_from_slice(&frame.body));
        pushed.expect("what was read is no longer than what may be written");
    }
    if *how & COMPRESSED == 0 {
        assert_eq!(again[..], stream[..again.len()]);
    }
}

fn read(how: u8, stream: &[u8], piece: usize) -> (Vec<Frame>, Option<FrameError>) {
    let mut reader = FrameReader::greeting(Kind::Raft);
    reader.agree(agreed(how));
    let (mut come, mut frames) = (BytesMut::new(), Vec::new());
    for piece in stream.chunks(piece) {
        come.extend_from_slice(piece);
        loop {
            match reader.next(&mut come) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
        }
    }
    (frames, None)
}

/// One of Raft's messages. What is read is written so that it reads the same.
pub fn wire_message(bytes: &[u8]) {
    let Some(message) = said(raft::decode(&Bytes::copy_from_slice(bytes))) else { return };
    let mut again = BytesMut::new();
    raft::encode(&message, &mut again);
    assert_eq!(raft::decode(&again.freeze()), Ok(message));
}

/// What a client asks.
pub fn wire_requests(bytes: &[u8]) {
    let Some(requests) = said(wire::requests(&Bytes::copy_from_slice(bytes))) else { return };
    assert!(requests.requests.len() <= wire::REQUESTS_MAX);
    assert_eq!(wire::requests(&requests.encode_to_vec().into()), Ok(requests));
}

/// What a client is answered.
pub fn wire_responses(bytes: &[u8]) {
    let Some(responses) = said(wire::responses(&Bytes::copy_from_slice(bytes))) else { return };
    assert!(responses.responses.len() <= wire::REQUESTS_MAX);
    assert_eq!(wire::responses(&responses.encode_to_vec().into()), Ok(responses));
}

/// A hello or a welcome, by the first byte. Who is let in has a part here.
pub fn wire_greeting(bytes: &[u8]) {
    let [which, rest @ ..] = bytes else { return };
    let peer = ([127, 0, 0, 1], 7000).into();
    let identity = Identity::new("demo".parse().expect("a name"), Who::Member(MemberId(1)));
    let us = Local {
        identity: identity.clone(),
        cluster_id: ClusterId::default(),
        address: String::new(),
        security: Security::Plain,
        limits: FrameLimits::default(),
        socket: SocketOptions::default(),
        compression: false,
    };
    let greeting = if which & 1 == 0 {
        let Some(hello) = said(link::Hello::decode(rest)) else { return };
        assert_eq!(link::Hello::decode(&hello.encode_to_vec()[..]).as_ref(), Ok(&hello));
        if let Ok(greeting) = Greeting::of_hello(&us, &hello, Some(&identity), peer) {
            assert_eq!((&greeting.who, greeting.class), (&identity.who, Class::Client), "somebody else than its certificate says");
        }
        said(Greeting::of_hello(&us, &hello, None, peer))
    } else {
        let Some(welcome) = said(link::Welcome::decode(rest)) else { return };
        assert_eq!(link::Welcome::decode(&welcome.encode_to_vec()[..]).as_ref(), Ok(&welcome));
        said(Greeting::of_welcome(&us, &welcome, None, Expect::AnyMember, (Class::Log, "", peer)))
    };
    if let Some(greeting) = greeting {
        assert!(greeting.class == Class::Client || greeting.who.member().is_some());
        assert!(greeting.who != Who::Member(MemberId(0)) && greeting.version == 1 && greeting.address.len() <= 300);
    }
}

/// A certificate. Whom it names has one form.
pub fn tls_certificate(bytes: &[u8]) {
    if let Some(identity) = said(certs::identity_of(bytes)) {
        assert_eq!(identity.to_string().parse(), Ok(identity));
    }
    if let Some(description) = said(certs::describe_der(bytes)) {
        assert!(!description.to_string().is_empty());
    }
}
