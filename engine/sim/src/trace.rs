//! A run as a trace: what the world saw, in the words of telemetry, with labels of what was done on purpose.
//!
//! The world tells everything, so frames have the member that a fact is about as their source, and the world itself where it is about
//! nobody. Times are the world's own. The trace ends with the run's auditor, so that it names the run that it is of.

use std::collections::BTreeSet;
use std::io;

use quorate_core::hash::Digest;
use quorate_core::ids::{MemberId, PartitionId};
use quorate_protocol::raft::{Configuration, Part, Role};
use quorate_telemetry::schema::{self, Body, Label, Manifest, Text};
use quorate_telemetry::trace::{WriteError, Writer};

use crate::World;
use crate::check::Report;
use crate::fact::Fact;
use crate::invariants::Observed;
use crate::machine::Op;
use crate::plan::{Fault, Plan, What, Whom};
use crate::record::{Call, Operation, Outcome};

const PARTITION: PartitionId = PartitionId(1);

/// A trace in the making.
pub struct Recording<W: io::Write> {
    writer: Writer<W>,
    /// Who was started before.
    seen: BTreeSet<MemberId>,
    /// How many operations of clients have begun, and which of them are not over.
    begun: usize,
    open: Vec<usize>,
    /// Why nothing more is written, once something could not be.
    failed: Option<WriteError>,
}

impl<W: io::Write> Recording<W> {
    /// Begins a trace of this plan.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn new(out: W, plan: &Plan, engine_version: &'static str) -> Result<Self, WriteError> {
        let mut writer = Writer::new(out)?;
        let settings = [
            ("clients", u64::from(plan.shape.clients)),
            ("keys", u64::from(plan.shape.keys)),
            ("faults", plan.faults.len() as u64),
            ("faults_ns", plan.shape.faults_ns),
            ("sync_ns", plan.shape.sync_ns),
        ];
        let manifest = Manifest {
            engine_version: engine_version.into(),
            protocol: "raft".into(),
            members: (1..=u64::from(plan.servers)).map(MemberId).collect(),
            seed: Some(plan.seed),
            settings: settings.map(|(key, value)| (key.into(), value.to_string().into())).into(),
        };
        writer.tell(0, None, manifest)?;
        if let Some(planted) = plan.planted {
            let kind = format!("bug:{}", planted.name()).into();
            writer.tell(0, None, Label { member: None, kind, from_ns: 0, until_ns: None })?;
        }
        for label in plan.faults.iter().flat_map(labels) {
            writer.tell(0, None, label)?;
        }
        Ok(Self { writer, seen: BTreeSet::new(), begun: 0, open: Vec::new(), failed: None })
    }

    /// Records what happened in the world's last event.
    pub fn take(&mut self, world: &World, observed: &Observed) {
        for fact in world.facts() {
            if self.failed.is_some() {
                return;
            }
            let Some((source, body)) = self.said(fact, observed) else { continue };
            self.failed = self.writer.tell(world.now(), source, body).err();
        }
        for sight in world.sights() {
            if self.failed.is_none() {
                self.failed = self.writer.tell(world.now(), sight.source, sight.body.clone()).err();
            }
        }
        if self.failed.is_none() {
            self.failed = self.clients(world.now(), world.record().operations()).err();
        }
    }

    /// Records which operations of clients began, and which ended.
    fn clients(&mut self, now: u64, operations: &[Operation]) -> Result<(), WriteError> {
        let (writer, mut said) = (&mut self.writer, Ok(()));
        let mut tell = |nth: usize, stage| {
            let frame = operation(nth, &operations[nth], stage);
            if said.is_ok() {
                said = writer.tell(now, None, frame);
            }
        };
        self.open.retain(|&nth| {
            let stage = match operations[nth].outcome {
                Outcome::Open => return true,
                Outcome::Returned(_) | Outcome::Failed => schema::Stage::Returned,
                Outcome::Unknown => schema::Stage::Lost,
            };
            tell(nth, stage);
            false
        });
        for nth in self.begun..operations.len() {
            tell(nth, schema::Stage::Invoked);
            self.open.push(nth);
        }
        self.begun = operations.len();
        said
    }

    /// Ends the trace, and says how many frames it has.
    ///
    /// # Errors
    /// If anything could not be written.
    pub fn finish(mut self, report: &Report) -> Result<u64, WriteError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some(failure) = &report.failure {
            let violated = schema::InvariantViolated { invariant: failure.of().into(), detail: failure.to_string().into() };
            self.writer.tell(report.time, None, violated)?;
        }
        let frames = self.writer.frames();
        self.writer.finish(Some(Digest(report.auditor)))?;
        Ok(frames)
    }

    /// What a fact is in the words of telemetry, if it has any.
    fn said(&mut self, fact: &Fact, observed: &Observed) -> Option<(Option<MemberId>, Body)> {
        let partition = PARTITION;
        let (node, body) = match fact {
            Fact::Started { node, .. } if self.seen.insert(*node) => return None,
            Fact::Started { node, .. } => (node, schema::Restarted { member: *node }.into()),
            Fact::Crashed { node } => (node, schema::Crashed { member: *node }.into()),
            Fact::Became { node, role, term, leader } => {
                let role = match role {
                    Role::Follower => schema::Role::Follower,
                    Role::PreCandidate => schema::Role::PreCandidate,
                    Role::Candidate => schema::Role::Candidate,
                    Role::Leader => schema::Role::Leader,
                };
                (node, schema::RoleChanged { partition, role, term: term.0, leader: *leader }.into())
            }
            Fact::Members { node, configuration } => (node, members(configuration).into()),
            Fact::Committed { node, index, .. } => {
                let term = observed.server(*node).and_then(|server| server.log.term_at(*index))?;
                (node, schema::Committed { partition, index: index.0, term: term.0 }.into())
            }
            Fact::Applied { node, mark, .. } => (node, schema::Applied { partition, index: mark.index.0 }.into()),
            _ => return None,
        };
        Some((Some(*node), body))
    }
}

