//! Topic `storage`: the source's log, disk and snapshots.

use quorate_core::ids::PartitionId;

use super::record::record;

record! {
    /// Records were put into the log, not yet durable.
    pub struct Appended {
        /// How many.
        pub records: u64,
        /// Their length in all.
        pub bytes: u64,
    }
}

record! {
    /// The log is durable up to a place.
    pub struct Synced {
        /// How many records of this log are durable, from its beginning.
        pub until: u64,
        /// How long the sync took.
        pub took_ns: u64,
    }
}

record! {
    /// The disk has not answered for longer than it should.
    pub struct Stalled {
        /// For how long.
        pub took_ns: u64,
    }
}

record! {
    /// The disk is full.
    pub struct DiskFull {
        /// Bytes that could not be written.
        pub bytes: u64,
    }
}

record! {
    /// A snapshot of the state was written.
    pub struct SnapshotTaken {
        /// Of which partition.
        pub partition: PartitionId,
        /// Of everything up to this index.
        pub index: u64,
        /// Its length.
        pub bytes: u64,
    }
}

record! {
    /// A snapshot from another member took the place of the state.
    pub struct SnapshotInstalled {
        /// Of which partition.
        pub partition: PartitionId,
        /// Of everything up to this index.
        pub index: u64,
        /// Its length.
        pub bytes: u64,
    }
}
