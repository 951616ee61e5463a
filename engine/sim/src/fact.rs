//! What the world sees happen: the language in which invariants, the auditor and the trace hear of a run.
//!
//! A fact is seen by the world and not told by a server: the world looks at the effects that a server's step had, at its log and its
//! machine. Facts of one event come in the order in which they came about.

use quorate_core::ids::{Height, MemberId, View};
use quorate_core::mark::Mark;
use quorate_protocol::raft::{Configuration, Role};

/// A hash of what an entry or a state says, for telling apart and not for secrets.
pub type Print = u64;

/// Something that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A server's process started, or started again. What its log has above the floor follows as [`Fact::Appended`].
    Started {
        /// Which.
        node: MemberId,
        /// Its term and its vote, as they were on disk.
        term: View,
        /// Whom it voted for in that term.
        vote: Option<MemberId>,
        /// What its state machine has, and where its log begins.
        floor: Mark,
        /// The members as of there.
        configuration: Configuration,
    },
    /// A server's process is gone, with everything that was not on disk.
    Crashed {
        /// Which.
        node: MemberId,
    },
    /// A server found its disk damaged and did not start.
    Refused {
        /// Which.
        node: MemberId,
    },
    /// A server has another term or vote now; not necessarily on disk yet.
    Hard {
        /// Which.
        node: MemberId,
        /// Its term.
        term: View,
        /// Whom it voted for.
        vote: Option<MemberId>,
    },
    /// A write of a server is on disk. What a crash may take from it is only what came after.
    Durable {
        /// Which.
        node: MemberId,
        /// The term that is on disk.
        term: View,
        /// The vote that is on disk.
        vote: Option<MemberId>,
        /// Up to here its log, as it has it now, is on disk.
        upto: Height,
    },
    /// A vote left a server for the network: its answer to a candidate or, with itself as the candidate, its request for votes.
    Granted {
        /// Whose vote.
        node: MemberId,
        /// In which term.
        term: View,
        /// For whom.
        to: MemberId,
    },
    /// A server told its leader that it has everything up to here on disk.
    Acked {
        /// Which.
        node: MemberId,
        /// In which term.
        term: View,
        /// Up to where.
        upto: Height,
    },
    /// A server is something else now.
    Became {
        /// Which.
        node: MemberId,
        /// What.
        role: Role,
        /// In which term.
        term: View,
        /// Who leads.
        leader: Option<MemberId>,
    },
    /// A server would answer reads by its lease, at a moment at which somebody votes for another.
    Leased {
        /// Which.
        node: MemberId,
        /// In which term it leads.
        term: View,
    },
    /// A server acts under these members now.
    Members {
        /// Which.
        node: MemberId,
        /// The members.
        configuration: Configuration,
    },
    /// A server put an entry at the end of its log; not necessarily on disk yet.
    Appended {
        /// Which.
        node: MemberId,
        /// The entry's place.
        mark: Mark,
        /// What it says; none if a witness keeps only its place.
        print: Option<Print>,
    },
    /// A server took entries away from the end of its log.
    Cut {
        /// Which.
        node: MemberId,
        /// The first that went.
        from: Height,
    },
    /// A server gave entries up to a snapshot's mark, its own or a received one. If its log had another entry there, or none, all went.
    Floor {
        /// Which.
        node: MemberId,
        /// The snapshot's mark.
        mark: Mark,
    },
    /// A server holds everything up to here for committed.
    Committed {
        /// Which.
        node: MemberId,
        /// The index.
        index: Height,
        /// In which term the server was.
        term: View,
    },
    /// A server's machine applied an entry.
    Applied {
        /// Which.
        node: MemberId,
        /// The entry's place.
        mark: Mark,
        /// What it says.
        print: Print,
        /// What the machine's whole state is then.
        state: Print,
    },
    /// A server's machine took on a snapshot's state.
    Restored {
        /// Which.
        node: MemberId,
        /// The snapshot's mark.
        mark: Mark,
        /// What the machine's whole state is then.
        state: Print,
    },
    /// A client was told that its write is done.
    Acknowledged {
        /// Which client.
        client: u32,
        /// Its number for the request.
        sequence: u64,
        /// Where the write is in the log.
        mark: Mark,
        /// What the entry there says.
        print: Print,
    },
    /// What a server holds in memory, now and then.
    Memory {
        /// Which.
        node: MemberId,
        /// Bytes that the protocol holds.
        bytes: u64,
        /// The most that it may.
        bytes_max: u64,
        /// Messages and requests that wait in all its queues.
        waiting: u64,
        /// The most that may.
        waiting_max: u64,
    },
}
