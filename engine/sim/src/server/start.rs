//! A process begins: everything is read from the disk again, through the recovery that a real node has.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use quorate_core::codec::{DecodeError, Reader};
use quorate_core::ids::{ClusterId, Height};
use quorate_core::mark::Mark;
use quorate_env::Env;
use quorate_env::disk::Loss;
use quorate_env::rng::Seeded;
use quorate_pipeline::cpu::{Cpu, Settings as CpuSettings};
use quorate_pipeline::reference::Reference;
use quorate_pipeline::{Backend as Counter, Desk, Limits, Pipeline};
use quorate_protocol::raft::{Configuration, Entry, HardState, Identity, Raft, Start};
use quorate_storage::log::{Durability, Log, Owner, Recovery, Settings};
use quorate_storage::machine::{Host, Sessions};
use quorate_storage::snapshot::{self, Policy, SnapshotError, Snapshots};
use quorate_storage::{LogError, LogStore as _};

use super::ballots::Ballots;
use super::requests::Requests;
use super::{Around, PARTITION, Process, Server, State};
use crate::fact::Fact;
use crate::happening::Local;
use crate::machine::{LIMITS, Machine};
use crate::plan::{Backend, Planted, Shape};
use crate::print;

/// The slot of the log's state that holds term and vote.
pub(super) const HARD: u8 = 0;
/// The slot in which a witness, which has no snapshots, keeps the members as of its floor.
pub(super) const MEMBERS: u8 = 1;

const LOG: &str = "log";
const SNAPSHOTS: &str = "snapshots";

/// The folders in which bits can flip.
pub(crate) const FOLDERS: [&str; 2] = [LOG, SNAPSHOTS];

/// How many bytes of entries are read at once.
const READ_BYTES: usize = 64 << 10;

/// During one in so many starts the power fails, if there is that much to write.
const POWERLESS_ONE_IN: u64 = 6;
/// So many changes of the disk there are before that, at most.
const POWERLESS_CHANGES: u64 = 8;

/// Why a process did not begin.
enum Hindrance {
    /// The disk is damaged.
    Damaged(String),
    /// Something may be better later, such as a full disk.
    Later,
    /// What is on disk cannot have come about.
    Impossible(String),
}

impl From<LogError> for Hindrance {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Corrupt(_) => Self::Damaged(error.to_string()),
            LogError::Refused { .. } | LogError::Missing { .. } => Self::Impossible(error.to_string()),
            LogError::Busy { .. } | LogError::Full { .. } | LogError::Fatal(_) | LogError::Io(_) => Self::Later,
        }
    }
}

