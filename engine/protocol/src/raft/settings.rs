//! How a server behaves where the protocol leaves a choice.

use std::time::Duration;

use thiserror::Error;

/// The choices. All servers of a group should have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long a follower waits for its leader, at least, before it stands for election. The one of highest priority waits just this.
    pub election: Duration,
    /// How much longer each next one in the order of priority waits. More than a message there and back takes.
    pub stagger: Duration,
    /// How often a leader lets its followers know.
    pub heartbeat: Duration,
    /// Whether a follower takes it for a hint that its leader is gone when the connection to it is reset, and in which steps followers
    /// then ask for votes, one after the other: more than a message there and back takes, and than it takes until all have heard of the
    /// reset, and much less than `stagger`. A process that is killed is replaced after a step or a few, and not after an election timeout.
    ///
    /// The price are the leases. A leader with a lease trusts that no follower votes for another within `election` of having heard from
    /// it, and one that takes hints does. So with hints there are no leases, and [`super::ReadWay::Lease`] is as
    /// [`super::ReadWay::Index`]. That holds for the whole group: a leader without hints whose followers take them would trust a lease that
    /// they break. Where hints are turned on in a group that runs, nobody may read by lease until all have them on.
    pub reset_hint: Option<Duration>,
    /// How much faster or slower one clock may run than another, in parts per million. Only lease reads depend on it.
    pub drift_ppm: u32,
    /// The most bytes of entries in one message.
    pub append_bytes: usize,
    /// How many messages with entries may be under way to one follower.
    pub inflight: usize,
    /// How many bytes of entries may be in a leader's log and not committed, or not on its own disk.
    pub uncommitted_bytes: u64,
    /// How many bytes of entries are kept in memory for followers that are a little behind.
    pub cache_bytes: usize,
    /// How long a command may be.
    pub command_bytes: usize,
    /// How many reads may wait to be confirmed.
    pub reads: usize,
}

impl Settings {
    /// For servers in one room, as the design's preset `lan`; with leases, and so without hints.
    pub const LAN: Self = Self {
        election: Duration::from_millis(150),
        stagger: Duration::from_millis(50),
        heartbeat: Duration::from_millis(50),
        reset_hint: None,
        drift_ppm: 1_000,
        append_bytes: 64 << 10,
        inflight: 64,
        uncommitted_bytes: 64 << 20,
        cache_bytes: 16 << 20,
        command_bytes: 1 << 20,
        reads: 1 << 14,
    };

    /// Whether the choices fit together.
    ///
    /// # Errors
    /// If they do not, with the first that does not.
    pub fn check(&self) -> Result<(), SettingsError> {
        let bad = |name, found: String, expected: &str| Err(SettingsError { name, found, expected: expected.to_owned() });
        if self.heartbeat.is_zero() {
            return bad("heartbeat", format!("{:?}", self.heartbeat), "more than nothing");
        }
        if self.election < self.heartbeat * 2 {
            let least = format!("at least two heartbeats, {:?}", self.heartbeat * 2);
            return bad("election", format!("{:?}", self.election), &least);
        }
        if self.stagger.is_zero() {
            return bad("stagger", format!("{:?}", self.stagger), "more than nothing");
        }
        if let Some(step) = self.reset_hint
            && (step.is_zero() || step > self.stagger)
        {
            return bad("reset_hint", format!("{step:?}"), &format!("more than nothing, and at most the stagger, {:?}", self.stagger));
        }
        if self.drift_ppm >= 500_000 {
            return bad("drift_ppm", self.drift_ppm.to_string(), "less than 500000");
        }
        for (name, value) in [
            ("append_bytes", self.append_bytes),
            ("inflight", self.inflight),
            ("command_bytes", self.command_bytes),
            ("cache_bytes", self.cache_bytes),
            ("reads", self.reads),
        ] {
            if value == 0 {
                return bad(name, value.to_string(), "at least 1");
            }
        }
        if self.uncommitted_bytes <= self.command_bytes as u64 {
            return bad("uncommitted_bytes", self.uncommitted_bytes.to_string(), "more than one command may have");
        }
        Ok(())
    }
}

/// A choice that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("raft setting {name} is {found}; expected {expected}")]
pub struct SettingsError {
    /// Which.
    pub name: &'static str,
    /// What it is.
    pub found: String,
    /// What it should be.
    pub expected: String,
}
