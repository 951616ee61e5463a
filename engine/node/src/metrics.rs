//! What a node counts, under the names that the seeds gave it first: `consensus_…`.
//!
//! The handles that a partition updates are made once, when it begins; updating them takes no lock and looks nothing up.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use quorate_core::ids::PartitionId;

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
    Histogram::new(exponential_buckets(10e-6, 2.0, 21))
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
            votes_processing: Histogram::new(exponential_buckets(100e-9, 4.0, 14)),
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
        registry.register(
            "consensus_proposal_latency_seconds",
            "From a command's arrival to its answer, on the leader",
            self.proposal_latency.clone(),
        );
        registry.register("consensus_byzantine_detections", "Proofs that members lied", self.byzantine.clone());
        registry.register(
            "consensus_vote_processing_duration_seconds",
            "How long a run of the vote pipeline took",
            self.votes_processing.clone(),
        );
        registry.register("consensus_votes_processed", "Votes that went through the pipeline", self.votes.clone());
        registry.register("consensus_log_sync_seconds", "How long a sync of the log took", self.sync.clone());
        registry.register("consensus_requests_waiting", "Requests that wait in the node", self.waiting.clone());
        registry.register("consensus_clients", "Connections of clients", self.clients.clone());
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

    /// All of it, as Prometheus reads it.
    ///
    /// # Errors
    /// If it cannot be written down.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Shared by those who count and those who show.
pub type Shared = Arc<Metrics>;
