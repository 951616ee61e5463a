//! What a node counts, under the names that the seeds gave it first: `consensus_…`.
//!
//! The handles that a partition updates are made once, when it begins; updating them takes no lock and looks nothing up. What was counted
//! can be shown to Prometheus ([`Metrics::encode`]), and a program that embeds a node can ask for the figures that matter most
//! ([`Metrics::current_term`] and those after it).

mod histogram;
mod process;
mod summary;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, prometheus_text, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use quorate_core::ids::PartitionId;

pub use histogram::Histogram;
use process::Process;
use summary::Window;

/// Which partition a figure is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    partition: u32,
}

type Level = Gauge<u64, AtomicU64>;

/// Everything that a node counts.
pub struct Metrics {
    registry: Registry,
    term: Family<Labels, Level>,
    committed: Family<Labels, Level>,
    applied: Family<Labels, Level>,
    leads: Family<Labels, Level>,
    leader_changes: Family<Labels, Counter>,
    proposals: Family<Labels, Counter>,
    rejected: Family<Labels, Counter>,
    proposal_latency: Family<Labels, Histogram, fn() -> Histogram>,
    byzantine: Family<Labels, Counter>,
    window: Window,
    /// How long a run of the pipeline took.
    pub votes_processing: Histogram,
    /// Votes that were counted.
    pub votes: Counter,
    /// How long a sync of the log took.
    pub sync: Histogram,
    /// Requests that wait in the node.
    pub waiting: Level,
    /// Connections of clients.
    pub clients: Level,
}

/// What one partition counts.
#[derive(Clone)]
pub struct PartitionMetrics {
    /// `consensus_term_current`
    pub term: Level,
    /// `consensus_committed_index`
    pub committed: Level,
    /// `consensus_applied_index`
    pub applied: Level,
    /// Whether this member leads: 1 or 0.
    pub leads: Level,
    /// `consensus_leader_changes_total`
    pub leader_changes: Counter,
    /// Commands that were put into the log here.
    pub proposals: Counter,
    /// Requests that were refused.
    pub rejected: Counter,
    /// `consensus_proposal_latency_seconds`: from the request's arrival to its answer.
    pub proposal_latency: Histogram,
    /// `consensus_byzantine_detections_total`
    pub byzantine: Counter,
}

/// From ten microseconds to about ten seconds.
fn latency() -> Histogram {
    Histogram::exponential(Duration::from_micros(10), 2.0, 21)
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            term: Family::default(),
            committed: Family::default(),
            applied: Family::default(),
            leads: Family::default(),
            leader_changes: Family::default(),
            proposals: Family::default(),
            rejected: Family::default(),
            proposal_latency: Family::new_with_constructor(latency),
            byzantine: Family::default(),
            window: Window::default(),
            votes_processing: Histogram::exponential(Duration::from_nanos(100), 4.0, 14),
            votes: Counter::default(),
            sync: latency(),
            waiting: Level::default(),
            clients: Level::default(),
        };
        metrics.name();
        metrics
    }
}

impl Metrics {
    /// Gives each figure its name.
    fn name(&mut self) {
        let registry = &mut self.registry;
        registry.register("consensus_term_current", "The latest term that this member knows", self.term.clone());
        registry.register("consensus_committed_index", "The last entry that is known to be committed", self.committed.clone());
        registry.register("consensus_applied_index", "The last entry that was applied to the state", self.applied.clone());
        registry.register("consensus_is_leader", "Whether this member leads", self.leads.clone());
        registry.register("consensus_leader_changes", "How often another leader was heard of", self.leader_changes.clone());
        registry.register("consensus_proposals", "Commands that were put into the log by this member", self.proposals.clone());
        registry.register("consensus_rejected", "Requests that were refused", self.rejected.clone());
        registry.register("consensus_byzantine_detections", "Proofs that members lied", self.byzantine.clone());
        registry.register("consensus_votes_processed", "Votes that went through the pipeline", self.votes.clone());
        let seconds = [
            ("consensus_vote_processing_duration", "How long a run of the vote pipeline took", &self.votes_processing),
            ("consensus_log_sync", "How long a sync of the log took", &self.sync),
        ];
        for (name, help, histogram) in seconds {
            registry.register_with_unit(name, help, Unit::Seconds, histogram.clone());
        }
        let help = "From a command's arrival to its answer, on the leader";
        registry.register_with_unit("consensus_proposal_latency", help, Unit::Seconds, self.proposal_latency.clone());
        registry.register("consensus_requests_waiting", "Requests that wait in the node", self.waiting.clone());
        registry.register("consensus_clients", "Connections of clients", self.clients.clone());
        let build = [("version", env!("CARGO_PKG_VERSION")), ("os", std::env::consts::OS), ("arch", std::env::consts::ARCH)];
        registry.register("quorate_build", "What was built", Info::new(build.to_vec()));
        registry.register_collector(Box::new(Process::default()));
    }

    /// What a partition updates.
    #[must_use]
    pub fn partition(&self, partition: PartitionId) -> PartitionMetrics {
        let labels = Labels { partition: partition.0 };
        PartitionMetrics {
            term: self.term.get_or_create(&labels).clone(),
            committed: self.committed.get_or_create(&labels).clone(),
            applied: self.applied.get_or_create(&labels).clone(),
            leads: self.leads.get_or_create(&labels).clone(),
            leader_changes: self.leader_changes.get_or_create(&labels).clone(),
            proposals: self.proposals.get_or_create(&labels).clone(),
            rejected: self.rejected.get_or_create(&labels).clone(),
            proposal_latency: self.proposal_latency.get_or_create(&labels).clone(),
            byzantine: self.byzantine.get_or_create(&labels).clone(),
        }
    }

    /// All of it, in one of the forms that Prometheus reads.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub fn encode(&self, form: Exposition) -> Result<String, std::fmt::Error> {
        let mut written = String::new();
        match form {
            Exposition::Prometheus => prometheus_text::encode(&mut written, &self.registry)?,
            Exposition::OpenMetrics => text::encode(&mut written, &self.registry)?,
        }
        Ok(written)
    }
}

/// The forms in which what was counted is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// The text format that every Prometheus reads.
    Prometheus,
    /// Its successor, for those who ask for it.
    OpenMetrics,
}

impl Exposition {
    /// What HTTP calls it.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Shared by those who count and those who show.
pub type Shared = Arc<Metrics>;
