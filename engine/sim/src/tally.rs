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
    /// Times that a server was told that a connection was reset.
    pub resets: u64,
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

impl Tally {
    /// Each count by its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, u64); 19] {
        [
            ("starts", self.starts),
            ("crashes", self.crashes),
            ("torn", self.torn),
            ("refusals", self.refusals),
            ("syncs", self.syncs),
            ("counts", self.counts),
            ("votes", self.votes),
            ("cuts", self.cuts),
            ("snapshots", self.snapshots),
            ("installed", self.installed),
            ("loads", self.loads),
            ("full", self.full),
            ("stalls", self.stalls),
            ("resets", self.resets),
            ("elections", self.elections),
            ("reconfigurations", self.reconfigurations),
            ("writes", self.writes),
            ("reads", self.reads),
            ("lost", self.lost),
        ]
    }
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self {
            starts,
            crashes,
            torn,
            refusals,
            syncs,
            counts,
            votes,
            cuts,
            snapshots,
            installed,
            loads,
            full,
            stalls,
            resets,
            elections,
            reconfigurations,
            writes,
            reads,
            lost,
        } = other;
        self.starts += starts;
        self.crashes += crashes;
        self.torn += torn;
        self.refusals += refusals;
        self.syncs += syncs;
        self.counts += counts;
        self.votes += votes;
        self.cuts += cuts;
        self.snapshots += snapshots;
        self.installed += installed;
        self.loads += loads;
        self.full += full;
        self.stalls += stalls;
        self.resets += resets;
        self.elections += elections;
        self.reconfigurations += reconfigurations;
        self.writes += writes;
        self.reads += reads;
        self.lost += lost;
    }
}
