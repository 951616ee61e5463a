//! The five Ed25519 cases of RFC 8032, section 7.1: the signer makes these signatures, and the backend accepts them and no others.
//!
//! Each case comes with its opposite, the same signature over a message that differs in one bit.

use ed25519_dalek::{Signer as _, SigningKey};

use super::ed25519::{Case, check};
use super::{Suite, collect, data};

pub(super) const SUITE: Suite = Suite {
    name: "rfc8032",
    about: "the five cases of RFC 8032, section 7.1, signed and verified, and their opposites",
    run: |bench| {
        collect(|verdict| {
            let file = data::json(include_str!("../../../../fixtures/vectors/rfc8032/ed25519.json"))?;
            let mut cases = Vec::new();
            for case in data::list(&file["cases"])? {
                let name = data::text(case, "name")?;
                let (key, signature): ([u8; 32], [u8; 64]) = (data::array(case, "public_key")?, data::array(case, "signature")?);
                let message = data::bytes(case, "message")?;
                let signer = SigningKey::from_bytes(&data::array(case, "secret_key")?);
                if signer.verifying_key().to_bytes() != key {
                    verdict.failures.push(format!("{name}: the secret key has another public key"));
                }
                if signer.sign(&message).to_bytes() != signature {
                    verdict.failures.push(format!("{name}: the signer makes another signature"));
                }
                let mut other = message.clone();
                match other.last_mut() {
                    Some(last) => *last ^= 1,
                    None => other.push(0),
                }
                cases.push(Case { name: name.into(), key, message, signature, valid: true });
                cases.push(Case { name: format!("{name}, another message"), key, message: other, signature, valid: false });
            }
            check(bench, &cases, verdict)
        })
    },
};
