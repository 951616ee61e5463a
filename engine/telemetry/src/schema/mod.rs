//! The schema: what a frame can say.
//!
//! A **frame** is a MessagePack list of five items:
//!
//! | item | form | meaning |
//! |---|---|---|
//! | 0 | unsigned | its sequence number at whoever records |
//! | 1 | unsigned | nanoseconds since the recording began; virtual ones in a simulation |
//! | 2 | unsigned or nil | the member that tells it; nil if it is the observer, or the simulated world itself |
//! | 3 | unsigned | the code of its body, see [`Body`] |
//! | 4 | list | the body's fields, in the order in which they are declared |
//!
//! Fields are unsigned or signed integers, texts of at most [`TEXT_BYTES`](crate::limits::TEXT_BYTES), byte strings, lists of at most
//! [`LIST_ITEMS`](crate::limits::LIST_ITEMS), or nil where the field is an option. Values of closed sets (roles, kinds of vote) are
//! their codes; exports have their names. A writer uses the shortest form of each value; a reader takes any.
//!
//! **Later versions** of the same major may add bodies, add fields (at the end of a body, as options) and add values to closed sets. A
//! reader passes over what it does not know: extra items of a frame or a body are ignored; a frame with a body or a value that it does
//! not know is skipped whole and counted. Fields that an earlier version did not have yet are none. Whatever else does not fit is an
//! error with its byte.

pub mod alerts;
pub mod cluster;
pub mod events;
mod field;
mod frame;
pub mod peers;
pub mod pipeline;
mod record;
pub mod recording;
pub mod rounds;
pub mod storage;
pub mod votes;

pub use alerts::InvariantViolated;
pub use cluster::{Applied, Committed, ConfigurationChanged, Role, RoleChanged};
pub use events::{ClientOperation, ClockJumped, Crashed, Healed, Partitioned, Restarted, Stage};
pub use field::{Cell, Column, ColumnType, Text};
pub use frame::Frame;
pub use peers::{Fate, LinkChanged, LinkState, Message};
pub use pipeline::PipelineRun;
pub use recording::{Label, Manifest};
pub use rounds::{RoundClosed, RoundDecided, RoundOpened};
pub use storage::{Appended, DiskFull, SnapshotInstalled, SnapshotTaken, Stalled, Synced};
pub use votes::{Verdict, VoteSeen};

use quorate_core::codec::DecodeError;

use crate::pack::Packer;
use crate::unpack::Unpacker;
use record::Record;

/// The version of the schema and of the trace around it. Readers take any minor version of their own major.
pub const VERSION: Version = Version { major: 1, minor: 0 };

/// A version of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Raised when older readers would misunderstand.
    pub major: u16,
    /// Raised when something is added that older readers pass over.
    pub minor: u16,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What frames are about. A feed is subscribed to by topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// The recording itself: its manifest, and what was planted.
    Recording,
    /// Who leads, who is a member, how far everyone is.
    Cluster,
    /// What is voted on, and what came of it.
    Rounds,
    /// Each vote.
    Votes,
    /// The work of counting.
    Pipeline,
    /// What goes over the network.
    Peers,
    /// Logs, disks and snapshots.
    Storage,
    /// Scores and predictions. Nothing says any yet.
    Ml,
    /// What happens to the cluster from outside.
    Events,
    /// What must never happen, and did.
    Alerts,
}

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 10] = [
        Topic::Recording,
        Topic::Cluster,
        Topic::Rounds,
        Topic::Votes,
        Topic::Pipeline,
        Topic::Peers,
        Topic::Storage,
        Topic::Ml,
        Topic::Events,
        Topic::Alerts,
    ];

    /// The name by which it is subscribed to.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Cluster => "cluster",
            Self::Rounds => "rounds",
            Self::Votes => "votes",
            Self::Pipeline => "pipeline",
            Self::Peers => "peers",
            Self::Storage => "storage",
            Self::Ml => "ml",
            Self::Events => "events",
            Self::Alerts => "alerts",
        }
    }
}

