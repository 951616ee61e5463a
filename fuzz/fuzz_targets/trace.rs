//! Any bytes are a trace, whole or up to somewhere, or are reported as damage.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::trace(bytes));
