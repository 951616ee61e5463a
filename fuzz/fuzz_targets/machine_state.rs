//! Any bytes are the state of the example store or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::machine_state(bytes));
