//! A run as data: who is there, how the surroundings are, and what goes wrong when.
//!
//! A plan follows from a seed, and a run from a plan. Because the faults are a list, a schedule can be printed, made shorter, and played
//! again without the faults that did not matter. Which server a fault hits is part of it; where it says "whoever leads", the world finds
//! out when the time comes.

use std::fmt;
use std::time::Duration;

use quorate_env::disk::Loss;
use quorate_protocol::raft::{Part, Planted as RaftPlanted, Settings};

use crate::adversary::Kind;

/// A nanosecond's multiples.
pub const MS: u64 = 1_000_000;

/// Which backend counts votes. The run is the same with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// The scalar one.
    #[default]
    Reference,
    /// SIMD on the CPU.
    Cpu,
}

impl Backend {
    /// Its name, as in the registry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Cpu => "cpu",
        }
    }
}

/// What is wanted of a plan besides what the seed decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many servers there are in the beginning, 1 to [`Plan::SERVERS_MAX`] less some room for new ones.
    pub servers: u16,
    /// Who counts votes.
    pub backend: Backend,
    /// A mistake to plant in every server.
    pub planted: Option<Planted>,
    /// Whether anything goes wrong at all.
    pub faults: bool,
    /// How long things go wrong, if that is not for the seed to say.
    pub faults_ns: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { servers: 5, backend: Backend::default(), planted: None, faults: true, faults_ns: None }
    }
}

/// A mistake that is planted on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// In the protocol.
    Raft(RaftPlanted),
    /// A snapshot lacks the last entry's effect.
    SnapshotDropsLast,
    /// Folders are never synced.
    FolderNotSynced,
    /// Snapshots are without the sessions of clients.
    SessionForgotten,
    /// The driver says that something is durable without syncing it.
    AppendNotSynced,
}

impl Planted {
    /// All of them.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let own = [Self::SnapshotDropsLast, Self::FolderNotSynced, Self::SessionForgotten, Self::AppendNotSynced];
        RaftPlanted::ALL.into_iter().map(Self::Raft).chain(own).collect()
    }

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raft(planted) => planted.name(),
            Self::SnapshotDropsLast => "snapshot-drops-last",
            Self::FolderNotSynced => "folder-not-synced",
            Self::SessionForgotten => "session-forgotten",
            Self::AppendNotSynced => "append-not-synced",
        }
    }
}

/// How links are while nothing is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Links {
    /// The least that a message takes, in nanoseconds.
    pub base_ns: u64,
    /// How much more it may take.
    pub jitter_ns: u64,
    /// One in so many takes much longer.
    pub tail_one_in: u64,
    /// How much longer that may be.
    pub tail_ns: u64,
    /// Of a million messages, so many are lost.
    pub loss_ppm: u64,
    /// Of a million messages, so many come twice.
    pub twice_ppm: u64,
    /// Whether messages of one link may overtake each other.
    pub overtaking: bool,
}

/// The surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How long things go wrong.
    pub faults_ns: u64,
    /// How many clients there are.
    pub clients: u16,
    /// How many keys they use.
    pub keys: u16,
    /// How long a client thinks between operations, at most.
    pub think_ns: u64,
    /// How many percent of the operations are reads.
    pub reads_percent: u64,
    /// How many bytes of padding a command may have.
    pub padding: u64,
    /// How servers behave.
    pub settings: Settings,
    /// What the servers of the beginning are there for.
    pub parts: Vec<Part>,
    /// How long a segment of the log is.
    pub segment_bytes: u64,
    /// After how many entries a snapshot is taken.
    pub snapshot_interval: u64,
    /// In which pieces snapshots are sent.
    pub chunk_bytes: u32,
    /// The links.
    pub links: Links,
    /// How long a sync takes, about.
    pub sync_ns: u64,
    /// How long votes wait to be counted, at most.
    pub count_ns: u64,
    /// How long committed entries wait to be applied, at most.
    pub apply_ns: u64,
    /// Who counts.
    pub backend: Backend,
}

