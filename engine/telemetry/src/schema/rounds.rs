//! Topic `rounds`: what is voted on, and what came of it.

use quorate_core::hash::Digest;
use quorate_core::ids::{Height, PartitionId, View, Weight};
use quorate_core::vote::{Engine, Kind};

use super::record::record;

record! {
    /// The source opened a round.
    pub struct RoundOpened {
        /// The round's number at the source, by which votes and decisions name it.
        pub round: u64,
        /// Its protocol.
        pub engine: Engine,
        /// Its partition.
        pub partition: PartitionId,
        /// Its height.
        pub height: Height,
        /// Its view: a Raft term, a PBFT view, a Paxos ballot number, a Snow poll.
        pub view: View,
        /// How many may vote.
        pub electorate: u64,
        /// What may be said.
        pub kinds: Vec<Kind>,
    }
}

record! {
    /// A round decided a candidate; in a cumulative round, its decided index rose.
    pub struct RoundDecided {
        /// The round's number.
        pub round: u64,
        /// By votes of which kind.
        pub kind as "vote_type": Kind,
        /// The row of the candidate table, or the decided index of a cumulative round.
        pub candidate: Option<u64>,
        /// The candidate itself, where it is known.
        pub digest: Option<Digest>,
        /// The weight of those who voted for it.
        pub weight: Weight,
        /// How many they are.
        pub voters: u64,
    }
}

record! {
    /// A round was closed, decided or not.
    pub struct RoundClosed {
        /// The round's number.
        pub round: u64,
    }
}
