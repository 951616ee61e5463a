//! Any bytes are an answer of the key-value store, to a command, a query or a watch, or a decoding error.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::kv_answer(bytes));
