//! Topic `events`: what happens to the cluster from outside.

use quorate_core::ids::MemberId;

use super::field::{Text, names};
use super::record::record;

record! {
    /// A member stopped without warning.
    pub struct Crashed {
        /// Which.
        pub member as "node_id": MemberId,
    }
}

record! {
    /// A member is back, with what its disk kept.
    pub struct Restarted {
        /// Which.
        pub member as "node_id": MemberId,
    }
}

record! {
    /// The network fell apart: messages pass within a group only.
    pub struct Partitioned {
        /// The groups.
        pub groups: Vec<Vec<MemberId>>,
    }
}

record! {
    /// The network is whole again.
    pub struct Healed {}
}

record! {
    /// A member's wall clock jumped.
    pub struct ClockJumped {
        /// Whose.
        pub member as "node_id": MemberId,
        /// By how much; less than zero if backwards.
        pub by_ns: i64,
    }
}

names! {
    /// How far an operation of a client is.
    "a stage"
    Stage {
        /// The client asked.
        Invoked = 0 "invoked",
        /// It has an answer.
        Returned = 1 "returned",
        /// It will have none: whether the operation took effect is not known.
        Lost = 2 "lost",
    }
}

record! {
    /// A client did something, as the client sees it.
    pub struct ClientOperation {
        /// Which client.
        pub client: u64,
        /// The operation's number at that client.
        pub id: u64,
        /// What it does, such as `put`.
        pub operation: Text,
        /// To what.
        pub key: Text,
        /// How far it is.
        pub stage: Stage,
        /// How long it took, if it is over.
        pub latency_ns: Option<u64>,
    }
}
