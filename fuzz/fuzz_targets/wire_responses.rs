//! Any bytes are what a client is answered, or are refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::wire_responses(bytes));
