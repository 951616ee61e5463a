//! Any bytes are a state of the key-value store, which goes on, or are refused and leave the store as it was.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::kv_state(bytes));
