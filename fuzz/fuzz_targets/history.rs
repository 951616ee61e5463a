//! Any bytes are a history of clients or an error with its line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::history(bytes));
