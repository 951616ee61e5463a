//! Mistakes that people make when they write this protocol, to be planted on purpose.
//!
//! A simulator that finds nothing proves something only if it finds these. Nothing but a test plants one ([`super::Raft::plant`]); a
//! server that nobody planted anything in takes none of these ways.

/// A mistake in the protocol's own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Planted {
    /// A leader commits an entry of an older term by counting who has it (section 5.4.2).
    CommitOldTerm,
    /// Entries are acknowledged before they are on disk.
    AckBeforeFsync,
    /// One server less than a majority decides.
    QuorumOffByOne,
    /// A learner's acknowledgements count.
    LearnerCounted,
    /// The lease allows for no difference between clocks.
    LeaseWithoutDrift,
    /// The vote is not written down.
    VoteForgotten,
    /// Whoever is asked for a pre-vote takes on its term.
    PreVoteBumpsTerm,
    /// While members change, only the new ones are asked.
    JointUsesOneHalf,
    /// A follower cuts off whatever stands behind an append, even what an earlier one brought.
    CutCommittedTail,
    /// An acknowledgement counts for the sender and for its neighbour.
    AckCountedTwice,
    /// A vote is given to a candidate whose log is behind.
    VoteForOldLog,
    /// A second vote is given in one term.
    TwoVotesInTerm,
    /// A follower commits what a heartbeat says, whether or not its log is the leader's.
    CommitBeyondMatch,
    /// A leader answers reads without asking whether it still leads.
    ReadWithoutQuorum,
    /// A lease is trusted although followers take a reset for a hint, and do not wait until it is over.
    LeaseTrustedWithHint,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::CommitOldTerm,
        Self::AckBeforeFsync,
        Self::QuorumOffByOne,
        Self::LearnerCounted,
        Self::LeaseWithoutDrift,
        Self::VoteForgotten,
        Self::PreVoteBumpsTerm,
        Self::JointUsesOneHalf,
        Self::CutCommittedTail,
        Self::AckCountedTwice,
        Self::VoteForOldLog,
        Self::TwoVotesInTerm,
        Self::CommitBeyondMatch,
        Self::ReadWithoutQuorum,
        Self::LeaseTrustedWithHint,
    ];

    /// Its name, as on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CommitOldTerm => "commit-old-term",
            Self::AckBeforeFsync => "ack-before-fsync",
            Self::QuorumOffByOne => "quorum-off-by-one",
            Self::LearnerCounted => "learner-counted",
            Self::LeaseWithoutDrift => "lease-without-drift",
            Self::VoteForgotten => "vote-forgotten",
            Self::PreVoteBumpsTerm => "pre-vote-bumps-term",
            Self::JointUsesOneHalf => "joint-uses-one-half",
            Self::CutCommittedTail => "cut-committed-tail",
            Self::AckCountedTwice => "ack-counted-twice",
            Self::VoteForOldLog => "vote-for-old-log",
            Self::TwoVotesInTerm => "two-votes-in-term",
            Self::CommitBeyondMatch => "commit-beyond-match",
            Self::ReadWithoutQuorum => "read-without-quorum",
            Self::LeaseTrustedWithHint => "lease-trusted-with-hint",
        }
    }
}
