//! What a recording says of itself: by whom and of what it was made, and what was planted in it.

use quorate_core::ids::MemberId;

use super::field::Text;
use super::record::record;

record! {
    /// What is recorded. The first frame of every recording and of every feed.
    pub struct Manifest {
        /// The version of the engine that recorded.
        pub engine_version: Text,
        /// The protocol that the cluster runs, such as `raft`.
        pub protocol: Text,
        /// The cluster's members.
        pub members: Vec<MemberId>,
        /// From which seed everything follows, if the cluster was simulated.
        pub seed: Option<u64>,
        /// Settings under which it ran, as keys and values.
        pub settings: Vec<(Text, Text)>,
    }
}

record! {
    /// Something that was planted, and that a model may be asked to find. What is not labelled is honest and healthy.
    pub struct Label {
        /// In which member; none if it is in none, such as a partition.
        pub member as "node_id": Option<MemberId>,
        /// What was planted: a word, or a family and a name, such as `crash`, `adversary:withholder` or `bug:ack-before-fsync`.
        pub kind: Text,
        /// From when, in time since the recording began.
        pub from_ns: u64,
        /// Until when; none if it never ends.
        pub until_ns: Option<u64>,
    }
}
