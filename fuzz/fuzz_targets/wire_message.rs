//! Any bytes are one of Raft's messages, or are refused with what was expected.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::wire_message(bytes));