/// Whom a fault hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The server at this place.
    Server(u16),
    /// Whoever leads at that moment.
    Leader,
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(nth) => write!(f, "server {}", nth + 1),
            Self::Leader => f.write_str("the leader"),
        }
    }
}

/// How the members change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new server comes, with this part.
    Add(Part),
    /// A learner becomes a voter.
    Promote,
    /// A member goes.
    Remove,
    /// A member goes and a new one comes in its place.
    Replace,
    /// Priorities are dealt out anew.
    Priorities,
}

/// What goes wrong, or is asked for at a bad moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Processes or machines crash, all at once.
    Crash {
        /// Whose.
        whom: Vec<Whom>,
        /// What the disks lose.
        loss: Loss,
        /// After how many more changes of the disk, in the middle of a sync.
        midway: u32,
        /// How long they stay down.
        down_ns: u64,
    },
    /// The network is cut between some and the others.
    Partition {
        /// These.
        side: Vec<Whom>,
        /// Whether the others still hear them.
        one_way: bool,
        /// For how long.
        for_ns: u64,
    },
    /// One link is cut in one direction.
    Cut {
        /// From whom.
        from: u16,
        /// To whom.
        to: u16,
        /// For how long.
        for_ns: u64,
    },
    /// All links lose and double messages.
    Lossy {
        /// How many of a million are lost; half as many come twice.
        ppm: u64,
        /// For how long.
        for_ns: u64,
    },
    /// All links of a server become slow.
    Slow {
        /// Whose.
        whom: u16,
        /// How many bytes they carry in a second.
        bytes_per_second: u64,
        /// For how long.
        for_ns: u64,
    },
    /// The connections of a server are reset.
    Reset {
        /// Whose.
        whom: Whom,
    },
    /// Syncs of a disk take until this is over.
    Stall {
        /// Whose.
        whom: Whom,
        /// For how long.
        for_ns: u64,
    },
    /// A disk has no more room than this.
    Full {
        /// Whose.
        whom: Whom,
        /// How many bytes there still are.
        left: u64,
        /// For how long.
        for_ns: u64,
    },
    /// The next sync of a disk fails.
    FailSync {
        /// Whose.
        whom: Whom,
    },
    /// Bits flip on a disk.
    Flip {
        /// Whose.
        whom: u16,
        /// How many.
        bits: u32,
    },
    /// A write lands where another should be.
    Misdirect {
        /// Whose.
        whom: u16,
    },
    /// A process stands still. Its clock runs on.
    Pause {
        /// Whose.
        whom: Whom,
        /// For how long.
        for_ns: u64,
    },
    /// A wall clock jumps.
    WallJump {
        /// Whose.
        whom: u16,
        /// How far, to which side.
        by_ns: i64,
    },
    /// The members are to change.
    Churn {
        /// How.
        change: Change,
        /// Which of those who can be meant.
        pick: u64,
    },
    /// Leadership is to be handed over.
    Transfer {
        /// To which of those who can lead.
        pick: u64,
    },
    /// Somebody makes trouble.
    Adversary {
        /// How.
        kind: Kind,
        /// Who.
        who: u16,
        /// Against whom, if it is against anybody.
        victim: u16,
        /// For how long.
        for_ns: u64,
    },
}

/// Something that goes wrong, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When, in nanoseconds of the world's time.
    pub at: u64,
    /// What.
    pub what: What,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The seed of every choice that is not in here.
    pub seed: u64,
    /// How many servers there are in the beginning.
    pub servers: u16,
    /// The surroundings.
    pub shape: Shape,
    /// What goes wrong, by time.
    pub faults: Vec<Fault>,
    /// A mistake that is planted in every server.
    pub planted: Option<Planted>,
}

impl Plan {
    /// How many servers there can be, those that were replaced included.
    pub const SERVERS_MAX: u16 = 24;

