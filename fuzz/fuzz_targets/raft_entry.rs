//! Any bytes are what an entry of Raft's log says, a configuration among it, or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::raft_entry(bytes));
