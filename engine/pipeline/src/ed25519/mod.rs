//! Ed25519 verification under ZIP-215, many signatures at once.
//!
//! A verdict is given for every signature, equal to that of `quorate_core::zip215::verify` on every input. Nothing is
//! batched by random combination: a forgery costs its sender's signature only.

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
mod sha512;
mod shape;
mod staged;
mod tables;
mod verify;
mod walk;

pub use ceiling::madd52_ceiling;
pub use isa::Isa;
pub use shape::Shape;
pub use tables::KeyTables;
pub use verify::{KnownClaim, UnknownClaim, verify_known, verify_unknown};
