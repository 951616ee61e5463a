//! Whatever frames are written come back, wherever the trace is cut and whichever byte of it is changed.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use quorate_core::hash::Digest;
use quorate_core::ids::{Epoch, MemberId, PartitionId};
use quorate_core::vote::{Engine, Kind};
use quorate_telemetry::samples;
use quorate_telemetry::schema::{
    Body, ClientOperation, ClockJumped, ConfigurationChanged, Fate, Frame, Label, Manifest, Message, Partitioned, Role, RoleChanged, Stage,
    Text, Verdict, VoteSeen,
};
use quorate_telemetry::trace::{Ending, Reader, Writer};

/// Numbers of every length.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift)
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof!["[a-z:-]{0,40}", ".{0,80}"].prop_map(Text::from)
}

fn member() -> impl Strategy<Value = MemberId> {
    number().prop_map(MemberId)
}

fn members() -> impl Strategy<Value = Vec<MemberId>> {
    vec(member(), 0..40)
}

fn kind() -> impl Strategy<Value = Kind> {
    let codes = Engine::ALL.into_iter().flat_map(|engine| (0..Kind::LIMIT).map(move |code| (engine as u8, code)));
    select(codes.filter_map(|(engine, code)| Kind::from_codes(engine, code)).collect::<Vec<_>>())
}

/// Every type of field is in one of these with any value; the other bodies are those of the samples.
fn body() -> impl Strategy<Value = Body> {
    let samples: Vec<Body> = samples::one_of_each().into_iter().map(|frame| frame.body).collect();
    let manifest = (text(), text(), members(), of(number()), vec((text(), text()), 0..5)).prop_map(
        |(engine_version, protocol, members, seed, settings)| Manifest { engine_version, protocol, members, seed, settings }.into(),
    );
    let label = (of(member()), text(), number(), of(number()))
        .prop_map(|(member, kind, from_ns, until_ns)| Label { member, kind, from_ns, until_ns }.into());
    let role = (any::<u32>(), select(Role::ALL), number(), of(member()))
        .prop_map(|(partition, role, term, leader)| RoleChanged { partition: PartitionId(partition), role, term, leader }.into());
    let configuration =
        (any::<u32>(), number(), members(), members(), members()).prop_map(|(partition, epoch, voters, learners, outgoing)| {
            ConfigurationChanged { partition: PartitionId(partition), epoch: Epoch(epoch), voters, learners, outgoing }.into()
        });
    let vote = (number(), kind(), member(), of(number()), of(any::<[u8; 32]>()), select(&Verdict::ALL[..])).prop_map(
        |(round, kind, voter, candidate, digest, verdict)| {
            VoteSeen { round, kind, voter, candidate, digest: digest.map(Digest), verdict }.into()
        },
    );
    let message = (member(), member(), text(), number(), select(Fate::ALL), of(number()))
        .prop_map(|(from, to, class, bytes, fate, delay_ns)| Message { from, to, class, bytes, fate, delay_ns }.into());
    let groups = vec(members(), 0..6).prop_map(|groups| Partitioned { groups }.into());
    let jump = (member(), any::<i64>(), 0..64_u32).prop_map(|(member, by, shift)| ClockJumped { member, by_ns: by >> shift }.into());
    let operation = (number(), number(), text(), text(), select(Stage::ALL), of(number())).prop_map(
        |(client, id, operation, key, stage, latency_ns)| ClientOperation { client, id, operation, key, stage, latency_ns }.into(),
    );
    prop_oneof![select(samples), manifest, label, role, configuration, vote, message, groups, jump, operation]
}

fn frames() -> impl Strategy<Value = Vec<Frame>> {
    let frame = (number(), number(), of(member()), body());
    vec(frame.prop_map(|(sequence, time, source, body)| Frame { sequence, time, source, body }), 0..60)
}

/// A trace of these frames, in blocks that end before those `ends`.
fn written(frames: &[Frame], ends: &[usize], audit: Option<Digest>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    for (at, frame) in frames.iter().enumerate() {
        if ends.contains(&at) {
            writer.flush().unwrap();
        }
        writer.write(frame).unwrap();
    }
    writer.finish(audit).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_frame_comes_back(frames in frames()) {
        for frame in frames {
            let mut bytes = Vec::new();
            frame.encode(&mut bytes).unwrap();
            prop_assert_eq!(Frame::decode(&bytes).unwrap(), Some(frame));
        }
    }

    #[test]
    fn any_list_of_frames_comes_back(frames in frames(), ends in vec(0..60_usize, 0..4), audit in of(any::<[u8; 32]>())) {
        let audit = audit.map(Digest);
        let trace = written(&frames, &ends, audit);
        let mut reader = Reader::new(&trace[..]).unwrap();
        let again: Result<Vec<Frame>, _> = reader.by_ref().collect();
        prop_assert_eq!(again.unwrap(), frames);
        prop_assert_eq!(reader.ending(), Some(Ending::Finished { audit }));
        prop_assert_eq!(reader.bytes(), trace.len() as u64);
    }

    #[test]
    fn a_cut_trace_gives_complete_blocks_and_is_unfinished(
        frames in frames(),
        ends in vec(0..60_usize, 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let trace = written(&frames, &ends, None);
        let cut = 16 + cut.index(trace.len() - 16);
        let mut reader = Reader::new(&trace[..cut]).unwrap();
        let again: Vec<Frame> = reader.by_ref().map(Result::unwrap).collect();
        prop_assert_eq!(&again[..], &frames[..again.len()]);
        prop_assert!(again.len() == frames.len() || ends.contains(&again.len()) || again.is_empty());
        let Some(Ending::Unfinished { left_over }) = reader.ending() else { panic!("it is not whole") };
        prop_assert_eq!(reader.bytes() + left_over, cut as u64);
    }

    #[test]
    fn a_changed_byte_is_an_error_and_no_wrong_frame(
        frames in frames(),
        ends in vec(0..60_usize, 0..4),
        at in any::<prop::sample::Index>(),
        flip in 1..=u8::MAX,
    ) {
        let mut trace = written(&frames, &ends, Some(Digest([1; 32])));
        let at = at.index(trace.len());
        trace[at] ^= flip;
        let Ok(mut reader) = Reader::new(&trace[..]) else { return Ok(()) };
        let mut again = Vec::new();
        let error = loop {
            match reader.next_frame() {
                Ok(Some(frame)) => again.push(frame),
                Ok(None) => panic!("byte {at} was changed, and nobody saw"),
                Err(error) => break error,
            }
        };
        prop_assert_eq!(&again[..], &frames[..again.len()]);
        prop_assert!(error.to_string().starts_with("block "), "{}", error);
    }

    #[test]
    fn any_bytes_are_a_frame_or_an_error(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(Some(frame)) = Frame::decode(&bytes) {
            let mut again = Vec::new();
            frame.encode(&mut again).unwrap();
            prop_assert_eq!(Frame::decode(&again).unwrap(), Some(frame));
        }
    }
}
