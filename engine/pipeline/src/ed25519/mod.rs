//! Ed25519 verification under ZIP-215, many signatures at once.
//!
//! A verdict is given for every signature, equal to that of `quorate_core::zip215::verify` on every input. Nothing is
//! batched by random combination: a forgery costs its sender's signature only.
//!
//! # How a signature is verified
//!
//! 1. `sha512` hashes R ‖ A ‖ M, and `scalar` reduces the digest to k and recodes k and s into signed odd digits.
//! 2. `walk` sums P = s·B - k·A from tables: those of an electorate's keys ([`KeyTables`]), or, for a key never seen
//!    before, a small one made on the spot.
//! 3. `finish` brings a block of sums to affine form with one inversion and compares their encodings with R. Equal
//!    means valid. The others are settled by the equation itself, [8](P - R) = 0.
//!
//! All of it is written once over `lanes::Lanes`: one lane of 64-bit integers, or eight lanes of AVX-512 IFMA. With
//! AVX2 only the hash has lanes (four): that is 1 % over [`Isa::Portable`], and all that was tried there.
//!
//! # What it costs
//!
//! One core of an AMD Zen 5 (AVX-512 IFMA, 1 MiB of L2, 32 MiB of L3), in process, 1,024 signatures of 168-byte
//! messages a call, medians. All shapes took turns in that run, so each call finds its tables out of the caches; the criterion
//! bench `verify` measures them one after the other, each with its tables at hand. The peer, `ed25519_dalek::verify_batch` with
//! parsed keys, does 112,000 a second; an unknown key costs this module 3.6 µs (278,000 a second); four signatures by known keys
//! in one call take 9.3 µs.
//!
//! | window bits | windows a table | KiB a key | build, µs a key | verified/s, 100 keys | verified/s, 1,000 keys |
//! |---|---|---|---|---|---|
//! | 4 | 1 | 64 | 42 | 907,000 | 594,000 |
//! | 4 | 2 | 32 | 23 | 949,000 | 760,000 |
//! | 4 | 4 | 16 | 13 | 913,000 | 771,000 |
//! | 5 | 1 | 102 | 63 | 983,000 | 535,000 |
//! | 5 | 2 | 52 | 34 | 1,046,000 | 877,000 |
//! | 5 | 4 | 26 | 18 | 980,000 | 849,000 |
//! | 6 | 1 | 172 | 101 | 1,084,000 | 633,000 |
//! | 6 | 2 | 88 | 55 | 1,078,000 | 837,000 |
//! | 6 | 4 | 44 | 30 | 988,000 | 880,000 |
//! | 7 | 2 | 152 | 97 | 997,000 | 746,000 |
//! | 8 | 1 | 512 | 334 | 806,000 | 562,000 |
//! | 8 | 2 | 256 | 164 | 945,000 | 734,000 |
//!
//! The multipliers' limit in the same run was 8.3 billion `vpmadd52` a second; these rates are a third to a half of it.
//! [`Shape::best_within`] follows the table.

#![allow(clippy::needless_range_loop, reason = "groups of lanes are indexed in step through several arrays")]

#[cfg(target_arch = "x86_64")]
mod avx2_hash;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_hash;
mod build;
mod ceiling;
mod decompress;
mod field;
mod finish;
mod isa;
mod lanes;
mod point;
mod portable;
mod scalar;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "its lanes exist on x86 only so far"))]
mod sha512;
mod shape;
mod staged;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod walk;

pub use ceiling::{madd52_ceiling, madd52_per_group, madd52_per_unknown_group};
pub use isa::Isa;
pub use shape::Shape;
pub use tables::KeyTables;
pub use verify::{KnownClaim, UnknownClaim, verify_known, verify_unknown};
