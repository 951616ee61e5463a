//! Any bytes are an entry for a machine with sessions, or it says that they are not; and the same of its replies and snapshots.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::envelope(bytes));
