//! A partition begins: everything is read from the disk.

use std::sync::Arc;

use quorate_core::codec::DecodeError;
use quorate_core::ids::{ClusterId, Height, MemberId, PartitionId};
use quorate_env::clock::Moment;
use quorate_protocol::raft::{Configuration, Entry, HardState, Identity, Raft, Settings, SettingsError, Start};
use quorate_storage::log::Log;
use quorate_storage::snapshot::{self, Policy, SnapshotError, Snapshots};
use quorate_storage::{LogError, LogStore as _};
use thiserror::Error;

use super::recent::Recent;
use super::requests::Requests;
use super::{Partition, members};
use crate::application::Application;
use crate::commands::Commands;
use crate::metrics::Metrics;
use crate::shard::jobs::decode_members;

/// The slot of the log's state that holds term and vote.
pub(super) const HARD: u8 = 0;

/// How many bytes of entries are read at once.
const READ_BYTES: usize = 1 << 20;

/// What every partition of a cluster begins with.
#[derive(Clone)]
pub(crate) struct Genesis {
    pub(crate) cluster: ClusterId,
    pub(crate) configuration: Configuration,
}

/// How a partition begins.
pub(crate) struct Beginning<'a> {
    pub(crate) me: MemberId,
    pub(crate) genesis: &'a Genesis,
    pub(crate) settings: Settings,
    pub(crate) policy: Policy,
    pub(crate) life: u64,
    pub(crate) requests_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) patience: u64,
    pub(crate) log: &'a Arc<Log>,
    pub(crate) snapshots: &'a Snapshots,
    pub(crate) metrics: &'a Metrics,
    pub(crate) now: Moment,
}

/// Why a partition did not begin.
#[derive(Debug, Error)]
pub enum StartError {
    /// The log.
    #[error("partition {partition}: {error}")]
    Log {
        /// Whose.
        partition: PartitionId,
        /// What is wrong.
        error: LogError,
    },
    /// Snapshots.
    #[error("partition {partition}: {error}")]
    Snapshot {
        /// Whose.
        partition: PartitionId,
        /// What is wrong.
        error: Box<SnapshotError>,
    },
    /// What is on disk is not what a node of this version writes.
    #[error("partition {partition}: what is on disk cannot be read: {error}")]
    Decode {
        /// Whose.
        partition: PartitionId,
        /// What is wrong.
        error: DecodeError,
    },
    /// The state does not fit to the log.
    #[error("partition {partition}: the state ends at entry {state}, and the log begins behind entry {floor}")]
    Gap {
        /// Whose.
        partition: PartitionId,
        /// Where the state ends.
        state: Height,
        /// Where the log begins.
        floor: Height,
    },
    /// The protocol's settings do not fit together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Partition {
    /// A partition as it was when it stopped.
    pub(crate) fn begin(id: PartitionId, mut application: Box<dyn Application>, how: &Beginning<'_>) -> Result<Self, StartError> {
        let Beginning { me, genesis, log, snapshots, .. } = *how;
        let of_log = |error| StartError::Log { partition: id, error };
        let of_bytes = |error| StartError::Decode { partition: id, error };
        let machine = Box::new(Commands(application.machine()));
        let recovered = snapshot::recover(id, machine, log.as_ref(), snapshots)
            .map_err(|error| StartError::Snapshot { partition: id, error: Box::new(error) })?;
        for damaged in &recovered.damaged {
            tracing::warn!(partition = id.0, "a snapshot is damaged, and an older one was used: {damaged}");
        }
        let mut configuration = genesis.configuration.clone();
        if let Some((_, meta)) = &recovered.meta {
            configuration = decode_members(meta).map_err(of_bytes)?;
        }
        let host = recovered.host;
        let span = log.span(id);
        if host.applied() != span.floor {
            return Err(StartError::Gap { partition: id, state: host.applied().index, floor: span.floor.index });
        }
        let hard = log.state(id, HARD).map(|bytes| HardState::decode(&bytes)).transpose().map_err(of_bytes)?;
        let identity = Identity { cluster: genesis.cluster, partition: id, id: me };
        let fresh = hard.is_none() && span.last.index.0 == 0;
        let start = Start { hard: hard.unwrap_or_default(), floor: span.floor, configuration, fresh, life: how.life };
        let mut raft = Raft::new(identity, how.settings, start, how.now)?;
        let mut next = span.floor.index.0 + 1;
        while next <= span.last.index.0 {
            let entries = log.read(id, next..span.last.index.0 + 1, READ_BYTES).map_err(of_log)?;
            for entry in entries {
                next = entry.mark.index.0 + 1;
                raft.recall(&Entry { mark: entry.mark, data: entry.payload.into() }).map_err(of_bytes)?;
            }
        }
        let metrics = how.metrics.partition(id);
        metrics.term.set(raft.term().0);
        metrics.committed.set(span.floor.index.0);
        metrics.applied.set(span.floor.index.0);
        Ok(Self {
            id,
            me,
            raft,
            host: Some(host),
            application,
            policy: how.policy,
            patience: how.patience,
            requests_max: how.requests_max,
            bytes_max: how.bytes_max,
            command_max: how.settings.command_bytes,
            metrics,
            effects: Vec::new(),
            written: std::collections::VecDeque::new(),
            blocked: std::collections::VecDeque::new(),
            blocked_since: None,
            retry_at: None,
            told_stalled: false,
            recent: Recent::default(),
            responses: Vec::new(),
            committed: span.floor.index,
            applied: span.floor.index,
            snapshotting: false,
            receiving: false,
            receiver: None,
            sending: None,
            requests: Requests::default(),
            members: members::Wish::default(),
            due: Some(how.now),
            leader: None,
            stopped: None,
        })
    }
}
