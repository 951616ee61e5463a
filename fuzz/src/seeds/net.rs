//! Greetings, frames in every shape, a message of each kind, requests, responses, and certificates.

use bytes::BytesMut;
use quorate_core::ids::PartitionId;
use quorate_net::frame::{FrameWriter, Kind};
use quorate_net::samples;

use super::Seed;
use crate::frames::{AS_IT_IS, COMPRESSED, PUT_RIGHT, agreed};

/// A member's certificate and an authority's. Made once: each that is made is another.
const CERTIFICATES: [(&str, &[u8]); 2] = [
    ("of_a_member", include_bytes!("../../../fixtures/golden/wire/member.der")),
    ("of_an_authority", include_bytes!("../../../fixtures/golden/wire/authority.der")),
];

pub(super) fn all() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    let mut add = |target, name: &str, bytes| {
        let name = name.replace(' ', "_").leak();
        if seeds.iter().all(|seed| (seed.target, seed.name) != (target, name)) {
            seeds.push(Seed { target, name, bytes });
        }
    };
    for (name, kind, body) in samples::bodies() {
        match kind {
            Kind::Hello => add("wire_greeting", &name, [&[0], &body[..]].concat()),
            Kind::Welcome => add("wire_greeting", &name, [&[1], &body[..]].concat()),
            Kind::Requests => add("wire_requests", &name, body.to_vec()),
            Kind::Responses => add("wire_responses", &name, body.to_vec()),
            Kind::Raft => add("wire_message", name.trim_start_matches("raft "), body.to_vec()),
            Kind::Refusal => {}
        }
    }
    for (name, how, piece) in [("as_it_is", AS_IT_IS, 7), ("put_right", PUT_RIGHT, 64), ("compressed", PUT_RIGHT | COMPRESSED, 255)] {
        add("wire_frames", name, [&[how, piece], &stream(how)[..]].concat());
    }
    for (name, certificate) in CERTIFICATES {
        add("tls_certificate", name, certificate.to_vec());
    }
    seeds
}

fn stream(how: u8) -> BytesMut {
    let mut writer = FrameWriter::greeting(Kind::Raft);
    writer.agree(agreed(how));
    let mut out = BytesMut::new();
    let bodies: [&[u8]; 3] = [b"", b"a body", &[7; 1500][..if how & COMPRESSED == 0 { 30 } else { 1500 }]];
    for (nth, body) in (0..).zip(bodies) {
        let pushed = writer.push(&mut out, Kind::Raft, PartitionId(nth), |out| out.extend_from_slice(body));
        pushed.expect("a short body");
    }
    out
}