fn operation(nth: usize, operation: &Operation, stage: schema::Stage) -> schema::ClientOperation {
    let (name, key) = match operation.call {
        Call::Get { key } => ("get", key),
        Call::Change(Op::Put { key, .. }) => ("put", key),
        Call::Change(Op::Delete { key }) => ("delete", key),
        Call::Change(Op::CompareAndSet { key, .. }) => ("compare-and-set", key),
    };
    schema::ClientOperation {
        client: u64::from(operation.client),
        id: nth as u64,
        operation: name.into(),
        key: key.to_string().into(),
        stage,
        latency_ns: (stage == schema::Stage::Returned).then(|| operation.ended.saturating_sub(operation.invoked)),
    }
}

fn members(configuration: &Configuration) -> schema::ConfigurationChanged {
    let of = |learners: bool| {
        let peers = configuration.peers().iter().filter(move |peer| (peer.part == Part::Learner) == learners);
        peers.map(|peer| peer.id).collect()
    };
    schema::ConfigurationChanged {
        partition: PARTITION,
        epoch: configuration.epoch(),
        voters: of(false),
        learners: of(true),
        outgoing: configuration.outgoing().iter().filter(|peer| peer.part != Part::Learner).map(|peer| peer.id).collect(),
    }
}

/// The labels of a fault whose victims the plan names. Where it says "whoever leads", the world tells whom it hit.
fn labels(fault: &Fault) -> Vec<Label> {
    let member = |nth: u16| MemberId(u64::from(nth) + 1);
    let named = |whom: &Whom| match whom {
        Whom::Server(nth) => Some(member(*nth)),
        Whom::Leader => None,
    };
    let victims: Vec<Option<MemberId>> = match &fault.what {
        What::Crash { whom, .. } => whom.iter().filter_map(named).map(Some).collect(),
        What::Partition { side, .. } => side.iter().filter_map(named).map(Some).collect(),
        What::Cut { to, .. } => vec![Some(member(*to))],
        What::Slow { whom, .. } | What::Flip { whom, .. } | What::Misdirect { whom } | What::WallJump { whom, .. } => {
            vec![Some(member(*whom))]
        }
        What::Adversary { who, .. } => vec![Some(member(*who))],
        What::Reset { whom } | What::Stall { whom, .. } | What::Full { whom, .. } | What::FailSync { whom } | What::Pause { whom, .. } => {
            named(whom).map(Some).into_iter().collect()
        }
        What::Lossy { .. } | What::Churn { .. } | What::Transfer { .. } => vec![None],
    };
    victims.into_iter().map(|victim| label(&fault.what, victim, fault.at)).collect()
}

