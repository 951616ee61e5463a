//! The staged pipeline, and the backends that run it: the only place in the engine that counts votes.
//!
//! ```text
//! decode → verify → aggregate → quorum            merkle
//! ```
//!
//! The host side ([`Pipeline`]) opens rounds, turns a [`Batch`] of votes into a [`recording::Recording`], and reads decisions out of what
//! comes back. A [`Backend`] executes recordings: `reference` is scalar and obviously right, `cpu` chooses SIMD at run time. All of
//! them give the same bits, and a test holds each against the reference.

mod arena;
pub mod backend;
mod batch;
mod book;
pub mod conformance;
pub mod cpu;
mod desk;
pub mod ed25519;
mod fold;
pub mod layout;
mod memory;
pub mod merkle;
mod outcome;
mod pipeline;
mod proofs;
pub mod recording;
pub mod reference;
pub mod registry;
mod run;
mod slots;
pub mod stages;
mod waiting;

pub use backend::Backend;
pub use batch::Batch;
pub use book::Signed;
pub use desk::{Desk, Owner};
pub use ed25519::Isa;
pub use fold::RoundState;
pub use pipeline::{ElectorateId, Event, Limits, Pipeline, PipelineError, Report, RoundId, What};
pub use proofs::ProofError;
pub use waiting::{MAX_WAITING, Offered, Said};
