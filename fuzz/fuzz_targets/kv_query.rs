//! Any bytes are a query or a watch of the key-value store, or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::kv_query(bytes));
