//! Timeouts come as presets, by how far apart the members are; single ones can be set beside.

use std::time::Duration;

use quorate_protocol::raft::Settings;

/// How far apart the members are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// On one machine.
    Local,
    /// In one room: a message there and back takes a few milliseconds at most.
    Lan,
    /// In several places: it takes up to 200 ms.
    Wan,
}

impl Preset {
    /// All of them, by distance.
    pub const ALL: [Self; 3] = [Self::Local, Self::Lan, Self::Wan];

    /// The name in a configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Lan => "lan",
            Self::Wan => "wan",
        }
    }

    /// What the protocol is told. Nodes read by asking a majority and not by lease, so a reset connection is always a hint.
    #[must_use]
    pub const fn settings(self) -> Settings {
        const fn timed(election: u64, stagger: u64, heartbeat: u64, hint: u64) -> Settings {
            Settings {
                election: Duration::from_millis(election),
                stagger: Duration::from_millis(stagger),
                heartbeat: Duration::from_millis(heartbeat),
                reset_hint: Some(Duration::from_millis(hint)),
                ..Settings::LAN
            }
        }
        match self {
            Self::Local => timed(100, 25, 25, 5),
            Self::Lan => timed(150, 50, 50, 10),
            // A pipe of 200 ms holds more than one of 1 ms.
            Self::Wan => Settings { append_bytes: 256 << 10, inflight: 256, ..timed(1500, 300, 250, 250) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_one_that_the_protocol_takes() {
        for preset in Preset::ALL {
            assert_eq!(preset.settings().check(), Ok(()), "{preset:?}");
        }
        let lan = Preset::Lan.settings();
        assert_eq!((lan.election, lan.heartbeat), (Duration::from_millis(150), Duration::from_millis(50)));
    }
}