    /// The plan of a seed.
    #[must_use]
    pub fn from_seed(seed: u64, options: &Options) -> Self {
        crate::faults::plan(seed, options)
    }
}

/// A length of time as people write it.
fn time(ns: u64) -> impl fmt::Display {
    struct Time(u64);
    impl fmt::Display for Time {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{:?}", Duration::from_micros(self.0 / 1000))
        }
    }
    Time(ns)
}

fn listed(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", time(self.at), self.what)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add(Part::Voter) => f.write_str("a new voter is to join"),
            Self::Add(Part::Learner) => f.write_str("a new learner is to join"),
            Self::Add(Part::Witness) => f.write_str("a new witness is to join"),
            Self::Promote => f.write_str("a learner is to become a voter"),
            Self::Remove => f.write_str("a member is to leave"),
            Self::Replace => f.write_str("a member is to be replaced by a new server"),
            Self::Priorities => f.write_str("the members are to have other priorities"),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { whom, loss, midway, down_ns } => {
                let lost = match loss {
                    Loss::Everything => "what was not synced is lost",
                    Loss::Nothing => "the disk loses nothing",
                    Loss::Torn => "the disk keeps what was not synced up to a tear",
                    Loss::Reordered => "the disk keeps any part of what was not synced",
                };
                let names = listed(whom.iter().map(Whom::to_string));
                let midway = if *midway > 0 { format!(", {midway} changes into a sync") } else { String::new() };
                write!(f, "{names} crash{}{midway}, {lost}; down for {}", if whom.len() == 1 { "es" } else { "" }, time(*down_ns))
            }
            Self::Partition { side, one_way, for_ns } => {
                let names = listed(side.iter().map(Whom::to_string));
                let one = side.len() == 1;
                let how = match (one_way, one) {
                    (true, false) => "hear nothing from the others, who hear them,",
                    (true, true) => "hears nothing from the others, who hear it,",
                    (false, false) => "are cut off from the others",
                    (false, true) => "is cut off from the others",
                };
                write!(f, "{names} {how} for {}", time(*for_ns))
            }
            Self::Cut { from, to, for_ns } => {
                write!(f, "server {} hears nothing from server {} for {}", to + 1, from + 1, time(*for_ns))
            }
            Self::Lossy { ppm, for_ns } => {
                write!(f, "the network loses {} % of all messages, and doubles half as many, for {}", *ppm as f64 / 1e4, time(*for_ns))
            }
            Self::Slow { whom, bytes_per_second, for_ns } => {
                write!(f, "the links of server {} carry {bytes_per_second} bytes a second for {}", whom + 1, time(*for_ns))
            }
            Self::Reset { whom } => write!(f, "the connections of {whom} are reset"),
            Self::Stall { whom, for_ns } => write!(f, "the disk of {whom} stands still for {}", time(*for_ns)),
            Self::Full { whom, left, for_ns } => write!(f, "the disk of {whom} has {left} bytes left for {}", time(*for_ns)),
            Self::FailSync { whom } => write!(f, "the next sync of {whom} fails"),
            Self::Flip { whom, bits } => write!(f, "{bits} bits flip on the disk of server {}", whom + 1),
            Self::Misdirect { whom } => write!(f, "a write of server {} lands where another should be", whom + 1),
            Self::Pause { whom, for_ns } => write!(f, "{whom} stands still for {}", time(*for_ns)),
            Self::WallJump { whom, by_ns } => {
                let side = if *by_ns < 0 { "back" } else { "forward" };
                write!(f, "the wall clock of server {} jumps {side} by {}", whom + 1, time(by_ns.unsigned_abs()))
            }
            Self::Churn { change, pick } => write!(f, "{change} (choice {pick})"),
            Self::Transfer { pick } => write!(f, "leadership is to be handed over (choice {pick})"),
            Self::Adversary { kind, who, victim, for_ns } => {
                write!(f, "{} for {}", kind.words(*who, *victim), time(*for_ns))
            }
        }
    }
}
