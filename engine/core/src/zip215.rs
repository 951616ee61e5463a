//! The referee: does a signature verify under ZIP-215?
//!
//! ZIP-215 is the one Ed25519 rule set on which every verifier agrees, alone or in batches: `A` and `R` may be any
//! encoding that decompresses, canonical or not and of whatever order; `s` must be below the group order; and
//! the equation is the cofactored one, `[8](s·B − k·A − R) = 0`. Every backend is held to this function, bit for bit.
//! (`ed25519_dalek::VerifyingKey::verify` is another rule: it compares encodings, without the cofactor.)

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::IsIdentity;
use sha2::{Digest, Sha512};

/// Whether `signature` is one by `key` over `message`, under ZIP-215.
#[must_use]
pub fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let (r_bytes, s_bytes) = signature.split_at(32);
    let (Ok(r_bytes), Ok(s_bytes)) = (<[u8; 32]>::try_from(r_bytes), <[u8; 32]>::try_from(s_bytes)) else {
        return false;
    };
    let Some(a) = CompressedEdwardsY(*key).decompress() else {
        return false;
    };
    let Some(r) = CompressedEdwardsY(r_bytes).decompress() else {
        return false;
    };
    let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s_bytes)) else {
        return false;
    };
    let k =
        Scalar::from_bytes_mod_order_wide(&Sha512::new().chain_update(r_bytes).chain_update(key).chain_update(message).finalize().into());
    let difference = EdwardsPoint::vartime_double_scalar_mul_basepoint(&k, &-a, &s) - r;
    difference.mul_by_cofactor().is_identity()
}
