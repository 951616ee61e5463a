//! A place in a partition's log.

use crate::ids::{Height, View};

/// An index, and the term in which the entry there was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark {
    /// The position, from 1.
    pub index: Height,
    /// The term (Raft), view (PBFT) or ballot (Paxos).
    pub term: View,
}
