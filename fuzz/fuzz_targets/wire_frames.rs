//! Any bytes are a stream of frames up to somewhere, however they are cut up, or are refused with what was expected.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::wire_frames(bytes));
