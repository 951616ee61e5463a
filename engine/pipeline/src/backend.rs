//! What a backend is: memory for the buffers, the five stages, and a way to verify signatures outside of rounds.

use thiserror::Error;

use crate::layout::Buffer;
use crate::recording::Recording;
use crate::stages::Stage;

/// Runs recordings. One trait for the scalar reference, SIMD on the CPU, and GPUs; object-safe, so that a backend can come from
/// outside this crate.
pub trait Backend: Send {
    /// What it is and what it runs on.
    fn descriptor(&self) -> Descriptor;

    /// Makes room for `records` records in a table, state or output buffer, keeping what is there.
    fn reserve(&mut self, buffer: Buffer, records: usize) -> Result<(), BackendError>;

    /// Prepares an electorate's vote keys, so that its members' signatures are verified with precomputed tables.
    fn admit_keys(&mut self, electorate: u32, keys: &[[u8; 32]]) -> Result<(), BackendError>;

    /// Forgets an electorate's keys.
    fn evict_keys(&mut self, electorate: u32);

    /// Executes a recording to its end.
    fn execute(&mut self, recording: &Recording<'_>) -> Result<Timings, BackendError>;

    /// The bytes that the last recording downloaded from a buffer.
    fn downloaded(&self, buffer: Buffer) -> &[u8];

    /// Reads records of a state or output buffer, outside of a run.
    fn read(&mut self, buffer: Buffer, first: usize, count: usize, into: &mut Vec<u8>) -> Result<(), BackendError>;

    /// Overwrites records of the state, outside of a run: recovery, and shards that merge.
    fn write(&mut self, buffer: Buffer, first: usize, bytes: &[u8]) -> Result<(), BackendError>;

    /// Verifies signatures over messages of any length.
    fn verify(&mut self, claims: &[Claim<'_>], verdicts: &mut [bool]) -> Result<(), BackendError>;

    /// How much memory its buffers and tables take.
    fn memory_bytes(&self) -> usize;
}

/// What a backend is and what it runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its name in configurations, such as `cpu`.
    pub name: &'static str,
    /// The variant chosen at run time, such as `avx512ifma`.
    pub variant: String,
    /// The device, in words.
    pub device: String,
    /// How many threads it uses.
    pub threads: usize,
}

/// A signature to be verified.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose it is said to be.
    pub key: ClaimKey<'a>,
    /// What is said to be signed.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a [u8; 64],
}

/// The key of a claim.
#[derive(Clone, Copy, Debug)]
pub enum ClaimKey<'a> {
    /// A member of an electorate whose keys were admitted.
    Known {
        /// The electorate.
        electorate: u32,
        /// The member.
        voter: u16,
    },
    /// Any key.
    Unknown(&'a [u8; 32]),
}

/// How long the stages took, in nanoseconds; zero where it was not asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    nanos: [u64; Stage::ALL.len()],
}

impl Timings {
    /// Adds to a stage's time.
    pub fn add(&mut self, stage: Stage, nanos: u64) {
        self.nanos[stage as usize] += nanos;
    }

    /// A stage's time.
    #[must_use]
    pub fn of(&self, stage: Stage) -> u64 {
        self.nanos[stage as usize]
    }
}

impl std::ops::AddAssign for Timings {
    fn add_assign(&mut self, other: Self) {
        for (mine, theirs) in self.nanos.iter_mut().zip(other.nanos) {
            *mine += theirs;
        }
    }
}

/// Why a backend could not do something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BackendError {
    /// The device does not have the memory.
    #[error("{backend} cannot hold {records} records of {buffer:?}: {reason}")]
    Memory {
        /// The backend.
        backend: &'static str,
        /// The buffer.
        buffer: Buffer,
        /// How many records were wanted.
        records: usize,
        /// Why not.
        reason: String,
    },
    /// The keys of an electorate were never admitted.
    #[error("{backend} knows no keys of electorate {electorate}; admit it first")]
    UnknownElectorate {
        /// The backend.
        backend: &'static str,
        /// The electorate.
        electorate: u32,
    },
    /// The device was lost; the batch must be run again elsewhere.
    #[error("{backend} was lost: {reason}")]
    Lost {
        /// The backend.
        backend: &'static str,
        /// What happened.
        reason: String,
    },
}
