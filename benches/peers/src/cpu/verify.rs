//! Signatures: ours with known and unknown keys, beside ed25519-dalek's batch verification.
//!
//! Both sides get the same signatures over the same 168-byte messages, and the rival its keys already parsed. The rival
//! answers once for a batch of 1,024; we answer for each signature.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use quorate_core::context::Context;
use quorate_pipeline::cpu::Settings;
use quorate_pipeline::ed25519::{KeyTables, KnownClaim, UnknownClaim, verify_known, verify_unknown};

use super::Numbers;
use crate::pairwise::{Side, compare};
use crate::report::{Comparison, Format, line, versioned};

const BATCH: usize = 1_024;
const BATCHES: usize = 4;
const MESSAGE_BYTES: usize = Context::SIGNED_BYTES;

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

    fn signature_bytes(&self) -> Vec<[u8; 64]> {
        self.signatures.iter().map(Signature::to_bytes).collect()
    }
}

pub(super) fn run(format: Format) {
    let peer = format!("{} verify_batch of {BATCH}, keys parsed", versioned("ed25519-dalek"));
    for voters in [100, 1_000] {
        let stream = Stream::new(voters);
        let shape = format!("{voters} voters");
        let what = Comparison { stage: "verify", variant: "known", shape: &shape, unit: "signatures/s", peer: &peer };
        line(format, &what, compare(Some(known(&stream, voters)), dalek(&stream)));
        line(format, &Comparison { variant: "unknown", ..what }, compare(Some(unknown(&stream, voters)), dalek(&stream)));
    }
}

fn dalek(stream: &Stream) -> Side<'_> {
    let messages: Vec<&[u8]> = stream.messages.iter().map(<[u8; MESSAGE_BYTES]>::as_slice).collect();
    let mut batches = (0..BATCHES).cycle().map(|batch| batch * BATCH..(batch + 1) * BATCH);
    Side::new(BATCH, move || {
        let Some(batch) = batches.next() else { return };
        let verdict = ed25519_dalek::verify_batch(&messages[batch.clone()], &stream.signatures[batch.clone()], &stream.keys[batch]);
        assert!(verdict.is_ok(), "the rival refuses a valid batch");
    })
}

/// A round at a time, by tables that were built when the electorate became known.
fn known(stream: &Stream, voters: usize) -> Side<'_> {
    let (settings, signatures) = (Settings::default(), stream.signature_bytes());
    let keys: Vec<[u8; 32]> = stream.keys[..voters].iter().map(VerifyingKey::to_bytes).collect();
    let tables = KeyTables::build(&keys, settings.key_table_bytes, settings.isa);
    let (mut rounds, mut verdicts) = ((0..stream.messages.len() / voters).cycle(), vec![false; voters]);
    Side::new(voters, move || {
        let Some(round) = rounds.next() else { return };
        let claim = |voter: usize| {
            let vote = round * voters + voter;
            KnownClaim { key: voter as u32, signature: &signatures[vote], message: &stream.messages[vote] }
        };
        let claims: Vec<KnownClaim<'_>> = (0..voters).map(claim).collect();
        verify_known(&tables, &claims, &mut verdicts);
        assert!(verdicts.iter().all(|&valid| valid), "we refuse a valid signature");
    })
}

/// A round at a time, every key decoded anew.
fn unknown(stream: &Stream, voters: usize) -> Side<'_> {
    let (isa, signatures) = (Settings::default().isa, stream.signature_bytes());
    let keys: Vec<[u8; 32]> = stream.keys[..voters].iter().map(VerifyingKey::to_bytes).collect();
    let (mut rounds, mut verdicts) = ((0..stream.messages.len() / voters).cycle(), vec![false; voters]);
    Side::new(voters, move || {
        let Some(round) = rounds.next() else { return };
        let claim = |voter: usize| {
            let vote = round * voters + voter;
            UnknownClaim { key: &keys[voter], signature: &signatures[vote], message: &stream.messages[vote] }
        };
        let claims: Vec<UnknownClaim<'_>> = (0..voters).map(claim).collect();
        verify_unknown(isa, &claims, &mut verdicts);
        assert!(verdicts.iter().all(|&valid| valid), "we refuse a valid signature");
    })
}
