//! Any bytes are a frame of telemetry or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::frame(bytes));
