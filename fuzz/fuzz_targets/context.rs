//! Any bytes are the context of a vote or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::context(bytes));
