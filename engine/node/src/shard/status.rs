//! How the node and its partitions are, for whoever asks.

use quorate_core::ids::ClusterId;
use quorate_net::wire::client::{Follower, Member, NodeStatus, Part as WirePart, PartitionStatus, Role as WireRole};
use quorate_protocol::raft::{Part, Role};

use super::{Partition, Shard};

/// What does not change while a node runs.
pub(crate) struct About {
    pub(crate) cluster: String,
    pub(crate) cluster_id: ClusterId,
    pub(crate) durability: String,
    pub(crate) since: quorate_env::clock::Moment,
}

impl Shard {
    pub(super) fn status(&self) -> NodeStatus {
        let about = &self.parts.about;
        let state = self.parts.members.look();
        let member = |member: &crate::system::Member| Member {
            id: member.id.0,
            name: member.name.clone(),
            address: member.address.clone(),
            client_address: member.client.clone(),
            part: wire_part(member.part).into(),
            priority: member.priority.into(),
        };
        NodeStatus {
            cluster: about.cluster.clone(),
            cluster_id: bytes::Bytes::copy_from_slice(&about.cluster_id.0.0),
            member: self.parts.me.0,
            version: env!("CARGO_PKG_VERSION").into(),
            partitions: self.partitions.values().map(partition_status).collect(),
            members: state.members().map(member).collect(),
            durability: about.durability.clone(),
            uptime_ms: (self.parts.clock.now() - about.since).as_millis() as u64,
        }
    }
}

fn wire_part(part: Part) -> WirePart {
    match part {
        Part::Voter => WirePart::Voter,
        Part::Learner => WirePart::Learner,
        Part::Witness => WirePart::Witness,
    }
}

fn partition_status(partition: &Partition) -> PartitionStatus {
    let raft = partition.raft();
    let peers = |votes: bool| {
        let peers = raft.configuration().peers().iter();
        peers.filter(|peer| (peer.part != Part::Learner) == votes).map(|peer| peer.id.0).collect()
    };
    let role = match raft.role() {
        Role::Follower => WireRole::Follower,
        Role::PreCandidate => WireRole::PreCandidate,
        Role::Candidate => WireRole::Candidate,
        Role::Leader => WireRole::Leader,
    };
    PartitionStatus {
        partition: partition.id().0,
        role: role.into(),
        term: raft.term().0,
        leader: raft.leader().map_or(0, |leader| leader.0),
        commit: raft.commit().0,
        applied: partition.applied().0,
        last: raft.last().index.0,
        floor: raft.floor().index.0,
        voters: peers(true),
        learners: peers(false),
        joint: raft.configuration().is_joint(),
        waiting: partition.waiting() as u64,
        followers: raft.followers().map(|follower| Follower { member: follower.id.0, matched: follower.matched.0 }).collect(),
        stopped: partition.stopped().unwrap_or_default().to_owned(),
    }
}
