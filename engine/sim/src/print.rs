//! Prints: short hashes for telling things apart, quick enough to be taken of everything that happens.
//!
//! They are the same on every machine and no defence against anybody. What must stand up to scrutiny goes through the auditor's BLAKE3.

use crate::fact::Print;

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Two prints into one; the order matters.
#[must_use]
pub fn mix(one: Print, other: u64) -> Print {
    let wide = u128::from(one.rotate_left(23) ^ other ^ ODD) * u128::from(0xa076_1d64_78bd_642f_u64 ^ one);
    (wide as u64) ^ ((wide >> 64) as u64) ^ other.rotate_left(41)
}

/// The print of bytes.
#[must_use]
pub fn of(bytes: &[u8]) -> Print {
    let mut chunks = bytes.chunks_exact(8);
    let mut print = chunks.by_ref().fold(ODD ^ bytes.len() as u64, |print, chunk| {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        mix(print, u64::from_le_bytes(word))
    });
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        print = mix(print, u64::from_le_bytes(word));
    }
    print
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn what_differs_in_a_bit_or_in_length_has_another_print() {
        let bytes: Vec<u8> = (0..40).collect();
        let mut seen: BTreeSet<Print> = (0..=bytes.len()).map(|len| of(&bytes[..len])).collect();
        for bit in 0..bytes.len() * 8 {
            let mut other = bytes.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            seen.insert(of(&other));
        }
        assert_eq!(seen.len(), bytes.len() + 1 + bytes.len() * 8);
        assert_ne!(mix(1, 2), mix(2, 1));
    }

    #[test]
    fn prints_are_the_same_on_every_machine() {
        assert_eq!(of(b"quorate"), 2_082_590_557_244_812_944);
    }
}
