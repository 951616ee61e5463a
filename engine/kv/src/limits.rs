//! How large things may be.

/// How much a store takes. The limits are part of the machine's definition: they decide what is answered, so they must be the same on every
/// member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a key.
    pub key_bytes: usize,
    /// Bytes of a value.
    pub value_bytes: usize,
    /// Operations in one list of a transaction, less those of the list around it.
    pub operations: usize,
    /// How deep transactions lie in each other. One that holds no other is one deep.
    pub depth: usize,
    /// Bytes of keys and values in what one command or query is answered.
    pub answer_bytes: usize,
    /// Leases at one time.
    pub leases: usize,
    /// The longest time that a lease is granted for, in seconds.
    pub ttl_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            key_bytes: 64 << 10,
            value_bytes: 1 << 20,
            operations: 128,
            depth: 8,
            answer_bytes: 8 << 20,
            leases: 1 << 20,
            ttl_seconds: 9_000_000_000,
        }
    }
}