impl From<SnapshotError> for Hindrance {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Log(error) => error.into(),
            SnapshotError::Io { .. } => Self::Later,
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// What a server had on disk.
struct Found {
    log: Log,
    recovery: Recovery,
    snapshots: Snapshots,
    host: Host,
    machine: Machine,
    hard: Option<HardState>,
    floor: Mark,
    configuration: Configuration,
}

/// What goes with a snapshot's state: the members as of it, then the sessions.
pub(super) fn encode_meta(configuration: &Configuration, machine: &Machine, forget_sessions: bool) -> Vec<u8> {
    let mut meta = Vec::new();
    configuration.encode(&mut meta);
    if forget_sessions {
        Sessions::new(LIMITS).encode(&mut meta);
    } else {
        machine.encode_sessions(&mut meta);
    }
    meta
}

/// Reads what goes with a snapshot's state.
pub(super) fn decode_meta(meta: &[u8]) -> Result<(Configuration, Sessions), DecodeError> {
    let mut reader = Reader::new("snapshot meta", meta);
    let configuration = Configuration::decode(&mut reader)?;
    let sessions = Sessions::decode(&mut reader, LIMITS)?;
    reader.finish().map(|()| (configuration, sessions))
}

/// A pipeline of one server.
fn pipeline(backend: Backend) -> Result<Pipeline, Hindrance> {
    let counter: Box<dyn Counter> = match backend {
        Backend::Reference => Box::new(Reference::new()),
        Backend::Cpu => {
            let settings = CpuSettings { threads: 1, ..CpuSettings::default() };
            Box::new(Cpu::new(settings).map_err(|error| Hindrance::Impossible(error.to_string()))?)
        }
    };
    Ok(Pipeline::new(counter, Limits { rounds: 256, state_bytes: 1 << 20, electorates: 64, members: 4096 }))
}

fn log_settings(shape: &Shape) -> Settings {
    Settings {
        segment_bytes: shape.segment_bytes,
        ahead: 1,
        cache_bytes: 16 << 10,
        index_bytes: 16 << 10,
        pending_bytes: 1 << 20,
        durability: Durability::Fsync,
        stall: Duration::from_secs(1),
        retry_full: Duration::ZERO,
    }
}

impl Server {
    /// Starts a process, if there is none and there may be one.
    pub(crate) fn start(&mut self, around: &mut Around<'_>) -> Option<super::Failure> {
        if !matches!(self.state, State::Down) {
            return None;
        }
        self.life += 1;
        self.set_clock(around.now);
        let risky = self.life > 1 && !around.network.is_healed() && around.rng.one_in(POWERLESS_ONE_IN);
        if risky {
            self.disk.cut_power_after(around.rng.below(POWERLESS_CHANGES) as u32);
        }
        let found = self.find(around);
        if !self.disk.has_power() {
            drop(found);
            let loss = around.rng.pick(&Loss::ALL);
            self.disk = self.disk.after_crash(loss, around.rng);
            around.tally.crashes += 1;
            return Some(super::Failure::Died);
        }
        self.disk.keep_power();
        match found {
            Ok(found) => match self.begin(found, around) {
                Ok(process) => self.state = State::Up(Box::new(process)),
                Err(hindrance) => return self.hindered(hindrance, around),
            },
            Err(hindrance) => return self.hindered(hindrance, around),
        }
        None
    }

    fn hindered(&mut self, hindrance: Hindrance, around: &mut Around<'_>) -> Option<super::Failure> {
        match hindrance {
            Hindrance::Damaged(why) if self.damaged || around.planted.is_some() => {
                self.state = State::Refused(why);
                around.facts.push(Fact::Refused { node: self.id });
                around.tally.refusals += 1;
                None
            }
            Hindrance::Later => {
                // As for any process that dies: whatever its system still had to write comes to the disk.
                self.disk = self.disk.after_crash(Loss::Nothing, around.rng);
                Some(super::Failure::Died)
            }
            Hindrance::Damaged(why) | Hindrance::Impossible(why) => {
                self.state = State::Refused(why.clone());
                around.facts.push(Fact::Refused { node: self.id });
                Some(super::Failure::Broken(format!("server {} cannot start, and nothing was done to its disk: {why}", self.id)))
            }
        }
    }

    fn find(&self, around: &Around<'_>) -> Result<Found, Hindrance> {
        let env = Env { disk: Arc::new(self.disk.clone()), clock: Arc::new(self.clock.clone()) };
        let owner = Owner { cluster: ClusterId::default(), member: self.id };
        let salts = Seeded::new(print::mix(self.id.0, u64::from(self.life)));
        let (log, recovery) = Log::open(env, LOG, owner, log_settings(around.shape), Box::new(salts))?;
        let settings =
            snapshot::Settings { chunk_bytes: around.shape.chunk_bytes, ..snapshot::Settings::new(ClusterId::default(), self.id) };
        let snapshots = Snapshots::open(Arc::new(self.disk.clone()), SNAPSHOTS, settings)?;
        let machine = Machine::new(around.planted == Some(Planted::SnapshotDropsLast));
        let decoded = |error: DecodeError| Hindrance::Impossible(error.to_string());
        let hard = log.state(PARTITION, HARD).map(|bytes| HardState::decode(&bytes)).transpose().map_err(decoded)?;
        let mut configuration = around.genesis.clone();
        let host = if self.witness {
            if let Some(bytes) = log.state(PARTITION, MEMBERS) {
                configuration = Configuration::decode(&mut Reader::new("members", &bytes)).map_err(decoded)?;
            }
            Host::new(PARTITION, Box::new(machine.clone()))
        } else {
            let recovered = snapshot::recover(PARTITION, Box::new(machine.clone()), &log, &snapshots)?;
            if let Some((_, meta)) = &recovered.meta {
                let (members, sessions) = decode_meta(meta).map_err(decoded)?;
                configuration = members;
                machine.set_sessions(sessions);
            }
            recovered.host
        };
        let floor = log.span(PARTITION).floor;
        if !self.witness && host.applied() != floor {
            return Err(Hindrance::Impossible(format!("the state ends at {:?} and the log begins at {floor:?}", host.applied())));
        }
        Ok(Found { log, recovery, snapshots, host, machine, hard, floor, configuration })
    }

