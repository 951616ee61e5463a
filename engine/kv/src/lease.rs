//! Leases: how long keys live whose owner no longer says that it is there.
//!
//! The state knows a lease's time to live and how often it was renewed, and never a clock: the [`crate::Expiry`] of whoever leads does.

use imbl::OrdSet;

use crate::key::Key;
use crate::value::LeaseId;

/// A lease, in the state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lease {
    pub(crate) ttl_seconds: u64,
    pub(crate) renewals: u64,
    /// The keys that go with it. They follow from the keys' newest versions.
    pub(crate) keys: OrdSet<Key>,
}

/// What is known of a lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaseInfo {
    /// Its name.
    pub lease: LeaseId,
    /// How long it lives when it is not renewed, in seconds.
    pub ttl_seconds: u64,
    /// How often it was renewed.
    pub renewals: u64,
    /// The keys that go with it, in order, if they were asked for.
    pub keys: Vec<Vec<u8>>,
}
