//! How often things happened in a run, to show that they do happen.

/// Counts of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Processes that started.
    pub starts: u64,
    /// Processes that crashed.
    pub crashes: u64,
    /// Starts at which the log had a torn tail.
    pub torn: u64,
    /// Servers that refused to start.
    pub refusals: u64,
    /// Syncs of logs.
    pub syncs: u64,
    /// Runs of pipelines.
    pub counts: u64,
    /// Votes that were counted in them.
    pub votes: u64,
    /// Entries that were cut from logs.
    pub cuts: u64,
    /// Snapshots that were taken.
    pub snapshots: u64,
    /// Snapshots that came from elsewhere and were put in place.
    pub installed: u64,
    /// Reads of entries that were not in memory any more.
    pub loads: u64,
    /// Times that a disk had no room for entries.
    pub full: u64,
    /// Times that a server was told that its disk stands still.
    pub stalls: u64,
    /// Elections that were won.
    pub elections: u64,
    /// Changes of members that were carried out, at one server.
    pub reconfigurations: u64,
    /// Writes that clients were told are done.
    pub writes: u64,
    /// Reads that clients had an answer to.
    pub reads: u64,
    /// Operations that clients gave up.
    pub lost: u64,
}