    fn begin(&self, found: Found, around: &mut Around<'_>) -> Result<Process, Hindrance> {
        let Found { log, recovery, snapshots, host, machine, hard, floor, configuration } = found;
        let last = log.span(PARTITION).last;
        around.tally.starts += 1;
        around.tally.torn += u64::from(recovery.torn.is_some());
        let identity = Identity { cluster: ClusterId::default(), partition: PARTITION, id: self.id };
        let start = Start {
            hard: hard.unwrap_or_default(),
            floor,
            configuration: configuration.clone(),
            fresh: hard.is_none() && last.index.0 == 0,
            life: u64::from(self.life),
        };
        let impossible = |error: &dyn std::fmt::Display| Hindrance::Impossible(error.to_string());
        let now = self.rate.local(around.now);
        let mut raft = Raft::new(identity, around.shape.settings, start, now).map_err(|error| impossible(&error))?;
        let node = self.id;
        let HardState { term, vote } = hard.unwrap_or_default();
        around.facts.push(Fact::Started { node, term, vote, floor, configuration: configuration.clone() });
        if floor.index.0 > 0 && !self.witness {
            around.facts.push(Fact::Restored { node, mark: floor, state: machine.print() });
        }
        let mut next = floor.index.0 + 1;
        while next <= last.index.0 {
            for entry in log.read(PARTITION, next..last.index.0 + 1, READ_BYTES)? {
                let entry = Entry { mark: entry.mark, data: entry.payload.into() };
                raft.recall(&entry).map_err(|error| impossible(&error))?;
                around.facts.push(Fact::Appended { node, mark: entry.mark, print: super::effects::print_of(&entry) });
                next = entry.mark.index.0 + 1;
            }
        }
        if let Some(Planted::Raft(mistake)) = around.planted {
            raft.plant(mistake);
        }
        if *raft.configuration() != configuration {
            around.facts.push(Fact::Members { node, configuration: raft.configuration().clone() });
        }
        let desk = Desk::new(pipeline(around.shape.backend)?);
        let mut process = Process {
            id: self.id,
            nth: self.nth,
            life: self.life,
            witness: self.witness,
            rate: self.rate,
            planted: around.planted,
            raft,
            log,
            snapshots,
            policy: Policy { interval: around.shape.snapshot_interval, log_bytes: 1 << 20, keep: 2 },
            host,
            machine,
            desk,
            ballots: Ballots::default(),
            counting_since: 0,
            effects: Vec::new(),
            told: Vec::new(),
            told_until: BTreeMap::new(),
            tick_due: u64::MAX,
            written: VecDeque::new(),
            blocked: VecDeque::new(),
            syncing: None,
            blocked_since: None,
            told_stalled: false,
            retrying: false,
            counting: false,
            applying: false,
            committed: floor.index,
            applied: Height(floor.index.0),
            pending: None,
            receiver: None,
            sending: None,
            requests: Requests::default(),
            trail: Vec::new(),
            responses: Vec::new(),
            failed: None,
        };
        process.arrange_tick(around);
        process.later(process.watch_ns(around.shape), Local::Watch, around);
        Ok(process)
    }
}
