//! The suite `cpu`: the stages of the cpu backend, each beside whoever does the same work best, on one thread.

mod commit;
mod count;
mod malachite;
mod tree;
mod verify;

use std::sync::Arc;

use quorate_core::context::Context;
use quorate_core::electorate::{Electorate, Member};
use quorate_core::hash::Digest;
use quorate_core::ids::{ClusterId, Epoch, Height, PartitionId, View};
use quorate_core::quorum::Rule;
use quorate_core::vote::Engine;
use quorate_pipeline::cpu::{Cpu, Settings};
use quorate_pipeline::{ElectorateId, Limits, Pipeline};

use crate::report::Format;

/// Runs every comparison.
pub fn run(format: Format) {
    verify::run(format);
    count::run(format);
    commit::run(format);
    tree::run(format);
}

/// Our side: the cpu backend on one thread, and an electorate of so many voters of weight 1.
struct Ours {
    pipeline: Pipeline,
    electorate: ElectorateId,
    context: Context,
}

impl Ours {
    fn new(voters: usize, engine: Engine) -> Self {
        let members = (0..voters as u64).map(|id| Member::new(id, 1));
        let electorate = Arc::new(Electorate::new(Epoch(0), Rule::TwoThirds, members).expect("members of weight 1 are an electorate"));
        let backend = Cpu::new(Settings { threads: 1, ..Settings::default() }).expect("one thread can be had");
        let mut pipeline = Pipeline::new(Box::new(backend), Limits::default());
        let context = Context {
            cluster: ClusterId(electorate.root()),
            engine,
            partition: PartitionId(0),
            electorate: electorate.root(),
            height: Height(1),
            view: View(0),
        };
        let electorate = pipeline.admit(&electorate).expect("there is room for one electorate");
        Self { pipeline, electorate, context }
    }
}

/// The values that votes are for.
const CHOSEN: Digest = Digest([7; 32]);
const OTHER: Digest = Digest([8; 32]);

/// Numbers that look random and are the same in every run (splitmix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.next() as u8)
    }
}
