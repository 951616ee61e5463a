//! Any bytes are a frontier or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::frontier(bytes));
