//! Any bytes are answered by the key-value store, as the first command and as the last.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::kv_command(bytes));
