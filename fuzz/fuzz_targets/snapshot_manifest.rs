//! Any bytes are a snapshot's manifest or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::snapshot_manifest(bytes));
