//! The built-in state machine: a multi-version key-value store with leases and watches.
#![forbid(unsafe_code)]
