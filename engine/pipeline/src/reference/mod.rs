//! The scalar backend: obviously right, and the referee for all others.
//!
//! No SIMD, no threads, no fusion, no cleverness: each stage is a loop over its items that says what the stage's declaration says in
//! words. It is slow on purpose; read it first.

mod aggregate;
mod decode;
mod merkle;
mod quorum;
mod verify;

use std::collections::HashMap;

use crate::backend::{Backend, BackendError, Claim, ClaimKey, Descriptor, Timings};
use crate::layout::Buffer;
use crate::memory::{Dispatch, Inputs, Kernels, Memory};
use crate::recording::Recording;
use crate::stages::Stage;

/// The scalar backend.
#[derive(Debug, Default)]
pub struct Reference {
    memory: Memory,
    keys: Keys,
}

/// The admitted keys, by electorate.
type Keys = HashMap<u32, Vec<[u8; 32]>>;

impl Reference {
    /// The backend's name.
    pub const NAME: &'static str = "reference";

    /// A scalar backend with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Kernels for &Keys {
    fn dispatch(&mut self, dispatch: Dispatch, inputs: &Inputs<'_>, memory: &mut Memory) {
        match dispatch.stage {
            Stage::Decode => decode::run(inputs, memory),
            Stage::Verify => verify::run(inputs, memory, self),
            Stage::Aggregate => aggregate::run(inputs, memory),
            Stage::Quorum => quorum::run(inputs, memory),
            Stage::Merkle => merkle::run(inputs, memory, dispatch.parameter),
        }
    }
}

impl Backend for Reference {
    fn descriptor(&self) -> Descriptor {
        Descriptor { name: Self::NAME, variant: "scalar".into(), device: "CPU".into(), threads: 1 }
    }

    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError> {
        self.memory.reserve(Self::NAME, buffer, records)
    }

    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError> {
        self.keys.insert(electorate, keys.to_vec());
        Ok(())
    }

    fn evict_keys(&mut self, electorate: u32) {
        self.keys.remove(&electorate);
    }

    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError> {
        Ok(self.memory.execute(recording, &mut &self.keys))
    }

    fn downloaded(&self, buffer: Buffer) -> &[u8] {
        self.memory.bytes(buffer)
    }

    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError> {
        self.memory.read(buffer, first, count, into);
        Ok(())
    }

    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError> {
        self.memory.write(buffer, first, bytes);
        Ok(())
    }

    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError> {
        for (claim, verdict) in claims.iter().zip(verdicts) {
            let key = match claim.key {
                ClaimKey::Unknown(key) => key,
                ClaimKey::Known { electorate, voter } => self
                    .keys
                    .get(&electorate)
                    .and_then(|keys| keys.get(usize::from(voter)))
                    .ok_or(BackendError::UnknownElectorate { backend: Self::NAME, electorate })?,
            };
            *verdict = quorate_core::zip215::verify(key, claim.message, claim.signature);
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        self.memory.footprint() + self.keys.values().map(|keys| keys.len() * 32).sum::<usize>()
    }
}
