//! How long a client waits, and how much it has in flight.

use std::time::Duration;

/// How long a client waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to stand.
    pub connect: Duration,
    /// For a member that owes answers to say anything at all, before another one is asked.
    pub silence: Duration,
    /// For a request to end, with all that is done for it meanwhile.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(1), silence: Duration::from_secs(1), request: Duration::from_secs(10) }
    }
}

/// How much may be in flight. What has ended counts until it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Requests.
    pub requests: usize,
    /// Bytes of what they say.
    pub bytes: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { requests: 4096, bytes: 8 << 20 }
    }
}
