//! A decoder reserves memory for what is there, not for what a count says is coming.
//!
//! The allocator of this binary counts, so it has one test and nothing else runs beside it.

use std::alloc::System;

use cap::Cap;
use quorate_core::sealed::Sealed;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// All bytes that are allocated, and perhaps freed again, while a file is read.
fn allocated(bytes: &[u8]) -> usize {
    let before = ALLOCATOR.total_allocated();
    let result = Sealed::decode(bytes);
    let after = ALLOCATOR.total_allocated();
    drop(result);
    after - before
}

fn golden() -> Vec<Vec<u8>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/golden/proofs.json");
    let pinned: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let bytes = |entry: &serde_json::Value| {
        let digits = entry["hex"].as_str().unwrap();
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
    };
    pinned["sealed"].as_array().unwrap().iter().map(bytes).collect()
}

#[test]
fn no_count_in_a_file_makes_its_reader_reserve_more_than_the_file_justifies() {
    let mut most = 0.0f64;
    for file in golden() {
        // 4 KiB for the text of an error, and eight times the file for what is read, its proof and its check.
        let limit = |len: usize| 4096 + 8 * len;
        assert!(allocated(&file) <= limit(file.len()));
        for at in 0..file.len().saturating_sub(4) {
            for count in [u32::MAX, 1 << 31, 1 << 24, 1 << 16, 1 << 10] {
                let mut liar = file.clone();
                liar[at..at + 4].copy_from_slice(&count.to_le_bytes());
                for len in [at + 4, liar.len()] {
                    let found = allocated(&liar[..len]);
                    assert!(found <= limit(len), "{found} bytes for {len}, with {count} at byte {at}");
                    most = most.max(found as f64 / len as f64);
                }
            }
        }
    }
    assert!(most > 0.5, "the allocator counts nothing: at most {most} bytes a byte");
}
