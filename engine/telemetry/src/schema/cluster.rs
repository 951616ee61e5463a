//! Topic `cluster`: who leads, who is a member, and how far everyone is.

use quorate_core::ids::{Epoch, MemberId, PartitionId};

use super::field::names;
use super::record::record;

names! {
    /// What a member is in one partition.
    "a role"
    Role {
        /// It follows.
        Follower = 0 "follower",
        /// It asks whether it could be elected.
        PreCandidate = 1 "pre-candidate",
        /// It wants to be elected.
        Candidate = 2 "candidate",
        /// It leads.
        Leader = 3 "leader",
        /// It receives the log, and does not vote.
        Learner = 4 "learner",
        /// It votes, and keeps no state.
        Witness = 5 "witness",
    }
}

record! {
    /// The source has another role, term or leader than before.
    pub struct RoleChanged {
        /// In which partition.
        pub partition: PartitionId,
        /// What it is now.
        pub role: Role,
        /// In which term.
        pub term: u64,
        /// Whom it takes for the leader.
        pub leader: Option<MemberId>,
    }
}

record! {
    /// The source works under another configuration than before.
    pub struct ConfigurationChanged {
        /// In which partition.
        pub partition: PartitionId,
        /// Counts configurations.
        pub epoch: Epoch,
        /// Who votes.
        pub voters: Vec<MemberId>,
        /// Who receives the log without a vote.
        pub learners: Vec<MemberId>,
        /// In a joint configuration, who voted before and still does; empty in a simple one.
        pub outgoing: Vec<MemberId>,
    }
}

record! {
    /// The source knows of more that is committed.
    pub struct Committed {
        /// In which partition.
        pub partition: PartitionId,
        /// Up to which index.
        pub index: u64,
        /// The term of the entry there.
        pub term: u64,
    }
}

record! {
    /// The source's state machine has taken more entries.
    pub struct Applied {
        /// In which partition.
        pub partition: PartitionId,
        /// Up to which index.
        pub index: u64,
    }
}
