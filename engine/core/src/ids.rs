//! Names for numbers: a height is not a view, a voter is not a member, a weight is not a count.

use std::fmt;

use bytemuck::{Pod, Zeroable};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Pod, Zeroable)]
        #[repr(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }
    };
}

number! {
    /// A member of the cluster, for ever: ids are allocated by the system partition and never used again.
    MemberId(u64)
}
number! {
    /// The index of a member in one electorate, the form in which votes name it.
    Voter(u16)
}
number! {
    /// How much a member's vote counts.
    Weight(u64)
}
number! {
    /// Counts electorates: each change of the electorate begins a new epoch.
    Epoch(u64)
}
number! {
    /// A replicated log among many in one cluster. Partition 0 is the system partition.
    PartitionId(u32)
}
number! {
    /// A position in the chain or log of one partition.
    Height(u64)
}
number! {
    /// An attempt at one height: a PBFT view, a Raft term, a Paxos ballot number, a Snow poll.
    View(u64)
}

/// A cluster's name, which is the root of its genesis electorate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub crate::hash::Digest);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
