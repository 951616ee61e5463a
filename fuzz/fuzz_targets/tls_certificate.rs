//! Any bytes are a certificate that names somebody, or are refused with what was expected.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| quorate_fuzz::properties::tls_certificate(bytes));