/// Declares the bodies: topic, code, name in exports, table, type.
macro_rules! bodies {
    ($($topic:ident: $code:literal $text:literal in $table:literal $variant:ident,)*) => {
        /// What a frame says.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $(#[doc = concat!("`", $text, "`, code ", $code, ".")] $variant($variant)),*
        }

        impl Body {
            /// Every body there is, by rising code.
            pub const KINDS: &[BodyKind] = &[
                $(BodyKind { code: $code, name: $text, topic: Topic::$topic, table: $table, columns: $variant::columns }),*
            ];

            /// Which of [`Body::KINDS`] this is.
            #[must_use]
            pub fn kind(&self) -> &'static BodyKind {
                match self { $(Self::$variant(_) => const { Self::kind_of($code) }),* }
            }

            const fn kind_of(code: u64) -> &'static BodyKind {
                let mut at = 0;
                while Self::KINDS[at].code != code {
                    at += 1;
                }
                &Self::KINDS[at]
            }

            fn pack(&self, out: &mut Packer<'_>) {
                match self { $(Self::$variant(record) => { out.unsigned($code); record.pack(out); })* }
            }

            /// The body of a code. None if this version does not know it.
            fn unpack(code: u64, from: &mut Unpacker<'_>) -> Result<Option<Self>, DecodeError> {
                match code {
                    $($code => $variant::unpack(from).map(|record| Some(Self::$variant(record))),)*
                    _ => Ok(None),
                }
            }

            fn json(&self, out: &mut Vec<u8>) {
                match self { $(Self::$variant(record) => record.json(out)),* }
            }

            /// The cells of its row, one for each of its kind's columns.
            pub fn cells<'a>(&'a self, out: &mut Vec<Cell<'a>>) {
                match self { $(Self::$variant(record) => record.cells(out)),* }
            }
        }

        $(impl From<$variant> for Body {
            fn from(record: $variant) -> Self {
                Self::$variant(record)
            }
        })*
    };
}

bodies! {
    Recording: 0 "manifest" in "manifest" Manifest,
    Recording: 1 "label" in "labels" Label,
    Cluster: 10 "role" in "roles" RoleChanged,
    Cluster: 11 "configuration" in "configurations" ConfigurationChanged,
    Cluster: 12 "committed" in "progress" Committed,
    Cluster: 13 "applied" in "progress" Applied,
    Rounds: 20 "opened" in "rounds" RoundOpened,
    Rounds: 21 "decided" in "rounds" RoundDecided,
    Rounds: 22 "closed" in "rounds" RoundClosed,
    Votes: 30 "vote" in "votes" VoteSeen,
    Pipeline: 40 "run" in "pipeline_runs" PipelineRun,
    Peers: 50 "message" in "messages" Message,
    Peers: 51 "link" in "links" LinkChanged,
    Storage: 60 "appended" in "storage" Appended,
    Storage: 61 "synced" in "storage" Synced,
    Storage: 62 "stalled" in "storage" Stalled,
    Storage: 63 "full" in "storage" DiskFull,
    Storage: 64 "snapshot-taken" in "storage" SnapshotTaken,
    Storage: 65 "snapshot-installed" in "storage" SnapshotInstalled,
    Events: 80 "crashed" in "events" Crashed,
    Events: 81 "restarted" in "events" Restarted,
    Events: 82 "partitioned" in "events" Partitioned,
    Events: 83 "healed" in "events" Healed,
    Events: 84 "clock-jumped" in "events" ClockJumped,
    Events: 85 "client-operation" in "client_operations" ClientOperation,
    Alerts: 90 "invariant-violated" in "alerts" InvariantViolated,
}

/// What is known of a body without having one.
#[derive(Debug)]
pub struct BodyKind {
    /// Its code in frames.
    pub code: u64,
    /// Its name in exports.
    pub name: &'static str,
    /// What it is about.
    pub topic: Topic,
    /// The table that it is a row of.
    pub table: &'static str,
    columns: fn(&mut Vec<Column>),
}

impl BodyKind {
    /// Its columns, without those that every table has.
    #[must_use]
    pub fn columns(&self) -> Vec<Column> {
        let mut columns = Vec::new();
        (self.columns)(&mut columns);
        columns
    }
}
