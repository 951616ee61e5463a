//! Any bytes are a hello or a welcome that is let in, or are refused with what was expected.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::wire_greeting(bytes));
