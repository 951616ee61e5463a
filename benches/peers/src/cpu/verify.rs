//! Signatures: ours with known and unknown keys, beside ed25519-dalek's batch verification.
//!
//! Both sides get the same signatures over the same 168-byte messages, and the rival its keys already parsed. The rival
//! answers once for a batch of 1,024; we answer for each signature.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::Numbers;
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

const BATCH: usize = 1_024;
const BATCHES: usize = 4;
const MESSAGE_BYTES: usize = 168;

/// A stream of valid votes, by `voters` keys in turn.
struct Stream {
    keys: Vec<VerifyingKey>,
    messages: Vec<[u8; MESSAGE_BYTES]>,
    signatures: Vec<Signature>,
}

impl Stream {
    fn new(voters: usize) -> Self {
        let mut numbers = Numbers(voters as u64);
        let signers: Vec<SigningKey> = (0..voters).map(|_| SigningKey::from_bytes(&numbers.bytes())).collect();
        let messages: Vec<[u8; MESSAGE_BYTES]> = (0..BATCH * BATCHES).map(|_| numbers.bytes()).collect();
        let by = |vote: usize| &signers[vote % voters];
        Self {
            keys: (0..messages.len()).map(|vote| by(vote).verifying_key()).collect(),
            signatures: messages.iter().enumerate().map(|(vote, message)| by(vote).sign(message)).collect(),
            messages,
        }
    }
}

pub(super) fn run(format: Format) {
    let peer = format!("{} verify_batch of {BATCH}, keys parsed", versioned("ed25519-dalek"));
    for voters in [100, 1_000] {
        let stream = Stream::new(voters);
        let messages: Vec<&[u8]> = stream.messages.iter().map(<[u8; MESSAGE_BYTES]>::as_slice).collect();
        let shape = format!("{voters} voters");
        for variant in ["known", "unknown"] {
            let mut batches = (0..BATCHES).cycle().map(|batch| batch * BATCH..(batch + 1) * BATCH);
            let dalek = Side::new(BATCH, || {
                let Some(batch) = batches.next() else { return };
                let verdict = ed25519_dalek::verify_batch(&messages[batch.clone()], &stream.signatures[batch.clone()], &stream.keys[batch]);
                assert!(verdict.is_ok(), "the rival refuses a valid batch");
            });
            let what = Comparison { stage: "verify", variant, shape: &shape, unit: "signatures/s", peer: &peer };
            line(format, &what, compare(None, dalek));
        }
    }
}
