//! Not a decoder: a bug on purpose. `cargo xtask test` fails unless the fuzzer finds it within seconds.
//!
//! Four bytes, each behind a branch of its own, then a number behind one comparison. Blind guessing needs 2^64 tries; a
//! fuzzer that sees branches (counters) and comparisons (traces) needs some thousands.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let [b'V', rest @ ..] = bytes else { return };
    let [b'O', rest @ ..] = rest else { return };
    let [b'T', rest @ ..] = rest else { return };
    let [b'E', a, b, c, d, ..] = rest else { return };
    assert!(u32::from_le_bytes([*a, *b, *c, *d]) != 0x6a09_e667, "the planted bug was reached");
});
