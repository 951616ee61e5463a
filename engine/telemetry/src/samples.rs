//! One frame of each kind, with every form that a field can take: what golden files, fuzz seeds and tests are made of.

use quorate_core::hash::Digest;
use quorate_core::ids::{Epoch, Height, MemberId, PartitionId, View, Weight};
use quorate_core::vote::{Engine, Kind, Pbft, Raft};

use crate::schema::{
    Appended, Applied, Body, ClientOperation, ClockJumped, Committed, ConfigurationChanged, Crashed, DiskFull, Fate, Frame, Healed,
    InvariantViolated, Label, LinkChanged, LinkState, Manifest, Message, Partitioned, PipelineRun, Restarted, Role, RoleChanged,
    RoundClosed, RoundDecided, RoundOpened, SnapshotInstalled, SnapshotTaken, Stage, Stalled, Synced, Verdict, VoteSeen,
};

/// The frames, numbered from zero, a millisecond and a bit from one to the next, told by member 1 where a member tells them.
#[must_use]
pub fn one_of_each() -> Vec<Frame> {
    let mut frames = Vec::new();
    for (observed, bodies) in [(true, of_the_world()), (false, of_a_node())] {
        for body in bodies {
            let sequence = frames.len() as u64;
            frames.push(Frame { sequence, time: sequence * 1_000_123, source: (!observed).then_some(MemberId(1)), body });
        }
    }
    frames
}

fn of_the_world() -> Vec<Body> {
    vec![
        Manifest {
            engine_version: "0.1.0".into(),
            protocol: "raft".into(),
            members: [1, 2, 300].map(MemberId).into(),
            seed: Some(u64::MAX),
            settings: vec![("network".into(), "lan".into()), ("loss".into(), "0.01".into())],
        }
        .into(),
        Label { member: Some(MemberId(2)), kind: "adversary:withholder".into(), from_ns: 1_000_000, until_ns: None }.into(),
        Label { member: None, kind: "fault:partition".into(), from_ns: 5, until_ns: Some(70_000) }.into(),
        Message { from: MemberId(1), to: MemberId(2), class: "append".into(), bytes: 512, fate: Fate::Sent, delay_ns: Some(350_000) }
            .into(),
        Message { from: MemberId(2), to: MemberId(300), class: "vote, asked".into(), bytes: 64, fate: Fate::Dropped, delay_ns: None }
            .into(),
        LinkChanged { from: MemberId(1), to: MemberId(300), state: LinkState::Down }.into(),
        Crashed { member: MemberId(300) }.into(),
        Restarted { member: MemberId(300) }.into(),
        Partitioned { groups: vec![vec![MemberId(1)], vec![MemberId(2), MemberId(300)], vec![]] }.into(),
        Healed {}.into(),
        ClockJumped { member: MemberId(2), by_ns: -3_000_000_000 }.into(),
        ClockJumped { member: MemberId(2), by_ns: 40 }.into(),
        ClientOperation {
            client: 7,
            id: 1,
            operation: "put".into(),
            key: "Grüße, \"you\"\n".into(),
            stage: Stage::Invoked,
            latency_ns: None,
        }
        .into(),
        ClientOperation { client: 7, id: 1, operation: "put".into(), key: "".into(), stage: Stage::Returned, latency_ns: Some(1 << 33) }
            .into(),
        InvariantViolated { invariant: "one leader per term".into(), detail: "members 1 and 2 lead in term 3".into() }.into(),
    ]
}

fn of_a_node() -> Vec<Body> {
    let (partition, ack) = (PartitionId(0), Kind::Raft(Raft::Ack));
    let vote = VoteSeen { round: 9, kind: ack, voter: MemberId(2), candidate: Some(70_000), digest: None, verdict: Verdict::Counted };
    let digest = Some(Digest([0xab; 32]));
    let mut bodies: Vec<Body> = vec![
        RoleChanged { partition, role: Role::Candidate, term: 3, leader: None }.into(),
        RoleChanged { partition: PartitionId(u32::MAX), role: Role::Leader, term: 3, leader: Some(MemberId(1)) }.into(),
        ConfigurationChanged {
            partition,
            epoch: Epoch(2),
            voters: [1, 2].map(MemberId).into(),
            learners: vec![],
            outgoing: [1, 300].map(MemberId).into(),
        }
        .into(),
        Committed { partition, index: 1 << 40, term: 3 }.into(),
        Applied { partition, index: 1 << 40 }.into(),
        RoundOpened { round: 9, engine: Engine::Raft, partition, height: Height(0), view: View(3), electorate: 3, kinds: vec![ack] }.into(),
        RoundDecided { round: 9, kind: ack, candidate: Some(70_000), digest: None, weight: Weight(2), voters: 2 }.into(),
        RoundDecided { round: 10, kind: Kind::Pbft(Pbft::Commit), candidate: Some(0), digest, weight: Weight(300), voters: 3 }.into(),
        RoundClosed { round: 9 }.into(),
        VoteSeen { kind: Kind::Pbft(Pbft::Prepare), candidate: None, digest, ..vote.clone() }.into(),
    ];
    bodies.extend(Verdict::ALL.map(|verdict| VoteSeen { verdict, ..vote.clone() }.into()));
    bodies.extend([
        Body::from(PipelineRun { votes: 4096, rounds: 16, took_ns: 12_345, backend: "cpu".into() }),
        Appended { records: 1, bytes: 200 }.into(),
        Synced { until: 77, took_ns: 81_000 }.into(),
        Stalled { took_ns: 2_000_000_000 }.into(),
        DiskFull { bytes: 4096 }.into(),
        SnapshotTaken { partition, index: 1000, bytes: 1 << 20 }.into(),
        SnapshotInstalled { partition, index: 1000, bytes: 1 << 20 }.into(),
    ]);
    bodies
}
