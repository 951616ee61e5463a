//! One bit of a proof is changed, or its end is missing.

/// Checks that no single changed bit and no cut leaves `bytes` a proof. `verify` says why they are not one.
pub(crate) fn each_is_refused(bytes: &[u8], verify: impl Fn(&[u8]) -> Result<(), String>) {
    verify(bytes).expect("the untouched bytes verify");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let reason = verify(&flipped).expect_err(&format!("bit {} of byte {} does not matter", bit % 8, bit / 8));
        assert!(!reason.is_empty());
    }
    for len in 0..bytes.len() {
        assert!(verify(&bytes[..len]).is_err(), "the first {len} of {} bytes are enough", bytes.len());
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(verify(&longer).is_err(), "a byte behind the end does not matter");
}
