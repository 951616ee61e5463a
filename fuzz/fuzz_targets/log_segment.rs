//! Any bytes are a segment of a log or are reported as damage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::log_segment(bytes));
