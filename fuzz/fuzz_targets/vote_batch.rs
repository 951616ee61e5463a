//! Any bytes are a batch of votes or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::vote_batch(bytes));
