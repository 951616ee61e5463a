//! Any bytes are a configuration in TOML, YAML or JSON, or messages with a place.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::config(bytes));