/// The label of a fault that hits somebody, or everybody, from a moment on.
pub(crate) fn label(what: &What, member: Option<MemberId>, from_ns: u64) -> Label {
    let (kind, for_ns): (Text, u64) = match what {
        What::Crash { down_ns, .. } => ("crash".into(), *down_ns),
        What::Partition { for_ns, .. } => ("partition".into(), *for_ns),
        What::Cut { for_ns, .. } => ("link-cut".into(), *for_ns),
        What::Lossy { for_ns, .. } => ("lossy-network".into(), *for_ns),
        What::Slow { for_ns, .. } => ("slow-link".into(), *for_ns),
        What::Reset { .. } => ("reset".into(), 0),
        What::Stall { for_ns, .. } => ("disk-stall".into(), *for_ns),
        What::Full { for_ns, .. } => ("disk-full".into(), *for_ns),
        What::FailSync { .. } => ("sync-failure".into(), 0),
        What::Flip { .. } => ("bit-flip".into(), 0),
        What::Misdirect { .. } => ("misdirected-write".into(), 0),
        What::Pause { for_ns, .. } => ("pause".into(), *for_ns),
        What::WallJump { .. } => ("clock-jump".into(), 0),
        What::Churn { .. } => ("churn".into(), 0),
        What::Transfer { .. } => ("transfer".into(), 0),
        What::Adversary { kind, for_ns, .. } => (format!("adversary:{}", kind.label()).into(), *for_ns),
    };
    Label { member, kind, from_ns, until_ns: Some(from_ns.saturating_add(for_ns)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check;
    use crate::plan::{Options, Planted};
    use quorate_protocol::raft::Planted as Mistake;
    use quorate_telemetry::schema::Frame;
    use quorate_telemetry::trace::{Ending, Reader};

    fn recorded(plan: &Plan) -> (Vec<Frame>, Report, Ending) {
        let mut bytes = Vec::new();
        let mut recording = Recording::new(&mut bytes, plan, "0.0.0").unwrap();
        let report = check::record(plan, |world, observed| recording.take(world, observed));
        let count = recording.finish(&report).unwrap();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            frames.push(frame);
        }
        assert_eq!(frames.len() as u64, count);
        let ending = reader.ending().unwrap();
        (frames, report, ending)
    }

    #[test]
    fn a_trace_has_the_plan_as_labels_what_happened_and_the_auditor_of_its_run() {
        let plan = Plan::from_seed(2, &Options::default());
        let (frames, report, ending) = recorded(&plan);
        assert!(matches!(&frames[0].body, Body::Manifest(manifest) if manifest.seed == Some(2) && manifest.members.len() == 5));
        let labels = frames.iter().filter(|frame| matches!(frame.body, Body::Label(_))).count();
        assert!(labels >= plan.faults.len() && !plan.faults.is_empty());
        assert_eq!(ending, Ending::Finished { audit: Some(Digest(report.auditor)) });
        assert!(frames.is_sorted_by_key(|frame| frame.time));
        let led = |frame: &Frame| matches!(&frame.body, Body::RoleChanged(changed) if changed.role == schema::Role::Leader);
        assert!(frames.iter().any(led));
        let stage =
            |wanted| frames.iter().filter(|frame| matches!(&frame.body, Body::ClientOperation(done) if done.stage == wanted)).count();
        let (invoked, over) = (stage(schema::Stage::Invoked), stage(schema::Stage::Returned) + stage(schema::Stage::Lost));
        assert!(over > 0 && over <= invoked, "{over} of {invoked} operations are over");
    }

    #[test]
    fn a_trace_tells_of_every_topic_and_listening_changes_nothing() {
        let plans = (0..40).map(|seed| Plan::from_seed(seed, &Options::default()));
        let mut kinds = BTreeSet::new();
        for plan in plans {
            let (frames, report, _) = recorded(&plan);
            assert_eq!(report, check::run(&plan, |_, _| {}), "seed {}", plan.seed);
            kinds.extend(frames.iter().map(|frame| frame.body.kind().name));
        }
        let missing: Vec<_> = Body::KINDS.iter().map(|kind| kind.name).filter(|name| !kinds.contains(name)).collect();
        // An alert is for a run in which something is violated.
        assert_eq!(missing, ["invariant-violated"]);
    }

    #[test]
    fn what_is_decided_was_voted_for_by_a_majority_that_the_trace_shows() {
        let (frames, ..) = recorded(&Plan::from_seed(2, &Options::default()));
        let (mut electorates, mut elected) = (std::collections::BTreeMap::new(), 0);
        for frame in &frames {
            match &frame.body {
                Body::RoundOpened(opened) => drop(electorates.insert((frame.source, opened.round), opened.electorate)),
                Body::RoundDecided(decided) => {
                    let electorate = electorates[&(frame.source, decided.round)];
                    // While members change it is a majority of each half, which is said in another test.
                    assert!(decided.voters * 2 > electorate || electorate != 5, "{decided:?} of {electorate}");
                    elected += u64::from(decided.kind == quorate_core::vote::Kind::Raft(quorate_core::vote::Raft::Grant));
                }
                Body::Restarted(restarted) => electorates.retain(|key, _| key.0 != Some(restarted.member)),
                _ => {}
            }
        }
        assert!(elected > 0);
    }

    #[test]
    fn what_is_planted_has_a_label_and_what_it_violates_an_alert() {
        let planted = Some(Planted::Raft(Mistake::AckBeforeFsync));
        let (frames, report, _) = recorded(&Plan::from_seed(0, &Options { planted, ..Options::default() }));
        assert!(matches!(&frames[1].body, Body::Label(label) if label.kind == "bug:ack-before-fsync" && label.until_ns.is_none()));
        let of = report.failure.unwrap().of();
        assert!(matches!(&frames.last().unwrap().body, Body::InvariantViolated(alert) if alert.invariant == of));
    }
}
