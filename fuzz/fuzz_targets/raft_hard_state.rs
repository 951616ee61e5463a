//! Any bytes are a term and a vote or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::raft_hard_state(bytes));
